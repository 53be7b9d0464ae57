"""The source API over HTTP: the client, its limits, and the decoding of an answer into a page."""
