"""A program behind an nginx of its own, for one test."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class StackError(Exception):
    pass


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Stack:
    """Starts on creation, answers when that returns, and leaves nothing behind after `stop`."""

    def __init__(self, program="demo", **settings):
        programs = os.environ.get("PARANOID_BIN_DIR") or os.path.join(ROOT, ".build", "release")
        self.folder = tempfile.mkdtemp(prefix="pb-")
        self.processes = []
        self.port, self.tls_port = free_ports(2)
        self.origin = f"https://localhost:{self.tls_port}"
        self.certificate = os.path.join(self.folder, "nginx/conf/certificate.pem")
        listener = os.path.join(self.folder, "app.sock")
        # What belongs to the build and the tests is not the application's; it would refuse it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PARANOID_", "PSESSION_", "SESSION_"))}
        own = {
            "PARANOID_LISTEN": f"unix:{listener}", "PARANOID_WORKERS": "2", "PARANOID_THREADS": "8",
            "PARANOID_SESSION_DIR": os.path.join(self.folder, "sessions"), "PARANOID_SECRET_FILE": os.path.join(self.folder, "secret"),
        }
        try:
            self.spawn([os.path.join(programs, program)], {**environment, **own, **settings}, "app")
            self.spawn(
                ["bash", os.path.join(ROOT, "nginx/prefix.sh"), os.path.join(self.folder, "nginx"), listener, str(self.port), str(self.tls_port), "--run"],
                environment, "nginx-output",
            )
            deadline = time.monotonic() + 60
            while not self.answers():
                for process in self.processes:
                    if process.poll() is not None:
                        raise StackError(f"a program ended: {self.text('app.log')[-500:]} {self.text('nginx-output.log')[-500:]}")
                if time.monotonic() > deadline:
                    raise StackError("no answer within a minute")
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise

    def spawn(self, words, environment, name):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        # Tests/run.sh ends what it finds here, should this process be killed.
        with open(os.path.join(self.folder, name + ".pid"), "w", encoding="ascii") as file:
            file.write(f"{process.pid}\n")

    def answers(self):
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}/hello", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def cookies_set(self, path):
        """The `Set-Cookie` fields of an answer over TLS to somebody without cookies."""
        context = ssl.create_default_context(cafile=self.certificate)
        with urllib.request.urlopen(self.origin + path, timeout=20, context=context) as answer:
            return answer.headers.get_all("Set-Cookie") or []

    def text(self, name):
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def requests(self):
        """The requests that nginx has served over TLS and plainly: method, target and status of each."""
        found = []
        for line in self.text("nginx/access.log").split("\n"):
            parts = line.split('"')
            if len(parts) > 2 and len(parts[1].split()) == 3:
                method, target, _ = parts[1].split()
                found.append((method, target, int(parts[2].split()[0])))
        return found

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(45)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
