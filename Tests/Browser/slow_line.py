"""A line between a browser and a web server: each piece takes its time, and what the browser sends is limited in bytes per second.

The bytes pass as they are, so that TLS and HTTP/2 are between the browser and the web server. The pieces of a connection stay in order.
"""
import asyncio
import random
import socket
import threading


class SlowLine:
    """Listens on creation, on `port`; `end` closes all connections."""

    # What a line of 100 kB/s keeps in front of it: more, and the browser's requests would wait in buffers that no network has.
    RECEIVE_BUFFER = 16384
    # The segments of an Ethernet: those of the loopback would let the browser's kernel take a megabyte in advance.
    SEGMENT = 1400
    PIECE = 4096

    def __init__(self, port, delays=(0.05, 0.3), upload_rate=None, seed=1):
        self.target, self.delays, self.upload_rate = port, delays, upload_rate
        self.random = random.Random(seed)
        self.pieces = 0
        self.connections = 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.RECEIVE_BUFFER)
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self.SEGMENT)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.serve(),), daemon=True)
        self.ended = asyncio.Event()
        self.thread.start()

    def end(self):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(10)

    async def serve(self):
        server = await asyncio.start_server(self.connect, sock=self.listener, limit=self.PIECE)
        async with server:
            await self.ended.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def connect(self, reader, writer):
        self.connections += 1
        try:
            near_reader, near_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            self.carry(reader, near_writer, self.upload_rate), self.carry(near_reader, writer, None), return_exceptions=True
        )

    async def carry(self, reader, writer, rate):
        """One direction: pieces leave one after the other at the rate, and each arrives after a delay, never before the one before it."""
        under_way = asyncio.Queue()
        delivery = asyncio.ensure_future(self.deliver(under_way, writer))
        free_at = 0.0
        try:
            while data := await reader.read(self.PIECE):
                self.pieces += 1
                now = self.loop.time()
                if rate:
                    free_at = max(free_at, now) + len(data) / rate
                    await asyncio.sleep(free_at - now)
                under_way.put_nowait((self.loop.time() + self.random.uniform(*self.delays), data))
        except OSError:
            pass
        under_way.put_nowait((self.loop.time(), b""))
        await delivery

    async def deliver(self, under_way, writer):
        try:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(max(0, due - self.loop.time()))
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
