#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's first example: an HTTP server in several processes. One that dies is replaced, not by the
policy of the pool but by the primary's own code, as the example of the event `exit` does it."""
import os
import urllib.request

import local_daemon
import http_worker
import ostler
import ostler_cluster

WORKERS = 3
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
    stdout: inherit
    stderr: inherit
"""


def primary():
    print(f"Primary {os.getpid()} is running")
    with local_daemon.cluster(SPEC) as cluster:
        ports, died = [], []

        def replace(worker, code, signal):
            died.append(worker)
            print(f"worker {worker.id} died ({signal or code}). restarting...")
            cluster.fork()
        cluster.on("listening", lambda worker, address: ports.append(address.port))
        cluster.on("exit", replace)
        for _ in range(WORKERS):
            cluster.fork()
        cluster.run_until(lambda: len(ports) == WORKERS)
        show(ports[0])

        next(iter(cluster.workers.values())).process.kill("SIGKILL")
        cluster.run_until(lambda: died and len(ports) == WORKERS + 1)
        show(ports[0])

        cluster.off("exit", replace)
        cluster.disconnect(cluster.stop)
        cluster.run()


def show(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        print(answer.read().decode(), end="")


def worker():
    me = ostler.Worker()
    print(f"Worker {me.id} started")
    me.listen()
    for connection in me:
        with connection:
            http_worker.serve(connection.socket, "hello world\n")
    me.close()


primary() if ostler_cluster.is_primary else worker()
