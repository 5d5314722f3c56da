#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of the event `fork`: whoever does not listen in time is complained of. (A pool has
that built in: `ready: {when: listening, timeout: 30s}`.)"""
import asyncio
import os

import local_daemon
import ostler
import ostler_cluster

PATIENCE_S = 3.0
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


async def watch(cluster):
    loop, done, timeouts = asyncio.get_running_loop(), asyncio.Event(), {}

    def complain(worker):
        print(f"Something must be wrong with the connection of worker {worker.id} ...")
        worker.process.kill("SIGKILL")

    def forked(worker):
        timeouts[worker.id] = loop.call_later(PATIENCE_S, complain, worker)

    def listening(worker, address):
        timeouts.pop(worker.id).cancel()
        print(f"worker {worker.id} listens in time")

    def exited(worker, code, signal):
        timeouts.pop(worker.id).cancel()
        cluster.disconnect(done.set)
    cluster.on("fork", forked)
    cluster.on("listening", listening)
    cluster.once("exit", exited)
    loop.add_reader(cluster.fileno(), cluster.dispatch)
    cluster.fork()
    cluster.fork({"LAZY": "yes"})
    await done.wait()
    loop.remove_reader(cluster.fileno())


def worker():
    me = ostler.Worker()
    if "LAZY" not in os.environ:
        me.listen()
    for connection in me:
        connection.close()
    me.close()


if ostler_cluster.is_primary:
    with local_daemon.cluster(SPEC) as cluster:
        asyncio.run(watch(cluster))
else:
    worker()
