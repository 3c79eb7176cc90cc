#!/usr/bin/env python3
"""Where the processor time of one kind of request goes: a flame graph as SVG, and the biggest parts in words.

    Tests/Benchmarks/flames.py [hello|read|counter] [--seconds N] [--svg FILE]

The demo (release, or PARANOID_BIN_DIR) serves 32 kept connections of one nginx, and perf(1) looks at its worker 1999 times a
second. In the graph each box is a function, as wide as the share of the samples in which it or what it called was running; its
callers are below it. Without perf, or where the kernel does not allow it, the script says so and ends with code 2.
"""
import argparse
import collections
import html
import os
import re
import subprocess
import sys
import tempfile
import time

import bench

PATHS = {"hello": "/hello", "read": "/session/peek", "counter": "/session"}
# The part that a sample belongs to is the first whose pattern its innermost known function has.
PARTS = [
    ("the kernel", r"\[k\]$"),
    ("retain and release", r"swift_(\w*)(retain|release)|RefCount|swift_dealloc|_destroy|^destroy |outlined (copy|consume|destroy|init)|^initializeWith"),
    ("allocation", r"^(malloc|free|calloc|realloc|_int_\w+|swift_(slow)?[Aa]lloc\w*|tcache\w*|unlink_chunk.*)"),
    ("copying of memory", r"mem(cpy|move|set|cmp)"),
    ("cryptography", r"CCrypto|sha\d|SHA\d|aes|AES|gcm|GHASH|gf2|ghash|HMAC|Curve|bcm_"),
    ("tasks", r"swift_task|swift_job|AsyncTask|swift::.*(Task|Job|Executor)|StackAllocator"),
    ("locks and clocks", r"pthread_|clock_gettime|__vdso|lll_"),
    ("the rest of the Swift runtime", r"^swift_|^_swift|swift::|__tls_get_addr"),
    ("FastCGIServer", r"\bFastCGIServer\.|FastCGI|FCGX|cfcgi|ConnectionScheduler|WorkerThread"),
    ("FileSessionStore", r"\bFileSessionStore\.|SessionFile|HotSession"),
    ("ParanoidSessions", r"\bParanoidSessions\."),
    ("ParanoidHTTP", r"\bParanoidHTTP\."),
    ("ParanoidLinux", r"\bParanoidLinux\.|clinux_"),
    ("ParanoidFastCGI", r"\bParanoidFastCGI\."),
    ("JSON", r"JSON|FoundationEssentials"),
    ("the standard library", r"^Swift\.| Swift\.|_StringGuts|Hasher|specialized (Array|String|Dictionary|Unsafe)"),
]


def stacks(text):
    """The stacks of perf's script with their counts, the outermost function first."""
    found, frames = collections.Counter(), []
    for line in text.split("\n") + [""]:
        match = re.match(r"\s+[0-9a-f]+ (.*) \(([^()]*)\)$", line)
        if match:
            name = re.sub(r"\+0x[0-9a-f]+$", "", match.group(1))
            frames.append(name + " [k]" if "kernel" in match.group(2) or match.group(2).startswith("[") and "vdso" not in match.group(2) else name)
        elif not line.strip() and frames:
            found[tuple(reversed(frames))] += 1
            frames = []
    return found


def demangled(found):
    names = sorted({name for stack in found for name in stack if name.startswith("$s")})
    done = subprocess.run(["swift", "demangle", "--compact"], input="\n".join(names), stdout=subprocess.PIPE, text=True, timeout=120)
    plain = dict(zip(names, done.stdout.split("\n")))
    result = collections.Counter()
    for stack, count in found.items():
        result[tuple(plain.get(name, name) for name in stack)] += count
    return result


def parts(found):
    """The share of each part: that of the innermost function which belongs to one."""
    shares, total = collections.Counter(), sum(found.values())
    for stack, count in found.items():
        for name in reversed(stack):
            part = next((part for part, pattern in PARTS if re.search(pattern, name)), None)
            if part:
                shares[part] += count
                break
        else:
            shares["what has no name"] += count
    return [(part, 100 * count / total) for part, count in shares.most_common()]


def flame(found, title, path):
    """Draws the stacks: one row for each depth, boxes of one function beside each other joined."""
    width, row, total = 1400.0, 16, sum(found.values())
    boxes, deepest = [], 0

    def place(group, depth, x):
        nonlocal deepest
        children = collections.defaultdict(collections.Counter)
        for stack, count in group.items():
            if stack:
                children[stack[0]][stack[1:]] += count
        for name in sorted(children):
            size = sum(children[name].values())
            if size * width / total >= 0.5:
                deepest = max(deepest, depth)
                boxes.append((name, depth, x, size))
                place(children[name], depth + 1, x)
            x += size

    sys.setrecursionlimit(10000)
    place(found, 0, 0)
    height = 40 + row * (deepest + 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="monospace" font-size="11">',
        f'<text x="8" y="18" font-size="14">{html.escape(title)}</text>',
    ]
    for name, depth, x, size in boxes:
        left, wide, top = x * width / total, size * width / total, height - row * (depth + 1) - 8
        short = re.sub(r"\(.*", "", re.sub(r"^(specialized|closure #\d+ in|partial apply for|protocol witness for) ", "", name)) or name
        color = "#9bb7d4" if name.endswith("[k]") else "#e0a458" if re.search(r"swift_|swift::", name) else "#d97757"
        lines.append(
            f'<g><title>{html.escape(name)}: {100 * size / total:.1f} %</title><rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{row - 1}" fill="{color}"/>'
        )
        if wide > 30:
            lines.append(f'<text x="{left + 2:.1f}" y="{top + 11}">{html.escape(short[: int(wide / 6.7)])}</text>')
        lines.append("</g>")
    lines.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def record(work, kind, seconds):
    binary = os.path.join(os.environ.get("PARANOID_BIN_DIR") or os.path.join(bench.ROOT, ".build", "release"), "demo")
    server, data = bench.ours(work, binary, "paranoid"), os.path.join(work, "perf.data")
    nginx = None
    with open(os.path.join(work, "log"), "w", encoding="utf-8") as log:
        try:
            nginx = subprocess.Popen(bench.configure_nginx(work, [server]), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            server.start(log)
            bench.wait_for(server)
            cookies = None if kind == "hello" else bench.prepare_cookies(work, server, "/session", bench.SESSIONS, "flames")
            load = bench.Row(kind, server, PATHS[kind], cookies).load(32, seconds + 2)
            time.sleep(1)
            workers = ",".join(str(pid) for pid in server.pids()[1:])
            done = subprocess.run(
                ["perf", "record", "-q", "-F", "1999", "-e", "cpu-clock", "-g", "-p", workers, "-o", data, "--", "sleep", str(seconds)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds + 60,
            )
            load.wait(seconds + 60)
            if done.returncode != 0:
                print(f"flames.py: perf cannot record here: {done.stdout[-500:]}", file=sys.stderr)
                raise SystemExit(2)
        finally:
            bench.end([nginx, server.process])
    script = ["perf", "script", "-i", data, "-F", "ip,sym,dso", "--no-demangle"]
    return subprocess.run(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=300).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", default="counter", choices=sorted(PATHS))
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--svg", default="")
    words = parser.parse_args()
    bench.build_load()
    with tempfile.TemporaryDirectory() as work:
        try:
            found = demangled(stacks(record(work, words.kind, words.seconds)))
        except FileNotFoundError as error:
            print(f"flames.py: {error}", file=sys.stderr)
            return 2
    if not found:
        sys.exit("flames.py: perf has seen nothing")
    print(f"{words.kind}: {sum(found.values())} samples\n\n| part | share |\n|---|---|")
    for part, share in parts(found):
        print(f"| {part} | {share:.0f} % |")
    path = words.svg or os.path.join(bench.ROOT, ".build", f"flames-{words.kind}.svg")
    flame(found, f"{words.kind}: processor time of the worker", path)
    print(f"\nflames.py: wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
