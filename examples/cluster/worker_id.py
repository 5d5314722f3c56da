#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of cluster.worker: who am I?"""
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
    stdout: inherit
    stderr: inherit
"""

if ostler_cluster.is_primary:
    print("I am primary")
    with local_daemon.cluster(SPEC) as cluster:
        cluster.fork()
        cluster.run_until(lambda: len(cluster.workers) == 0)
        cluster.fork()
        cluster.run_until(lambda: len(cluster.workers) == 0)
elif ostler_cluster.is_worker:
    me = ostler.Worker()
    print(f"I am worker #{me.id}")
    me.kill()
