#!/usr/bin/env python3
"""The examples in a real Chromium, through nginx and TLS: `Tests/Browser/examples.py [FOLDER]`.

The guest book: registration, an entry with a picture, the picture in the page, log out and in, and the administrator's deletion. The
upload: a file in slices with its progress from server-sent events, a page that is closed in the middle and goes on, a download with a
range. The demo's pages, and the link to HTTPS over plain HTTP. Screenshots go to FOLDER when it is given.

The programs have to be built (release, or PARANOID_BIN_DIR). Ends with `N passed, N failed`.
"""
import base64
import hashlib
import os
import shutil
import struct
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
from devtools import Browser, Tab
from stack import Stack

passed = failed = 0
pictures = sys.argv[1] if len(sys.argv) > 1 else None


def expect(holds, what):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"  {'ok   ' if holds else 'WRONG'}   {what}", flush=True)


def picture(tab, name):
    if pictures:
        image = tab.browser.ask("Page.captureScreenshot", tab.session, format="png")["data"]
        with open(os.path.join(pictures, name + ".png"), "wb") as file:
            file.write(base64.b64decode(image))


def eventually(tab, expression, limit=60):
    """Waits until a script is true; a page that is being loaded counts as not yet."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            if tab.run(expression):
                return True
        except Exception:  # the page that was asked is gone
            pass
        time.sleep(0.05)
    return False


def fill(tab, values, button):
    """Fills in the form that has the button, and presses it."""
    tab.forget_loads()
    found = "[...document.querySelectorAll('button')].find(b => b.textContent.trim() === %r)" % button
    script = "".join(f"form.elements[{name!r}].value = {value!r};" for name, value in values.items())
    tab.start(f"{{ const button = {found}, form = button.form; {script} button.click(); }}")
    tab.browser.wait_for("Page.loadEventFired", tab.session)


def choose(tab, selector, path):
    document = tab.browser.ask("DOM.getDocument", tab.session)["root"]["nodeId"]
    node = tab.browser.ask("DOM.querySelector", tab.session, nodeId=document, selector=selector)["nodeId"]
    tab.browser.ask("DOM.setFileInputFiles", tab.session, nodeId=node, files=[path])


def png(path, width=320, height=160):
    rows = b"".join(b"\0" + bytes(value for x in range(width) for value in (31 + x // 3, 95 + y // 2, 139)) for y in range(height))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def guest_book(folder, open_browser):
    password = os.path.join(folder, "password")
    with open(password, "w") as file:
        file.write("battery staple\n")
    stack = Stack(
        "GuestBook", GUESTBOOK_DIRECTORY=os.path.join(folder, "book"), GUESTBOOK_ADMIN="root", GUESTBOOK_ADMIN_PASSWORD_FILE=password
    )
    browser = open_browser("guests", stack)
    try:
        tab = Tab(browser)
        tab.go(stack.origin + "/")
        expect("Nobody has written anything yet" in tab.text(), "the guest book is empty")
        picture(tab, "guestbook-empty")
        tab.go(stack.origin + "/register")
        fill(tab, {"name": "ann", "password": "correct horse"}, "Register")
        expect("Welcome, ann." in tab.text(), "a visitor registers and is welcomed")
        image = os.path.join(folder, "sunset.png")
        png(image)
        choose(tab, "input[type=file]", image)
        fill(tab, {"text": "What a <b>lovely</b> place.\nSee you next year!"}, "Sign the guest book")
        expect("Thank you for your entry." in tab.text() and "<b>lovely</b>" in tab.text(), "an entry is shown as text")
        expect(eventually(tab, "document.querySelector('article img')?.naturalWidth === 320"), "its picture is shown")
        picture(tab, "guestbook")
        tab.reload()
        expect("Thank you" not in tab.text(), "a message is shown once")
        fill(tab, {}, "Log out")
        expect("Log in or register first" in tab.text(), "the visitor logs out")
        tab.go(stack.origin + "/login")
        picture(tab, "guestbook-login")
        fill(tab, {"name": "ann", "password": "wrong horse"}, "Log in")
        expect("is not right" in tab.text(), "a wrong password does not do")
        picture(tab, "guestbook-wrong")
        tab.go(stack.origin + "/login")
        fill(tab, {"name": "root", "password": "battery staple"}, "Log in")
        fill(tab, {}, "Delete")
        expect("The entry is deleted." in tab.text() and "lovely" not in tab.text(), "the administrator deletes it")
        # With /hello the stack waits for the start, which takes as long as the administrator's password is hashed.
        asked = [(path, status) for _, path, status in stack.requests() if path not in ("/favicon.ico", "/hello")]
        expect(asked and all(status < 400 for _, status in asked), "no request fails")
    finally:
        browser.close()
        stack.stop()


def logged(stack, condition, limit=60):
    """Waits until a condition of the requests that nginx has logged is true."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if condition(stack.requests()):
            return True
        time.sleep(0.05)
    return False


def slices(requests):
    return [status for method, _, status in requests if method == "PATCH"]


def upload(folder, open_browser):
    stack = Stack("Upload", UPLOAD_DIRECTORY=os.path.join(folder, "uploads"))
    browser = open_browser("uploads", stack)
    try:
        tab = Tab(browser)
        path = os.path.join(folder, "film.bin")
        content = os.urandom(24 << 20)
        with open(path, "wb") as file:
            file.write(content)
        tab.go(stack.origin + "/")
        picture(tab, "upload-empty")
        choose(tab, "#file", path)
        # The line breaks off behind the third slice.
        tab.run("{ const ask = fetch; let slices = 0; window.fetch = (path, options) => options?.method === 'PATCH' && ++slices > 3 "
                "? new Promise(() => {}) : ask(path, options); true }")
        tab.start("document.querySelector('#form button').click()")
        expect(eventually(tab, f"document.getElementById('progress').value === {3 << 19}"), "the progress moves with the events")
        picture(tab, "upload-progress")
        tab.go(stack.origin + "/")
        expect(tab.run("document.querySelector('#files a') === null"), "the upload is broken off")
        choose(tab, "#file", path)
        tab.start("document.querySelector('#form button').click()")
        expect(eventually(tab, "document.querySelector('#files a')?.textContent === 'film.bin'"), "it goes on and is complete")
        # nginx logs a request some time after its response.
        expect(logged(stack, lambda requests: any("/events" in target for _, target, _ in requests)), "the progress comes as events")
        expect(logged(stack, lambda requests: len(slices(requests)) >= 48), "every slice is sent")
        expect(slices(stack.requests()) == [200] * 48, "no slice is sent twice")
        picture(tab, "upload-complete")
        link = tab.run("document.querySelector('#files a').href")
        tail = tab.run(f"fetch({link!r}, {{headers: {{Range: 'bytes=-4'}}}}).then(async a => [a.status, ...new Uint8Array(await a.arrayBuffer())])")
        expect(tail == [206, *content[-4:]], "a range of the download is right")
        digest = tab.run(
            f"fetch({link!r}).then(a => a.arrayBuffer()).then(b => crypto.subtle.digest('SHA-256', b)).then(d => [...new Uint8Array(d)])"
        )
        expect(bytes(digest) == hashlib.sha256(content).digest(), "the whole download is what was sent")
    finally:
        browser.close()
        stack.stop()


def demo(folder, open_browser):
    stack = Stack("demo", DEMO_HTTPS_PORT="8443")
    browser = open_browser("demo", stack)
    try:
        tab = Tab(browser)
        tab.go(f"http://localhost:{stack.port}/")
        expect(tab.run("document.querySelector('header a')?.href") == "https://localhost:8443/", "plain HTTP leads to the HTTPS port")
        picture(tab, "demo-plain")
        tab.go(stack.origin + "/")
        picture(tab, "demo")
        tab.go(stack.origin + "/account")
        fill(tab, {"user": "alice"}, "Log in")
        expect("Welcome, alice." in tab.text(), "the account page welcomes")
        picture(tab, "demo-account")
        tab.go(stack.origin + "/devices")
        expect("this one" in tab.text(), "the devices are a page for browsers")
        picture(tab, "demo-devices")
    finally:
        browser.close()
        stack.stop()


def main():
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="examples-")
    try:
        for each in (guest_book, upload, demo):
            print(each.__name__.replace("_", " "))
            def open_browser(name, stack):
                return Browser(os.path.join(folder, name), stack.certificate, ("--window-size=1000,900",))
            each(folder, open_browser)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
