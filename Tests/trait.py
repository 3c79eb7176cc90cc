#!/usr/bin/env python3
"""Whether programs hold anything of Redis: nothing without the package trait Redis, and all of it with it.

    Tests/trait.py without DIRECTORY     the programs below a build's directory link no hiredis and hold no symbol of the store, and the
                                         objects of the store's files define nothing
    Tests/trait.py with DIRECTORY        the opposite, so that the search is known to find something

Ends with `N passed, N failed`.
"""
import glob
import os
import re
import subprocess
import sys

PROGRAMS = ("demo", "paranoid", "redis-stress")
# What the compiler puts into every object.
ALWAYS = {"__swift_reflection_version"}


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120, check=True).stdout


def traces(program):
    """What a program holds of Redis, by kind."""
    symbols = output("nm", program)
    return {
        "links hiredis": "libhiredis" in output("ldd", program),
        "calls hiredis": bool(re.search(r"^ +U redis[A-Z]", symbols, re.M)),
        "has symbols of the store": "RedisSessionStore" in symbols,
    }


def defined(directory):
    """The symbols that the objects of the store's files define."""
    names = set()
    for path in glob.glob(os.path.join(directory, "RedisSessionStore.build", "*.swift.o")):
        names |= {line.split()[-1] for line in output("nm", "--defined-only", path).splitlines() if line.strip() and not line.endswith(":")}
    return names - ALWAYS


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("with", "without"):
        print(__doc__, file=sys.stderr)
        return 2
    expected, directory = sys.argv[1] == "with", sys.argv[2]
    good = bad = 0
    found = [(name, traces(path)) for name in PROGRAMS if os.path.exists(path := os.path.join(directory, name))]
    objects = glob.glob(os.path.join(directory, "RedisSessionStore.build", "*.swift.o"))
    if objects:
        found.append(("the store's files", {"define symbols": bool(defined(directory))}))
    for name, kinds in found:
        for kind, is_so in kinds.items():
            good, bad = good + (is_so == expected), bad + (is_so != expected)
            if is_so != expected:
                print(f"trait.py: {name} {kind}: {'yes' if is_so else 'no'}, {sys.argv[1]} the trait")
    if not found or not objects:
        print(f"trait.py: {directory} has no programs, or no objects of the store")
        bad += 1
    print(f"\n{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
