#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's worker.kill() and worker.process.kill(): with a connection that it serves, a worker lives
on after the first, and its client gets the whole answer; the second ends it at once."""
import socket

import local_daemon
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
        cluster.on("disconnect", lambda worker: print("worker", worker.id, "has disconnected"))
        cluster.on("exit", lambda worker, code, signal: print("worker", worker.id, "has ended"))
        print("kill()")
        served(cluster, lambda worker: worker.kill())
        print("process.kill()")
        served(cluster, lambda worker: killed(cluster, worker))


def killed(cluster, worker):
    worker.process.kill("SIGKILL")
    cluster.run_until(worker.is_dead)


def served(cluster, end):
    """One worker and one client, who asks before the end and reads after it."""
    worker, clients, taken = cluster.fork(), [], []
    worker.on("listening", lambda address: clients.append(
        socket.create_connection((address.address, address.port))))
    worker.on("message", lambda message, handle: taken.append(message))
    cluster.run_until(lambda: taken)
    end(worker)
    with clients[0] as client:
        client.sendall(b"the rest of the question\n")
        try:
            print("the client hears:", client.recv(100).decode() or "nothing")
        except ConnectionResetError:
            print("the client hears: nothing")
    cluster.run_until(worker.is_dead)


def worker():
    me = ostler.Worker()
    me.listen()
    for connection in me:
        with connection:
            me.send("somebody is connected")
            connection.socket.settimeout(10)
            connection.socket.sendall(b"an answer to " + connection.socket.recv(100).rstrip())
    me.close()


primary() if ostler_cluster.is_primary else worker()
