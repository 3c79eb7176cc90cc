#!/usr/bin/env python3
"""Peers of a FastCGI socket that hold it up: some send a byte a second, the others nothing.

    peers.py SOCKET SLOW SILENT SECONDS

Prints `connected` when all are there, and `ended: N of M in S s` when the server has closed all of them or the time is over.
"""
import selectors
import socket
import struct
import sys
import time

path, slow, silent, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])

# A request whose parameters never end within the time.
value = b"x" * 120
pair = b"\x01\x78" + b"n" + value
parameters = pair * 100
head = struct.pack(">BBHHBx", 1, 1, 1, 8, 0) + bytes([0, 1, 1, 0, 0, 0, 0, 0])
stream = head + struct.pack(">BBHHBx", 1, 4, 1, len(parameters), 0) + parameters

selector = selectors.DefaultSelector()
sent = {}
for number in range(slow + silent):
    peer = socket.socket(socket.AF_UNIX)
    while True:
        try:
            peer.connect(path)
            break
        except BlockingIOError:
            time.sleep(0.01)
    peer.setblocking(False)
    selector.register(peer, selectors.EVENT_READ)
    if number < slow:
        sent[peer] = 0
print("connected", flush=True)

start = time.monotonic()
ended = 0
next_byte = start


def end(peer):
    global ended
    selector.unregister(peer)
    sent.pop(peer, None)
    peer.close()
    ended += 1


while ended < slow + silent and time.monotonic() - start < limit:
    now = time.monotonic()
    if now >= next_byte:
        next_byte += 1
        for peer in list(sent):
            try:
                peer.send(stream[sent[peer]:sent[peer] + 1])
                sent[peer] += 1
            except BlockingIOError:
                pass
            except OSError:
                end(peer)
    for key, _ in selector.select(max(0, next_byte - time.monotonic())):
        peer = key.fileobj
        try:
            if peer.recv(4096) == b"":
                end(peer)
        except BlockingIOError:
            pass
        except OSError:
            end(peer)
print(f"ended: {ended} of {slow + silent} in {time.monotonic() - start:.1f} s", flush=True)
