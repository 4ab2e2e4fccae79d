"""Answers requests on the topic math.add: a socket and a msgpack library, nothing else."""
import os
import signal
import socket
import sys

import msgpack

HELLO, SUB, SYNC, OK, ERR, REQ, REPLY, PING, PONG, BYE = 0, 2, 4, 5, 6, 7, 8, 15, 16, 17
signal.signal(signal.SIGINT, signal.SIG_DFL)
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


send(HELLO, 1, structured({"name": "python-respond"}))
send(SUB, 1, "math.add", structured({"respond": True}))
send(SYNC, 2)  # its OK says that the SUB has taken effect
closed = "the broker closed the connection"
for op, *rest in msgpack.Unpacker(bus.makefile("rb", buffering=0)):
    if op == REQ:
        number, _topic, payload = rest[:3]
        try:
            a, b = (msgpack.unpackb(payload.data)[key] for key in "ab")
            send(REPLY, number, 0, a + b)
            print(f"answered {a} + {b} = {a + b}", flush=True)
        except Exception as error:  # status 2: the caller is told what went wrong
            send(REPLY, number, 2, f"expected a map {{a, b}} of two numbers: {error!r}")
    elif op == OK and rest[0] == 2:
        print(f"answering math.add on {address}", flush=True)
    elif op == PING:
        send(PONG)
    elif op == BYE:
        send(BYE)
        closed = None  # in good order: the loop ends when the broker has delivered what waits
    elif op == ERR:
        sys.exit(f"{rest[1]}: {rest[2]}")
sys.exit(closed)
