"""The source API, over HTTP: the client, its bounds, and a page from the bytes of an answer."""
