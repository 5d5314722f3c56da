#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Node's example of worker.disconnect(): a worker with connections that never end is told so, has
some time, and is killed then. (A pool has that built in: `stop: {drain: 30s}`.)"""
import asyncio
import socket

import local_daemon
import ostler
import ostler_cluster

PATIENCE_S = 1.0
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
    stdout: inherit
    stderr: inherit
"""


async def drain(cluster):
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(cluster.fileno(), cluster.dispatch)
    clients, timers = [], []
    worker = cluster.fork()

    def too_late():
        print("it takes too long")
        worker.process.kill("SIGKILL")

    def shut_down(message, handle):  # somebody is connected
        worker.send("shutdown")
        worker.disconnect()
        timers.append(loop.call_later(PATIENCE_S, too_late))

    def exited(code, signal):
        print(f"worker was killed by signal: {signal}" if signal else f"worker exited with {code}")
        ended.set()
    worker.on("listening", lambda address: clients.append(
        socket.create_connection((address.address, address.port))))
    worker.once("message", shut_down)
    worker.on("disconnect", lambda: timers[0].cancel())
    worker.on("exit", exited)
    await ended.wait()
    loop.remove_reader(cluster.fileno())
    for client in clients:
        client.close()


def worker():
    me = ostler.Worker()
    me.on_message = lambda message: print("the worker hears:", message.json())
    me.listen()
    connections = []
    for connection in me:  # … which never end
        connections.append(connection)
        me.send("somebody is connected")


if ostler_cluster.is_primary:
    with local_daemon.cluster(SPEC) as cluster:
        asyncio.run(drain(cluster))
else:
    worker()
