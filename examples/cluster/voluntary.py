#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of worker.exitedAfterDisconnect: was it wanted, or an accident?"""
import os

import local_daemon
import ostler
import ostler_cluster

SPEC = """
log: {level: error}
pools:
  worker:
    exec: python3
    args: ["${PROGRAM}"]
    workers: 0
    stderr: inherit
"""


def primary():
    with local_daemon.cluster(SPEC) as cluster:
        def exited(worker, code, signal):
            if worker.exited_after_disconnect:
                print("Oh, it was just voluntary - no need to worry")
            else:
                print(f"worker {worker.id} died ({signal or code}): an accident")
                cluster.fork({"AFTERWARDS": "go by yourself"})
        cluster.on("exit", exited)
        cluster.on("online", lambda worker: print(worker.exited_after_disconnect, "as yet"))
        cluster.fork({"AFTERWARDS": "crash"})
        cluster.run_until(local_daemon.everybody_has_gone(cluster))


def worker():
    me = ostler.Worker()
    if os.environ["AFTERWARDS"] == "crash":
        os.kill(os.getpid(), 9)
    me.kill()


primary() if ostler_cluster.is_primary else worker()
