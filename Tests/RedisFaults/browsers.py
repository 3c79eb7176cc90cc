"""Honest browsers, which follow every `Set-Cookie`, ask in several tabs at once and lose responses.

A browser knows what the server owes it: the user it has logged in as, and the numbers that its session has counted up to.
"""
import asyncio
import random
import time
import urllib.parse


class Answer:
    def __init__(self, status, cookies, body, tries):
        self.status, self.cookies, self.body, self.tries = status, cookies, body, tries


class Lost(Exception):
    """No response came."""


class Web:
    """The way to nginx, and what all requests have shown together."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.statuses, self.longest, self.hung, self.times = {}, 0.0, 0, []

    async def ask(self, method, path, jar, form=None, loses=False, limit=60):
        body = urllib.parse.urlencode(form).encode() if form else b""
        lines = [f"{method} {path} HTTP/1.0", "Host: shop", "User-Agent: browser"]
        if jar:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in jar.items()))
        if method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        began = time.monotonic()
        writer = None
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(self.host, self.port), limit)
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
            await writer.drain()
            if loses:
                await asyncio.sleep(random.uniform(0, 0.05))
                raise Lost
            data = await asyncio.wait_for(reader.read(-1), limit)
        except asyncio.TimeoutError:
            self.hung += 1
            raise Lost from None
        except OSError:
            raise Lost from None
        finally:
            if writer:
                writer.close()
        taken = time.monotonic() - began
        head, mark, text = data.partition(b"\r\n\r\n")
        if not mark:
            raise Lost
        fields = head.decode("latin-1").split("\r\n")
        status = int(fields[0].split()[1])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.longest = max(self.longest, taken)
        cookies, tries = [], 1
        for field in fields[1:]:
            name, _, value = field.partition(":")
            if name.lower() == "set-cookie":
                pair, _, rest = value.strip().partition(";")
                key, _, content = pair.partition("=")
                cookies.append((key, "" if "max-age=0" in rest.lower() else content))
            elif name.lower() == "x-upstream":
                tries = len(value.split(","))
        self.times.append((began, status, taken, f"{method} {path}", tries))
        return Answer(status, cookies, text.decode(errors="replace"), tries)


class Ledger:
    """What all browsers were told, and what is wrong with it."""

    def __init__(self):
        self.counted = self.unknown = self.unavailable = 0
        self.wrong = []  # (kind, sentence)
        self.ghosts = []  # jars of sessions that ended, with what ended them
        self.ended = {"log-out": 0, "revocation": 0}

    def note(self, kind, sentence):
        self.wrong.append((kind, f"{time.strftime('%H:%M:%S')} {sentence}"))

    def count(self, kind):
        return sum(1 for found, _ in self.wrong if found == kind)


class Browser:
    def __init__(self, web, ledger, user, tabs, longest_delay=1.0):
        self.web, self.ledger, self.user, self.tabs, self.longest_delay = web, ledger, user, tabs, longest_delay
        self.jar, self.is_out = {}, True
        self.numbers, self.unknown, self.sends = [], 0, 0

    async def ask(self, method, path, form=None, loses=0.0):
        """A request with the cookies of the moment at which it is sent; what its response sets arrives after a while."""
        jar = self.jar
        await asyncio.sleep(random.uniform(0, self.longest_delay) ** 2)
        answer = await self.web.ask(method, path, dict(jar), form, random.random() < loses)
        await asyncio.sleep(random.uniform(0, self.longest_delay) ** 2)
        for name, value in answer.cookies:
            if value:
                jar[name] = value
            else:
                jar.pop(name, None)
        if answer.status in (502, 503, 504):
            self.ledger.unavailable += 1
        return answer

    async def log_in(self):
        """Until it is told that it is in; with an empty jar, as one that does not know whether it is in asks anew."""
        while True:
            self.jar = {}
            try:
                answer = await self.ask("POST", "/login", {"user": self.user})
            except Lost:
                continue
            if answer.status == 200:
                break
            await asyncio.sleep(random.uniform(0.1, 0.5))
        self.numbers, self.unknown, self.is_out = [], 0, False

    def judge(self, answer):
        """Whether a response is what the owner of a session is owed."""
        user = f'"user":"{self.user}"'
        if user in answer.body and '"verdict":"accepted"' in answer.body:
            return True
        if not self.is_out:
            self.ledger.note("logged out", f"{self.user} got {answer.body[:200]}")
        self.is_out = True
        return False

    async def look(self):
        jar = self.jar
        try:
            answer = await self.ask("GET", "/session/peek")
        except Lost:
            return
        if answer.status == 200 and jar is self.jar:
            self.judge(answer)

    async def count(self, loses=0.03):
        jar = self.jar
        try:
            answer = await self.ask("GET", "/session", loses=loses)
        except Lost:
            # nginx may have asked as often as it may.
            self.unknown += 3
            self.ledger.unknown += 1
            return
        if answer.status != 200:
            self.unknown += answer.tries
            self.ledger.unknown += 1
        elif jar is self.jar and self.judge(answer):
            self.unknown += answer.tries - 1
            self.numbers.append(int(answer.body.split('"hits":')[1].split(",")[0]))
            self.ledger.counted += 1

    async def settle(self):
        """Compares the sum with what was acknowledged: how many changes were lost, and how many happened that nobody asked for."""
        while not self.is_out:
            try:
                answer = await self.ask("GET", "/session/peek")
            except Lost:
                continue
            if answer.status == 200:
                break
            await asyncio.sleep(0.2)
        if self.is_out or not self.judge(answer):
            return 0
        total = int(answer.body.split('"hits":')[1].split(",")[0])
        lost = len(self.numbers) - len(set(self.numbers)) + max(0, max(self.numbers, default=0) - total)
        if total > len(self.numbers) + self.unknown:
            self.ledger.note("counted twice", f"{self.user} has {total}, was told of {len(self.numbers)}, and {self.unknown} are unknown")
        return lost


async def browse(browser, is_over, pause):
    """A tab of an owner who stays logged in."""
    while not is_over() and not browser.is_out:
        await asyncio.sleep(random.expovariate(1 / pause))
        if random.random() < 0.75:
            await browser.count()
        else:
            await browser.look()


async def end(browser, asking, path, kind):
    """Ends a browser's session; where the store has said so, its cookies are those of a ghost."""
    jar = dict(browser.jar)
    try:
        answer = await asking.ask("POST", path)
    except Lost:
        answer = None
    # Of one that may have been ended, nothing is known.
    browser.is_out = True
    if answer and answer.status == 200:
        asking.ledger.ghosts.append((jar, asking.user, kind))
        asking.ledger.ended[kind] += 1


async def come_and_go(browser, is_over, pause):
    """Logs in, counts, logs out: from then on the cookies are those of a ghost."""
    while not is_over():
        await browser.log_in()
        for _ in range(random.randint(3, 8)):
            if not browser.is_out and not is_over():
                await browser.count()
            await asyncio.sleep(0 if is_over() else random.expovariate(1 / pause))
        if browser.is_out:
            continue
        await end(browser, browser, "/logout", "log-out")


async def revoke(first, second, is_over, pause):
    """A user with two browsers, one of which ends the sessions of the other again and again."""
    await first.log_in()
    while not is_over():
        await second.log_in()
        for _ in range(random.randint(1, 4)):
            await asyncio.gather(first.count(), second.count())
            await asyncio.sleep(random.expovariate(1 / pause))
        await end(second, first, "/devices/revoke-others", "revocation")
        if first.is_out:
            await first.log_in()


async def haunt(web, ledger, is_over, pause):
    """Shows the cookies of sessions that have ended."""
    while not is_over():
        await asyncio.sleep(pause)
        if ledger.ghosts:
            await show(web, ledger, random.choice(ledger.ghosts))


async def show(web, ledger, ghost):
    jar, user, end = ghost
    try:
        answer = await web.ask("GET", "/session/peek", jar)
    except Lost:
        return False
    if answer.status == 200 and f'"user":"{user}"' in answer.body:
        ledger.note("back from the dead", f"{user} after a {end}: {answer.body[:200]}")
        ledger.ghosts = [each for each in ledger.ghosts if each is not ghost]
    return answer.status == 200
