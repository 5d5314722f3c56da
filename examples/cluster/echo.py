#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of worker.send(): the worker says what it hears. It may be sent to at once; what
it cannot hear yet waits for it."""
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
        worker = cluster.fork()
        worker.send("hi there")

        def heard(message, handle):
            print(message)
            worker.disconnect()
        worker.on("message", heard)
        cluster.run_until(local_daemon.everybody_has_gone(cluster))


def worker():
    me = ostler.Worker()
    me.on_message = lambda message: me.send(message.json())
    for _ in me:
        pass
    me.close()


primary() if ostler_cluster.is_primary else worker()
