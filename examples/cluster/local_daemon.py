# SPDX-License-Identifier: MIT
"""For the examples of this folder: an ostlerd of their own, with a spec and a control socket in a
folder that goes when they end. A program of yours would join the daemon that runs: Cluster("api").
"""
import contextlib
import os
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "python"))  # ostler.py, ostler_cluster.py
sys.stdout.reconfigure(line_buffering=True)  # we and our workers write into one output

import ostler_cluster  # noqa: E402


@contextlib.contextmanager
def cluster(spec, pool="worker"):
    """The Cluster of this pool. In the spec ${PROGRAM} is the example itself: as with Node, the
    same program is primary and worker."""
    with tempfile.TemporaryDirectory(prefix="ostler-example-") as folder:
        daemon = start(spec, folder)
        try:
            with ostler_cluster.Cluster(pool, os.path.join(folder, "control.sock")) as it:
                yield it
        finally:
            daemon.terminate()
            daemon.wait()


def start(spec, folder):
    """The daemon, ready."""
    with open(os.path.join(folder, "ostler.yaml"), "w", encoding="utf-8") as file:
        file.write(spec)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(os.path.join(folder, "ready"))
        ready.settimeout(0.1)
        daemon = subprocess.Popen(
            ["ostlerd", "--config", file.name, "--control", os.path.join(folder, "control.sock")],
            env={**os.environ, "NOTIFY_SOCKET": ready.getsockname(),
                 "PROGRAM": os.path.abspath(sys.argv[0])})
        said = b""
        while b"READY=1" not in said:
            if daemon.poll() is not None:
                sys.exit("no daemon, no example")  # it has said why
            with contextlib.suppress(TimeoutError):
                said = ready.recv(4096)
    return daemon


def everybody_has_gone(it):
    """For run_until(): what ends a primary of Node."""
    return lambda: not it.workers
