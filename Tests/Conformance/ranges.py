#!/usr/bin/env python3
"""Compares what an application sends of a file for a Range field with nginx's own answer: `ranges.py PROGRAM [FIELDS] [SEED]`.

PROGRAM is the path of stress-server. One real nginx serves the same file twice, from its disk and from the application, and
both get each field. Status, `Content-Range`, type and bytes are compared, those of `multipart/byteranges` part by part. A
third reader, the few lines of `model` here, says what RFC 9110 (section 14) wants; it alone judges the fields that nginx
reads in a way of its own: other units, malformed fields (nginx answers 416), empty elements of a list, tabs,
and more than 16 ranges (nginx counts only those that begin within the file).
Ends with `N passed, N failed`.
"""
import email.parser
import email.policy
import http.client
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MOST = 16


def model(field, length):
    """What is to be sent: None (the whole), a list of (first, behind the last), or the empty list (416)."""
    if len(field) > 1024 or not field.lower().startswith("bytes="):
        return None
    count, ranges = 0, []
    for element in field[6:].split(","):
        element = element.strip(" \t")
        if not element:
            continue
        count += 1
        match = re.fullmatch(r"(\d*)-(\d*)", element, re.ASCII)
        if not match or element == "-":
            return None
        first, last = match.groups()
        if not first:
            start, end = max(0, length - int(last)), length
        else:
            start, end = int(first), min(int(last) + 1, length) if last else length
            if last and int(last) < start:
                return None
        if start < min(end, length):
            ranges.append((start, end))
    if count == 0 or count > MOST or sum(end - start for start, end in ranges) > length:
        return None
    return ranges


def make(draw, length):
    def number():
        return draw.choice([0, 1, 2, length - 2, length - 1, length, length + 1, draw.randint(0, length + 20)])

    elements = []
    for _ in range(draw.choice([1, 1, 1, 2, 2, 3, 5, MOST, MOST + 1])):
        kind = draw.random()
        if kind < 0.2:
            elements.append(f"-{max(0, number())}")
        elif kind < 0.4:
            elements.append(f"{max(0, number())}-")
        else:
            # Mostly short ones, so that several of them are less than the whole.
            first = max(0, number())
            elements.append(f"{first}-{first + draw.choice([0, 1, 5, 5, 30, length])}")
    field = "bytes=" + draw.choice([",", ",", ", "]).join(elements)
    if draw.random() < 0.25:
        place = draw.randrange(len(field) + 1)
        field = field[:place] + draw.choice(["x", "-", ",", " ", "\t", "=", "+", ";", "0", "99999999999999999999", "bytes"]) + field[place + draw.choice([0, 1]):]
    return field


def is_read_alike(field):
    """Whether nginx reads the field as the RFC does."""
    if not re.fullmatch(r"bytes=(\d{1,18}-\d{0,18}|-\d{1,18})(, ?(\d{1,18}-\d{0,18}|-\d{1,18}))*", field, re.IGNORECASE | re.ASCII):
        return False
    pairs = re.findall(r"(\d+)-(\d+)", field)
    return field.count(",") < MOST and all(int(first) <= int(last) for first, last in pairs)


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def answer(connection, target, field, method="GET"):
    connection.request(method, target, headers={"Range": field})
    response = connection.getresponse()
    body = response.read()
    kind = response.getheader("Content-Type", "")
    if kind.startswith("multipart/byteranges"):
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        parts = [(part["Content-Range"], part.get_content_type(), part.get_payload(decode=True)) for part in message.iter_parts()]
    elif response.status == 206:
        parts = [(response.getheader("Content-Range"), kind, body)]
    elif response.status == 416:
        parts = [(response.getheader("Content-Range"), None, b"")]
    else:
        parts = [(response.getheader("Content-Range"), kind, body)]
    return response.status, parts


def expected(field, content, kind):
    ranges = model(field, len(content))
    if ranges is None:
        return 200, [(None, kind, content)]
    if not ranges:
        return 416, [(f"bytes */{len(content)}", None, b"")]
    return 206, [(f"bytes {start}-{end - 1}/{len(content)}", kind, content[start:end]) for start, end in ranges]


CONFIGURATION = """
worker_processes 1;
pid nginx.pid;
error_log error.log;
%s
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path body; fastcgi_temp_path fastcgi; proxy_temp_path proxy; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    default_type application/octet-stream;
    keepalive_requests 100000;
    upstream application { server unix:%s/app.sock; keepalive 1; }
    server {
        listen unix:%s/http.sock;
        location /static/ { alias %s/files/; max_ranges %d; }
        location / {
            include paranoid_fastcgi_params;
            fastcgi_pass application;
            fastcgi_keep_conn on;
            # The application answers ranges by itself.
            fastcgi_force_ranges off;
        }
    }
}
"""


def wait(what, holds):
    end = time.monotonic() + 60
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"ranges.py: {what} within a minute\n0 passed, 1 failed")
        time.sleep(0.05)


def answers(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def shown(found):
    status, parts = found
    return f"{status} " + ", ".join(f"{place or 'the whole'} ({len(body)} bytes, sum {sum(body)})" for place, _, body in parts)


def compare(http_path, content, count, seed):
    draw = random.Random(seed)
    fields = [make(draw, len(content)) for _ in range(count)]
    kind = "application/octet-stream"
    ours, theirs = Connection(http_path), Connection(http_path)
    failed = alike = partial = 0
    for field in fields:
        wanted = expected(field.strip(" \t"), content, kind)
        found = answer(ours, "/file", field)
        problems = [] if found == wanted else [("the model", wanted)]
        partial += found[0] == 206
        if is_read_alike(field):
            alike += 1
            other = answer(theirs, "/static/file", field)
            if found != other:
                problems.append(("nginx", other))
        if answer(ours, "/file", field, "HEAD")[0] != 200:
            problems.append(("HEAD, which has no ranges", (200, [])))
        if problems:
            failed += 1
            if failed <= 5:
                print(f"{field!r} of {len(content)}\n  ours: {shown(found)}\n  " + "\n  ".join(f"{name}: {shown(value)}" for name, value in problems))
    print(f"ranges: {count} fields, {alike} of them beside nginx, {partial} answered in parts")
    # A comparison that has compared little shows nothing.
    if alike < count // 3 or partial < count // 5:
        print("too few of the fields were compared")
        failed += 1
    return count, failed


def main():
    program = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
    work = tempfile.mkdtemp(prefix="ranges-")
    os.chmod(work, 0o700)
    processes = []
    try:
        content = random.Random(7).randbytes(317)
        os.mkdir(f"{work}/files")
        with open(f"{work}/files/file", "wb") as file:
            file.write(content)
        user = "user root;" if os.getuid() == 0 else ""
        with open(f"{work}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(CONFIGURATION % (user, work, work, work, MOST))
        shutil.copy(os.path.join(HERE, "../../nginx/paranoid_fastcgi_params"), work)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARANOID_", "PSESSION_", "SESSION_"))}
        settings = {
            "PARANOID_LISTEN": f"unix:{work}/app.sock", "PARANOID_WORKERS": "0", "PARANOID_STATUS": "none", "STRESS_FILE": f"{work}/files/file",
            "PARANOID_SESSION_DIR": f"{work}/sessions", "PARANOID_SECRET_FILE": f"{work}/secret",
        }
        with open(f"{work}/log", "wb") as log:
            processes.append(subprocess.Popen([program], env=kept | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
            processes.append(
                subprocess.Popen(["nginx", "-p", work, "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"], stdout=log, stderr=log)
            )
        wait("the application does not listen", lambda: answers(f"{work}/app.sock"))
        wait("nginx does not listen", lambda: answers(f"{work}/http.sock"))
        count, failed = compare(f"{work}/http.sock", content, count, seed)
        print(f"{count - min(failed, count)} passed, {failed} failed")
        return 1 if failed else 0
    finally:
        for process in processes:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(work, ignore_errors=True)


sys.exit(main())
