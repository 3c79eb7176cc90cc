#!/usr/bin/env python3
"""A real Chromium against the demo in profile `paranoid`, through nginx and TLS: `Tests/Browser/browser.py [--short]`.

Nobody who is honest is logged out: three tabs with one jar, reloads, the back button, prefetched and prerendered pages, bursts, slow
answers that overtake each other, new identifiers in between, a browser that is closed and opened again. A second profile with the
copied jar is refused at once when it looks different, and when it looks the same both are out within the bound. That the test can
fail is shown with the rules of 2009 (`PSESSION_PROFILE=compatible`), by which the same browser is thrown out.

The programs have to be built (release, or PARANOID_BIN_DIR). Ends with `N passed, N failed`.
"""
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.error

sys.dont_write_bytecode = True
from checks import expect, finish
from devtools import Browser, BrowserError, Tab
from stack import Stack

# The demo's own default: the shorter the bound, the more rotations are seen. Here nothing is under way for longer than a second.
DELAY_BOUND = 2.0


class LoggedOut(Exception):
    pass


class Visitor:
    """Somebody who is logged in and uses the demo in three tabs; every report of the server is looked at."""

    def __init__(self, browser, origin, seed):
        self.browser, self.origin = browser, origin
        self.random = random.Random(seed)
        self.reports = 0
        self.number = 0
        self.verdicts = {}
        self.tabs = []
        self.deck = []
        self.rounds = 0

    def log_in(self):
        tab = Tab(self.browser)
        tab.go(f"{self.origin}/session/peek")
        self.tabs = [tab]
        return tab.run("fetch('/login', {method: 'POST', body: new URLSearchParams({user: 'alice'})}).then(a => a.json())")

    def open_tabs(self):
        while len(self.tabs) < 3:
            self.tabs.append(Tab(self.browser))
        for tab in self.tabs:
            tab.go(self.page())
            self.look(tab)

    def page(self):
        self.number += 1
        return f"{self.origin}/session?n={self.number}"

    def check(self, report, what):
        self.reports += 1
        self.verdicts[report["verdict"]] = self.verdicts.get(report["verdict"], 0) + 1
        if report["verdict"] != "accepted" or report["user"] != "alice":
            raise LoggedOut(f"{what}, after {self.reports} answers: {json.dumps(report)}")

    def look(self, tab):
        text = tab.text()
        try:
            report = json.loads(text)
        except ValueError:
            raise LoggedOut(f"not a report: {text[:200]!r}") from None
        self.check(report, "page")

    def ask(self, tab, count, path="/session", method="GET"):
        """Begins so many requests at once in a tab; what it returns waits for them."""
        self.number += 1
        joint = "&" if "?" in path else "?"
        script = f"""Promise.all(Array.from({{length: {count}}}, (_, i) =>
            fetch('{path}{joint}n={self.number}-' + i, {{method: '{method}', cache: 'no-store'}}).then(a => a.json())))"""
        identifier = tab.start(script)

        def finish():
            for report in tab.result(identifier):
                self.check(report, f"{method} {path}")
        return finish

    # MARK: What visitors do

    def round(self):
        """One thing in each tab; what runs in the background of the pages overlaps."""
        self.rounds += 1
        for tab in self.tabs:
            if not self.deck:
                self.deck = [self.reload, self.reload, self.follow, self.back, self.prefetch, self.prefetch_rule, self.prerender_rule, self.pictures]
                self.random.shuffle(self.deck)
            self.deck.pop()(tab)
        # Bursts in all tabs at the same time, some answers slow, so that they overtake one another.
        waiting = [self.ask(self.tabs[0], 4), self.ask(self.tabs[1], 2, f"/slow?ms={self.random.randrange(100, 900)}"), self.ask(self.tabs[2], 3)]
        if self.rounds % 5 == 3:
            waiting.append(self.ask(self.tabs[1], 1, "/rotate", "POST"))
        waiting.append(self.ask(self.tabs[2], 2, "/session/peek"))
        for finish in waiting:
            finish()

    def reload(self, tab):
        tab.reload()
        self.look(tab)

    def follow(self, tab):
        tab.go(self.page())
        self.look(tab)

    def back(self, tab):
        if tab.back():
            self.ask(tab, 1)()

    def prefetch(self, tab):
        tab.run(f"{{ const link = document.createElement('link'); link.rel = 'prefetch'; link.href = '{self.page()}&prefetch'; document.head.append(link); }}")

    def prefetch_rule(self, tab):
        self.speculate(tab, "prefetch")

    def prerender_rule(self, tab):
        self.speculate(tab, "prerender")

    def speculate(self, tab, kind):
        address = f"{self.page()}&{kind}-rule"
        rules = json.dumps({kind: [{"source": "list", "urls": [address], "eagerness": "immediate"}]})
        tab.run(f"{{ const rules = document.createElement('script'); rules.type = 'speculationrules'; rules.textContent = {json.dumps(rules)}; document.head.append(rules); }}")
        # Half of them are followed, so that the page prepared is the one shown.
        if self.random.random() < 0.5:
            time.sleep(0.15)
            tab.go(address)
            self.look(tab)

    def pictures(self, tab):
        tab.run("{ for (let i = 0; i < 3; i++) new Image().src = '/session?picture=' + Math.random(); }")


class Test:
    def __init__(self, short):
        self.folder = tempfile.mkdtemp(prefix="pb-")
        self.rounds = 12 if short else 40  # 120 or 400 answers that are looked at
        self.settings = {"PSESSION_DELAY_BOUND": str(DELAY_BOUND)}
        self.stack = None
        self.browsers = []

    def open(self, profile, *arguments):
        browser = Browser(os.path.join(self.folder, profile), self.stack.certificate, arguments)
        self.browsers.append(browser)
        return browser

    def end(self):
        for browser in self.browsers:
            browser.kill()
        if self.stack:
            self.stack.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # MARK: The honest

    def honest(self):
        self.start()
        browser = self.open("owner")
        print(f"{browser.version}; D = {DELAY_BOUND} s")
        visitor = Visitor(browser, self.stack.origin, seed=7)
        report = visitor.log_in()
        if expect(report["user"] == "alice", "the login is answered"):
            self.prefixes(visitor)
        before = {cookie["name"]: cookie["value"] for cookie in browser.cookies()}
        values = set()
        try:
            visitor.open_tabs()
            for _ in range(self.rounds):
                visitor.round()
                values.add(tuple(sorted(cookie["value"] for cookie in browser.cookies())))
            expect(True, f"three tabs: {visitor.reports} answers in {self.rounds} rounds, none says logged out: {visitor.verdicts}")
        except LoggedOut as error:
            expect(False, f"three tabs: {error}")
        expect(len(values) >= 3, f"the jar changed meanwhile: {len(values)} states")
        expect(len(browser.cookies()) == len(before), "there are as many session cookies as before")
        # nginx writes its log once in a second.
        time.sleep(1.2)
        requests = self.stack.requests()
        for word in ("prefetch", "prefetch-rule", "prerender-rule", "picture"):
            count = sum(target.endswith("&" + word) or f"?{word}=" in target for _, target, _ in requests)
            expect(count > 0, f"{count} requests of kind {word} reached the server")
        refused = sum(status in (401, 403, 429, 500, 502, 503, 504) for _, _, status in requests)
        expect(refused == 0, f"{len(requests)} requests, none was refused or failed")
        expect(self.alarms() == 0, "no alarm was raised")
        return browser, visitor

    def start(self, **settings):
        """Starts the demo; where its cookies have no prefix by default they are given one."""
        if self.stack:
            self.stack.stop()
        self.stack = Stack(**self.settings, **settings)
        fields = self.stack.cookies_set("/session")
        names = [field.split("=")[0] for field in fields]
        if len(names) == 3 and not all(name.startswith("__Host-") for name in names):
            kinds = {"PSESSION_COOKIE_NAME": "nonce", "PSESSION_SECURE_COOKIE_NAME": "https", "SESSION_COOKIE_NAME": ""}
            for setting, part in kinds.items():
                name = next(name for name in names if (part in name if part else not any(each and each in name for each in kinds.values())))
                self.settings[setting] = "__Host-" + name
            self.settings["SESSION_COOKIE_SECURE"] = "true"
            self.start(**settings)

    def prefixes(self, visitor):
        cookies = visitor.browser.cookies()
        print("  cookies: " + ", ".join(cookie["name"] for cookie in cookies))
        expect(len(cookies) > 1 and all(
            cookie["name"].startswith("__Host-") and cookie["path"] == "/" and cookie["secure"] and cookie["httpOnly"]
            and not cookie["domain"].startswith(".") for cookie in cookies
        ), "the browser keeps them under the rules of __Host-")
        expect(visitor.tabs[0].run("document.cookie") == "", "scripts see none of them")

    def restored(self, browser, visitor):
        browser.close()
        browser = self.open("owner")
        again = Visitor(browser, self.stack.origin, seed=8)
        try:
            again.open_tabs()
            again.round()
            expect(True, f"closed and opened again: still logged in, {again.reports} answers")
        except LoggedOut as error:
            expect(False, f"closed and opened again: {error}")
        return browser, again

    def alarms(self):
        return self.stack.text("app.log").count("an old value of a session")

    # MARK: Thieves

    def thief_who_looks_different(self, owner, visitor):
        thief = self.open("thief-1", "--user-agent=Mozilla/5.0 (X11; Linux x86_64) Thief/1.0")
        thief.take_cookies(owner.cookies(), self.stack.origin)
        tab = Tab(thief)
        tab.go(f"{self.stack.origin}/session/peek")
        report = json.loads(tab.text())
        expect(report["verdict"] != "accepted" and report["user"] is None and report["hits"] == 0, f"a copied jar in another browser: {report}")
        thief.close()
        try:
            visitor.round()
            expect(True, "the owner goes on")
        except LoggedOut as error:
            expect(False, f"the owner goes on: {error}")

    def thief_who_looks_the_same(self, owner, visitor):
        thief = self.open("thief-2")
        thief.take_cookies(owner.cookies(), self.stack.origin)
        tab = Tab(thief)
        tab.go(f"{self.stack.origin}/session/peek")
        first = json.loads(tab.text())
        expect(first["user"] == "alice", "a perfect copy gets in at first: nothing tells the two apart yet")
        began = time.monotonic()
        ask = "fetch('/session/peek', {cache: 'no-store'}).then(a => a.json())"
        out = {}
        while len(out) < 2 and time.monotonic() - began < 20 * DELAY_BOUND:
            for name, page in (("owner", visitor.tabs[0]), ("thief", tab)):
                if page.run(ask)["user"] is None:
                    out.setdefault(name, time.monotonic() - began)
            time.sleep(0.25)
        expect(len(out) == 2, f"then both are out: {', '.join(f'{name} after {seconds:.1f} s' for name, seconds in sorted(out.items()))}")
        expect(max(out.values(), default=1e9) <= 15 * DELAY_BOUND, f"within {15 * DELAY_BOUND:.0f} s")
        expect(self.alarms() == 1, "with one alarm in the log")
        thief.close()

    # MARK: The end of sessions

    def log_out(self, browser):
        visitor = Visitor(browser, self.stack.origin, seed=9)
        expect(visitor.log_in()["user"] == "alice", "the owner logs in again")
        tab = visitor.tabs[0]
        tab.run("fetch('/logout', {method: 'POST'}).then(a => a.json())")
        left = [cookie["name"] for cookie in browser.cookies()]
        expect(not left, f"after the logout the jar is empty {left or ''}")

    def full_jar(self, browser):
        """So many other cookies that the browser throws out some: the worst that may come of it is to be logged out."""
        visitor = Visitor(browser, self.stack.origin, seed=10)
        visitor.log_in()
        tab = visitor.tabs[0]
        tab.run("{ for (let i = 0; i < 250; i++) document.cookie = `filler${i}=x; Secure; Path=/`; }")
        report = tab.run("fetch('/session/peek', {cache: 'no-store'}).then(a => a.json())")
        expect(report["user"] in ("alice", None) and report["verdict"] in ("accepted", "none", "rejected"), f"a jar that is too full: {report['verdict']}")

    # MARK: That it can fail

    def counter_check(self):
        self.start(PSESSION_PROFILE="compatible")
        visitor = Visitor(self.open("counter"), self.stack.origin, seed=7)
        visitor.log_in()
        try:
            visitor.open_tabs()
            for _ in range(self.rounds):
                visitor.round()
            expect(False, f"counter-check: by the rules of 2009 this visitor should be thrown out; {visitor.reports} answers")
        except LoggedOut as error:
            expect(True, f"counter-check: by the rules of 2009 the same visitor is thrown out: {error}")

    def run(self):
        owner, visitor = self.honest()
        owner, visitor = self.restored(owner, visitor)
        self.thief_who_looks_different(owner, visitor)
        self.thief_who_looks_the_same(owner, visitor)
        self.log_out(owner)
        self.full_jar(owner)
        owner.close()
        self.counter_check()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    test = Test("--short" in sys.argv[1:])
    try:
        test.run()
    except (BrowserError, OSError, urllib.error.URLError) as error:
        expect(False, f"{type(error).__name__}: {error}")
    finally:
        test.end()
    return finish()


sys.exit(main())
