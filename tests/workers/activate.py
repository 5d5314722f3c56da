# SPDX-License-Identifier: MIT
"""Starts a program as a service manager does that has opened sockets for it:
activate.py [--pid=PID] NAME… -- PROGRAM ARGUMENT…; a NAME that begins with udp is for datagrams."""
import os
import socket
import sys

words = sys.argv[1:]
pid = str(os.getpid())
if words[0].startswith("--pid="):
    pid = words.pop(0).removeprefix("--pid=")
end = words.index("--")
names, program = words[:end], words[end + 1 :]
sockets = []
for name in names:
    opened = socket.socket(type=socket.SOCK_DGRAM if name.startswith("udp") else socket.SOCK_STREAM)
    opened.bind(("127.0.0.1", 0))
    if not name.startswith("udp"):
        opened.listen()
    # Out of the way of the numbers that they get.
    sockets.append(os.dup2(opened.fileno(), 100 + len(sockets)))
for place, fd in enumerate(sockets):
    os.dup2(fd, 3 + place, inheritable=True)
    os.close(fd)
os.environ |= {"LISTEN_FDS": str(len(names)), "LISTEN_PID": pid, "LISTEN_FDNAMES": ":".join(names)}
os.execvp(program[0], program)
