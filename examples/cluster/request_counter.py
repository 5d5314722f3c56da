#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of the event `message`: the primary counts what its workers serve."""
import urllib.request

import local_daemon
import http_worker
import ostler
import ostler_cluster

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
        requests, ports = [], []

        def count(worker, message, handle):
            if message.get("cmd") == "notifyRequest":
                requests.append(worker.id)
        cluster.on("message", count)
        cluster.on("listening", lambda worker, address: ports.append(address.port))
        for _ in range(2):
            cluster.fork()
        cluster.run_until(lambda: len(ports) == 2)

        for wanted in range(1, 5):
            urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/").close()
            cluster.run_until(lambda: len(requests) == wanted)
            print("requests =", len(requests))
        cluster.disconnect(cluster.stop)
        cluster.run()


def worker():
    me = ostler.Worker()
    me.listen()
    for connection in me:
        with connection:
            http_worker.serve(connection.socket, "hello world\n")
        me.send({"cmd": "notifyRequest"})
    me.close()


primary() if ostler_cluster.is_primary else worker()
