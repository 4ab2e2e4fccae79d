"""Calls what listens on an abstract socket, `call.py [A B]`: one JSON object a line (JSON-RPC 1.0)."""
import json
import os
import socket
import sys

a, b = (int(argument) for argument in sys.argv[1:3] or (2, 3))
address = os.environ.get("SOCKET_ADDRESS") or "@my-abstract-socket.json"
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect("\0" + address[1:])
except OSError as error:
    sys.exit(f"nothing listens on {address} ({error}): start one with listen.py")
call = {"id": 1, "method": "RPCSrv.MyRPCExportedFunction", "params": [{"a": a, "b": b}]}
connection.sendall(json.dumps(call).encode() + b"\n")
line = connection.makefile(encoding="utf-8").readline()
answer = json.loads(line) if line else {"error": "the connection was closed"}
if answer["error"] is not None:
    sys.exit(answer["error"])
print(f"{a} + {b} = {answer['result']}")
