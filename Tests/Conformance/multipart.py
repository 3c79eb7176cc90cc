#!/usr/bin/env python3
"""Compares multipart forms as ParserFuzz reads them with Python's email parser: `multipart.py PROGRAM [FORMS] [SEED]`.

PROGRAM is the path of parser-fuzz. Each form has random parts with binary contents and with names that need quoting.
Ends with `N passed, N failed`.
"""
import email.parser
import email.policy
import json
import random
import subprocess
import sys

PIECES = [b"\r\n", b"\r", b"\n", b"--", b"\r\n--", b"\0", b"\xff\xfe", "ü".encode(), b"a", b"Content-Type: x\r\n\r\n", b"\r\n-", b" ", b"\t"]
NAMES = ["a", "field", "a b", 'quo"te', "back\\slash", "semi;colon", "eq=ual", "ümlaut", "日本", "a/b", "'", "x" * 60]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def make(draw):
    boundary = "".join(draw.choice("abcXYZ0123456789'()+_,-./:=?") for _ in range(draw.randint(1, 70)))
    body = b""
    if draw.random() < 0.3:
        body += b"a preamble\r\n"
    line = ("--" + boundary).encode()
    for _ in range(draw.randint(1, 6)):
        content = b"".join(draw.choice(PIECES) for _ in range(draw.randint(0, 12)))
        if (b"\r\n" + line) in b"\r\n" + content or ("\n" + "--" + boundary).encode() in b"\n" + content or line in content.replace(b"\r", b"\n"):
            content = b"plain"
        disposition = "form-data; name=" + quoted(draw.choice(NAMES))
        if draw.random() < 0.5:
            disposition += "; filename=" + quoted(draw.choice(NAMES) + ".txt")
        head = ("Content-Disposition: " if draw.random() < 0.7 else "content-disposition:\t") + disposition + "\r\n"
        if draw.random() < 0.4:
            head += "Content-Type: application/octet-stream\r\n"
        if draw.random() < 0.2:
            head += "X-Other: 1\r\n"
        body += line + draw.choice([b"", b" ", b"\t "]) + b"\r\n" + head.encode() + b"\r\n" + content + b"\r\n"
    body += line + b"--" + draw.choice([b"", b"\r\n", b"\r\nepilogue", b" \r\n"])
    return boundary, body


def cleaned(name):
    """As FileName.cleaned does: the last component, without dots and spaces around it."""
    last = name.replace("\\", "/").split("/")[-1]
    return last.lstrip(". ").rstrip(". ") or None


def by_python(boundary, body):
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/form-data; boundary=" + quoted(boundary).encode() + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = []
    for part in message.iter_parts():
        raw = part._payload if isinstance(part._payload, str) else ""
        content = raw.encode("ascii", "surrogateescape")
        names = {}
        for name in ("name", "filename"):
            value = part.get_param(name, header="content-disposition")
            if value is not None:
                names[name] = value.encode("utf-8", "surrogateescape").decode("utf-8")
        file = cleaned(names["filename"]) if "filename" in names else None
        parts.append([names["name"].encode().hex(), file.encode().hex() if file else None, content.hex()])
    return parts


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    draw = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    forms = [make(draw) for _ in range(count)]
    lines = "".join(f"{boundary.encode().hex()}\n{body.hex()}\n" for boundary, body in forms)
    output = subprocess.run([program, "read"], input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout.split("\n")
    failed = 0
    for number, (boundary, body) in enumerate(forms):
        ours, theirs = json.loads(output[number]), by_python(boundary, body)
        if ours != theirs:
            failed += 1
            if failed <= 5:
                print(f"form {number}: {body!r}\n  ours   {ours}\n  theirs {theirs}")
    print(f"multipart: {count - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
