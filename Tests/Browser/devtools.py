"""Chromium by the DevTools protocol over two pipes: messages are JSON that ends with a zero byte.

One thread, no packages. Whoever asks for something while something else is under way keeps what `start` returns and
asks `wait` for it later, so that several tabs work at the same time.
"""
import base64
import fcntl
import json
import os
import select
import signal
import subprocess
import time


class BrowserError(Exception):
    pass


def key_pin(certificate):
    """The hash by which Chromium is told to trust a certificate: not as an exception, but as if an authority had signed it."""
    public = subprocess.run(["openssl", "x509", "-pubkey", "-noout", "-in", certificate], check=True, stdout=subprocess.PIPE).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], check=True, input=public, stdout=subprocess.PIPE).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-binary"], check=True, input=der, stdout=subprocess.PIPE).stdout
    return base64.b64encode(digest).decode()


def above_nine(descriptor):
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


class Browser:
    """One Chromium with a profile directory of its own."""

    def __init__(self, profile, certificate, arguments=()):
        self.identifier = 0
        self.answers = {}
        self.events = []
        self.buffer = b""
        self.profile = profile
        os.makedirs(profile, exist_ok=True)
        # Above 9, so that none of them is 3 or 4 already.
        (to_browser, self.output), (self.input, from_browser) = [tuple(map(above_nine, os.pipe())) for _ in range(2)]
        words = [
            "chromium", "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}",
            f"--ignore-certificate-errors-spki-list={key_pin(certificate)}", "--no-first-run", "--no-default-browser-check",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync", "--disable-component-update",
            "--disable-background-networking", "--disable-default-apps", "--password-store=basic", "--lang=en",
            *(["--no-sandbox"] if os.geteuid() == 0 else []), *arguments, "about:blank",
        ]
        with open(os.path.join(profile, "output.txt"), "ab") as log:
            # Chromium reads from descriptor 3 and writes to 4.
            self.process = subprocess.Popen(
                ["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser} {to_browser}<&- {from_browser}>&-', "bash", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(to_browser, from_browser), start_new_session=True,
            )
        os.close(to_browser)
        os.close(from_browser)
        # Tests/run.sh ends what it finds here, should this process be killed.
        with open(os.path.join(profile, "browser.pid"), "w", encoding="ascii") as file:
            file.write(f"{self.process.pid}\n")
        try:
            self.version = self.ask("Browser.getVersion", limit=60)["product"]
        except BaseException:
            self.kill()
            raise

    def log(self):
        with open(os.path.join(self.profile, "output.txt"), encoding="utf-8", errors="replace") as log:
            return log.read()[-600:]

    # MARK: Messages

    def start(self, method, session=None, **parameters):
        self.identifier += 1
        message = {"id": self.identifier, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        return self.identifier

    def wait(self, identifier, limit=60):
        deadline = time.monotonic() + limit
        while identifier not in self.answers:
            self.read(deadline)
        answer = self.answers.pop(identifier)
        if "error" in answer:
            raise BrowserError(answer["error"].get("message"))
        return answer["result"]

    def ask(self, method, session=None, limit=60, **parameters):
        return self.wait(self.start(method, session, **parameters), limit)

    def read(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise BrowserError("no answer in time")
        if not select.select([self.input], [], [], left)[0]:
            return
        data = os.read(self.input, 1 << 16)
        if not data:
            raise BrowserError(f"the browser has ended: {self.log()}")
        *messages, self.buffer = (self.buffer + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)

    def wait_for(self, method, session, limit=60):
        """The next event of that name in a tab; events that came before are looked at as well."""
        deadline = time.monotonic() + limit
        seen = 0
        while True:
            for index in range(seen, len(self.events)):
                event = self.events[index]
                if event["method"] == method and event.get("sessionId") == session:
                    del self.events[index]
                    return event["params"]
            seen = len(self.events)
            self.read(deadline)

    # MARK: The jar

    def cookies(self):
        return self.ask("Storage.getCookies")["cookies"]

    def take_cookies(self, cookies, origin):
        """Puts a copied jar into this browser. Cookies of one host alone stay such: they are set for an address, not for a domain."""
        kept = ("name", "value", "path", "secure", "httpOnly", "sameSite", "expires")
        self.ask("Storage.setCookies", cookies=[
            {**{key: cookie[key] for key in kept if key in cookie and not (key == "expires" and cookie.get("session"))}, "url": origin}
            for cookie in cookies
        ])

    # MARK: The end

    def close(self):
        """Asks the browser to end, so that it writes down its cookies."""
        try:
            self.ask("Browser.close", limit=10)
        except BrowserError:
            pass
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        for descriptor in (self.input, self.output):
            try:
                os.close(descriptor)
            except OSError:
                pass


class Tab:
    """One page of a browser."""

    def __init__(self, browser):
        self.browser = browser
        self.target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            browser.ask(f"{domain}.enable", self.session)

    def start(self, expression):
        """Begins to run a script; `result` waits for it."""
        return self.browser.start(
            "Runtime.evaluate", self.session, expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )

    def result(self, identifier):
        answer = self.browser.wait(identifier)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def run(self, expression):
        return self.result(self.start(expression))

    # Navigations: each waits until the page is there.

    def forget_loads(self):
        self.browser.events = [event for event in self.browser.events if event.get("sessionId") != self.session]

    def go(self, address):
        self.forget_loads()
        answer = self.browser.ask("Page.navigate", self.session, url=address)
        if answer.get("errorText"):
            raise BrowserError(f"{address}: {answer['errorText']}")
        self.browser.wait_for("Page.loadEventFired", self.session)

    def reload(self):
        self.forget_loads()
        self.browser.ask("Page.reload", self.session)
        self.browser.wait_for("Page.loadEventFired", self.session)

    def back(self):
        """The back button; whether there was a page to go back to."""
        history = self.browser.ask("Page.getNavigationHistory", self.session)
        earlier = history["entries"][:history["currentIndex"]]
        if not earlier or not earlier[-1]["url"].startswith("http"):
            return False
        self.forget_loads()
        self.browser.ask("Page.navigateToHistoryEntry", self.session, entryId=earlier[-1]["id"])
        # Not the load event: a page that was kept as it was does not load again.
        self.browser.wait_for("Page.frameNavigated", self.session)
        return True

    def text(self):
        """What the page shows; answers in JSON come as one element of preformatted text."""
        return self.run("(document.querySelector('pre') ?? document.body)?.textContent ?? ''")
