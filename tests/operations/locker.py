"""Locks an SQLite file: `python -S locker.py FILE`; it takes words, and tells them back when done.

`lock` and `unlock` do so, `moment` locks for two seconds. It is a process of its own: the locks of
one process do not hold for itself, and ml_metadata lets no other thread run while it waits.
"""

from __future__ import annotations

import sqlite3
import sys
import time

if __name__ == "__main__":
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
    for word in map(str.strip, sys.stdin):
        connection.execute("COMMIT" if word == "unlock" else "BEGIN EXCLUSIVE")
        print(word, flush=True)
        if word == "moment":
            time.sleep(2)
            connection.execute("COMMIT")
