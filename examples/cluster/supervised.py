#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Node's cluster cannot do: the primary is a pool of the spec itself, `controller: [worker]`
gives it those workers, and when it dies it is started again. They live on, and the next one finds
them."""
import os

import local_daemon
import ostler
import ostler_cluster

SPEC = """
log: {level: error}
pools:
  primary:
    exec: python3
    args: ["${PROGRAM}"]
    protocol: none
    controller: [worker]
    stdout: inherit
    stderr: inherit
  worker:
    exec: python3
    args: ["${PROGRAM}"]
    workers: 0
    stderr: inherit
"""


def operator():
    with local_daemon.cluster(SPEC) as cluster:
        cluster.run_until(lambda: len(cluster.workers) == 2)
        cluster.connection.ask("kill", worker="primary/0", signal="SIGKILL")
        cluster.run_until(local_daemon.everybody_has_gone(cluster))


def primary():
    with ostler_cluster.Cluster("worker") as cluster:  # finds its daemon by OSTLER_CONTROL_FD
        print("the primary finds", len(cluster.workers), "workers")
        if cluster.workers:
            cluster.disconnect()
        else:
            cluster.fork()
            cluster.fork()
        cluster.run()


def worker():
    for _ in ostler.Worker():
        pass


if "OSTLER_POOL" not in os.environ:
    operator()
elif ostler_cluster.is_primary:
    primary()
else:
    worker()
