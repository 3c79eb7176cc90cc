#!/usr/bin/env python3
"""Sessions in Redis while everything fails: three application hosts, nginx, and a cluster or one server, each in a network of its own.

    Tests/RedisFaults/faults.py [--short] [--only cluster|lossy|single] [--seed N]

Needs root, and `demo` built with the trait Redis (`PARANOID_BIN_DIR`, or .build-redis/debug). Owners count up in their sessions
through nginx in several tabs, lose responses, log in and out, and end one another's sessions. Meanwhile workers are killed with
signal 9 all the time, and
  - cluster: a master is killed, one hangs, one is unplugged, one is cut off from all nodes but not from the applications, slots move,
    and all nodes restart in turn, with `wait=1` and `appendfsync always`;
  - lossy: the same without `wait` and with `appendfsync everysec`: what is lost is counted and not judged;
  - single: one server hangs, is unplugged and restarts.
In short: a part of `cluster`. Where the system makes no network namespaces it says `skipped`. Ends with `N passed, N failed`.
"""
import asyncio
import collections
import json
import os
import random
import re
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browsers  # noqa: E402
import machine  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("PARANOID_BIN_DIR") or os.path.join(ROOT, ".build-redis", "debug")
WORKERS = (3, 3, 2)
# Of the store; a request has some operations in a row, each of which may take as long.
TIMEOUT = 5
# nginx gives a request up after this.
LONGEST = 60
passed = failed = 0


def check(is_good, sentence):
    global passed, failed
    passed, failed = passed + bool(is_good), failed + (not is_good)
    print(f"{'ok' if is_good else 'not ok'}: {sentence}", flush=True)


def say(sentence):
    print(f"{time.strftime('%H:%M:%S')} {sentence}", flush=True)


class Applications:
    """The demo application on three hosts, and nginx in front of them."""

    def __init__(self, network, store):
        self.hosts = [network.host(f"app{index}", 21 + index) for index in range(len(WORKERS))]
        self.processes, self.killed = [], 0
        self.front = network.host("front", 31)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PARANOID_", "PSESSION_", "SESSION_", "DEMO_"))}
        for host, workers in zip(self.hosts, WORKERS):
            self.processes.append(host.spawn([os.path.join(BIN, "demo")], {
                **inherited, "PARANOID_LISTEN": f"{host.address}:9000", "PARANOID_WORKERS": str(workers), "PARANOID_STORE": store,
                "PARANOID_SESSION_DIR": f"{host.folder}/sessions", "PARANOID_SECRET_FILE": f"{machine.WORK}/secret",
                "PARANOID_STATUS": f"unix:{host.folder}/status.sock", "PSESSION_DELAY_BOUND": "6", "PSESSION_KEY_TIMEOUT": "20",
                "PARANOID_LOG_LEVEL": "info",
            }))
            # The first one makes the secret.
            machine.until("the secret is there", lambda: os.path.exists(f"{machine.WORK}/secret"))
        servers = "".join(f"server {host.address}:9000 max_fails=0;" for host in self.hosts)
        with open(os.path.join(ROOT, "nginx/paranoid_fastcgi_params"), encoding="utf-8") as file:
            parameters = "".join(line for line in file if not line.startswith("fastcgi_param  HTTPS "))
        with open(f"{self.front.folder}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"""user root; worker_processes 1; daemon off; pid {self.front.folder}/pid; error_log {self.front.folder}/error.log;
                events {{ worker_connections 1024; }}
                http {{
                  client_body_temp_path {self.front.folder}/body; fastcgi_temp_path {self.front.folder}/fastcgi;
                  proxy_temp_path {self.front.folder}/p; scgi_temp_path {self.front.folder}/s; uwsgi_temp_path {self.front.folder}/u;
                  access_log off;
                  upstream paranoid {{ {servers} keepalive 32; keepalive_timeout 4s; }}
                  server {{
                    listen {self.front.address}:80;
                    add_header X-Upstream $upstream_addr always;
                    location / {{
                      {parameters}
                      fastcgi_param HTTPS on;
                      fastcgi_pass paranoid; fastcgi_keep_conn on; fastcgi_connect_timeout 5s; fastcgi_read_timeout {LONGEST}s;
                      fastcgi_next_upstream error timeout; fastcgi_next_upstream_tries 3;
                    }}
                  }}
                }}""")
        self.nginx = self.front.spawn(["nginx", "-p", self.front.folder, "-c", f"{self.front.folder}/nginx.conf"])

    def workers(self):
        """The processes of all workers: the children of the supervisors."""
        supervisors = {process.pid for process in self.processes}
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                        parts = file.read().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(parts[1]) in supervisors and parts[0] != "Z":
                    found.append(int(entry))
        return found

    def kill_one(self):
        workers = self.workers()
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)
            self.killed += 1

    def report(self):
        """What the status of all hosts says about Redis, in sum."""
        sums = collections.Counter()
        for host in self.hosts:
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(10)
                    connection.connect(f"{host.folder}/status.sock")
                    connection.sendall(b"GET /status.json HTTP/1.0\r\nHost: x\r\n\r\n")
                    data = b""
                    while piece := connection.recv(65536):
                        data += piece
                found = json.loads(data.partition(b"\r\n\r\n")[2]).get("redis", {})
                sums.update({key: value for key, value in found.items() if isinstance(value, int)})
            except (OSError, ValueError):
                pass
        return dict(sums)

    def events(self):
        """How often each event of sessions is in the logs, and all other warnings."""
        events, others = collections.Counter(), collections.Counter()
        for host in self.hosts:
            for line in host.text().split("\n"):
                found = re.search(r" session\.event=(\S+)", line)
                if found:
                    events[found.group(1)] += 1
                elif re.search(r"\S+ (warning|error|critical) ", line):
                    others[line.rpartition("] ")[2][:100]] += 1
        return events, others


class Campaign:
    def __init__(self, name, is_short):
        self.name, self.is_short = name, is_short
        self.network = machine.Network()
        self.is_over = False
        self.losses_count = name == "lossy"
        self.pause = 1.0
        options = f"timeout={TIMEOUT}"
        if name == "single":
            self.node = machine.Node(self.network, 0, ["--appendfsync", "always"])
            machine.until("the server replies", self.node.replies)
            self.cluster, address = None, f"redis://{self.node.host.address}:6379?{options}"
        else:
            self.cluster = machine.Cluster(self.network, "everysec" if self.losses_count else "always", 3000)
            nodes = ",".join(f"{node.host.address}:6379" for node in self.cluster.nodes)
            address = f"redis://{nodes}?cluster&{options}" + ("" if self.losses_count else "&wait=1")
        self.applications = Applications(self.network, address)
        self.web = browsers.Web(self.applications.front.address, 80)
        self.ledger = browsers.Ledger()

    async def wait(self, function, *words):
        """Runs what blocks beside the browsers."""
        return await asyncio.get_running_loop().run_in_executor(None, function, *words)

    async def phase(self, sentence, *steps):
        say(sentence)
        began, before = time.monotonic(), len(self.web.times)
        for function, *words in steps:
            await self.wait(function, *words)
        served = [each for each in self.web.times[before:] if each[1] == 200]
        refused = len(self.web.times) - before - len(served)
        say(f"  after {time.monotonic() - began:.0f} s: {len(served)} requests served, {refused} with 502 or 503")

    # MARK: Faults

    def rest(self, seconds):
        time.sleep(seconds)

    async def faults_of_cluster(self):
        cluster, short = self.cluster, self.is_short
        await self.phase("nothing but dying workers", (self.rest, 5 if short else 10))
        first = random.choice(cluster.masters())
        await self.phase(
            f"a master dies ({first.host.name}) and comes back", (first.kill,), (cluster.wait_until_replaced, first), (self.rest, 0 if short else 5),
            (first.restart,), (cluster.wait_until_whole,),
        )
        second = random.choice(cluster.masters())
        await self.phase(
            f"a master hangs ({second.host.name})", (second.pause,), (cluster.wait_until_replaced, second), (self.rest, 0 if short else 30),
            (second.go_on,), (cluster.wait_until_whole,),
        )
        if not short:
            third = random.choice(cluster.masters())
            await self.phase(
                f"a master is unplugged ({third.host.name})", (third.host.unplug,), (cluster.wait_until_replaced, third), (self.rest, 10),
                (third.host.plug,), (cluster.wait_until_whole,),
            )
        fourth = random.choice(cluster.masters())
        others = [node.host for node in cluster.nodes if node is not fourth]
        await self.phase(
            f"a master is cut off from all nodes and not from the applications ({fourth.host.name})", (fourth.host.cut_off, others),
            (cluster.wait_until_replaced, fourth), (self.rest, 0 if short else 10), (fourth.host.join, others), (cluster.wait_until_whole,),
        )
        source, target = random.sample(cluster.masters(), 2)
        count = "300" if short else "3000"
        for giver, taker in ((source, target), (target, source)):
            await self.phase(
                f"{count} slots move from {giver.host.name} to {taker.host.name}",
                (machine.run, "redis-cli", "--cluster", "reshard", f"{giver.host.address}:6379", "--cluster-from", giver.identifier, "--cluster-to",
                 taker.identifier, "--cluster-slots", count, "--cluster-yes"),
                (cluster.wait_until_whole,),
            )
        if not short:
            for node in cluster.nodes:
                await self.phase(f"{node.host.name} restarts", (node.restart,), (cluster.wait_until_whole,))

    async def faults_of_server(self):
        await self.phase("nothing but dying workers", (self.rest, 20))
        await self.phase("the server hangs", (self.node.pause,), (self.rest, 10), (self.node.go_on,), (self.rest, 5))
        await self.phase("the server is unplugged", (self.node.host.unplug,), (self.rest, 10), (self.node.host.plug,), (self.rest, 5))
        for _ in range(3):
            await self.phase("the server is killed and restarts", (self.node.restart,), (self.rest, 5))

    async def kill_workers(self):
        while not self.is_over:
            await asyncio.sleep(random.uniform(1, 4))
            await self.wait(self.applications.kill_one)

    # MARK: The whole

    async def play(self):
        machine.until("nginx has an answer", self.answers)
        over = lambda: self.is_over
        owners = [browsers.Browser(self.web, self.ledger, f"owner{index}", 1 + index % 4) for index in range(10 if self.is_short else 16)]
        guests = [browsers.Browser(self.web, self.ledger, f"guest{index}", 1) for index in range(4)]
        pairs = [[browsers.Browser(self.web, self.ledger, f"pair{index}", 1) for _ in range(2)] for index in range(3)]
        await asyncio.gather(*(owner.log_in() for owner in owners))
        if self.cluster:
            # What has begun before the faults is on the replicas, also where nobody waits for them.
            await self.wait(self.cluster.wait_until_whole)
        tasks = [asyncio.create_task(browsers.browse(owner, over, self.pause)) for owner in owners for _ in range(owner.tabs)]
        tasks += [asyncio.create_task(browsers.come_and_go(guest, over, self.pause)) for guest in guests]
        tasks += [asyncio.create_task(browsers.revoke(*pair, over, self.pause)) for pair in pairs]
        tasks += [asyncio.create_task(browsers.haunt(self.web, self.ledger, over, 0.1))]
        killer = asyncio.create_task(self.kill_workers())
        await (self.faults_of_cluster() if self.cluster else self.faults_of_server())
        self.is_over = True
        await asyncio.gather(killer, *tasks)
        say("all is well again; the sums are compared")
        lost = sum(await asyncio.gather(*(owner.settle() for owner in owners)))
        for ghost in list(self.ledger.ghosts):
            while not await browsers.show(self.web, self.ledger, ghost):
                await asyncio.sleep(0.1)
        return lost

    def answers(self):
        try:
            with socket.create_connection((self.applications.front.address, 80), 5) as connection:
                connection.settimeout(5)
                connection.sendall(b"GET /hello HTTP/1.0\r\nHost: x\r\n\r\n")
                return b" 200 " in connection.recv(200)
        except OSError:
            return False

    def run(self):
        lost = asyncio.run(self.play())
        ledger, web = self.ledger, self.web
        events, others = self.applications.events()
        say(f"{sum(web.statuses.values())} responses by status: {web.statuses}; the longest took {web.longest:.1f} s")
        say(f"{ledger.counted} changes were acknowledged, {ledger.unknown} unknown, {lost} lost; {self.applications.killed} workers were killed")
        say(f"sessions ended: {ledger.ended}; wrong: {dict(collections.Counter(kind for kind, _ in ledger.wrong))}")
        say(f"events: {dict(events)}; other warnings: {dict(others)}")
        say(f"redis: {self.applications.report()}")
        now = time.monotonic()
        for began, status, taken, what, tries in sorted(web.times, key=lambda each: -each[2])[:8]:
            began = time.strftime("%H:%M:%S", time.localtime(time.time() - now + began))
            print(f"  slow: {what} at {began}: {status} after {taken:.1f} s from {tries} workers in a row")
        for kind, sentence in ledger.wrong[:20]:
            print(f"  {kind}: {sentence}")
        title = {"cluster": "cluster, wait=1", "lossy": "cluster, without wait", "single": "one server"}[self.name]
        check(ledger.counted > 100 and self.applications.killed > 3, f"{title}: changes were made and workers were killed")
        check(web.hung == 0 and web.longest < LONGEST, f"{title}: no request hung; the longest took {web.longest:.1f} s")
        check(web.statuses.get(500, 0) == 0, f"{title}: no request failed in another way than with 502 or 503")
        check(events["reuse"] == 0, f"{title}: no honest browser was taken for a thief")
        check(ledger.count("counted twice") == 0, f"{title}: no change happened twice")
        if self.losses_count:
            print(f"counted: {title}: {lost} of {ledger.counted} acknowledged changes were lost, {ledger.count('logged out')} owners were logged out,"
                  f" {ledger.count('back from the dead')} sessions came back")
        else:
            check(lost == 0, f"{title}: no acknowledged change was lost, of {ledger.counted}")
            check(ledger.count("logged out") == 0, f"{title}: no owner was logged out")
            check(ledger.count("back from the dead") == 0, f"{title}: nothing came back of {sum(ledger.ended.values())} sessions that ended")
        if os.environ.get("REDIS_FAULTS_KEEP"):
            machine.run("cp", "-r", machine.WORK, os.environ["REDIS_FAULTS_KEEP"])


def main():
    words = sys.argv[1:]
    is_short = "--short" in words
    names = [words[words.index("--only") + 1]] if "--only" in words else ["cluster"] if is_short else ["single", "lossy", "cluster"]
    seed = int(words[words.index("--seed") + 1]) if "--seed" in words else 1
    if os.environ.get("REDIS_FAULTS_INSIDE") != "1" and len(names) > 1:
        # Each in namespaces of its own.
        import subprocess
        sums = [0, 0]
        for name in names:
            output = subprocess.Popen([sys.executable, sys.argv[0], *words, "--only", name], stdout=subprocess.PIPE, text=True)
            text = ""
            for line in output.stdout:
                print(line, end="", flush=True)
                text += line
            closing = re.findall(r"^(\d+) passed, (\d+) failed", text, re.M)
            if output.wait() != 0 and not closing:
                sums[1] += 1
            for good, bad in closing:
                sums = [sums[0] + int(good), sums[1] + int(bad)]
        print(f"{sums[0]} passed, {sums[1]} failed")
        sys.exit(sums[1] > 0)
    reason = machine.enter()
    if reason:
        print(f"skipped: {reason}\n1 passed, 0 failed")
        return
    if not os.access(os.path.join(BIN, "demo"), os.X_OK):
        print(f"there is no {BIN}/demo; swift build --traits Redis --scratch-path .build-redis --product demo\n0 passed, 1 failed")
        sys.exit(1)
    random.seed(seed)
    Campaign(names[0], is_short).run()
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.stdout.flush()
    # Ends the namespaces with all that is in them.
    os._exit(failed > 0)


main()
