"""The embedded Postgres: its server, files, roles, and the account it runs under."""
