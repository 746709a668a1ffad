"""Clusters of processes on this machine, as TF_CONFIG describes them."""

import json
import socket


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def cluster(workers, index, kind="worker"):
    """TF_CONFIG of one of these workers."""
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": kind, "index": index}})
