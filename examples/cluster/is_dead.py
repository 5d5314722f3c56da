#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of worker.isDead(): each worker answers one request, and kills itself."""
import contextlib
import os
import signal
import urllib.request

import local_daemon
import http_worker
import ostler
import ostler_cluster

WORKERS = 2
SPEC = """
log: {level: error}
sockets:
  web: {listen: "tcp://127.0.0.1:0"}
pools:
  worker:
    exec: python3
    args: ["${PROGRAM}"]
    workers: 0
    sockets: [web]
    stderr: inherit
"""


def primary():
    with local_daemon.cluster(SPEC) as cluster:
        ports = []
        cluster.on("fork", lambda worker: print("worker is dead:", worker.is_dead()))
        cluster.on("exit", lambda worker, code, name: print("worker is dead:", worker.is_dead()))
        cluster.on("listening", lambda worker, address: ports.append(address.port))
        for _ in range(WORKERS):
            cluster.fork()
        cluster.run_until(lambda: len(ports) == WORKERS)
        for _ in range(WORKERS):
            left = len(cluster.workers) - 1
            with contextlib.suppress(OSError):
                print(urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/").read().decode())
            cluster.run_until(lambda: len(cluster.workers) == left)


def worker():
    me = ostler.Worker()
    me.listen()
    for connection in me:
        with connection:
            http_worker.serve(connection.socket, "Current process, and its last words")
        os.kill(os.getpid(), signal.SIGTERM)


primary() if ostler_cluster.is_primary else worker()
