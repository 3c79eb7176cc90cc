#!/usr/bin/env python3
"""Executes a program under a filter of system calls that is older than some of them, as containers have: they answer EPERM (seccomp(2)).

    old-filter.py NUMBER... -- PROGRAM [ARGUMENT...]
"""
import ctypes
import os
import struct
import sys

split = sys.argv.index("--")
numbers, program = [int(word) for word in sys.argv[1:split]], sys.argv[split + 1:]
# Classic BPF: load the number of the call; each that is listed jumps to the answer EPERM.
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
lines = [(LOAD, 0, 0, 0)]
lines += [(EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
lines += [(RETURN, 0, 0, 0x7FFF0000), (RETURN, 0, 0, 0x00050001)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
filter_ = Program(len(lines), ctypes.addressof(code))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(filter_), 0, 0) != 0:
    sys.exit(f"old-filter.py: prctl: {os.strerror(ctypes.get_errno())}")
os.execv(program[0], program)
