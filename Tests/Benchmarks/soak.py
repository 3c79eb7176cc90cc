#!/usr/bin/env python3
"""Whether the workers' memory and descriptors stay flat under a load that goes on.

    Tests/Benchmarks/soak.py [--minutes N] [--connections N] [--steady] [--mappings] [--short] [--build]

One nginx, the demo (BENCH_WORKERS, 1, and BENCH_THREADS, 2) and wrk with the mix of soak.lua: pages without a session, reads and changes
of 256 sessions (BENCH_SESSIONS), new sessions and logins. It begins when 20 000 new sessions have filled the caches. Every tenth second
(in a short run every sixtieth part) the proportional set size and the open descriptors of every worker are read from /proc. Memory is
flat when the median of the last third is at most 3 % and 512 KiB above that of the middle third, descriptors are flat when it is at most
16 above; no worker may have been replaced, and no response may have failed.

With --steady no session is begun: the memory is that of a worker with 256 sessions in use. --minutes is 10 without the option; --short is
1 minute. --mappings prints what the memory of a worker consists of. --build builds the
demo first (release); without it, it has to be there, or PARANOID_BIN_DIR says where. Ends with `N passed, N failed`.
"""
import argparse
import collections
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import bench  # noqa: E402

WARM_UP = 20_000
MEMORY_SHARE, MEMORY_KIB, DESCRIPTORS = 0.03, 512, 16


def pss(pid):
    """KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1))


def mappings(pid):
    """KiB of each kind of mapping, the greatest first."""
    found, name = collections.Counter(), ""
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            if head := re.match(r"^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \S+\s*(.*)", line):
                name = f"{os.path.basename(head.group(2)) or 'anonymous'} {head.group(1)}"
            elif line.startswith("Pss:"):
                found[name] += int(line.split()[1])
    return [(name, size) for name, size in found.most_common() if size >= 64]


def is_flat(samples, share, extra):
    """Whether the last third is no more above the middle third than by a share and so many; and both medians."""
    third = len(samples) // 3
    middle, last = statistics.median(samples[third : 2 * third]), statistics.median(samples[-third:])
    return last <= middle * (1 + share) + extra, middle, last


def load(server, cookies, connections, seconds, begins):
    return subprocess.Popen(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", os.path.join(HERE, "soak.lua"), f"http://127.0.0.1:{server.port}"],
        env=bench.clean_environment(BENCH_COOKIES=cookies, BENCH_BEGINS=begins), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )


def warm_up(server, cookies, connections):
    """Begins so many sessions that every place of the caches was used."""
    begun = 0
    while begun < WARM_UP:
        found = re.search(r"^result: (\d+) (\d+)$", load(server, cookies, connections, 5, "only").communicate()[0], re.M)
        if not found or int(found.group(1)) == 0 or int(found.group(2)) > 0:
            raise RuntimeError("no sessions can be begun")
        begun += int(found.group(1))
    print(f"{begun} sessions were begun first")


def watch(server, wrk, interval):
    """Samples by worker until wrk ends: PSS in KiB and descriptors; `None` when a worker was replaced."""
    workers = [pid for pid in server.pids() if pid != server.process.pid]
    samples = {pid: ([], []) for pid in workers}
    began = time.monotonic()
    print("| s | " + " | ".join(f"worker {number}: PSS KiB | descriptors" for number in range(1, len(workers) + 1)) + " |")
    print("|---|" + "---|---|" * len(workers))
    while wrk.poll() is None:
        try:
            wrk.wait(interval)
            break
        except subprocess.TimeoutExpired:
            pass
        cells = []
        for pid in workers:
            try:
                sizes = pss(pid), len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                return None
            for samples_of, size in zip(samples[pid], sizes):
                samples_of.append(size)
            cells += [str(size) for size in sizes]
        print(f"| {time.monotonic() - began:.0f} | " + " | ".join(cells) + " |", flush=True)
    return samples


def soak(words, work, binary, log):
    # These clients keep no cookies, and old nonces would prove a theft.
    server = bench.ours(work, binary, "paranoid", PSESSION_NONCE_TIMEOUT="none")
    nginx = wrk = None
    try:
        nginx = subprocess.Popen(bench.configure_nginx(work, [server]), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        server.start(log)
        bench.wait_for(server)
        cookies = bench.prepare_cookies(work, server, "/session", bench.SESSIONS, "soak")
        seconds = round(words.minutes * 60)
        if not words.steady:
            warm_up(server, cookies, words.connections)
        wrk = load(server, cookies, words.connections, seconds, "no" if words.steady else "yes")
        samples = watch(server, wrk, min(10, seconds / 60))
        found = re.search(r"^result: (\d+) (\d+)$", wrk.communicate()[0], re.M)
        checks = [("no worker was replaced", samples is not None)]
        requests, failed = map(int, found.groups()) if found else (0, 1)
        checks.append((f"{requests} responses came, {failed} of them not with a status below 400", requests > 0 and failed == 0))
        for number, (memory, descriptors) in enumerate((samples or {}).values(), 1):
            flat, middle, last = is_flat(memory, MEMORY_SHARE, MEMORY_KIB)
            checks.append((f"worker {number}: {middle:.0f} KiB in the middle third, {last:.0f} KiB in the last", flat))
            flat, middle, last = is_flat(descriptors, 0, DESCRIPTORS)
            checks.append((f"worker {number}: {middle:.0f} descriptors in the middle third, {last:.0f} in the last", flat))
        for what, holds in checks:
            print(("ok      " if holds else "FAILED  ") + what, flush=True)
        if words.mappings:
            for pid in samples or {}:
                print("\n| mapping of a worker | PSS KiB |\n|---|---|")
                for name, size in mappings(pid):
                    print(f"| {name} | {size} |")
        return checks
    finally:
        bench.end([wrk, nginx, server.process])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--steady", action="store_true")
    parser.add_argument("--mappings", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--build", action="store_true")
    words = parser.parse_args()
    if words.short:
        words.minutes = 1
    if not bench.install("nginx", "wrk", "libfcgi-dev"):
        sys.exit("soak.py: nginx and wrk are needed")
    if words.build:
        subprocess.run(["swift", "build", "--package-path", bench.ROOT, "-c", "release", "--product", "demo"], check=True, timeout=1800)
    binary = os.path.join(os.environ.get("PARANOID_BIN_DIR") or os.path.join(bench.ROOT, ".build", "release"), "demo")
    if not os.access(binary, os.X_OK):
        sys.exit(f"soak.py: no {binary}; try --build")
    bench.signal.signal(bench.signal.SIGTERM, lambda *_: sys.exit(130))
    with tempfile.TemporaryDirectory() as work, open(os.path.join(work, "log"), "w+", encoding="utf-8") as log:
        try:
            checks = soak(words, work, binary, log)
        except (RuntimeError, SystemExit):
            log.seek(0)
            print(log.read()[-3000:], file=sys.stderr)
            raise
    bad = sum(not holds for _, holds in checks)
    print(f"\n{len(checks) - bad} passed, {bad} failed")
    if bad:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
