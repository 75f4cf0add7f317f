"""Runs commands of Airflow's one after the other; importing it takes longer than most of them.

`python -m include.embedded.airflow_commands '[["db", "migrate"], ["pools", "list"]]'`
"""

from __future__ import annotations

import json
import sys

from airflow.__main__ import main

if __name__ == "__main__":
    for command in json.loads(sys.argv[1]):
        sys.argv = ["airflow", *command]
        main()
