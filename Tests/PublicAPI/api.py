#!/usr/bin/env python3
"""The public interface, from the compiler's symbol graphs of a debug build: `python3 Tests/PublicAPI/api.py`.

    api.py             compares the interface with symbols.txt beside this file
    api.py --update    writes symbols.txt anew
    api.py --docs      every public declaration has a summary; the documentation builds without a warning

All library modules below Sources are looked at, so a declaration that is public in a module meant for the package shows
in the list as well. Cases of enumerations are listed and not counted; what the compiler synthesises is neither.
Needs the debug build (`swift build --build-tests`). Ends with `N passed, N failed`.
"""
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYMBOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "symbols.txt")
BUILD = os.path.join(ROOT, ".build", "debug")
EXPORTS = os.path.join(ROOT, "Sources", "ParanoidFastCGI", "Exports.swift")
# Modules whose re-export is meant, though they are not ours: requests, responses and loggers are of their types.
FOREIGN = {"HTTPTypes", "Logging"}
CATALOGUES = ["ParanoidFastCGI", "ParanoidFastCGITesting"]
SILENT = {"Copyable", "Escapable", "BitwiseCopyable", "SendableMetatype"}
TYPES = {"swift.struct", "swift.class", "swift.enum", "swift.protocol", "swift.actor"}
ORDER = ["swift.enum.case", "swift.associatedtype", "swift.init", "swift.type.property", "swift.type.subscript", "swift.type.method", "swift.property",
         "swift.subscript", "swift.method", "swift.func.op", "swift.typealias", "swift.macro"]
# Requirements of the standard library that document themselves.
KNOWN = {"==(_:_:)", "<(_:_:)", "hash(into:)", "description", "debugDescription", "encode(to:)", "init(from:)", "rawValue", "init(rawValue:)",
         "id", "next()", "makeAsyncIterator()", "makeIterator()", "init(stringLiteral:)", "errorDescription"}


def modules():
    """The library modules of the package, and those that the main module re-exports."""
    with tempfile.TemporaryDirectory() as scratch:  # its own, as .build is locked while something is built
        command = ["swift", "package", "dump-package", "--package-path", ROOT, "--scratch-path", scratch]
        manifest = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout)
    names = []
    for target in manifest["targets"]:
        folder = os.path.join(ROOT, target.get("path") or os.path.join("Sources", target["name"]))
        is_swift = any(name.endswith(".swift") for _, _, files in os.walk(folder) for name in files)
        if target["type"] == "regular" and folder.startswith(os.path.join(ROOT, "Sources")) and is_swift:
            names.append(target["name"])
    with open(EXPORTS, encoding="utf-8") as file:
        exported = set(re.findall(r"^@_exported\s+public\s+import\s+(\w+)", file.read(), re.M))
    return names, exported


def tool(name):
    """A tool of the toolchain in use."""
    beside = os.path.join(os.path.dirname(os.path.realpath(shutil.which("swift"))), name)
    return beside if os.path.exists(beside) else name


def extract(module, directory, reexported=()):
    triple = json.loads(subprocess.run(["swift", "-print-target-info"], check=True, stdout=subprocess.PIPE, timeout=60).stdout)["target"]["triple"]
    command = [tool("swift-symbolgraph-extract"), "-module-name", module, "-target", triple, "-I", os.path.join(BUILD, "Modules"),
               "-minimum-access-level", "public", "-skip-synthesized-members", "-output-dir", directory]
    for folder, _, files in os.walk(os.path.join(ROOT, "Sources")):
        if "module.modulemap" in files:
            command += ["-Xcc", "-fmodule-map-file=" + os.path.join(folder, "module.modulemap")]
    # Modules of C that dependencies bring.
    for folder, _, files in os.walk(os.path.join(ROOT, ".build", "checkouts")):
        if "module.modulemap" in files and os.path.basename(folder) == "include":
            command += ["-Xcc", "-fmodule-map-file=" + os.path.join(folder, "module.modulemap")]
    if reexported:
        command.append("-experimental-allowed-reexported-modules=" + ",".join(sorted(reexported)))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit(f"api.py: no symbol graph of {module} (is the debug build there?)\n{done.stdout}")


def read_graphs(directory, module):
    symbols, conformances = [], {}
    for name in sorted(os.listdir(directory)):
        if not re.fullmatch(re.escape(module) + r"(@\w+)?\.symbols\.json", name):
            continue
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            graph = json.load(file)
        symbols += [symbol for symbol in graph["symbols"] if "location" in symbol]
        for each in graph["relationships"]:
            if each["kind"] == "conformsTo":
                conformances.setdefault(each["source"], set()).add(each.get("targetFallback") or each["target"])
    return symbols, conformances


def declaration(symbol, conformances):
    """The declaration on one line, as one would write it, with what the type conforms to."""
    text = "".join(part["spelling"] for part in symbol["declarationFragments"])
    text = re.sub(r"\s+", " ", text).strip()
    if symbol["kind"]["identifier"] in TYPES:
        names = {name.split(".")[-1] for name in conformances.get(symbol["identifier"]["precise"], ())}
        listed = sorted(name for name in names - SILENT if re.fullmatch(r"\w+", name))
        head = text.split(" where ")[0]
        if ":" not in re.sub(r"<.*>", "", head) and listed:
            text = text.replace(head, head + ": " + ", ".join(listed), 1)
    return text


def rank(symbol):
    kind = symbol["kind"]["identifier"]
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def listing(module, directory):
    """The lines of one module, indented as the types are nested, and the number of its declarations."""
    symbols, conformances = read_graphs(directory, module)
    children, lines = {}, []
    for symbol in symbols:
        children.setdefault(tuple(symbol["pathComponents"][:-1]), []).append(symbol)
    own = {tuple(symbol["pathComponents"]) for symbol in symbols if symbol["kind"]["identifier"] in TYPES}

    def write(path, depth):
        for symbol in sorted(children.get(path, ()), key=lambda each: (rank(each), each["pathComponents"][-1], declaration(each, conformances))):
            lines.append("    " * depth + declaration(symbol, conformances))
            if symbol["kind"]["identifier"] in TYPES:
                write(tuple(symbol["pathComponents"]), depth + 1)

    for path in sorted(children):
        if path == ():
            write((), 0)
        elif path not in own:
            lines.append(f"extension {'.'.join(path)}")
            write(path, 1)
    counted = {symbol["identifier"]["precise"] for symbol in symbols if symbol["kind"]["identifier"] != "swift.enum.case"}
    return lines, len(counted)


def interface():
    names, exported = modules()
    text, total = [], 0
    with tempfile.TemporaryDirectory() as directory:
        for module in sorted(names):
            extract(module, directory)
            lines, count = listing(module, directory)
            if not lines:
                continue
            total += count
            text += [f"## {module}: {count}" + (", re-exported by ParanoidFastCGI" if module in exported else ""), ""] + lines + [""]
    head = ["# Public declarations, made by `Tests/run.sh api --update`; cases of enumerations are not counted.", "", f"{total} declarations", ""]
    return "\n".join(head + text), total, exported - set(names) - FOREIGN


def compare(update):
    text, total, unknown = interface()
    if update:
        with open(SYMBOLS, "w", encoding="utf-8") as file:
            file.write(text)
        print(f"api: {total} public declarations written to {os.path.relpath(SYMBOLS, ROOT)}")
    with open(SYMBOLS, encoding="utf-8") as file:
        listed = file.read()
    bad = 0
    if listed != text:
        bad += 1
        print("\n".join(difflib.unified_diff(listed.split("\n"), text.split("\n"), "symbols.txt", "the build", lineterm="", n=1)))
        print("api: the interface differs from its list; if that is meant, run `Tests/run.sh api --update`")
    for module in sorted(unknown):
        bad += 1
        print(f"api: Exports.swift re-exports {module}, which is not on the list")
    print(f"api: {total} public declarations")
    return (0 if bad else 1), bad


def riddles():
    """Public declarations without a summary, or with one that says nothing."""
    names, _ = modules()
    good, bad = 0, 0
    with tempfile.TemporaryDirectory() as directory:
        for module in sorted(names):
            extract(module, directory)
            for symbol in read_graphs(directory, module)[0]:
                name = symbol["pathComponents"][-1]
                comment = "\n".join(line["text"] for line in symbol.get("docComment", {}).get("lines", ()))
                summary = comment.strip().split("\n\n")[0]
                if len(summary.split()) >= 3 or (not summary and name in KNOWN):
                    good += 1
                    continue
                bad += 1
                place = symbol["location"]["uri"].split("/Sources/")[-1], symbol["location"]["position"]["line"] + 1
                print(f"Sources/{place[0]}:{place[1]}: {'.'.join(symbol['pathComponents'])}: " + (f"a riddle: {summary}" if summary else "no summary"))
    return good, bad


def documentation():
    good = bad = 0
    names, exported = modules()
    for module in CATALOGUES:
        with tempfile.TemporaryDirectory() as directory:
            graphs, output = os.path.join(directory, "graphs"), os.path.join(directory, "out")
            os.mkdir(graphs)
            extract(module, graphs, exported & set(names) if module == "ParanoidFastCGI" else ())
            catalogue = os.path.join(ROOT, "Sources", module, "Documentation.docc")
            command = [tool("docc"), "convert"] + ([catalogue] if os.path.isdir(catalogue) else []) + [
                "--additional-symbol-graph-dir", graphs, "--warnings-as-errors", "--fallback-display-name", module,
                "--fallback-bundle-identifier", module, "--output-path", output]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
            print(done.stdout, end="")
            failed = done.returncode != 0 or re.search(r"^(warning|error)\b|: (warning|error):", done.stdout, re.M) is not None
            print(f"docs: {module} {'does not build without warnings' if failed else 'builds'}")
            good, bad = good + (not failed), bad + failed
    return good, bad


def main():
    words = sys.argv[1:]
    if words not in ([], ["--update"], ["--docs"]):
        print(__doc__, file=sys.stderr)
        return 2
    if words == ["--docs"]:
        sums = [riddles(), documentation()]
    else:
        sums = [compare(bool(words))]
    good, bad = sum(each[0] for each in sums), sum(each[1] for each in sums)
    print(f"{'docs' if words == ['--docs'] else 'api'}: {good} passed, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
