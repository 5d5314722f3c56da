#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of cluster.workers: all of them are told, one by one."""
import local_daemon
import ostler
import ostler_cluster

WORKERS = 3
SPEC = """
log: {level: error}
pools:
  worker:
    exec: python3
    args: ["${PROGRAM}"]
    workers: 0
    stdout: inherit
    stderr: inherit
"""


def each_worker(cluster, callback):
    for worker in cluster.workers.values():
        callback(worker)


def primary():
    with local_daemon.cluster(SPEC) as cluster:
        for _ in range(WORKERS):
            cluster.fork()
        each_worker(cluster, lambda worker: worker.send("big announcement to all workers"))
        cluster.disconnect(cluster.stop)  # once they have heard it
        cluster.run()


def worker():
    me = ostler.Worker()
    me.on_message = lambda message: print(f"worker {me.id} hears: {message.json()}")
    for _ in me:
        pass
    me.close()


primary() if ostler_cluster.is_primary else worker()
