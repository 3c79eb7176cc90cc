#!/usr/bin/env python3
"""Checks who may use whom: `python3 Tests/arrows.py [ROOT]`; without complaint it prints what it looked at.

 1. Every target's dependencies in the manifest are among those its module may have, and point to lower layers.
 2. Every `import` in a source file is a direct dependency of its target (the compiler accepts transitive ones).
 3. Modules of the system are imported only in the folders that are meant for them.
 4. Parsers import nothing. Pure folders read no clock, draw no randomness, open no file and write no log.
 5. Words that must not occur in code: fork(, unstructured tasks, try!, as!, @_exported, @_spi.
 6. The tables below name only what exists: a row for a module or a file that is gone is an error.

Comments and string literals are not code. Ends with `N passed, N failed`, where N counts files, targets and rows.
"""
import collections
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile

# Layer, and the modules and products that a module may depend on. A module that is not here is an error, so that a
# new one is put on its layer on purpose.
MODULES = {
    "CFCGI": (0, ""),
    "CLinux": (0, ""),
    "CHiredis": (0, ""),
    "ParanoidLinux": (1, "CLinux"),
    "ParanoidHTTP": (1, "HTTPTypes Logging"),
    "ParanoidSessions": (2, "ParanoidHTTP Crypto HTTPTypes Logging"),
    "FastCGIServer": (2, "CFCGI ParanoidLinux Logging"),
    "WorkerSupervisor": (2, "ParanoidLinux Logging"),
    "FileSessionStore": (3, "ParanoidLinux ParanoidSessions Logging"),
    "RedisSessionStore": (3, "CHiredis ParanoidLinux ParanoidSessions Crypto"),
    "ParanoidFastCGI": (
        4, "FastCGIServer FileSessionStore ParanoidHTTP ParanoidLinux ParanoidSessions WorkerSupervisor RedisSessionStore HTTPTypes Logging CoreMetrics ServiceLifecycle Tracing"
    ),
    "ParanoidFastCGITesting": (5, "ParanoidFastCGI ParanoidHTTP ParanoidLinux ParanoidSessions"),
    "demo": (6, "ParanoidFastCGI ParanoidFastCGITesting"),
    "GuestBook": (6, "ParanoidFastCGI Crypto CryptoExtras"),
    "ParanoidTool": (5, "ParanoidFastCGI ArgumentParser"),
}
EXECUTABLE = (5, "ParanoidFastCGI")  # examples and whatever else is only a program

# Modules that no manifest names, and where they may be imported (paths below the root).
EVERYWHERE = {"Synchronization"}
SYSTEM = {
    # The theft simulator draws from a normal distribution: logarithm, exponential and cosine are the C library's.
    "Glibc": ["Sources/ParanoidLinux/*", "Sources/FastCGIServer/Binding/*", "Sources/ParanoidFastCGITesting/TheftSimulation/*", "Sources/Examples/Upload/*", "Tests/*"],
    "FoundationEssentials": ["Sources/ParanoidHTTP/Bodies/JSONCoding.swift", "Sources/ParanoidSessions/*/SessionValueCoding.swift", "Sources/Examples/*", "Tests/*"],
    "Foundation": ["Tests/*"],
    "Dispatch": ["Tests/*"],
    "Testing": ["Tests/*"],
}
# Modules of this package that stay in one folder of the target that depends on them.
CONFINED = {
    "CFCGI": ["Sources/FastCGIServer/Binding/*", "Tests/FastCGIServerTests/*"],
    "CHiredis": ["Sources/RedisSessionStore/Connection/RedisContext.swift"],
}

PARSERS = [
    "Sources/*/SessionRecordCoding.swift",
    "Sources/ParanoidSessions/Repository/RecordCoding.swift",
    "Sources/ParanoidHTTP/*/MetaVariable*.swift",
    "Sources/ParanoidHTTP/*/*CookieParser.swift",
    "Sources/ParanoidHTTP/*/*FormParser.swift",
    "Sources/ParanoidHTTP/*/*MultipartParser.swift",
    "Sources/ParanoidHTTP/*/*MultipartHead.swift",
]
PURE = [
    "Sources/ParanoidSessions/Guard/*", "Sources/ParanoidHTTP/CGI/*", "Sources/RedisSessionStore/Address/*", "Sources/RedisSessionStore/Protocol/*",
    "Sources/RedisSessionStore/Failure/*", "Sources/RedisSessionStore/Keys/*",
]  # with the folders in them
IMPURE = (
    r"\b(?:ContinuousClock|SuspendingClock|UTCClock|SystemRandomNumberGenerator|SystemRandom|WallClock|MonotonicClock|FileManager|FileDescriptor"
    r"|Logger|getenv|getrandom|arc4random\w*|clock_gettime|gettimeofday|print)\b|\.random\(|\.shuffled\(\)|\.randomElement\(\)"
)
PURE_IMPORTS = {"Crypto", "HTTPTypes", "ParanoidHTTP", "ParanoidSessions"} | EVERYWHERE

FORBIDDEN = [
    # pattern, where it is allowed nevertheless
    (r"\bfork\s*\(", []),
    (r"\btry!", []),
    (r"\bas!", []),
    (r"\bTask\s*(?:\.\s*(?:detached|immediate|immediateDetached)\b|\{|\()", ["Sources/FastCGIServer/*", "Tests/*"]),
    (r"@_exported\b", ["Sources/ParanoidFastCGI/Exports.swift"]),
    (r"@_spi\b", []),
    (r"@testable\b", ["Tests/*"]),
]

IMPORT = re.compile(
    r"^[ \t]*((?:@\w+(?:\([^)]*\))?\s+)*)(?:(?:public|package|internal|private|fileprivate)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?([A-Za-z_]\w*)",
    re.M,
)
TOKEN = re.compile(
    r'(?P<hash>#+)"""(?:.|\n)*?"""(?P=hash)|(?P<raw>#+)"[^\n]*?"(?P=raw)|"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*(?:.|\n)*?\*/'
)


def code_of(text):
    """The text without comments and string literals; lines keep their numbers."""
    return TOKEN.sub(lambda match: '""' + "\n" * match.group(0).count("\n"), text)


def allowed(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def dependencies_of(target):
    names = []
    for dependency in target["dependencies"]:
        for kind in ("byName", "target", "product"):
            if kind in dependency:
                names.append(dependency[kind][0])
    return names


def module_of(name):
    return name.replace("-", "_")


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), ".."))
    with tempfile.TemporaryDirectory() as scratch:  # its own, as .build is locked while something is built
        command = ["swift", "package", "dump-package", "--package-path", root, "--scratch-path", scratch]
        manifest = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout)
    complaints = collections.defaultdict(list)
    checked = set()
    targets = {target["name"]: target for target in manifest["targets"]}

    # 1. The manifest.
    for name, target in targets.items():
        checked.add("target " + name)
        uses = dependencies_of(target)
        if target["type"] == "test" or (target.get("path") or "").startswith("Tests/"):
            continue
        if name not in MODULES and target["type"] != "executable":
            complaints["target " + name].append("is not in the table of modules (MODULES in Tests/arrows.py)")
            continue
        layer, may = MODULES.get(name, EXECUTABLE)
        for used in uses:
            if used not in may.split():
                complaints["target " + name].append(f"must not depend on {used}")
            if used in MODULES and MODULES[used][0] >= layer:
                complaints["target " + name].append(f"depends on {used}, which is not on a lower layer")

    # 2 to 5. The files, each checked as part of the target whose folder it is in.
    folders = {}
    for name, target in targets.items():
        folders[target.get("path") or os.path.join("Tests" if target["type"] == "test" else "Sources", name)] = name
    files = subprocess.run(
        ["find", "-L", "Sources", "Tests", "-name", "*.swift", "-not", "-path", "*/.build*"], cwd=root, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split("\n")
    nested = [os.path.dirname(path) for path in files if os.path.basename(path) == "Package.swift"]
    for path in sorted(filter(None, files)):
        if any(path.startswith(folder + "/") for folder in nested):
            continue  # a package of its own
        checked.add(path)
        complain = complaints[path].append
        owner = max((folder for folder in folders if path.startswith(folder + "/")), key=len, default=None)
        if owner is None:
            complain("belongs to no target")
            continue
        target = targets[folders[owner]]
        direct = {module_of(name) for name in dependencies_of(target)}
        with open(os.path.join(root, path), encoding="utf-8") as file:
            code = code_of(file.read())

        for match in IMPORT.finditer(code):
            module = match.group(2)
            line = code.count("\n", 0, match.start(2)) + 1
            if module in SYSTEM:
                if not allowed(path, SYSTEM[module]):
                    complain(f"line {line}: must not import {module}")
            elif module not in direct and module not in EVERYWHERE:
                complain(f"line {line}: imports {module}, which is no direct dependency of {target['name']}")
            if module in CONFINED and not allowed(path, CONFINED[module]):
                complain(f"line {line}: {module} stays in {CONFINED[module][0]}")
            if "@testable" in match.group(1) and module_of(target["name"]) != module + "Tests":
                complain(f"line {line}: @testable is for the target's own tests, and this is {target['name']}")
            if allowed(path, PURE) and module not in PURE_IMPORTS:
                complain(f"line {line}: imports {module} in a pure folder")
            if allowed(path, PARSERS):
                complain(f"line {line}: a parser imports nothing")
        if allowed(path, PURE):
            for match in re.finditer(IMPURE, code):
                complain(f"line {code.count(chr(10), 0, match.start()) + 1}: {match.group(0).strip()} in a pure folder")
        for pattern, exceptions in FORBIDDEN:
            if not allowed(path, exceptions):
                for match in re.finditer(pattern, code):
                    complain(f"line {code.count(chr(10), 0, match.start()) + 1}: forbidden: {match.group(0).strip()}")

    # 6. The tables.
    for name in MODULES:
        checked.add("row " + name)
        if name not in targets:
            complaints["row " + name].append("there is no such target")
    tables = [PARSERS, PURE, *SYSTEM.values(), *CONFINED.values(), *(exceptions for _, exceptions in FORBIDDEN)]
    for pattern in {pattern for table in tables for pattern in table}:
        checked.add("row " + pattern)
        if not any(fnmatch.fnmatchcase(path, pattern) for path in files):
            complaints["row " + pattern].append("there is no such file")

    failed = sorted(name for name, lines in complaints.items() if lines)
    for name in failed:
        for line in complaints[name]:
            print(f"{name}: {line}")
    print(f"arrows: {len(checked) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


sys.exit(main())
