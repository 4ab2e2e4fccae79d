"""Publishes to a broker with a secret, `bus_secret.py [TOPIC TEXT]`; PODBUS_SECRET_FILE names its file, PODBUS_NAME the identity."""
import hmac
import os
import re
import socket
import sys

import msgpack

HELLO, PUB, SYNC, OK, ERR = 0, 1, 4, 5, 6
topic, text = sys.argv[1:3] or ("orders.eu.created", "hello")
address = os.environ.get("PODBUS_ADDRESS") or "@podbus"
name = os.environ.get("PODBUS_NAME") or "python-secret"
with open(os.environ["PODBUS_SECRET_FILE"], "rb") as file:
    secret = re.sub(rb"\r?\n\Z", b"", file.read())  # less one final line break
bus = socket.socket(socket.AF_UNIX)
try:
    bus.connect("\0" + address[1:] if address.startswith("@") else address)
except OSError as error:
    sys.exit(f"no broker at {address} ({error}): start one with podbus serve")
frames = msgpack.Unpacker(bus.makefile("rb", buffering=0))


def send(*frame):
    bus.sendall(msgpack.packb(frame))


def receive(wanted):
    for op, *rest in frames:
        if op == wanted:
            return rest
        if op == ERR:
            sys.exit(f"{rest[1]}: {rest[2]}")
    sys.exit("the broker closed the connection")


def prove(who, brokers_nonce, clients_nonce):
    said = b"podbus1-" + who + brokers_nonce + clients_nonce + (address.encode() if address[0] == "@" else b"")
    return hmac.digest(secret, said, "sha256")


greeting = msgpack.unpackb(receive(HELLO)[1].data)
if greeting["auth"] != "hmac-sha256":
    sys.exit("bad_auth: whoever listens there asks for no secret, so it is not our broker")
nonces = greeting["nonce"], os.urandom(16)
hello = {"name": name, "nonce": nonces[1], "proof": prove(b"client", *nonces)}
send(HELLO, 1, msgpack.ExtType(1, msgpack.packb(hello)))
answer = receive(OK)
proof = msgpack.unpackb(answer[1].data).get("proof") if len(answer) > 1 else None
if not hmac.compare_digest(proof or b"", prove(b"broker", *nonces)):
    sys.exit("bad_auth: whoever listens there does not have the secret, so it is not our broker")
send(PUB, topic, text)
send(SYNC, 1)  # its OK says that the PUB has taken effect, and how many took it
print(f"published to {topic}: {receive(OK)[1]} received it")
