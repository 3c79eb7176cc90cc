#!/usr/bin/env python3
"""Prints in few lines what a log says of a failure: `python3 Tests/failures.py LOG`.

These are the failed tests with their issues, the tests that began and did not end where a program was broken off, the thread that crashed, and the last lines.
"""
import re
import sys

MOST = 40


def told(lines):
    r"""What is told of the lines of a log.

    >>> print(*told(['◇ Test "a" started.', '◇ Test "b c" started.', '✔ Test "a" with 2 test cases passed after 1 s.', '💣 Fatal error: x']), sep="\n")
    💣 Fatal error: x
    did not end: "b c"
    ◇ Test "a" started.
    ◇ Test "b c" started.
    ✔ Test "a" with 2 test cases passed after 1 s.
    >>> [line for line in told(['◇ Test "is skipped" started.', '◇ Test "has failed" started.', '➜ Test "is skipped" skipped.']) if "end" in line]
    ['did not end: "has failed"']
    >>> told(['✘ Test "a" failed after 1 s with 1 issue.', '✘ Test run with 1 test in 1 suite failed after 1 s with 1 issue.'])
    ['✘ Test "a" failed after 1 s with 1 issue.', '✘ Test run with 1 test in 1 suite failed after 1 s with 1 issue.']
    """
    failed = [line for line in lines if re.search(r"^✘|^ *(FAIL|failed|not ok)|[Ff]atal error|error: |WARNING: ThreadSanitizer|Traceback", line)][:MOST]
    result = list(failed)
    if crash := [number for number, line in enumerate(lines) if re.search(r"^Thread .* crashed:$", line)]:
        result += lines[crash[0] : crash[0] + MOST]
    if not any(re.match(r"[✔✘] Test run with", line) for line in lines[-20:]):
        begun = [match[1] for line in lines if (match := re.match(r"◇ Test (?!case|run)(.+) started\.$", line))]
        ends = (re.match(r"[✔✘➜] Test (.+?)(?: with \d+ test cases?)? (?:passed after|failed after|skipped[.:])", line) for line in lines)
        ended = {match[1] for match in ends if match}
        result += [f"did not end: {name}" for name in begun if name not in ended][:MOST]
    return result + [line for line in lines[-15:] if line not in result]


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        print(*told([line.rstrip()[:400] for line in file]), sep="\n")


if __name__ == "__main__":
    main()
