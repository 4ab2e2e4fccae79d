"""Publishes an order, `bus_publish.py [TOPIC ID]`: a socket and a msgpack library, nothing else."""
import os
import socket
import sys

import msgpack

HELLO, PUB, SYNC, OK, ERR = 0, 1, 4, 5, 6
topic, order = sys.argv[1:3] or ("orders.eu.created", "1")
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


send(HELLO, 1, structured({"name": "python-publish"}))
send(PUB, topic, structured({"id": int(order), "items": ["tea", "milk"]}))
send(SYNC, 1)  # its OK says that the PUB has taken effect, and how many took it
for op, *rest in msgpack.Unpacker(bus.makefile("rb", buffering=0)):
    if op == OK and rest[0] == 1:
        print(f"published to {topic}: {rest[1]} received it")
        sys.exit()
    elif op == ERR:
        sys.exit(f"{rest[1]}: {rest[2]}")
sys.exit("the broker closed the connection")
