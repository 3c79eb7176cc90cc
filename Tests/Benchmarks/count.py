#!/usr/bin/env python3
"""Counts what a request allocates and what an operation computes, and compares both with Tests/Benchmarks/limits.txt.

    Tests/Benchmarks/count.py [allocations] [instructions]

Counts do not depend on what else the machine does, so they have limits, and time has none.

 * Allocations: on the heap per request of the demo (release), outside libfcgi, one request after the other on a kept
   connection straight to the application's socket. `hello` needs no session, `read` looks at one (/session/peek), `counter`
   changes one (/session), `create` begins one, `login` logs in, `access-…` is hello with an access log.
 * Instructions: per call of an operation of operation-count (release), under callgrind.

The programs have to be built (release, or PARANOID_BIN_DIR). Ends with `N passed, N failed`: one for each row.
"""
import concurrent.futures
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = os.environ.get("PARANOID_BIN_DIR") or os.path.join(ROOT, ".build", "release")
sys.path.insert(0, HERE)
from fastcgi import Connection  # noqa: E402

REQUESTS = 400
CALLS = 200


def limits(kind):
    rows = {}
    with open(os.path.join(HERE, "limits.txt"), encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words and words[0] == kind:
                rows[words[1]] = int(words[2])
    return rows


def wait_until(what, seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"count.py: never: {what}")
        time.sleep(0.02)


class Demo:
    """The demo with one worker, its allocations counted."""

    def __init__(self, directory, settings=None):
        self.socket = os.path.join(directory, "app.sock")
        self.counts = os.path.join(directory, "counts")
        os.mkdir(self.counts)
        library = os.path.join(directory, "allocations.so")
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "allocations.c"), "-ldl"], check=True, timeout=60)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PARANOID_", "PSESSION_", "SESSION_"))}
        environment |= {
            "LD_PRELOAD": library, "ALLOCATION_COUNTS": self.counts, "PARANOID_LISTEN": "unix:" + self.socket, "PARANOID_WORKERS": "1",
            "PARANOID_THREADS": "2", "PARANOID_SESSION_DIR": os.path.join(directory, "sessions"),
            "PARANOID_SECRET_FILE": os.path.join(directory, "secret"),
        } | (settings or {})
        self.log = open(os.path.join(directory, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([os.path.join(BIN, "demo")], env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            wait_until("the demo listens", 30, lambda: os.path.exists(self.socket))
        except SystemExit:
            self.end()
            raise

    def worker(self):
        """The file of the counters of the worker."""
        tasks = f"/proc/{self.process.pid}/task"
        children = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/children", encoding="utf-8") as file:
                children += file.read().split()
        return os.path.join(self.counts, children[0])

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def read_counters(path):
    with open(path, "rb") as file:
        return struct.unpack("=QQ", file.read(16))


def allocations(settings=None):
    """Allocations per request outside libfcgi and in it, for each kind of request."""

    def expect(answer, status=200):
        if answer[0] != status:
            sys.exit(f"count.py: status {answer[0]}: {answer[2][:300]!r}")

    rows = {}
    with tempfile.TemporaryDirectory() as directory:
        demo = Demo(directory, settings)
        try:
            connection = Connection(demo.socket)
            expect(connection.ask("/hello"))
            counters = demo.worker()
            jar = {}
            for _ in range(3):
                expect(connection.ask("/session", cookies=jar))
            # A login replaces the identifier; each begins from a session of its own that is made before.
            jars = [{} for _ in range(REQUESTS // 4 * 3)]
            for each in jars:
                expect(connection.ask("/session", cookies=each))
            ready = iter(jars)
            same_origin = (("HTTP_ORIGIN", "https://localhost"), ("HTTP_SEC_FETCH_SITE", "same-origin"))
            kinds = {
                "hello": lambda: connection.ask("/hello"),
                "read": lambda: connection.ask("/session/peek", cookies=jar),
                "counter": lambda: connection.ask("/session", cookies=jar),
                "create": lambda: connection.ask("/session", cookies={}),
                "login": lambda: connection.ask("/login", "POST", b"user=alice", next(ready), same_origin),
            }
            for name, ask in kinds.items():
                number = REQUESTS // 4 if name == "login" else REQUESTS
                found = []
                # The least of three: what runs beside the requests now and then is not theirs.
                for _ in range(3):
                    before = read_counters(counters)
                    for _ in range(number):
                        expect(ask())
                    after = read_counters(counters)
                    found.append([(after[place] - before[place]) / number for place in (0, 1)])
                rows[name] = min(found)
            connection.close()
        except Exception:
            demo.log.seek(0)
            print(demo.log.read()[-3000:], file=sys.stderr)
            raise
        finally:
            demo.end()
    return rows


def access_log():
    """Allocations per request of hello with an access log, for each form."""
    rows = {}
    for form in ("combined", "json", "%h %m %U%q %>s %D %{handler}x %L"):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "access")
            demo = Demo(directory, {"PARANOID_ACCESS_LOG": path, "PARANOID_ACCESS_LOG_FORMAT": form})
            try:
                connection = Connection(demo.socket)
                fields = (("REQUEST_ID", "4f1c0123456789abcdef0123456789ab"),)
                ask = lambda: connection.ask("/hello", fields=fields)  # noqa: E731
                ask()
                counters = demo.worker()
                found = []
                for _ in range(3):
                    before = read_counters(counters)
                    for _ in range(REQUESTS):
                        ask()
                    after = read_counters(counters)
                    found.append([(after[place] - before[place]) / REQUESTS for place in (0, 1)])
                rows["access-template" if "%" in form else f"access-{form}"] = min(found)
                connection.close()
            finally:
                demo.end()
            with open(path, encoding="utf-8") as file:
                if sum(1 for _ in file) < 3 * REQUESTS:
                    sys.exit("count.py: the access log has too few lines")
    return rows


def collected(program, operation, count):
    """Instructions of a whole run."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={program}.{operation}.{count}", program, operation, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)
    found = re.search(r"Collected : (\d+)", done.stdout)
    if done.returncode != 0 or found is None:
        sys.exit(f"count.py: operation-count {operation} failed\n{done.stdout[-3000:]}")
    return int(found.group(1))


def instructions():
    """Instructions per call of each operation: the difference between runs of N and 2 N calls."""
    with tempfile.TemporaryDirectory() as directory:
        # Without debugging information, which valgrind 3.19 does not read.
        program = os.path.join(directory, "operation-count")
        subprocess.run(["strip", "-o", program, os.path.join(BIN, "operation-count")], check=True, timeout=60)
        names = subprocess.run([program], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout.split()
        jobs = [(name, count) for name in names for count in (CALLS, 2 * CALLS)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            sums = dict(zip(jobs, pool.map(lambda job: collected(program, *job), jobs)))
    return {name: (sums[name, 2 * CALLS] - sums[name, CALLS]) / CALLS for name in names}


def main():
    words = sys.argv[1:] or ["allocations", "instructions"]
    if set(words) - {"allocations", "instructions"}:
        print(__doc__, file=sys.stderr)
        return 2
    good = bad = 0

    def row(kind, name, figure, limit, beside=""):
        nonlocal good, bad
        fine = limit is not None and figure <= limit
        good, bad = good + fine, bad + (not fine)
        verdict = "" if fine else " **more than its limit**" if limit is not None else " **no limit in limits.txt**"
        print(f"| {name} | {figure:.1f} | {limit if limit is not None else '-'} | {beside}{verdict} |")

    for kind, measure in (("allocations", allocations), ("instructions", instructions)):
        if kind not in words:
            continue
        allowed, found = limits(kind), measure()
        if kind == "allocations":
            found |= access_log()
        what = "allocations per request" if kind == "allocations" else "instructions per call"
        print(f"\n| {what} | counted | limit | |\n|---|---|---|---|")
        for name, figure in found.items():
            if kind == "allocations":
                row(kind, name, figure[0], allowed.get(name), f"libfcgi's own: {figure[1]:.1f}")
            else:
                row(kind, name, figure, allowed.get(name))
        for name in sorted(set(allowed) - set(found)):
            print(f"count.py: {name} has a limit and was not counted")
            bad += 1
    print(f"\n{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
