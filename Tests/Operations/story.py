#!/usr/bin/env python3
"""A day of an operator: what goes wrong is found with the tool and the logs alone.

    Tests/Operations/story.py

Plays a slow handler, a stuck worker, a crash, a thief, a user who asks why, a mistake in nginx's files and, as root, a full
disk (a small tmpfs), each behind a real nginx, and prints what an operator types and reads. It waits for conditions, never
for times. The programs have to be built (release, or PARANOID_BIN_DIR). Ends with `N passed, N failed`.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Browser"))
from stack import ROOT, Stack  # noqa: E402

BIN = os.environ.get("PARANOID_BIN_DIR") or os.path.join(ROOT, ".build", "release")
LIMIT = 90
passed = failed = 0


def check(name, found):
    global passed, failed
    passed, failed = passed + bool(found), failed + (not found)
    print(f"  {'found' if found else 'NOT FOUND'}: {name}\n")


def until(condition):
    """What the condition finds, as soon as it finds something; nothing after a minute and a half."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    return None


class Place:
    """The application with its tool, its log and its visitors."""

    def __init__(self, folder=None):
        settings = {
            "PARANOID_SLOW_REQUEST": "1", "PARANOID_HEARTBEAT_TIMEOUT": "2", "DEMO_ALLOW_CRASH": "1", "PSESSION_DELAY_BOUND": "0.5",
        }
        if folder:
            settings |= {"PARANOID_SESSION_DIR": f"{folder}/sessions", "PARANOID_SECRET_FILE": f"{folder}/secret"}
        self.events = os.path.join(folder or "/tmp", f"story-events-{os.getpid()}")
        settings["PARANOID_EVENT_FILE"] = self.events
        self.stack = Stack("demo", **settings)
        self.settings = settings

    def tool(self, *words, show=True):
        folder = self.stack.folder
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PARANOID_", "PSESSION_", "SESSION_", "DEMO_"))}
        environment |= {
            "PARANOID_LISTEN": f"unix:{folder}/app.sock", "PARANOID_SESSION_DIR": f"{folder}/sessions", "PARANOID_SECRET_FILE": f"{folder}/secret",
        }
        environment |= {key: value for key, value in self.settings.items() if key.startswith("PARANOID_")}
        result = subprocess.run([os.path.join(BIN, "paranoid"), *words], env=environment, capture_output=True, text=True, timeout=120)
        text = (result.stdout + result.stderr).rstrip()
        if show:
            print(f"$ paranoid {' '.join(words)}")
            print("\n".join("    " + line for line in text.split("\n")))
        return text

    def log(self, *words, show=True):
        """The first line of the log with all these words."""
        for line in self.stack.text("app.log").split("\n"):
            if all(word in line for word in words):
                if show:
                    print(f"$ grep '{words[0]}' app.log\n    {line[:400]}")
                return line
        return None

    def found_in_log(self, *words):
        return until(lambda: self.log(*words, show=False)) and self.log(*words)

    def curl(self, path, *words, jar=None):
        cookies = ["-b", jar, "-c", jar] if jar else []
        result = subprocess.run(
            ["curl", "-q", "-s", "-k", "--max-time", "120", *cookies, *words, "-w", "\n%{http_code}", self.stack.origin + path],
            capture_output=True, text=True, timeout=150,
        )
        body, _, status = result.stdout.rpartition("\n")
        return int(status or 0), body

    def later(self, *words):
        thread = threading.Thread(target=self.curl, args=words, daemon=True)
        thread.start()
        return thread

    def jar(self, name):
        return os.path.join(self.stack.folder, name)

    def login(self, user, name):
        jar = self.jar(name)
        return jar if self.curl("/login", "-d", f"user={user}", jar=jar)[0] == 200 else None

    def workers(self):
        """Processes of the workers that serve requests at this moment."""
        workers = json.loads(self.tool("workers", "--json", show=False))
        return [worker["process"] for worker in workers if worker["running_requests"]]

    def stop(self):
        self.stack.stop()
        if os.path.exists(self.events):
            os.remove(self.events)


def slow(place):
    print("--- Pages are slow. Which, and what takes the time?")
    thread = place.later("/slow?ms=3000")
    until(lambda: "GET /slow" in place.tool("workers", show=False))
    check("the request that runs, by route and identifier", "GET /slow" in place.tool("workers"))
    thread.join()
    line = place.found_in_log("a request was slow", "http.route=/slow")
    check("the phase that was slow", line and "request.slowest=handler" in line)
    check("the route in the table of the status", any("GET /slow" in line for line in place.tool("status").split("\n")))


def stuck(place):
    print("--- A worker does nothing any more.")
    threads = [place.later("/slow?ms=20000") for _ in range(8)]
    until(lambda: place.tool("workers", show=False).count("GET /slow") >= 8)
    worker = place.workers()[0]
    os.kill(worker, signal.SIGSTOP)
    check("the supervisor says that it is stuck", place.found_in_log("worker is stuck and is replaced"))
    check("the requests that were lost with it", place.found_in_log("a worker ended while it served a request", "GET /slow"))
    until(lambda: str(worker) not in place.tool("workers", show=False).split())
    check("how the worker before it ended, and why", "stuck, SIG" in place.tool("workers"))
    check("that a worker was lost, in the status", "workers that died 1" in place.tool("status", show=False))
    check("the application is ready", "2 of 2" in (until(lambda: (lambda text: text if "2 of 2" in text else None)(place.tool("status", show=False))) or ""))
    return threads


def crash(place):
    print("--- A worker dies.")
    place.curl("/crash")
    line = place.found_in_log("worker died", "worker.status=")
    check("that it died, and by what", line and "worker.status=SIG" in line)
    check("where in the program", place.found_in_log("PlainPages.swift"))
    check("the request that it died of", place.found_in_log("a worker ended while it served a request", "GET /crash"))
    check("the number of deaths in the status", until(lambda: "workers that died 1" not in place.tool("status", show=False)))


def thief(place):
    print("--- Somebody copies alice's cookies.")
    jar = place.login("alice", "alice")
    shutil.copy(jar, place.jar("thief"))

    def nonce(path):
        with open(path, encoding="ascii") as file:
            return [line.split()[-1] for line in file if "sessionnonce" in line]

    def changed():
        place.curl("/session/peek", jar=jar)
        return nonce(jar) != nonce(place.jar("thief"))

    until(changed)
    place.curl("/session/peek", jar=jar)
    until(lambda: "reuse" in place.curl("/session/peek", "-b", place.jar("thief"))[1])
    check("the alarm in the log, with a handle and the user's tag", place.found_in_log("session.event=reuse", "session.user="))
    tag = place.tool("tag", "alice").split()[-1]
    check("the tag finds alice's lines in the log", place.log(f"session.user={tag}"))
    check("the alarm in the status", until(lambda: "alarms 0;" not in place.tool("status", show=False)))
    check("alice can be told why", "reuse" in place.tool("sessions", "why", "alice"))


def why(place):
    print("--- bob asks why he is logged out.")
    place.login("bob", "bob")
    place.login("bob", "bob2")
    check("his sessions", place.tool("sessions", "list", "bob").count("\n") >= 2)
    place.tool("sessions", "revoke-all", "bob", "--yes")
    place.curl("/session/peek", jar=place.jar("bob"))
    found = until(lambda: "revoked" in place.tool("sessions", "why", "bob", show=False))
    check("who ended them", found and "ended by the command-line tool" in place.tool("sessions", "why", "bob"))
    check("what came before", "login" in place.tool("events", "bob"))
    check("a name that is nearly right", "did you mean" in place.tool("sesions", "why", "bob") and "alice" not in place.tool("sessions", "why", "alise"))


def proxy(place):
    print("--- Nobody can log in since nginx was touched.")
    words = ("doctor", "--probe", "--url", place.stack.origin + "/hello")
    healthy = place.tool(*words, show=False)
    check("nothing about nginx while it is right", place.stack.origin not in healthy)
    path = os.path.join(place.stack.folder, "nginx/conf/paranoid_fastcgi_params")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(line for line in text.split("\n") if " HTTPS " not in line))
    place.stack.processes[1].send_signal(signal.SIGHUP)
    until(lambda: "HTTPS" in place.tool(*words, show=False))
    check("the line that is missing", "change: fastcgi_param HTTPS $https if_not_empty;" in place.tool(*words))


def full_disk():
    print("--- The disk is full.")
    folder = f"/tmp/story-disk-{os.getpid()}"
    os.makedirs(folder, mode=0o700)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "none", folder], stderr=subprocess.DEVNULL).returncode:
        os.rmdir(folder)
        print("  left out: no file system can be mounted here\n")
        return
    try:
        place = Place(folder)
        try:
            place.login("carol", "carol")
            check("the doctor is content before", "are left for" not in place.tool("doctor", show=False))
            with open(f"{folder}/ballast", "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            check("new visitors are refused", until(lambda: place.curl("/session")[0] == 503))
            check("why, in the log", place.found_in_log("the session store has failed"))
            check("the doctor says so, with what to do", "are left for" in place.tool("doctor"))
            check("carol's session is whole", '"carol"' in place.curl("/session/peek", jar=place.jar("carol"))[1])
            os.remove(f"{folder}/ballast")
            check("it goes on when there is room", until(lambda: place.curl("/session")[0] == 200))
        finally:
            place.stop()
    finally:
        subprocess.run(["umount", folder], check=False)
        os.rmdir(folder)


def main():
    place = Place()
    try:
        slow(place)
        threads = stuck(place)
        crash(place)
        thief(place)
        why(place)
        proxy(place)
        del threads
    finally:
        place.stop()
    full_disk()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
