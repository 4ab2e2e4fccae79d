"""Calls math.add on the bus, `bus_call.py [A B]`: a socket and a msgpack library, nothing else."""
import os
import socket
import sys

import msgpack

HELLO, ERR, REQ, REPLY = 0, 6, 7, 8
a, b = (int(argument) for argument in sys.argv[1:3] or (2, 3))
address = os.environ.get("PODBUS_ADDRESS") or "@podbus"
bus = socket.socket(socket.AF_UNIX)
try:
    bus.connect("\0" + address[1:] if address.startswith("@") else address)
except OSError as error:
    sys.exit(f"no broker at {address} ({error}): start one with podbus serve")


def send(*frame):
    bus.sendall(msgpack.packb(frame))


def structured(value):
    return msgpack.ExtType(1, msgpack.packb(value))  # maps and arrays travel inside ext type 1


send(HELLO, 1, structured({"name": "python-call"}))
send(REQ, 1, "math.add", structured({"a": a, "b": b}), None, 5000)  # no headers; 5 s at most
for op, *rest in msgpack.Unpacker(bus.makefile("rb", buffering=0)):
    if op == REPLY:
        _number, status, payload = rest[:3]
        if status == 2:
            sys.exit(f"the responder refused: {payload}")
        print(f"{a} + {b} = {payload}")
        sys.exit()
    elif op == ERR:
        sys.exit(f"{rest[1]}: {rest[2]}")
sys.exit("the broker closed the connection")
