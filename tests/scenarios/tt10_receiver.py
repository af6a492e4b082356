"""A receiver of station files as departments run it, written from the description of one.

Every scan lists the folders, sorts the names and takes those that sort behind the last
one taken; an older file that comes late is never looked at. Lines are split at any white
space. What it would store is in `values`; whatever a real one would drop, or misread, is
in `dropped` with the reason.
"""

import re
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9-]+_[A-Za-z0-9-]+_[A-Za-z0-9-]+_(\d{14})\.txt")
STAMP = re.compile(r"\d{14}")


class Receiver:
    def __init__(self, folder, symbols):
        self.folder = Path(folder)
        self.symbols = symbols  # the registered ones
        self.last = ""
        self.taken = []  # names, in the order of processing
        self.seen = set()
        self.values = {}  # (stamp, symbol): (value, unit, status)
        self.dropped = []

    def scan(self):
        """How many files it has taken."""
        files = {path.name: path for path in self.folder.rglob("*.txt")}
        count = 0
        for name in sorted(files):
            if name in self.seen:
                continue
            self.seen.add(name)
            if name <= self.last:
                self.dropped.append((name, "sorts before the last one: never looked at"))
                self.taken.append(name)
                continue
            self.take(name, files[name])
            self.last = name
            self.taken.append(name)
            count += 1
        return count

    def take(self, name, path):
        match = NAME.fullmatch(name)
        if not match:
            self.dropped.append((name, "not such a name"))
            return
        stamp = match.group(1)
        if path.parent.parts[-3:] != (stamp[:4], stamp[4:6], stamp[6:8]):
            self.dropped.append((name, f"in the wrong folder {path.parent}"))
        text = path.read_bytes().decode()
        if not text.endswith("\n"):
            self.dropped.append((name, "the last line has no end"))
        times = set()
        for line in text.splitlines():
            why = self.take_line(stamp, line, times)
            if why:
                self.dropped.append((name, f"{why}: {line!r}"))
        if times != {stamp}:
            self.dropped.append((name, f"times {times}"))

    def take_line(self, stamp, line, times):
        """Why it is dropped or misread, or None."""
        words = line.split()
        if len(words) != 5:
            return f"{len(words)} words"
        symbol, value, unit, time, status = words
        if symbol not in self.symbols:
            return "unknown symbol"
        if self.symbols[symbol] != unit:
            return "another unit"
        if not STAMP.fullmatch(time):
            return "no time"
        try:
            number = float(value)
        except ValueError:
            return "would become 0"
        if status not in ("00", "01", "02"):
            return "unknown status"
        if (stamp, symbol) in self.values:
            return "twice"
        times.add(time)
        self.values[stamp, symbol] = (number, unit, status)
        return None
