#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's small examples of the events of a worker's life, in one life: fork, online, listening,
disconnect, exit; for the worker first, then for the cluster."""
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
        worker = cluster.fork()
        worker.on("fork", lambda: print("Worker is forked"))
        worker.on("online", lambda: print("Worker is online"))
        worker.on("listening", lambda address: print("Worker is listening"))
        worker.on("disconnect", lambda: print("Worker has disconnected"))
        worker.on("exit", ended)

        cluster.on("online", lambda worker: print("Yay, the worker responded after it was forked"))
        cluster.on("listening", listening)
        cluster.on("disconnect", lambda worker: print(f"The worker #{worker.id} has disconnected"))
        cluster.run_until(local_daemon.everybody_has_gone(cluster))


def listening(worker, address):
    print(f"A worker is now connected to {address.address}:PORT")
    assert address.port > 0 and address.address_type == 4
    worker.disconnect()


def ended(code, signal):
    if signal:
        print(f"worker was killed by signal: {signal}")
    elif code != 0:
        print(f"worker exited with error code: {code}")
    else:
        print("worker success!")


def worker():
    me = ostler.Worker()
    me.listen()
    for connection in me:
        connection.close()
    me.close()


primary() if ostler_cluster.is_primary else worker()
