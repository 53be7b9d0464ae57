#!/usr/bin/env python3
"""Give the web UI's user the password of `.env`: `AIRFLOW_ADMIN_PASSWORD`.

The simple auth manager reads a JSON file of user and password, and invents a password for a user that is not in it.
The file is replaced whole, so a changed password counts from the next login on and a user no longer named is gone.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from stack.host.home import write_private


def main() -> int:
    """Write the file; returns the exit code."""
    file = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    user = os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(":")[0]
    write_private(file, json.dumps({user: os.environ["AIRFLOW_ADMIN_PASSWORD"]}) + "\n")
    sys.stdout.write(f"the web UI's user is {user}, the password is AIRFLOW_ADMIN_PASSWORD of .env\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
