#!/usr/bin/env python3
"""Prints how many tests of an xunit report passed and failed: `python3 Tests/xunit.py FILE`; nothing when there is none."""
import sys
import xml.etree.ElementTree

try:
    cases = list(xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase"))
except (OSError, xml.etree.ElementTree.ParseError):
    sys.exit(0)
failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
skipped = sum(case.find("skipped") is not None for case in cases)
print(len(cases) - failed - skipped, failed)
