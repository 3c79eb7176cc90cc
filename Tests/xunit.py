#!/usr/bin/env python3
"""Prints how many tests of an xunit report passed and failed: `python3 Tests/xunit.py FILE`; nothing when there is none.

With --failed: the tests that failed, one a line, as patterns for --filter.
"""
import re
import sys
import xml.etree.ElementTree

try:
    cases = list(xml.etree.ElementTree.parse(sys.argv[-1]).iter("testcase"))
except (OSError, xml.etree.ElementTree.ParseError):
    sys.exit(0)
failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
skipped = sum(case.find("skipped") is not None for case in cases)
if "--failed" in sys.argv:
    for case in failed:
        name = case.get("classname") + "." + case.get("name")
        # The report separates all names by points, a filter by slashes behind the module.
        print(re.sub(r"[./]", "[./]", re.sub(r"([()\[\]+*?^$|])", r"\\\1", name)))
else:
    print(len(cases) - len(failed) - skipped, len(failed))
