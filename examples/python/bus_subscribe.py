"""Prints what is published, `bus_subscribe.py [PATTERN]`: a socket and a msgpack library, nothing else."""
import json
import os
import signal
import socket
import sys

import msgpack

HELLO, PUB, SUB, SYNC, OK, ERR, GAP, PING, PONG, BYE, RETAIN = 0, 1, 2, 4, 5, 6, 14, 15, 16, 17, 18
signal.signal(signal.SIGINT, signal.SIG_DFL)
pattern = (sys.argv[1:] or ["orders.>"])[0]
address = os.environ.get("PODBUS_ADDRESS") or "@podbus"
bus = socket.socket(socket.AF_UNIX)
try:
    bus.connect("\0" + address[1:] if address.startswith("@") else address)
except OSError as error:
    sys.exit(f"no broker at {address} ({error}): start one with podbus serve")


def send(*frame):
    bus.sendall(msgpack.packb(frame))


def readable(payload):
    value = msgpack.unpackb(payload.data, strict_map_key=False) if isinstance(payload, msgpack.ExtType) else payload
    return json.dumps(value, default=str, separators=(",", ":"))


send(HELLO, 1, msgpack.ExtType(1, msgpack.packb({"name": "python-subscribe"})))
send(SUB, 1, pattern)
send(SYNC, 2)  # its OK says that the SUB has taken effect
closed = "the broker closed the connection"
for op, *rest in msgpack.Unpacker(bus.makefile("rb", buffering=0)):
    if op in (PUB, RETAIN):
        print(rest[0], readable(rest[1]), flush=True)
    elif op == GAP:
        print(f"{rest[1]} messages lost here", file=sys.stderr)
    elif op == OK and rest[0] == 2:
        print(f"subscribed to {pattern} on {address}", flush=True)
    elif op == PING:
        send(PONG)
    elif op == BYE:
        send(BYE)
        closed = None  # in good order: the loop ends when the broker has delivered what waits
    elif op == ERR:
        sys.exit(f"{rest[1]}: {rest[2]}")
sys.exit(closed)
