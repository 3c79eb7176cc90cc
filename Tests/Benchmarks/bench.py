#!/usr/bin/env python3
"""Requests per second and CPU time per request of this project and of its peers, round by round through one nginx.

    Tests/Benchmarks/bench.py [--short] [--rounds N] [--seconds N] [--connections N,N…] [--only PATTERN] [--build] [--svg FILE]
                              [--no-counts] [--save FILE]
    Tests/Benchmarks/bench.py --show FILE [--svg FILE] [--page FILE]

Every row is measured once in each round, the rows in turn, so that what the machine does meanwhile meets all of them;
the table has medians, with the least and the greatest in brackets. CPU is the time of all processes of the application
(user and system, from /proc), divided by the responses that the clients counted; PSS is measured after the last round; the system
calls are those that strace sees in a round of its own, the allocations are counted as `count.py` does for the gate.

 * ours: the demo, 1 worker with 2 threads (BENCH_WORKERS, BENCH_THREADS), in its usual profile `paranoid` and in `balanced`. The clients
   (load.c) keep the cookies that they get, as browsers do.
 * C: libfcgi with one thread for each connection; `counter` is a file under flock(2), without any protection
 * C, scheduled: libfcgi behind epoll, 2 threads
 * PHP-FPM: 8 processes, opcache, one connection per request; `counter` is session_start()
 * Hummingbird: over HTTP; `counter` is MemoryPersistDriver and a cookie
 * Go: net/http/fcgi; `counter` is a map and a cookie

--save adds the figures of a run to those in FILE, for a benchmark in pieces: a round with all rows in each. --no-counts leaves system
calls and allocations out. --show measures nothing and shows the figures of a file; --page writes them into a page of the
documentation, between the comments `bench` and `end of bench`.

--short is for the gate: ours alone, one second per row. Otherwise the peers are built from Tests/Benchmarks/Peers when they
are missing below .build/peers, and skipped with a word when what they need cannot be installed. --build builds the demo first
(release); without it, it has to be there, or PARANOID_BIN_DIR says where. Ends with `N passed, N failed`: a row passes when
every response was 200.
"""
import argparse
import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = os.path.join(HERE, "Peers")
BUILT = os.path.join(ROOT, ".build", "peers")
LOAD = os.path.join(BUILT, "load")
SESSIONS = int(os.environ.get("BENCH_SESSIONS", "256"))
os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
sys.path.insert(0, HERE)
from count import allocations  # noqa: E402


class Server:
    """An application behind nginx: its process, and the port on which nginx offers it."""

    def __init__(self, name, command, environment=None, upstream=None, kept=True, location="fastcgi"):
        self.name, self.command, self.environment, self.kept, self.location = name, command, environment, kept, location
        self.upstream = upstream
        self.port = free_port()
        self.process = None
        self.start_seconds = 0.0

    def start(self, log):
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def pids(self):
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                        waiting += [int(word) for word in file.read().split()]
            except OSError:
                pass
        return found

    def ticks(self):
        return sum(ticks_of(pid) for pid in self.pids())

    def memory(self):
        """MiB of all processes and of the largest one below the first, such as a worker; shared pages in parts."""
        sizes = []
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                sizes.append(int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M).group(1)) / 1024)
        return sum(sizes), max(sizes[1:], default=sizes[0])


def ticks_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARANOID_", "PSESSION_", "SESSION_", "BENCH_"))}
    return kept | settings


def install(*packages):
    done = subprocess.run([os.path.join(ROOT, "nginx", "packages.sh"), *packages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    return done.returncode == 0


def built(name, command, cwd, seconds):
    """Runs the build of a peer; whether it worked."""
    print(f"bench.py: building {name}", file=sys.stderr)
    try:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"bench.py: skipped, {name}: {error}")
        return False
    if done.returncode != 0:
        print(f"bench.py: skipped, {name} does not build:\n{done.stdout[-1500:]}")
    return done.returncode == 0


def build_load():
    """nginx, and the program of the clients."""
    os.makedirs(BUILT, exist_ok=True)
    if not install("nginx", "gcc", "libc6-dev", "libfcgi-dev") or not built("load.c", ["gcc", "-O2", "-o", LOAD, os.path.join(HERE, "load.c")], HERE, 60):
        sys.exit("bench.py: nginx and a C compiler are needed")


# MARK: Who takes part


def ours(work, binary, profile, **more):
    directory = os.path.join(work, profile)
    os.mkdir(directory)
    settings = {
        "PARANOID_LISTEN": f"unix:{directory}/app.sock", "PARANOID_WORKERS": os.environ.get("BENCH_WORKERS", "1"),
        "PARANOID_THREADS": os.environ.get("BENCH_THREADS", "2"), "PARANOID_SESSION_DIR": f"{directory}/sessions",
        "PARANOID_SECRET_FILE": f"{directory}/secret", "PSESSION_PROFILE": profile,
    } | more
    return Server("ours", [binary], clean_environment(**settings), f"unix:{directory}/app.sock")


def peers(work, wanted):
    """The peers that take part, by name."""
    found = {}
    if wanted("C"):
        for name in ("hello", "scheduled"):
            command = ["gcc", "-O2", "-pthread", "-o", os.path.join(BUILT, name), os.path.join(PEERS, "c", name + ".c"), "-lfcgi"]
            if not built(name + ".c", command, PEERS, 60):
                return found
        os.mkdir(os.path.join(work, "c-sessions"))
        # As many threads as there are connections: an idle kept one holds its thread.
        found["C"] = Server("C", [os.path.join(BUILT, "hello"), f"{work}/c.sock", "200", f"{work}/c-sessions"], upstream=f"unix:{work}/c.sock")
        found["C, scheduled"] = Server(
            "C, scheduled", [os.path.join(BUILT, "scheduled"), f"{work}/scheduled.sock", "2"], upstream=f"unix:{work}/scheduled.sock"
        )
    if wanted("PHP-FPM"):
        program = php_program()
        if program is None and install("php-fpm", "php-cli"):
            program = php_program()
        if program is None:
            print("bench.py: skipped, PHP-FPM: it cannot be installed here")
        else:
            os.mkdir(os.path.join(work, "php-sessions"))
            command = fpm(work, program, "php", {"php_admin_value[session.save_path]": f"{work}/php-sessions"})
            found["PHP-FPM"] = Server("PHP-FPM", command, upstream=f"unix:{work}/php.sock", kept=False, location="php")
    if wanted("Hummingbird"):
        package, scratch = os.path.join(PEERS, "hummingbird-peer"), os.path.join(BUILT, "hummingbird")
        if built("Hummingbird", ["swift", "build", "-c", "release", "--scratch-path", scratch], package, 1800):
            port = free_port()
            found["Hummingbird"] = Server(
                "Hummingbird", [os.path.join(scratch, "release", "peer"), str(port)], upstream=f"127.0.0.1:{port}", location="proxy"
            )
    if wanted("Go"):
        if shutil.which("go") is None and not install("golang-go"):
            print("bench.py: skipped, Go: it cannot be installed here")
        elif built("Go", ["go", "build", "-o", os.path.join(BUILT, "go-peer"), "main.go"], os.path.join(PEERS, "go"), 300):
            found["Go"] = Server("Go", [os.path.join(BUILT, "go-peer"), f"{work}/go.sock"], upstream=f"unix:{work}/go.sock")
    return found


# MARK: nginx


def php_program():
    return next((path for path in map(shutil.which, ("php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm")) if path), None)


def fpm(work, program, socket_name, settings):
    """The command of PHP-FPM with 8 processes."""
    configuration = os.path.join(work, socket_name + ".conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(
            f"[global]\nerror_log = {work}/{socket_name}.log\ndaemonize = no\n[www]\nuser = root\ngroup = root\nlisten = {work}/{socket_name}.sock\n"
            f"listen.mode = 0600\nlisten.backlog = 1024\npm = static\npm.max_children = 8\nphp_admin_value[opcache.enable] = 1\n"
            + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
    return [program, "--fpm-config", configuration, "--nodaemonize"] + (["--allow-to-run-as-root"] if os.geteuid() == 0 else [])


def configure_nginx(work, servers):
    prefix = os.path.join(work, "nginx")
    os.makedirs(os.path.join(prefix, "conf"))
    os.mkdir(os.path.join(prefix, "tmp"))
    with open(os.path.join(ROOT, "nginx", "paranoid_fastcgi_params"), encoding="utf-8") as file:
        parameters = "\n".join(line for line in file.read().split("\n") if "HTTPS" not in line)
    blocks = []
    for number, server in enumerate(servers):
        keepalive = "keepalive 256; keepalive_requests 100000000;" if server.kept else ""
        blocks.append(f"    upstream u{number} {{ server {server.upstream} max_fails=0; {keepalive} }}")
        if server.location == "proxy":
            inside = f'proxy_pass http://u{number}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host localhost;'
        else:
            inside = f"fastcgi_pass u{number};" + (" fastcgi_keep_conn on;" if server.kept else "")
        if server.location == "php":
            inside += f" fastcgi_param SCRIPT_FILENAME {PEERS}/php$uri.php;"
            # A parameter in a location hides those of the levels above.
            inside = "include paranoid_fastcgi_params; fastcgi_param HTTPS on; " + inside
        blocks.append(f"    server {{ listen 127.0.0.1:{server.port}; location / {{ {inside} }} }}")
    with open(os.path.join(prefix, "conf", "paranoid_fastcgi_params"), "w", encoding="utf-8") as file:
        file.write(parameters)
    temporary = "".join(f"    {kind}_temp_path tmp/{kind};\n" for kind in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
    with open(os.path.join(prefix, "conf", "nginx.conf"), "w", encoding="utf-8") as file:
        # HTTPS is claimed on a plain port: sessions behave as behind TLS, and TLS is not measured.
        file.write(
            f"worker_processes 1;\npid nginx.pid;\nerror_log error.log warn;\nevents {{ worker_connections 2048; }}\nhttp {{\n{temporary}"
            "    access_log off;\n    keepalive_requests 100000000;\n    include paranoid_fastcgi_params;\n    fastcgi_param HTTPS on;\n"
            + "\n".join(blocks) + "\n}\n"
        )
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    return ["nginx", "-p", prefix, "-c", "conf/nginx.conf", "-e", "error.log", "-g", directives]


def ask(port, path, cookie=None):
    """Status and cookies of one request; `None` when there is no answer."""
    with socket.socket() as client:
        client.settimeout(5)
        try:
            client.connect(("127.0.0.1", port))
            field = f"Cookie: {cookie}\r\n" if cookie else ""
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n{field}Connection: close\r\n\r\n".encode())
            data = b""
            while chunk := client.recv(65536):
                data += chunk
        except OSError:
            return None
    head = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if len(head[0].split()) < 2:
        return None
    cookies = [line.split(":", 1)[1].split(";")[0].strip() for line in head[1:] if line.lower().startswith("set-cookie:")]
    return int(head[0].split()[1]), "; ".join(cookies)


# MARK: Measuring


class Row:
    """What is measured: a path of a server, with the cookies of its sessions, perhaps beside another one with its cookies."""

    def __init__(self, name, server, path, cookies=None, beside=None, share=1.0, rate=None):
        self.name, self.server, self.path, self.cookies, self.beside, self.share = name, server, path, cookies, beside, share
        self.rate = rate
        self.results = {}

    def load(self, connections, seconds):
        counted = max(1, round(connections * self.share))
        words, settings = [str(self.server.port), str(counted), str(seconds), self.path], {}
        if self.cookies:
            settings["BENCH_COOKIES"] = self.cookies
        if self.beside:
            path, settings["BENCH_OTHER_COOKIES"] = self.beside
            words += [str(max(1, connections - counted)), path]
        if self.rate:
            settings["BENCH_OTHER_RATE"] = str(self.rate)
        return subprocess.Popen([LOAD, *words], env=clean_environment(**settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def measure(self, connections, seconds, nginx):
        before, nginx_before = self.server.ticks(), nginx()
        load = self.load(connections, seconds)
        output = load.communicate(timeout=seconds + 60)[0]
        used, nginx_used = self.server.ticks() - before, nginx() - nginx_before
        found = re.search(r"^result: (\d+) (\d+) (\d+) (\d+) (\d+)$", output, re.M)
        if not found or int(found.group(1)) == 0:
            raise RuntimeError(f"{self.name}: the clients said\n{output}")
        requests, microseconds, half, slow, failed = map(int, found.groups())
        tick = 1e6 / os.sysconf("SC_CLK_TCK")
        self.results.setdefault(connections, []).append(
            {"rate": requests * 1e6 / microseconds, "cpu": used * tick / requests, "nginx": nginx_used * tick / requests, "p50": half / 1000,
             "p99": slow / 1000, "failed": failed}
        )

    def values(self, connections, key):
        """Of all rounds; the median of none is never asked for."""
        return [result[key] for result in self.results.get(connections, [])]

    def median(self, connections, key):
        return statistics.median(self.values(connections, key))

    def system_calls(self, directory):
        """System calls per request, of a load under strace."""
        summary = os.path.join(directory, "strace")
        words = [word for pid in self.server.pids() for word in ("-p", str(pid))]
        trace = subprocess.Popen(["strace", "-f", "-c", "-o", summary, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        found = re.search(r"^result: (\d+)", self.load(32, 2).communicate(timeout=60)[0], re.M)
        trace.send_signal(signal.SIGINT)
        trace.wait(30)
        with open(summary, encoding="utf-8") as file:
            total = re.search(r"^\s*100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s.*total$", file.read(), re.M)
        return int(total.group(1)) / int(found.group(1)) if found and total else None


def prepare_cookies(work, server, path, count, name):
    file_name = os.path.join(work, f"cookies-{name}")
    with open(file_name, "w", encoding="utf-8") as file:
        for _ in range(count):
            answer = ask(server.port, path)
            if answer is None or answer[0] != 200 or not answer[1]:
                raise RuntimeError(f"{server.name} began no session at {path}: {answer}")
            file.write(answer[1] + "\n")
    return file_name


def rows_of(work, servers):
    rows = []
    paranoid, balanced = servers["ours"], servers["ours, balanced"]
    cookies = prepare_cookies(work, paranoid, "/session", SESSIONS, "paranoid")
    hot = prepare_cookies(work, paranoid, "/session", 1, "hot")
    rows.append(Row("ours: hello", paranoid, "/hello"))
    rows.append(Row("ours: read", paranoid, "/session/peek", cookies))
    rows.append(Row("ours: counter", paranoid, "/session", cookies))
    usual = prepare_cookies(work, balanced, "/session", SESSIONS, "balanced")
    rows.append(Row("ours, balanced: read", balanced, "/session/peek", usual))
    rows.append(Row("ours, balanced: counter", balanced, "/session", usual))
    # One session that everybody reads, alone and while a tenth as many clients change it.
    rows.append(Row("ours: one hot session, all clients read", paranoid, "/session/peek", hot))
    rows.append(Row("ours: one hot session, readers", paranoid, "/session/peek", hot, share=0.9))
    rows.append(Row("ours: one hot session, readers beside writers", paranoid, "/session/peek", hot, beside=("/session", hot), share=0.9))
    rows.append(Row("ours: hello, half the clients", paranoid, "/hello", share=0.5))
    # Others commit all they can, which takes most of the machine, or at a rate that leaves room.
    beside = ("/session", cookies)
    rows.append(Row("ours: hello beside as many commits", paranoid, "/hello", beside=beside, share=0.5))
    rows.append(Row("ours: hello beside 2 000 commits a second", paranoid, "/hello", beside=beside, share=0.5, rate=2000))
    for name, server in servers.items():
        if name.startswith("ours"):
            continue
        rows.append(Row(f"{name}: hello", server, "/hello"))
        if name != "C, scheduled":
            rows.append(Row(f"{name}: counter", server, "/counter", prepare_cookies(work, server, "/counter", SESSIONS, name)))
    return rows


# MARK: Showing


class Figures:
    """All that is shown of one run, or of several whose rounds were kept in a file."""

    def __init__(self, rows):
        self.rows, self.calls, self.allocations, self.servers = rows, {}, {}, {}

    @staticmethod
    def load(path):
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        rows = []
        for name, row in kept["rows"].items():
            rows.append(Row(name, None, "", beside=row["beside"]))
            rows[-1].results = {int(number): results for number, results in row["results"].items()}
        figures = Figures(rows)
        figures.calls, figures.allocations, figures.servers = kept["calls"], kept["allocations"], kept["servers"]
        return figures

    def add(self, path):
        """Puts these figures behind those of a file."""
        kept = {"rows": {}, "calls": {}, "allocations": {}, "servers": {}}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
        for row in self.rows:
            results = kept["rows"].setdefault(row.name, {"beside": bool(row.beside), "results": {}})["results"]
            for number, found in row.results.items():
                results.setdefault(str(number), []).extend(found)
        for name, facts in self.servers.items():
            known = kept["servers"].setdefault(name, {"start": [], "memory": []})
            known["start"] += facts["start"]
            known["memory"] += facts["memory"]
        kept["calls"] |= self.calls
        kept["allocations"] |= self.allocations
        with open(path, "w", encoding="utf-8") as file:
            json.dump(kept, file)

    def show(self, connections, svg):
        rounds = max(len(results) for row in self.rows for results in row.results.values())
        print(f"{rounds} rounds, {SESSIONS} sessions; medians (least–greatest)")
        show([row for row in self.rows if row.results], connections, self.calls, self.servers)
        if self.allocations:
            print("\n| allocations per request | outside libfcgi | in libfcgi |\n|---|---|---|")
            for name, (outside, inside) in self.allocations.items():
                print(f"| ours: {name} | {outside:.1f} | {inside:.1f} |")
        if svg:
            number = 32 if 32 in connections else connections[0]
            plot(svg, [row for row in self.rows if not row.beside and row.results.get(number)], number)

    def write(self, page, connections):
        """Puts the tables into a page, between its two comments."""
        with open(page, encoding="utf-8") as file:
            text = file.read()
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.show(connections, None)
        before, _, rest = text.partition("<!-- bench -->")
        _, _, after = rest.partition("<!-- end of bench -->")
        if not after:
            sys.exit(f"bench.py: {page} has no comments `bench` and `end of bench`")
        with open(page, "w", encoding="utf-8") as file:
            file.write(f"{before}<!-- bench -->\n\n{output.getvalue().strip()}\n\n<!-- end of bench -->{after}")


def show(rows, connections, calls, servers):
    for number in connections:
        print(f"\n{number} connections\n")
        print("| | requests/s | CPU µs | nginx CPU µs | p50 ms | p99 ms |" + (" system calls |" if calls else ""))
        print("|---|---|---|---|---|---|" + ("---|" if calls else ""))
        for row in rows:
            if number not in row.results:
                continue
            rates, cpu = row.values(number, "rate"), row.values(number, "cpu")
            cells = [
                f"{statistics.median(rates):.0f} ({min(rates):.0f}–{max(rates):.0f})",
                # Beside another load, the time is that of both.
                "–" if row.beside else f"{statistics.median(cpu):.1f} ({min(cpu):.1f}–{max(cpu):.1f})",
                f"{row.median(number, 'nginx'):.1f}", f"{row.median(number, 'p50'):.2f}", f"{row.median(number, 'p99'):.2f}",
            ]
            if calls:
                cells.append(f"{calls[row.name]:.1f}" if calls.get(row.name) else "–")
            print(f"| {row.name} | " + " | ".join(cells) + " |")
        ratios(rows, number)
    print("\n| | start ms | PSS MiB | of it the largest worker |\n|---|---|---|---|")
    for name, facts in servers.items():
        whole, worker = max(facts["memory"])
        print(f"| {name} | {statistics.median(facts['start']):.0f} | {whole:.1f} | {worker:.1f} |")


RATIOS = [
    ("hello: CPU against C, scheduled", "cpu", "ours: hello", "C, scheduled: hello"),
    ("hello: requests/s against C", "rate", "ours: hello", "C: hello"),
    ("read: CPU against C's counter", "cpu", "ours: read", "C: counter"),
    ("counter: CPU against C's counter", "cpu", "ours: counter", "C: counter"),
    ("counter: requests/s against PHP-FPM", "rate", "ours: counter", "PHP-FPM: counter"),
    ("counter: requests/s against Hummingbird", "rate", "ours: counter", "Hummingbird: counter"),
    ("readers of a hot session, a tenth of the clients write, against all clients read: p50", "p50", "ours: one hot session, readers beside writers", "ours: one hot session, all clients read"),
    ("readers of a hot session beside writers against alone: p50", "p50", "ours: one hot session, readers beside writers", "ours: one hot session, readers"),
    ("hello beside as many commits as fit in, against alone: p99", "p99", "ours: hello beside as many commits", "ours: hello, half the clients"),
    ("hello beside 2 000 commits a second against alone: p99", "p99", "ours: hello beside 2 000 commits a second", "ours: hello, half the clients"),
]


def ratios(rows, number):
    """Each ratio is of the two rows of one round; the median of the rounds."""
    named = {row.name: row for row in rows}
    shown = [(what, key, named[one], named[other]) for what, key, one, other in RATIOS if one in named and other in named]
    if not shown:
        return
    print("\n| ratio | |\n|---|---|")
    for what, key, one, other in shown:
        values = [a / b for a, b in zip(one.values(number, key), other.values(number, key)) if b]
        if values:
            print(f"| {what} | {statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f}) |")


def plot(path, rows, number):
    """Bars of the CPU time and the requests per second, for the page Performance."""
    bar, gap, left, width = 18, 8, 300, 360
    height = 60 + (bar + gap) * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + 2 * width + 120}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<text x="{left}" y="20">CPU µs per request</text><text x="{left + width + 60}" y="20">requests per second</text>',
    ]
    for place, (key, digits) in enumerate((("cpu", 1), ("rate", 0))):
        greatest = max(row.median(number, key) for row in rows)
        for line, row in enumerate(rows):
            value, x, y = row.median(number, key), left + place * (width + 60), 36 + line * (bar + gap)
            color = "#c8553d" if row.name.startswith("ours") else "#588b8b"
            length = width * 0.85 * value / greatest
            parts.append(f'<rect x="{x}" y="{y}" width="{length:.1f}" height="{bar}" fill="{color}"/>')
            parts.append(f'<text x="{x + length + 5:.1f}" y="{y + 13}">{value:.{digits}f}</text>')
            if place == 0:
                parts.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{row.name}</text>')
    parts.append(f'<text x="8" y="{height - 6}" fill="#666">{number} connections; Tests/Benchmarks/bench.py</text></svg>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")
    print(f"\nbench.py: wrote {path}")


# MARK: All of it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", default="4,32,128")
    parser.add_argument("--only", default="")
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--svg", default=os.path.join(ROOT, ".build", "bench.svg"))
    parser.add_argument("--no-counts", action="store_true")
    parser.add_argument("--save", default="")
    parser.add_argument("--show", default="")
    parser.add_argument("--page", default="")
    words = parser.parse_args()
    if words.show:
        figures = Figures.load(words.show)
        connections = sorted({number for row in figures.rows for number in row.results})
        figures.show(connections, words.svg)
        if words.page:
            figures.write(words.page, connections)
        return
    if words.short:
        words.rounds, words.seconds, words.connections = 1, 1, "32"
    connections = [int(word) for word in words.connections.split(",")]

    build_load()
    if words.build:
        subprocess.run(["swift", "build", "--package-path", ROOT, "-c", "release", "--product", "demo"], check=True, timeout=1800)
    binary = os.path.join(os.environ.get("PARANOID_BIN_DIR") or os.path.join(ROOT, ".build", "release"), "demo")
    if not os.access(binary, os.X_OK):
        sys.exit(f"bench.py: no {binary}; try --build")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    servers, nginx = {}, None
    with tempfile.TemporaryDirectory() as work, open(os.path.join(work, "log"), "w+", encoding="utf-8") as log:
        try:
            servers = {"ours": ours(work, binary, "paranoid"), "ours, balanced": ours(work, binary, "balanced")}
            if not words.short:
                def wanted(name):
                    parts = [name, "C, scheduled"] if name == "C" else [name]
                    return any(re.search(words.only, f"{part}: {kind}") for part in parts for kind in ("hello", "counter"))

                servers |= peers(work, wanted)
            nginx = subprocess.Popen(configure_nginx(work, servers.values()), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            for server in servers.values():
                server.start(log)
                wait_for(server)
            run(words, work, servers, nginx, connections)
        except (RuntimeError, SystemExit):
            log.seek(0)
            print(log.read()[-3000:], file=sys.stderr)
            raise
        finally:
            end([nginx] + [server.process for server in servers.values()])


def wait_for(server):
    while (answer := ask(server.port, "/hello")) is None or answer[0] != 200:
        if server.process.poll() is not None or time.monotonic() - server.began > 30:
            raise RuntimeError(f"{server.name} does not answer: {answer}")
        time.sleep(0.002)
    server.start_seconds = time.monotonic() - server.began


def run(words, work, servers, nginx, connections):
    rows = [row for row in rows_of(work, servers) if not words.only or re.search(words.only, row.name)]

    def nginx_ticks():
        with open(f"/proc/{nginx.pid}/task/{nginx.pid}/children", encoding="ascii") as file:
            return sum(ticks_of(pid) for pid in file.read().split())

    for _ in range(words.rounds):
        for number in connections:
            for row in rows:
                row.measure(number, words.seconds, nginx_ticks)
    figures = Figures(rows)
    counts = not words.short and not words.no_counts
    if counts and install("strace"):
        figures.calls = {row.name: row.system_calls(work) for row in rows if not row.beside}
    if counts:
        figures.allocations = allocations()
    figures.servers = {name: {"start": [server.start_seconds * 1000], "memory": [server.memory()]} for name, server in servers.items()}
    if words.save:
        figures.add(words.save)
    figures.show(connections, words.svg if not words.short else None)
    bad = 0
    for row in rows:
        failed = sum(sum(row.values(number, "failed")) for number in connections)
        if failed:
            bad += 1
            print(f"bench.py: {failed} responses of \"{row.name}\" were not 200")
    print(f"\n{len(rows) - bad} passed, {bad} failed")
    if bad:
        raise SystemExit(1)


def end(processes):
    running = [process for process in processes if process is not None and process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
