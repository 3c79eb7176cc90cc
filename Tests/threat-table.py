#!/usr/bin/env python3
"""Checks that the tests named in the tables of Sessions-and-threats.md exist: `python3 Tests/threat-table.py`.

A word that ends in `Tests` is a file somewhere below Tests; what stands in quotation marks is, between the dots that
stand for what was left out, part of one name of a test (in Swift, or in Tests/Browser). Ends with `N passed, N failed`.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = "Sources/ParanoidFastCGI/Documentation.docc/Security/Sessions-and-threats.md"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def main():
    paths = glob.glob("Tests/**/*.swift", root_dir=ROOT, recursive=True)
    files = {os.path.basename(path)[: -len(".swift")] for path in paths}
    names = [name for path in paths for name in re.findall(r'@(?:Test|Suite)\(\s*"((?:[^"\\]|\\.)*)"', read(path))]
    names += re.findall(r'"((?:[^"\\\n]|\\.)*)"', read("Tests/Browser/browser.py"))
    text = read(PAGE)
    good = bad = 0
    for line in text[text.index("## Threats and tests"):].split("\n"):
        if not line.startswith("|"):
            continue
        wrong = [word for word in re.findall(r"\b[A-Z][A-Za-z]*Tests\b", line) if word not in files and not os.path.isdir(os.path.join(ROOT, "Tests", word))]
        for quoted in re.findall(r'"([^"]+)"', line.replace("\\_", "_")):
            parts = [part.strip() for part in quoted.split("…") if part.strip()]
            if quoted.startswith("asks every") or quoted.startswith("waits "):
                continue  # rows of theft-simulator
            if not any(all(part in name for part in parts) for name in names):
                wrong.append(quoted)
        for each in wrong:
            print(f"{PAGE}: no such test: {each}")
        good, bad = good + (not wrong), bad + bool(wrong)
    print(f"threat-table: {good} passed, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
