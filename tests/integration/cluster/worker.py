# SPDX-License-Identifier: MIT
"""A worker that does what a controller's messages say: each is a JSON object with a "do", and
anything else is sent back as it came."""
import errno
import os
import signal
import socket
import sys

import ostler


class Obedient(ostler.Worker):
    stay = None  # a socket: after the end of the channel we stay until it ends, too

    def on_message(self, message):
        order = message.json() if message.content == ostler.JSON else None
        if isinstance(order, dict) and "do" in order:
            getattr(self, "do_" + order.pop("do"))(message.fd, **order)
        else:
            self.send(order if message.content == ostler.JSON else message.data, fd=message.fd)

    def do_tell(self, fd, name):
        self.send({"name": name, "value": os.environ.get(name), "id": self.id})

    def do_exit(self, fd, code):
        sys.exit(code)

    def do_crash(self, fd):
        os.kill(os.getpid(), signal.SIGKILL)

    def do_hang(self, fd):
        self.send("hangs")
        while True:
            signal.pause()

    def do_disconnect(self, fd):
        self.disconnect()

    def do_kill(self, fd):
        self.kill()

    def do_flood(self, fd, count):
        for number in range(count):
            self.send({"number": number})

    def do_listen(self, fd, address, **how):
        try:
            self.send({"bound": self.address(self.listen_at(address, **how))})
        except OSError as error:
            self.send({"error": errno.errorcode[error.errno], "reason": error.strerror})

    def do_stay(self, fd):
        self.stay = socket.socket(fileno=fd)

    def do_write(self, fd, text):
        with socket.socket(fileno=fd) as receiver:
            receiver.sendall(text.encode())


def main():
    worker = Obedient()
    for name in worker.sockets:
        worker.listen(name)
    worker.ready()
    for connection in worker:
        with connection:
            connection.socket.sendall(b"%d\n" % worker.id)
    worker.close()
    if worker.stay:
        worker.stay.setblocking(True)
        worker.stay.recv(1)


if __name__ == "__main__":
    main()
