#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An HTTP server that is a worker of ostlerd, in Python. One connection at a time; ostlerd passes
no other meanwhile, so more workers serve more clients.

Without ostlerd it serves alone:  http_worker.py --listen 127.0.0.1:8080
"""
import os
import socket
import sys

import ostler

PATIENCE_S = 5.0  # with a client that sends slowly
LIMIT = 8192  # bytes of a request's head


def read_request(client):
    """The head of a request, or None when none comes."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = client.recv(LIMIT)
        head += more
        if not more or len(head) > LIMIT:
            return None
    return head


def serve(client, greeting):
    client.settimeout(PATIENCE_S)
    try:
        if read_request(client) is None:
            return
        body = greeting.encode()
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                       b"Connection: close\r\n\r\n%s" % (len(body), body))
    except OSError:
        pass  # the client's own affair


def serve_as_worker(worker):
    for name in worker.sockets:
        worker.listen(name)
    worker.ready()
    greeting = f"hello from worker {worker.id} (pid {os.getpid()})\n"
    for connection in worker:
        with connection:
            serve(connection.socket, greeting)
    worker.close()


def serve_alone(where):
    host, _, port = where.rpartition(":")
    with socket.create_server((host, int(port))) as listening:
        print("http_worker.py: no ostlerd started this process; serving alone on", where,
              file=sys.stderr)
        while True:
            client, _ = listening.accept()
            with client:
                serve(client, f"hello from pid {os.getpid()}, alone\n")


def main(arguments):
    if arguments and (len(arguments) != 2 or arguments[0] != "--listen"):
        print("usage: http_worker.py [--listen ADDRESS:PORT]", file=sys.stderr)
        return 64
    try:
        worker = ostler.Worker()
    except ostler.NotStarted:
        serve_alone(arguments[1] if arguments else "127.0.0.1:8080")
    else:
        serve_as_worker(worker)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
