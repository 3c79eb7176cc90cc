#!/usr/bin/env python3
"""Does what nginx/container/Dockerfile says in a Debian root, and runs both images as a container engine would, without one.

    container.py PROGRAM BACKTRACE ROOT

PROGRAM is a release build of the demo with --static-swift-stdlib, BACKTRACE the toolchain's swift-backtrace-static, ROOT the folder
that package.py has made. Each container has namespaces of its own, process 1 without an init, a root that is read-only, no capability,
an unknown user and a memory limit where control groups can be made; one has a filter of system calls (seccomp) that is older than
pidfd_send_signal, pidfd_open and openat2, and one a secret as Kubernetes mounts it. Ends with `N passed, N failed`.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import package
from package import SOURCES, check, run, until

CONTAINER = SOURCES / "nginx/container"
FILTER = SOURCES / "Tests/IntegrationTests/Support/old-filter.py"
# pidfd_send_signal, pidfd_open, openat2: the same numbers on x86-64 and arm64.
YOUNG_CALLS = ("424", "434", "437")


class MemoryGroup:
    """A control group below this process's own that limits memory; `directory` is nothing where none can be made."""

    def __init__(self, limit):
        self.directory = self.limit_file = None
        own = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()}
        for controller, base, name in (("memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("", "/sys/fs/cgroup", "memory.max")):
            if controller not in own:
                continue
            directory = pathlib.Path(base + own[controller].rstrip("/")) / f"container-test-{os.getpid()}"
            try:
                directory.mkdir()
                (directory / name).write_text(str(limit))
                self.directory, self.base = directory, base
                return
            except OSError:
                if directory.is_dir():
                    directory.rmdir()

    def remove(self):
        if self.directory:
            until("the control group is empty", lambda: not (self.directory / "cgroup.procs").read_text())
            self.directory.rmdir()


def lines_of(dockerfile):
    text = re.sub(r"\\\n\s*", " ", dockerfile.read_text())
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def stages(dockerfile):
    """The stages of a Dockerfile by name, each a list of (instruction, rest)."""
    found, current = {}, None
    for line in lines_of(dockerfile):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            current = found[rest.split(" AS ")[1]] = []
        else:
            current.append((word, rest.strip()))
    return found


class Image:
    """A stage that was carried out on top of the root, and what it says about running."""

    def __init__(self, stage, root, folder, artifacts):
        self.folder, self.environment, self.identity, self.entry, self.volumes = folder, {}, None, None, []
        for part in ("upper", "work", "top"):
            (folder / part).mkdir(parents=True)
        self.top = folder / "top"
        package.must(run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={root},upperdir={folder}/upper,workdir={folder}/work", self.top))
        for word, rest in stage:
            getattr(self, f"do_{word.lower()}")(rest, artifacts)

    def do_run(self, rest, _):
        for name in re.findall(r"install -y --no-install-recommends ([a-z0-9.+ -]+)", rest):
            for each in name.split():
                check(f"Debian's package {each} is what the image needs", run("chroot", self.top, "dpkg", "-s", each).returncode == 0)
        for command in rest.split(" && "):
            if not command.startswith(("apt-get", "rm -rf /var/lib/apt")):
                package.must(run("chroot", self.top, "/bin/sh", "-c", command))

    def do_copy(self, rest, artifacts):
        *sources, target = [word for word in rest.split() if not word.startswith("--")]
        for source in sources:
            place = self.top / target.lstrip("/")
            place = place / pathlib.Path(source).name if target.endswith("/") else place
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(artifacts.get(source, SOURCES / source), place)

    def do_env(self, rest, _):
        self.environment.update(pair.split("=", 1) for pair in shlex.split(rest))

    def do_user(self, rest, _):
        self.identity = rest

    def do_volume(self, rest, _):
        self.volumes = json.loads(rest)

    def do_entrypoint(self, rest, _):
        self.entry = json.loads(rest)

    def do_expose(self, *_):
        pass

    def unmount(self):
        run("umount", "-l", self.top)


class Container:
    """An image that runs: namespaces, a read-only root, one unknown user, no capability; process 1 is the entry point itself."""

    def __init__(self, image, volumes, network=None, environment={}, output="/dev/null", memory=None, secrets=None, filtered=False):
        user, group = image.identity.split(":")
        mounts = " ".join(f"mount --bind {shlex.quote(str(volumes[path]))} $root{path};" for path in image.volumes)
        if secrets:
            mounts += f" mount --bind {shlex.quote(str(secrets))} $root/secrets; mount -o remount,bind,ro $root/secrets;"
        if memory and memory.directory:
            # An engine shows a container its own group only.
            place = memory.base
            mounts += f" mount -t tmpfs tmpfs $root/sys; mkdir -p $root{place}; mount --bind {memory.directory} $root{place};"
        entry = [] if not memory or not memory.directory else ["bash", "-c", f'echo $$ > {memory.directory}/cgroup.procs; exec "$@"', "bash"]
        if filtered:
            entry += ["/usr/bin/python3", str(FILTER), *YOUNG_CALLS, "--"]
        script = f"""
            root={shlex.quote(str(image.top))}
            mount --bind $root $root
            mount -o remount,bind,ro $root
            mount -t proc proc $root/proc
            mount -t tmpfs tmpfs $root/dev
            for each in null zero random urandom; do touch $root/dev/$each; mount --bind /dev/$each $root/dev/$each; done
            ln -s /proc/self/fd/1 $root/dev/stdout; ln -s /proc/self/fd/2 $root/dev/stderr
            {mounts}
            cd $root; mkdir -p dev/old; pivot_root . dev/old; cd /
            umount -l dev/old
            exec setpriv --reuid {user} --regid {group} --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs -- {shlex.join(image.entry)}
        """
        spaces = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        # Containers of a pod share their network.
        spaces = ["nsenter", "-t", str(network), "-n", *spaces] if network else [*spaces, "--net"]
        self.output = open(output, "ab")
        # An engine gives a pipe that the container's user may open by its path.
        if output != "/dev/null":
            os.chmod(output, 0o666)
        self.process = subprocess.Popen(
            [*entry, shutil.which(spaces[0]), *spaces[1:], "bash", "-euc", script], stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **image.environment, **environment},
        )

    @property
    def first(self):
        """The process that is process 1 inside."""
        children = lambda pid: pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = self.process.pid
        while pathlib.Path(f"/proc/{pid}/comm").read_text().strip() in ("nsenter", "unshare"):
            found = children(pid)
            if not found:
                return None
            pid = found[0]
        return pid

    def children(self):
        # Any of its threads may have started them.
        return run("pgrep", "-P", self.first).stdout.split()

    def signal(self, number):
        os.kill(int(self.first), number)

    def ended(self):
        return self.process.wait(timeout=60)

    def stop(self):
        if self.process.poll() is None:
            # By itself: what takes another user is no longer told that its parent has died (prctl(2), PR_SET_PDEATHSIG).
            first = self.first
            if first:
                os.kill(int(first), signal.SIGKILL)
            self.process.kill()
            self.process.wait()


MEMORY = 256 << 20


def limit(memory, log, run_directory):
    """The application sees what it is allowed."""
    if not memory.directory:
        print("--- container: no control group can be made here, so that no memory limit is seen")
        return
    status = json.loads(run("curl", "-s", "--unix-socket", run_directory / "app.status.sock", "http://localhost/status.json").stdout)
    found = status["memory"] or {}
    check("the status shows the memory limit of the container", found.get("limit_bytes") == MEMORY, found)
    check("and what is used of it", 0 < found.get("used_bytes", 0) < MEMORY, found)
    check("the log warns that the workers may need more", "the workers may need more memory than they are allowed" in log.read_text(errors="replace"))
    workers = len(status["workers"])
    check("there are no more workers than fit into it", workers <= MEMORY // (32 << 20), workers)


def kubernetes_secret(folder, content, group):
    """A volume with a secret: a link into a directory that is a link, owned by root and readable by a group (fsGroup)."""
    inner = folder / "..2026_01_01"
    inner.mkdir(parents=True)
    (inner / "secret").write_bytes(content)
    os.chown(inner / "secret", 0, group)
    (inner / "secret").chmod(0o440)
    for directory in (folder, inner):
        os.chown(directory, 0, group)
        directory.chmod(0o2750)
    (folder / "..data").symlink_to(inner.name)
    (folder / "secret").symlink_to("..data/secret")
    return folder


def play(application, web, folder):
    volumes = {}
    # A volume begins as the directory that the image has in its place, with owner and mode.
    for image in (application, web):
        for path in image.volumes:
            if path in volumes:
                continue
            volumes[path] = folder / "volumes" / path.strip("/").replace("/", "-")
            volumes[path].mkdir(parents=True)
            facts = (image.top / path.lstrip("/")).stat()
            os.chown(volumes[path], facts.st_uid, facts.st_gid)
            volumes[path].chmod(facts.st_mode & 0o7777)
    volumes.setdefault("/run/application", folder / "volumes/run-application")
    web.volumes.append("/run/application")
    (web.top / "run/application").mkdir(exist_ok=True)
    (application.top / "secrets").mkdir(exist_ok=True)
    log = folder / "log"
    pause = subprocess.Popen(["unshare", "--net", "bash", "-c", "ip link set lo up; exec sleep 3600"])
    time.sleep(0.5)
    ask = lambda path, *more: run("nsenter", "-t", str(pause.pid), "-n", "curl", "-s", "-i", "--max-time", "10", *more, f"http://127.0.0.1:8080{path}").stdout
    settings = {"PARANOID_DRAIN_TIMEOUT": "20", "DEMO_ALLOW_CRASH": "1", "APP_SERVICE_HOST": "10.0.0.1", "PARANOID_SERVICE_HOST": "10.0.0.1", "PARANOID_PORT_80_TCP_ADDR": "10.0.0.1"}
    first = second = third = nginx = None
    memory = MemoryGroup(MEMORY)
    try:
        first = Container(application, volumes, pause.pid, settings | {"PARANOID_WORKER_MEMORY": str(MEMORY)}, log, memory)
        nginx = Container(web, volumes, pause.pid, output=log)
        until("a worker answers through nginx", lambda: "hello" in ask("/hello"))
        check("the application serves through nginx, both with read-only roots and users that no file knows", True)
        check("nginx is alive by itself", "204" in ask("/nginx-alive").splitlines()[0])
        status = pathlib.Path(f"/proc/{first.first}/status").read_text()
        check("the application is process 1 and has no capability", re.search(r"NSpid:\s+\d+\s+1\n", status) and "CapBnd:\t0000000000000000" in status, status)
        visit = ask("/session", "-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-For: 192.0.2.7")
        cookies = "; ".join(re.findall(r"(?im)^set-cookie: ([^;]+)", visit))
        check("a balancer that ends TLS is believed: cookies are secure", "__Host-" in cookies, visit)

        limit(memory, log, volumes["/run/application"])
        worker = first.children()[0]
        # What a handler started, and left behind when its worker died.
        orphan = run("nsenter", "-t", str(first.first), "-p", "--", "bash", "-c", "sleep 0.1 & disown; echo").returncode
        ask("/crash")
        until("the worker is replaced", lambda: worker not in first.children() and len(first.children()) >= 2)
        until("the report is written", lambda: "a visitor asked for /crash" in log.read_text(errors="replace"))
        check("the crash report names the place", "PlainPages.swift" in log.read_text(errors="replace"), log.read_text(errors="replace")[-3000:])
        zombies = lambda: [pid for pid in first.children() if "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()]
        until("no zombie is left", lambda: orphan == 0 and not zombies())
        check("process 1 leaves no zombie", True)

        first.signal(signal.SIGTERM)
        check("the container stops with 0 when it is asked to", first.ended() == 0)
        second = Container(application, volumes, pause.pid, settings, log)
        until("the next container answers", lambda: "hello" in ask("/hello"))
        again = ask("/session", "-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-For: 192.0.2.7", "-H", f"Cookie: {cookies}")
        check("the session lives on in the volume", '"hits":2' in again, again)
        second.signal(signal.SIGTERM)
        check("and it stops as well", second.ended() == 0)
        secrets = kubernetes_secret(folder / "secrets", (volumes["/data"] / "state/secret").read_bytes(), int(application.identity.split(":")[1]))
        third = Container(application, volumes, pause.pid, settings | {"PARANOID_SECRET_FILE": "/secrets/secret"}, log, secrets=secrets, filtered=True)
        until("the container under an old filter answers", lambda: "hello" in ask("/hello"))
        status = pathlib.Path(f"/proc/{third.first}/status").read_text()
        check("a filter of system calls is in force", "Seccomp:\t2" in status, status)
        again = ask("/session", "-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-For: 192.0.2.7", "-H", f"Cookie: {cookies}")
        check("a secret as Kubernetes mounts it (a link to a link, 0440 by group, read-only) opens the session", '"hits":3' in again, again)
        check("and it stays as it is", os.stat(secrets / "secret").st_mode & 0o777 == 0o440)
        worker = third.children()[0]
        ask("/crash")
        until("the worker is replaced under the filter", lambda: worker not in third.children() and len(third.children()) >= 2)
        check("workers are watched and replaced without the younger calls", True)
        third.signal(signal.SIGTERM)
        check("and it stops under the filter", third.ended() == 0)
    finally:
        for each in (first, second, third, nginx):
            if each:
                each.stop()
        memory.remove()
        pause.kill()
        if package.failed:
            print(log.read_text(errors="replace")[-3000:])


def main(program, backtrace, root):
    images = []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="container-", dir=pathlib.Path(root).resolve().parent))
    artifacts = {"/application": program, "/usr/libexec/swift/linux/swift-backtrace-static": backtrace}
    try:
        found = stages(CONTAINER / "Dockerfile")
        for name in ("application", "web"):
            images.append(Image(found[name], pathlib.Path(root).resolve(), folder / name, artifacts))
        play(*images, folder)
    finally:
        for image in images:
            image.unmount()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{package.passed} passed, {package.failed} failed")
    return package.failed > 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
