#!/usr/bin/env python3
"""A real Chromium that is far away from nginx: `Tests/Browser/distance.py [--short]`.

Between the two is a line that takes 50 to 300 ms each way and carries 100 kB/s of what the browser sends, in one HTTP/2 connection. What
takes long there takes long for real: bursts of 40 requests with requests that follow, uploads, responses that wait, and logins, each
beside a poll every 200 ms. No request may be lost, withheld or answered with another session, and no alarm may be raised.

The programs have to be built (release, or PARANOID_BIN_DIR). Ends with `N passed, N failed`.
"""
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.error

sys.dont_write_bytecode = True
from checks import expect, finish
from devtools import Browser, BrowserError, Tab
from slow_line import SlowLine
from stack import Stack, StackError

UPLOAD_RATE = 100_000

# What the page does. `ask` never throws: a request that came to nothing is one of the answers that are counted.
SCRIPT = """
var users = ['alice'], settled = 0, wrong = [], answers = 0, polls = 0, overtaken = 0, polling = false;
var pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
// Accepted, and of a user who was logged in between the moments of asking and of the answer. A login ends the session before it, so that a
// request that it overtakes on the way has none; that may not last longer than the login.
var ask = async (path, options) => {
    const first = settled, began = performance.now();
    let report;
    try {
        const answer = await fetch(path, {cache: 'no-store', ...options});
        report = answer.ok ? await answer.json() : {status: answer.status};
    } catch (error) { report = {error: String(error)}; }
    answers++;
    const verdict = report.verdict, took = Math.round(performance.now() - began), now = users.slice(first);
    if (path.startsWith('/session/values') ? 'a' in report : verdict === 'accepted' && now.includes(report.user)) return;
    if (verdict === 'none' && now.length > 1) overtaken++; else wrong.push({path, took, now, report});
};
var poll = async () => {
    polling = true;
    const waiting = [];
    while (polling) { polls++; waiting.push(ask('/session/peek?poll=' + polls)); await pause(200); }
    await Promise.all(waiting);
};
var beside = async work => {
    const poller = poll();
    try { await work(); } finally { polling = false; }
    await poller;
};
var result = () => {
    const all = {answers, polls, overtaken, wrong: wrong.slice(0, 5), wrongs: wrong.length};
    answers = polls = overtaken = 0;
    wrong = [];
    return all;
};
var burst = async (count, follow) => {
    const paths = ['/session', '/session/peek', '/slow?ms=150', '/slow?ms=900'];
    await Promise.all(Array.from({length: count}, async (_, i) => {
        for (let turn = 0; turn <= follow; turn++) await ask(paths[(i + turn) % paths.length] + '?&'[+paths[(i + turn) % paths.length].includes('?')] + i);
    }));
};
var upload = size => ask('/session/values', {method: 'POST', body: new URLSearchParams({key: 'a', value: 'b', pad: 'x'.repeat(size)})});
var logIn = async name => {
    users.push(name);
    await ask('/login', {method: 'POST', body: new URLSearchParams({user: name})});
    settled = users.length - 1;
    // Nothing that is asked from here on, and no answer that is still on its way, takes the login back.
    await pause(300);
    await ask('/session/peek?after=' + name);
};
"""


class Trial:
    def __init__(self, short):
        self.short = short
        self.bound = 2.0 if short else 6.0
        self.folder = tempfile.mkdtemp(prefix="pb-")
        self.stack = self.line = self.browser = None

    def begin(self, profile):
        self.end_stack()
        self.stack = Stack(PSESSION_DELAY_BOUND=str(self.bound), PSESSION_NONCE_TIMEOUT="1")
        self.line = SlowLine(self.stack.tls_port, upload_rate=UPLOAD_RATE)
        self.origin = f"https://localhost:{self.line.port}"
        self.browser = Browser(os.path.join(self.folder, profile), self.stack.certificate)
        print(f"{self.browser.version}; D = {self.bound} s; {self.line.delays[0]} to {self.line.delays[1]} s each way")
        self.tab = Tab(self.browser)
        self.tab.go(f"{self.origin}/session/peek")
        self.tab.run(SCRIPT)
        report = self.tab.run("fetch('/login', {method: 'POST', body: new URLSearchParams({user: 'alice'})}).then(a => a.json())")
        expect(report["user"] == "alice", "the login is answered")
        protocol = self.tab.run("performance.getEntriesByType('resource').at(-1).nextHopProtocol")
        expect(protocol == "h2", f"browser and web server speak HTTP/2: {protocol}")

    def end_stack(self):
        if self.browser:
            self.browser.kill()
        if self.line:
            self.line.end()
        if self.stack:
            self.stack.stop()
        self.stack = self.line = self.browser = None

    def end(self):
        self.end_stack()
        shutil.rmtree(self.folder, ignore_errors=True)

    def play(self, script):
        """Runs a script in the page to its end; what it returns says what the answers were and how many states the jar had."""
        began = time.monotonic()
        waiting = self.tab.start(script)
        states = set()
        while waiting not in self.browser.answers:
            states.add(tuple(sorted(cookie["value"] for cookie in self.browser.cookies())))
            time.sleep(0.1)
        self.tab.result(waiting)
        seen = self.tab.run("result()")
        return seen, len(states), time.monotonic() - began

    def scene(self, name, script, changes=1):
        """Every answer has to be right, and meanwhile the jar has to change so many times."""
        seen, states, seconds = self.play(script)
        expect(seen["wrongs"] == 0 and seen["answers"] > 0,
               f"{name}: {seen['answers']} answers, {seen['polls']} of them to polls, in {seconds:.0f} s; {seen['wrongs']} lost, withheld or of"
               f" another session; {seen['overtaken']} overtaken by a login {json.dumps(seen['wrong']) if seen['wrong'] else ''}")
        expect(states > changes, f"{name}: the jar changed {states - 1} times meanwhile")

    def counter_check(self):
        """That the trial can fail: with a bound that the line does not keep, the browser is taken for two."""
        self.bound = 0.1
        self.begin("counter")
        seen, _, _ = self.play("beside(async () => { for (let i = 0; i < 2; i++) { await burst(40, 1); await pause(1100); } })")
        expect(seen["wrongs"] > 0, f"counter-check: with D = {self.bound} s {seen['wrongs']} of {seen['answers']} answers are withheld")

    def run(self):
        self.begin("far")
        bursts, uploads, polls, logins = (3, 2, 2, 12) if self.short else (12, 6, 6, 100)
        self.scene("bursts of 40", f"beside(async () => {{ for (let i = 0; i < {bursts}; i++) await burst(40, 2); }})")
        # Each takes longer than the bound.
        # What the browser sends beside an upload waits behind as much of it as the system's buffers take, all of it as a rule.
        size = int(0.5 * self.bound * UPLOAD_RATE)
        self.scene(f"uploads of {size // 1000} kB", f"beside(async () => {{ for (let i = 0; i < {uploads}; i++) await upload({size}); }})")
        wait = int(3000 * self.bound)
        self.scene(
            "responses that wait",
            f"beside(() => Promise.all(Array.from({{length: {polls}}}, async (_, i) => {{ await pause(i * 700); await ask('/slow?ms={wait}&n=' + i); }})))",
        )
        self.scene(
            f"{logins} logins", f"beside(async () => {{ for (let i = 0; i < {logins}; i++) await logIn('user' + i); }})", changes=logins // 2
        )
        log = self.stack.text("app.log")
        alarms = [line for line in log.split("\n") if "an old value of a session" in line or '"event": "reuse"' in line]
        expect(not alarms, f"no alarm was raised {alarms[:2] or ''}")
        print(f"  {self.line.connections} connections, {self.line.pieces} pieces went over the line")
        self.counter_check()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    trial = Trial("--short" in sys.argv[1:])
    try:
        trial.run()
    except (BrowserError, StackError, OSError, urllib.error.URLError) as error:
        expect(False, f"{type(error).__name__}: {error}")
    finally:
        trial.end()
    return finish()


sys.exit(main())
