#!/usr/bin/env python3
"""Makes a Debian package of the demo and has a Debian with systemd install, upgrade and remove it, under load.

    package.py PROGRAM TOOL ROOT

Before that it puts the same program on the machine by hand, as the page Deployment says, with the page's own commands.

PROGRAM and TOOL are release builds with --static-swift-stdlib. ROOT is a folder for a Debian root; it is made once with
debootstrap and used again. Needs root, debootstrap, dpkg-dev, wrk. Ends with `N passed, N failed`.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent.parent
NAME = "guarded-demo"
PACKAGES = "systemd,systemd-sysv,dbus,nginx-light,libfcgi0ldbl,curl,procps,init-system-helpers"
NGINX = f"""
include /usr/share/{NAME}/nginx/paranoid_upstream.conf;
server {{
    listen 127.0.0.1:8080;
    include /usr/share/{NAME}/nginx/paranoid_location.conf;
}}
"""
passed = failed = 0


def check(text, holds, detail=""):
    global passed, failed
    passed, failed = (passed + 1, failed) if holds else (passed, failed + 1)
    print(f"{'ok' if holds else 'FAILED'}: {text}" + (f"\n{detail}" if detail and not holds else ""), flush=True)
    return holds


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=options.pop("timeout", 120), **options)


def must(outcome):
    if outcome.returncode != 0:
        raise SystemExit(f"{outcome.args} ended with {outcome.returncode}\n{outcome.stdout}{outcome.stderr}")
    return outcome


def until(what, condition, seconds=60):
    for _ in range(seconds * 10):
        if condition():
            return
        time.sleep(0.1)
    raise SystemExit(f"not true within {seconds} s: {what}")


class Machine:
    """A Debian that runs: systemd is its process 1."""

    def __init__(self, root):
        self.root = root
        self.boot = subprocess.Popen(["bash", HERE / "boot.sh", root], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.systemd = None
        until("systemd is there", self.find)
        until("systemd has started", lambda: self("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"))

    def find(self):
        children = pathlib.Path(f"/proc/{self.boot.pid}/task/{self.boot.pid}/children").read_text().split()
        self.systemd = children[0] if children and pathlib.Path(f"/proc/{children[0]}/comm").read_text() == "systemd\n" else None
        return self.systemd

    def __call__(self, *words):
        return run("nsenter", "-t", self.systemd, "-m", "-u", "-i", "-n", "-p", *words)

    def ask(self, path):
        return self("curl", "-s", "--max-time", "5", "-w", "%{http_code}", f"http://127.0.0.1:8080{path}").stdout

    def stop(self):
        self.boot.kill()
        self.boot.wait()


class Load:
    """wrk of this machine in the network of that one."""

    def __init__(self, machine):
        self.machine = machine
        self.process = subprocess.Popen(
            ["nsenter", "-t", machine.systemd, "-n", "wrk", "-t1", "-c16", "-d3600s", "--timeout", "30s", "-s", SOURCES / "Tests/Benchmarks/reload.lua", "http://127.0.0.1:8080"],
            stdout=subprocess.PIPE, text=True,
        )
        log = machine.root / "var/log/nginx/access.log"
        start = log.stat().st_size
        until("there is load", lambda: log.stat().st_size > start + 100_000)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        line = next(line for line in self.process.communicate(timeout=60)[0].splitlines() if line.startswith("load:"))
        gets, posts, *bad = [int(word) for word in line.replace(",", "").split() if word.isdigit()]
        return gets + posts, sum(bad), line


def make_package(program, tool, version, folder):
    words = ["--program", program, "--name", NAME, "--version", version, "--maintainer", "Nobody <nobody@example.org>", "--tool", tool, "--output", folder]
    made = run("bash", SOURCES / "nginx/debian/package.sh", *words)
    return made.stdout.strip() if made.returncode == 0 else sys.exit(made.stderr)


def play(machine, program, tool):
    folder = machine.root / "root"
    first, second = (pathlib.Path(make_package(program, tool, version, folder)).name for version in ("1.0", "2.0"))
    workers = lambda: machine("pgrep", "-P", machine("systemctl", "show", "-P", "MainPID", NAME).stdout.strip()).stdout.split()

    installed = machine("dpkg", "-i", f"/root/{first}")
    check("the package is installed", installed.returncode == 0, installed.stdout + installed.stderr)
    until("the service is active", lambda: machine("systemctl", "is-active", NAME).stdout.strip() in ("active", "failed"))
    state = machine("systemctl", "show", "-P", "StatusText", "-P", "ActiveState", NAME).stdout
    if not check("systemd knows from the application that it serves", "active" in state and "worker" in state, state):
        print(machine("journalctl", "-u", NAME, "--no-pager", "-n", "30").stdout)
    check("both units are enabled", machine("systemctl", "is-enabled", f"{NAME}.socket", f"{NAME}.service").stdout.split() == ["enabled"] * 2)

    (machine.root / "etc/nginx/conf.d/app.conf").write_text(NGINX)
    reloaded = machine("nginx", "-t")
    check("nginx takes the files of the package", reloaded.returncode == 0, reloaded.stderr)
    machine("systemctl", "reload-or-restart", "nginx")
    until("nginx passes requests on", lambda: machine.ask("/hello") == "hello\n200")
    check("a request is answered through nginx, the socket and the hardened service", True)
    state = machine.root / f"var/lib/private/{NAME}"
    check("the state is private", state.is_dir() and state.stat().st_mode & 0o777 == 0o700)
    settings = (machine.root / f"etc/{NAME}.env").stat()
    check("the settings are for root and the service only", settings.st_mode & 0o777 == 0o640 and settings.st_uid == 0 and settings.st_gid != 0)
    user = machine("ps", "-o", "uid=", "-p", workers()[0]).stdout.strip()
    check("the service runs as one of systemd's dynamic users", user.isdigit() and 61184 <= int(user) <= 65519, user)

    before, load = workers(), Load(machine)
    upgraded = machine("dpkg", "-i", f"/root/{second}")
    check("the package is upgraded under load", upgraded.returncode == 0, upgraded.stdout + upgraded.stderr)
    until("all workers are new", lambda: workers() and not set(workers()) & set(before))
    answered, lost, line = load.end()
    check(f"the upgrade loses none of {answered} requests", answered > 0 and lost == 0, line)

    load = Load(machine)
    check("the service restarts under load", machine("systemctl", "restart", NAME).returncode == 0)
    answered, lost, line = load.end()
    check(f"a restart loses none of {answered} requests: systemd keeps the socket", answered > 0 and lost == 0, line)

    (machine.root / f"etc/{NAME}.env").write_text("PARANOID_SWEEP_RATE=100\n")
    machine("systemctl", "reload", NAME)
    status = lambda: machine("systemctl", "show", "-P", "StatusText", NAME).stdout
    until("systemd shows the setting that needs a restart", lambda: "restart for PARANOID_SWEEP_RATE" in status())
    (machine.root / f"etc/{NAME}.env").write_text("PARANOID_THREADS=none\n")
    machine("systemctl", "reload", NAME)
    until("systemd shows the setting that a reload refused", lambda: "refused: PARANOID_THREADS" in status())
    check("systemd shows what a reload has left to a restart, and what it has refused", True)

    (machine.root / f"etc/{NAME}.env").write_text("PARANOID_THREADS=none\n")
    machine("systemctl", "restart", NAME)
    until("the service has failed", lambda: machine("systemctl", "is-failed", NAME).stdout.strip() == "failed")
    code = machine("systemctl", "show", "-P", "ExecMainStatus", NAME).stdout.strip()
    check("a wrong setting ends with 78 and is not tried again", code == "78", code)
    journal = machine("journalctl", "-u", NAME, "--no-pager", "-n", "20").stdout
    check("the journal names the setting", "PARANOID_THREADS" in journal, journal)
    (machine.root / f"etc/{NAME}.env").write_text("# mine\n")
    machine("systemctl", "reset-failed", NAME, f"{NAME}.socket")
    machine("systemctl", "start", f"{NAME}.socket", NAME)
    until("the service serves again", lambda: machine.ask("/hello") == "hello\n200")

    removed = machine("dpkg", "-r", NAME)
    check("the package is removed", removed.returncode == 0, removed.stdout + removed.stderr)
    check("nothing of it runs", machine("pgrep", "-f", f"/usr/libexec/{NAME}").stdout == "" and not (machine.root / f"lib/systemd/system/{NAME}.service").exists())
    check("settings, sessions and secret stay", (machine.root / f"etc/{NAME}.env").read_text() == "# mine\n" and (state / "secret").exists())
    purged = machine("dpkg", "-P", NAME)
    check("the package is purged", purged.returncode == 0, purged.stdout + purged.stderr)
    left = run("find", machine.root, "-xdev", "-name", f"*{NAME}*", "-not", "-path", "*/root/*", "-not", "-path", "*/proc/*").stdout
    check("nothing is left", left == "", left)


def page_blocks(kind):
    """The pieces of code of a kind on the page Deployment."""
    text = (SOURCES / "Sources/ParanoidFastCGI/Documentation.docc/Operations/Deployment.md").read_text()
    return [block.split("\n", 1)[1] for block in text.split("```")[1::2] if block.startswith(kind + "\n")], text


def follow_deployment(machine, program, tool):
    """The steps of the page, in its order."""
    blocks, text = page_blocks("sh")
    root = machine.root
    shell = lambda command, **options: machine("env", "-C", "/root/App", "CURL_CA_BUNDLE=/etc/ssl/example.org.pem", "bash", "-euc", command, **options)
    build = root / "root/App/.build/release"
    build.mkdir(parents=True, exist_ok=True)
    must(run("install", "-m", "755", program, build / "App"))
    must(run("install", "-m", "755", tool, build / "paranoid"))
    for block in blocks[:2]:
        # What is built there was built here.
        must(shell("\n".join(line for line in block.splitlines() if not line.startswith("swift build"))))

    units = SOURCES / "nginx/systemd"
    for name in ("paranoid-app.service", "paranoid-app.socket"):
        unit = (units / name).read_text()
        for line in ("Environment=PARANOID_ENV_FILE", "SupplementaryGroups"):
            unit = unit.replace(f"#{line}=", f"{line}=")
        (root / "etc/systemd/system" / name).write_text(unit)
    settings = "groupadd --force --system paranoid-app-env && install -m 640 -g paranoid-app-env /dev/null /etc/paranoid-app.env"
    check("the page says how to make the file of settings", f"`{settings}`" in text)
    must(shell(settings))
    (root / "etc/paranoid-app.env").write_text("PARANOID_WORKERS=2\n")
    start = "systemctl daemon-reload && systemctl enable --now paranoid-app.socket paranoid-app.service"
    check("the page says how to start", f"`{start}`" in text)
    started = shell(start)
    check("the application starts as the page says", started.returncode == 0, started.stdout + started.stderr)

    for name in ("paranoid_upstream.conf", "paranoid_location.conf", "paranoid_fastcgi_params"):
        (root / "etc/nginx" / name).write_text((SOURCES / "nginx" / name).read_text())
    (server,), _ = page_blocks("nginx")
    (root / "etc/nginx/conf.d/app.conf").write_text(server)
    (root / "etc/ssl/private").mkdir(parents=True, exist_ok=True)
    must(run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=example.org",
        "-addext", "subjectAltName=DNS:example.org", "-keyout", root / "etc/ssl/private/example.org.pem", "-out", root / "etc/ssl/example.org.pem",
    ))
    (root / "etc/hosts").write_text("127.0.0.1 localhost example.org\n")
    reload = "nginx -t && systemctl reload nginx"
    check("the page says how to reload nginx", f"`{reload}`" in text)
    machine("systemctl", "start", "nginx")
    taken = shell(reload)
    check("nginx takes the page's server", taken.returncode == 0, taken.stdout + taken.stderr)

    hello = "curl -fsS https://example.org/hello"
    until("the page's request is answered", lambda: shell(hello).stdout == "hello\n")
    checked = shell(blocks[2].replace("systemctl status", "systemctl --no-pager status").replace("journalctl -u", "journalctl --no-pager -u"))
    check("the page's checks show two workers and no warning", "2 workers serve" in checked.stdout and " warning " not in checked.stdout, checked.stdout + checked.stderr)
    # A worker of nginx from before the reload may still take connections.
    redirected = lambda: shell("curl -s -o /dev/null -w '%{http_code} %{redirect_url}' http://example.org/hello?a=b").stdout
    until("plain HTTP leads to HTTPS", lambda: redirected() == "308 https://example.org/hello?a=b")
    check("plain HTTP leads to HTTPS", True)

    workers = lambda: machine("pgrep", "-P", machine("systemctl", "show", "-P", "MainPID", "paranoid-app").stdout.strip()).stdout.split()
    before = workers()
    must(shell(blocks[3]))
    until("all workers are new", lambda: len(workers()) >= 2 and not set(workers()) & set(before))
    check("a new version serves", shell(hello).stdout == "hello\n")

    nobody = shell("paranoid sessions list nobody")
    check("the tool names the command line that finds the application", "paranoid sessions list nobody" in nobody.stderr and "PARANOID_SESSION_DIR" in nobody.stderr, nobody.stderr)
    (root / "etc/paranoid-app.env").write_text("PARANOID_WORKERS=two\n")
    machine("systemctl", "restart", "paranoid-app")
    until("the service has failed", lambda: machine("systemctl", "is-failed", "paranoid-app").stdout.strip() == "failed")
    code = machine("systemctl", "show", "-P", "ExecMainStatus", "paranoid-app").stdout.strip()
    check("a setting that cannot be used ends with 78", code == "78", code)

    machine("systemctl", "disable", "--now", "paranoid-app.socket", "paranoid-app.service")
    for name in ("etc/systemd/system/paranoid-app.service", "etc/systemd/system/paranoid-app.socket", "etc/nginx/conf.d/app.conf", "etc/paranoid-app.env"):
        (root / name).unlink()
    machine("systemctl", "daemon-reload")


def main(program, tool, root):
    root = pathlib.Path(root).resolve()
    if not (root / "ready").exists():
        made = run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root, timeout=1200)
        if made.returncode != 0:
            sys.exit(f"package.py: debootstrap failed\n{made.stdout[-2000:]}{made.stderr}")
        (root / "ready").touch()
    for name in ("etc/nginx/conf.d/app.conf", "etc/systemd/system/paranoid-app.service", "etc/systemd/system/paranoid-app.socket"):
        (root / name).unlink(missing_ok=True)
    machine = Machine(root)
    try:
        machine("dpkg", "-P", NAME)
        follow_deployment(machine, program, tool)
        play(machine, program, tool)
    finally:
        machine.stop()
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
