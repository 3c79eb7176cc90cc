"""Hosts in network namespaces: nodes of Redis, applications and nginx, each with an address of its own.

All runs in namespaces of processes, networks and mounts that end with the first process in them, however that ends: nothing is
left behind, and nothing outside is touched.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

WORK = "/mnt"  # a memory file system of the namespace
LIMIT = 300  # the longest wait for a condition; a broken program ends this, a slow machine does not


def enter():
    """Starts this script again as the first process of new namespaces; says why where the system has none."""
    if os.environ.get("REDIS_FAULTS_INSIDE") == "1":
        return None
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    for program in ("unshare", "ip", "nginx", "redis-server", "redis-cli"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"there is no {program} (apt-get install util-linux iproute2 nginx redis-server redis-tools)"
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    trial = (
        "mount -t tmpfs none /mnt && mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link add b0 type bridge"
        " && ip netns add a && ip link add a0 type veth peer name eth0 netns a"
    )
    found = subprocess.run(words + ["sh", "-c", trial], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        return f"the system makes no network namespaces: {found.stderr.strip()[-200:]}"
    environment = {**os.environ, "REDIS_FAULTS_INSIDE": "1", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    sys.stdout.flush()
    os.execvpe("unshare", words + [sys.executable, *sys.argv], environment)
    return "unreachable"


def run(*words, check=True):
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {result.stderr.strip()[-300:]}")
    return result.stdout


def until(what, condition, limit=LIMIT):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"never: {what}")
        time.sleep(0.05)


class Network:
    """A bridge, at which this process is 10.77.0.1."""

    def __init__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
        run("mount", "-t", "tmpfs", "none", WORK)
        os.makedirs("/run/netns", exist_ok=True)
        run("mount", "-t", "tmpfs", "none", "/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge")
        run("ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
        run("ip", "link", "set", "br0", "up")

    def host(self, name, number):
        return Host(name, f"10.77.0.{number}")


class Host:
    def __init__(self, name, address):
        self.name, self.address, self.link = name, address, f"v-{name}"
        self.folder = f"{WORK}/{name}"
        os.makedirs(self.folder, exist_ok=True)
        run("ip", "netns", "add", name)
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", self.link, "master", "br0", "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")

    def spawn(self, words, environment=None, log="log"):
        with open(f"{self.folder}/{log}", "ab") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *words], env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=self.folder,
            )

    def unplug(self):
        run("ip", "link", "set", self.link, "down")

    def plug(self):
        run("ip", "link", "set", self.link, "up")

    def cut_off(self, others):
        """No packet to these hosts, while all other hosts are reached."""
        for other in others:
            run("ip", "-n", self.name, "route", "add", "blackhole", f"{other.address}/32")

    def join(self, others):
        for other in others:
            run("ip", "-n", self.name, "route", "del", "blackhole", f"{other.address}/32")

    def text(self, log="log"):
        try:
            with open(f"{self.folder}/{log}", encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Node:
    """A redis-server."""

    def __init__(self, network, index, options):
        self.index, self.host = index, network.host(f"redis{index}", 11 + index)
        self.options, self.process, self.identifier = options, None, None
        self.start()

    def start(self):
        words = ["redis-server", "--port", "6379", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", self.host.folder, "--save", ""]
        self.process = self.host.spawn(words + ["--appendonly", "yes"] + self.options)

    def ask(self, *words, limit=5):
        """The reply to a command as text, `None` where there is none."""
        try:
            with socket.create_connection((self.host.address, 6379), limit) as connection:
                connection.settimeout(limit)
                parts = [str(word).encode() for word in words]
                connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
                file = connection.makefile("rb")
                line = file.readline().decode()
                if line.startswith("$") and int(line[1:]) >= 0:
                    return file.read(int(line[1:])).decode()
                return line.strip()
        except (OSError, ValueError):
            return None

    def replies(self):
        return self.ask("PING", limit=1) == "+PONG"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()
        until(f"{self.host.name} replies", self.replies)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Three masters with a replica each."""

    def __init__(self, network, synchronization, timeout):
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(timeout), "--appendfsync", synchronization]
        options += ["--cluster-replica-validity-factor", "100", "--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0"]
        options += ["--cluster-require-full-coverage", "no"]
        self.nodes = [Node(network, index, options) for index in range(6)]
        bounds = [0, 5461, 10923, 16384]
        for index, node in enumerate(self.nodes):
            until(f"{node.host.name} replies", node.replies)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            if index < 3:
                node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[index], bounds[index + 1] - 1)
            node.identifier = node.ask("CLUSTER", "MYID")
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", node.host.address, 6379)
        for index in range(3, 6):
            master = self.nodes[index - 3]
            until("the replica knows its master", lambda: self.nodes[index].ask("CLUSTER", "REPLICATE", master.identifier) == "+OK")
        self.wait_until_whole()

    def whole(self, nodes=None):
        masters = replicas = 0
        for node in self.nodes:
            state, replication, view = node.ask("CLUSTER", "INFO"), node.ask("INFO", "replication"), node.ask("CLUSTER", "NODES")
            if not state or not replication or not view or "cluster_state:ok" not in state or "fail" in view or "handshake" in view:
                return False
            masters += "role:master" in replication and "connected_slaves:1" in replication and "state=online" in replication
            replicas += "role:slave" in replication and "master_link_status:up" in replication
        return masters == 3 and replicas == 3

    def wait_until_whole(self):
        until("the cluster is whole", self.whole)

    def masters(self):
        """The nodes that are masters and serve slots, as the first node sees it that replies and is no stranger."""
        views = [view for view in (node.ask("CLUSTER", "NODES", limit=1) for node in self.nodes) if view]
        found = []
        for line in views[0].split("\n"):
            parts = line.split()
            if len(parts) > 8 and "master" in parts[2] and "fail" not in parts[2]:
                found += [node for node in self.nodes if node.identifier == parts[0]]
        return found

    def has_replaced(self, lost):
        """Whether most others say that somebody else serves the slots of a node."""
        views = [node.ask("CLUSTER", "NODES", limit=1) for node in self.nodes if node is not lost]
        good = 0
        for view in views:
            for line in (view or "").split("\n"):
                parts = line.split()
                if parts and parts[0] == lost.identifier:
                    good += len(parts) <= 8 or "[" in parts[8]
        return good >= 3

    def wait_until_replaced(self, node):
        until(f"another node took over from {node.host.name}", lambda: self.has_replaced(node))
