"""Listens on an abstract socket and is called: plain sockets, one JSON object a line (JSON-RPC 1.0).

The name is known to whoever shares this network namespace, and anyone there may call.
"""
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress

signal.signal(signal.SIGINT, signal.SIG_DFL)
address = os.environ.get("SOCKET_ADDRESS") or "@my-abstract-socket.json"


def my_rpc_exported_function(a, b):
    return a + b


methods = {"RPCSrv.MyRPCExportedFunction": my_rpc_exported_function}


def serve(connection):
    with suppress(OSError), connection:  # a caller that goes away takes no one with it
        for line in connection.makefile("rb"):
            number, result, error = None, None, None
            try:
                call = json.loads(line)
                number = call.get("id")
                result = methods[call["method"]](**call["params"][0])
                print(f"called with {call['params'][0]}: {result}", flush=True)
            except Exception as exception:
                error = f"cannot be called like this: {exception!r}"
            connection.sendall(json.dumps({"id": number, "result": result, "error": error}).encode() + b"\n")


listener = socket.socket(socket.AF_UNIX)
try:
    listener.bind("\0" + address[1:])  # a leading NUL instead of a path: no file, gone with its process
except OSError as error:
    sys.exit(f"cannot listen on {address}: {error}")
listener.listen()
print(f"listening on {address}", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
