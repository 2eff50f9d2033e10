"""Locks an SQLite file: `python -S locker.py FILE`; `lock` and `unlock` on its input, told back.

A process of its own: the locks of one process do not hold for itself.
"""

from __future__ import annotations

import sqlite3
import sys

if __name__ == "__main__":
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
    for word in map(str.strip, sys.stdin):
        connection.execute({"lock": "BEGIN EXCLUSIVE", "unlock": "COMMIT"}[word])
        print(word, flush=True)
