#!/usr/bin/env python3
"""Prints how many tests of an xunit report passed and failed: `python3 Tests/xunit.py FILE`; nothing when there is none.

With --failed: the tests that failed, one a line, as patterns for --filter.
"""
import re
import sys
import xml.etree.ElementTree


def cases_of(text):
    r"""The test cases of a report.

    An issue may quote control characters, which XML does not have and Swift Testing writes all the same.

    >>> [case.find("failure").get("message") for case in cases_of('<a><testcase><failure message="1&#27;2\x003&#10;4"/></testcase></a>')]
    ['1?2?3\n4']
    """
    text = re.sub(r"&#(\d+);", lambda match: match[0] if int(match[1]) in (9, 10, 13) or int(match[1]) >= 32 else "?", text)
    text = re.sub(r"[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "?", text)
    return list(xml.etree.ElementTree.fromstring(text.encode()).iter("testcase"))


def main():
    try:
        with open(sys.argv[-1], encoding="utf-8", errors="replace") as file:
            cases = cases_of(file.read())
    except (OSError, xml.etree.ElementTree.ParseError):
        return
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    if "--failed" in sys.argv:
        for case in failed:
            name = case.get("classname") + "." + case.get("name")
            # The report separates all names by points, a filter by slashes behind the module.
            print(re.sub(r"[./]", "[./]", re.sub(r"([()\[\]+*?^$|])", r"\\\1", name)))
    else:
        print(len(cases) - len(failed) - skipped, len(failed))


if __name__ == "__main__":
    main()
