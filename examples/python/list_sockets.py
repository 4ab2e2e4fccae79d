"""Lists the abstract sockets of this network namespace and who holds them."""
import psutil

held = set()
for connection in psutil.net_connections(kind="unix"):
    if connection.laddr.startswith("@"):
        held.add((connection.laddr, connection.pid or 0))
for address, pid in sorted(held):
    try:
        holder = psutil.Process(pid).name() if pid else "?"
    except psutil.NoSuchProcess:
        holder = "gone"
    print(address, pid or "?", holder, sep="\t")
