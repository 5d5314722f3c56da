#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of cluster.setupMaster(): two kinds of worker. Settings are merged over those
before and are for later forks alone. (Better two pools in the spec, where both kinds are known.)"""
import sys

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
        program = cluster.settings["args"]
        cluster.setup({"args": program + ["--use", "https"], "silent": True})
        first = cluster.fork()
        cluster.setup({"args": program + ["--use", "http"]})
        for kind in (first, cluster.fork(), cluster.fork()):
            told = []
            kind.on("message", lambda message, handle, told=told: told.append(message))
            kind.send("what are you?")
            cluster.run_until(lambda: told)
            print(told[0])
        cluster.disconnect(cluster.stop)
        cluster.run()


def worker():
    me = ostler.Worker()
    me.on_message = lambda message: me.send(f"{sys.argv[sys.argv.index('--use') + 1]} worker")
    for _ in me:
        pass
    me.close()


primary() if ostler_cluster.is_primary else worker()
