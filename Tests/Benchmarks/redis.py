#!/usr/bin/env python3
"""What sessions in Redis cost: requests, processor time and memory.

    Tests/Benchmarks/redis.py [--build] [--rounds N] [--seconds N] [--connections N] [--only PATTERN] [--page FILE] [requests] [memory]

`requests` measures rows in turn through one nginx, as bench.py does, with redis-server processes of its own (appendonly yes, everysec):

 * ours: the demo, 1 worker with 2 threads (BENCH_WORKERS, BENCH_THREADS), with sessions in files, in a Redis over its socket, over TCP, and
   in a cluster of three masters. `read` is /session/peek, `counter` is /session
 * PHP: PHP-FPM, 8 processes with opcache. `handler` is the session handler of the extension redis as it comes, without locks; `handler,
   locks` is the same with redis.session.locking_enabled; `whole values` reads and writes JSON without a lock, as Spring Session and
   others do

Both the application's processor time and that of all redis-server processes are divided by the responses. At the end, 8 clients count one
session up together: the column `lost` is how many responses said 200 and are not in the count.

`memory` fills a Redis with 100 000 sessions of several sizes, divides what its memory grew by, and calculates how many nodes 10^6, 10^7
and 10^8 sessions need. With more sessions, more names are together in a sorted set, which takes more for each; the names are put
together as they would be.

The programs have to be built with the trait Redis (--build: below .build-redis), or PARANOID_BIN_DIR says where. --page writes the tables
into a page, between the comments `redis requests` or `redis memory` and `end of …`. Ends with `N passed, N failed`: a row passes when every
response was 200, and ours when nothing was lost.
"""
import argparse
import contextlib
import io
import math
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("PARANOID_BIN_DIR", os.path.join(ROOT, ".build-redis", "release"))
sys.path.insert(0, HERE)
import bench  # noqa: E402
from count import BIN, allocations  # noqa: E402

SESSIONS = 256
FILLED = 100_000
SHARDS = 4096
SIZES = (256, 1024, 4096)
NUMBERS = (10**6, 10**7, 10**8)
NODES = (8, 16, 64)
# What a node uses of its memory and of its one thread for commands; the rest is for copies, buffers of replicas and peaks.
MEMORY_SHARE, THREAD_SHARE = 0.7, 0.7


class Redis:
    """A redis-server of this script."""

    def __init__(self, work, name, *options):
        self.directory = os.path.join(work, name)
        os.mkdir(self.directory)
        self.socket, self.port = os.path.join(self.directory, "redis.sock"), bench.free_port()
        self.log = open(os.path.join(self.directory, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--dir", self.directory, "--save", "",
             *options], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 20
        while True:
            try:
                if self.ask("PING") == "PONG":
                    return
            except OSError:
                pass
            if time.monotonic() > end:
                self.process.kill()
                sys.exit("redis.py: redis-server does not answer")
            time.sleep(0.02)

    def ask(self, *words):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(self.socket)
            client.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(word).encode() for word in words)))
            return self.reply(client.makefile("rb"))

    def reply(self, file):
        line = file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"$":
            return file.read(int(rest) + 2)[:-2].decode("latin-1") if int(rest) >= 0 else None
        if kind == b"*":
            return [self.reply(file) for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest.decode()

    def memory(self):
        """Bytes in use."""
        return int(re.search(r"^used_memory:(\d+)", self.ask("INFO", "memory"), re.M).group(1))


def make_cluster(work):
    nodes = []
    for number in range(3):
        nodes.append(Redis(work, f"node{number}", "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-port", str(bench.free_port())))
    bounds = (0, 5461, 10923, 16384)
    for number, node in enumerate(nodes):
        node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for node in nodes[1:]:
        bus = re.search(r"@(\d+)", node.ask("CLUSTER", "NODES")).group(1)
        nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
    end = time.monotonic() + 60
    while not all("cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in nodes):
        if time.monotonic() > end:
            sys.exit("redis.py: the cluster does not come up")
        time.sleep(0.1)
    return nodes


# MARK: Requests


class Row(bench.Row):
    """Measures the processor time of the redis-server processes, too."""

    nodes = ()
    lost = None

    def measure(self, connections, seconds, nginx):
        before = sum(bench.ticks_of(node.process.pid) for node in self.nodes)
        super().measure(connections, seconds, nginx)
        used = sum(bench.ticks_of(node.process.pid) for node in self.nodes) - before
        result = self.results[connections][-1]
        result["redis"] = used / os.sysconf("SC_CLK_TCK") / (result["rate"] * seconds) * 1e6

    def count_up(self, work):
        """How many of the responses to 8 clients that share one session are not in its count."""
        _, cookies = bench.ask(self.server.port, self.path)
        shared = os.path.join(work, "shared")
        with open(shared, "w", encoding="utf-8") as file:
            file.write(cookies + "\n")
        hot = bench.Row(self.name, self.server, self.path, shared)
        output = hot.load(8, 1).communicate(timeout=60)[0]
        found = re.search(r"^result: (\d+) \d+ \d+ \d+ (\d+)$", output, re.M)
        answered, failed = map(int, found.groups())
        with open(shared, encoding="utf-8") as file:
            count = hits(self.server.port, self.path, file.read().strip())
        # The first request and the last one counted, too.
        self.lost = (answered - failed + 2 - count, answered)


def hits(port, path, cookies):
    with socket.socket() as client:
        client.settimeout(10)
        client.connect(("127.0.0.1", port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while chunk := client.recv(65536):
            data += chunk
    return int(re.search(rb'"hits" ?: ?(\d+)', data).group(1))


def ours(work, name, **settings):
    directory = os.path.join(work, name.replace(" ", "-"))
    os.mkdir(directory)
    server = bench.ours(directory, os.path.join(BIN, "demo"), "paranoid", **settings)
    server.name = f"ours, {name}"
    return server


def php(work, program, name, settings):
    command = bench.fpm(work, program, name, settings)
    return bench.Server(name, command, upstream=f"unix:{work}/{name}.sock", kept=False, location="php")


def requests(words, work, log):
    if not bench.install("php-fpm", "php-cli", "php-redis"):
        sys.exit("redis.py: php-fpm and php-redis cannot be installed here")
    bench.build_load()
    single = Redis(work, "single", "--appendonly", "yes")
    running = [single]
    nginx, servers = None, []
    try:
        cluster = make_cluster(work)
        running += cluster
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster)
        stores = {
            "files": ("files", ()), "Redis, socket": (f"redis+unix:{single.socket}?prefix=unix", (single,)),
            "Redis, TCP": (f"redis://127.0.0.1:{single.port}?prefix=tcp", (single,)), "Redis Cluster": (f"redis://{hosts}?cluster", cluster),
        }
        rows = []

        def add(server, kind, path, nodes):
            if server not in servers:
                servers.append(server)
            rows.append(Row(f"{server.name}: {kind}", server, path))
            rows[-1].nodes = nodes

        for name, (store, nodes) in stores.items():
            server = ours(work, name, PARANOID_STORE=store)
            add(server, "read", "/session/peek", nodes)
            add(server, "counter", "/session", nodes)
        handler = {
            "php_admin_value[session.save_handler]": "redis",
            "php_admin_value[session.save_path]": f'"unix://{single.socket}?persistent=1"',
        }
        program = bench.php_program()
        plain, locks = php(work, program, "handler", handler), php(work, program, "locks", handler | {
            "php_admin_value[redis.session.locking_enabled]": "1", "php_admin_value[redis.session.lock_wait_time]": "2000",
            "php_admin_value[redis.session.lock_retries]": "5000",
        })
        whole = php(work, program, "whole", {"env[BENCH_REDIS]": single.socket})
        plain.name, locks.name, whole.name = "PHP, handler", "PHP, handler with locks", "PHP, whole values"
        add(plain, "read", "/peek", (single,))
        add(plain, "counter", "/counter", (single,))
        add(locks, "counter", "/counter", (single,))
        add(whole, "counter", "/whole", (single,))
        nginx = subprocess.Popen(bench.configure_nginx(work, servers), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for server in servers:
            server.start(log)
        for server in servers:
            wait_for(server)
        return measure(words, work, rows, nginx, stores, single)
    finally:
        bench.end([nginx] + [server.process for server in servers] + [node.process for node in running])


def wait_for(server):
    path = "/hello"
    while (answer := bench.ask(server.port, path)) is None or answer[0] != 200:
        if server.process.poll() is not None or time.monotonic() - server.began > 60:
            raise RuntimeError(f"{server.name} does not answer: {answer}")
        time.sleep(0.01)


def measure(words, work, rows, nginx, stores, single):
    rows = [row for row in rows if not words.only or re.search(words.only, row.name)]
    for number, row in enumerate(rows):
        path = "/session" if row.path == "/session/peek" else "/counter" if row.path == "/peek" else row.path
        row.cookies = bench.prepare_cookies(work, row.server, path, SESSIONS, str(number))

    def nginx_ticks():
        with open(f"/proc/{nginx.pid}/task/{nginx.pid}/children", encoding="ascii") as file:
            return sum(bench.ticks_of(pid) for pid in file.read().split())

    for _ in range(words.rounds):
        for row in rows:
            row.measure(words.connections, words.seconds, nginx_ticks)
    for row in rows:
        if row.name.endswith("counter"):
            row.count_up(work)
    allocated = {}
    for name, (store, _) in stores.items():
        if not words.only or any(name in row.name for row in rows):
            counted = allocations({"PARANOID_STORE": store})
            allocated[f"ours, {name}: read"], allocated[f"ours, {name}: counter"] = counted["read"][0], counted["counter"][0]
    print(f"{words.rounds} rounds, {words.connections} connections, {SESSIONS} sessions for each row; medians (least–greatest)\n")
    print("| | requests/s | CPU µs | of Redis, CPU µs | p50 ms | p99 ms | allocations | lost, one session and 8 clients |")
    print("|---|---|---|---|---|---|---|---|")
    number, bad = words.connections, 0
    for row in rows:
        def span(key, digits):
            values = row.values(number, key)
            return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"

        cells = [span("rate", 0), span("cpu", 1), span("redis", 1) if row.nodes else "–", f"{row.median(number, 'p50'):.2f}", f"{row.median(number, 'p99'):.2f}"]
        cells.append(f"{allocated[row.name]:.1f}" if row.name in allocated else "–")
        cells.append("–" if row.lost is None else f"{row.lost[0]} of {row.lost[1]}")
        print(f"| {row.name} | " + " | ".join(cells) + " |")
        failed = sum(row.values(number, "failed"))
        if failed or row.name.startswith("ours") and row.lost is not None and row.lost[0] != 0:
            bad += 1
            print(f"redis.py: {row.name}: {failed} responses were not 200, lost {row.lost}", file=sys.stderr)
    if size := typical(single):
        print(f"\nA session of the demo with one number is a value of {size} bytes.")
    rates = {row.name: row.median(number, "redis") for row in rows if row.name.startswith("ours, Redis, TCP")}
    if len(rates) == 2:
        print("\n| one node, with 70 % of its thread for commands | requests/s |\n|---|---|")
        for name, microseconds in rates.items():
            print(f"| {name.split(': ')[1]} | {THREAD_SHARE * 1e6 / microseconds:.0f} |" if microseconds else f"| {name} | – |")
    return len(rows) - bad, bad


def typical(redis):
    """The median size of the demo's sessions; those that have ended have no payload."""
    sizes = []
    for _ in range(1000):
        key = redis.ask("RANDOMKEY")
        if key and key.startswith("unix:") and ":s:" in key and (size := redis.ask("STRLEN", key)) > 200:
            sizes.append(size)
    return round(statistics.median(sizes)) if sizes else None


# MARK: Memory


def fill(redis, bytes_of_payload, shards, users):
    """Bytes in use for each session; `MEMORY USAGE` of the keys, by kind."""
    redis.ask("FLUSHALL")
    redis.ask("MEMORY", "PURGE")
    before = redis.memory()
    words = [os.path.join(BIN, "redis-stress"), "fill", f"redis+unix:{redis.socket}?timeout=60", str(FILLED), str(bytes_of_payload), str(shards)]
    subprocess.run(words + (["users"] if users else []), check=True, timeout=300, stdin=subprocess.DEVNULL)
    whole = (redis.memory() - before) / FILLED
    keys = {}
    for _ in range(200):
        key = redis.ask("RANDOMKEY")
        kind = "session" if ":s:" in key else "list" if key.endswith(":u") else "other"
        keys.setdefault(kind, []).append(redis.ask("MEMORY", "USAGE", key))
    names = redis.ask("MEMORY", "USAGE", "paranoid:{000}:all", "SAMPLES", "0") / max(1, redis.ask("ZCARD", "paranoid:{000}:all"))
    return whole, {kind: statistics.median(found) for kind, found in keys.items()}, names


def memory(words, work, _log):
    redis = Redis(work, "memory", "--appendonly", "no")
    measured = {}
    try:
        print("| payload, sealed | user | sessions | bytes for each session | of it the session | the user's list | the name in the list of all |")
        print("|---|---|---|---|---|---|---|")
        for size in SIZES:
            for users in (True, False) if size == SIZES[0] else (True,):
                for number in NUMBERS:
                    whole, keys, names = fill(redis, size, max(1, round(SHARDS * FILLED / number)), users)
                    if users:
                        measured[size, number] = whole
                    cells = [str(size), "one each" if users else "none", f"10^{round(math.log10(number))}", f"{whole:.0f}", f"{keys['session']:.0f}"]
                    cells += [f"{keys['list']:.0f}" if users else "–", f"{names:.0f}"]
                    print("| " + " | ".join(cells) + " |")
    finally:
        bench.end([redis.process])
    print("\n| payload, sealed | sessions | GB | " + " | ".join(f"nodes of {each} GB" for each in NODES) + " |")
    print("|---|---|---|" + "---|" * len(NODES))
    for (size, number), each in measured.items():
        total = each * number
        cells = []
        for node in NODES:
            masters = math.ceil(total / (MEMORY_SHARE * node * 1e9))
            cells.append(f"{masters} + {masters}")
        print(f"| {size} | 10^{round(math.log10(number))} | {total / 1e9:.1f} | " + " | ".join(cells) + " |")
    return 1, 0


# MARK: All of it


def write(page, name, text):
    with open(page, encoding="utf-8") as file:
        before, _, rest = file.read().partition(f"<!-- redis {name} -->")
    _, _, after = rest.partition(f"<!-- end of redis {name} -->")
    if not after:
        sys.exit(f"redis.py: {page} has no comments `redis {name}` and its end")
    with open(page, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- redis {name} -->\n\n{text.strip()}\n\n<!-- end of redis {name} -->{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], "requests", "memory"])
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", default="")
    parser.add_argument("--page", default="")
    words = parser.parse_args()
    if words.build:
        for product in ("demo", "redis-stress"):
            subprocess.run(
                ["swift", "build", "--package-path", ROOT, "-c", "release", "--traits", "Redis", "--scratch-path", os.path.join(ROOT, ".build-redis"),
                 "--product", product], check=True, timeout=1800)
    for program in ("demo", "redis-stress"):
        if not os.access(os.path.join(BIN, program), os.X_OK):
            sys.exit(f"redis.py: no {program} below {BIN}; try --build")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    good = bad = 0
    for name, part in (("requests", requests), ("memory", memory)):
        if words.parts and name not in words.parts:
            continue
        with tempfile.TemporaryDirectory() as work, open(os.path.join(work, "log"), "w+", encoding="utf-8") as log:
            output = io.StringIO()
            try:
                with contextlib.redirect_stdout(output):
                    passed, failed = part(words, work, log)
            except Exception:
                log.seek(0)
                print(output.getvalue(), log.read()[-3000:], sep="\n", file=sys.stderr)
                raise
            good, bad = good + passed, bad + failed
            print(output.getvalue())
            if words.page:
                write(words.page, name, output.getvalue())
    print(f"\n{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
