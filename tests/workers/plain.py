#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A worker from docs/protocol.md alone, without libostler: one connection at a time, HTTP."""
import array
import os
import select
import socket
import struct
import sys

HELLO, WELCOME, REFUSED, LISTEN, LISTENING, READY, DRAIN, DRAINED = range(1, 9)
REPLACED = 11
QUEUE, SOCKET = 1, 2


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


class Fields:
    """Takes fields off the front of a packet."""

    def __init__(self, data):
        self.data = data

    def number(self, form):
        size = struct.calcsize("<" + form)
        value, self.data = struct.unpack("<" + form, self.data[:size])[0], self.data[size:]
        return value

    def text(self):
        size = self.number("I")
        value, self.data = self.data[:size].decode(), self.data[size:]
        return value


class Channel:
    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ["OSTLER_CHANNEL_FD"]))
        self.socket.setblocking(True)
        self.socket.set_inheritable(False)
        del os.environ["OSTLER_CHANNEL_FD"]
        self.requests = 0

    def send(self, kind, fields=b"", request=0):
        self.socket.send(struct.pack("<HHI", kind, 0, request) + fields)

    def receive(self):
        """The next packet as (type, request, fields, descriptors); type None at the end."""
        data, ancillary, _, _ = self.socket.recvmsg(
            66048, socket.CMSG_SPACE(4 * 4), socket.MSG_CMSG_CLOEXEC)
        if not data:
            return None, 0, None, []
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) // 4 * 4])
        kind, _, request = struct.unpack("<HHI", data[:8])
        return kind, request, Fields(data[8:]), list(descriptors)

    def ask(self, kind, fields):
        """Sends a request and waits for its answer."""
        self.requests += 1
        self.send(kind, fields, self.requests)
        while True:
            answer, request, rest, descriptors = self.receive()
            if answer is None:
                sys.exit()  # ostlerd has gone
            if answer == DRAIN:  # a request of theirs; we have taken nothing yet
                sys.exit()
            if request == self.requests:
                return answer, rest, descriptors


class Worker:
    def __init__(self):
        self.channel = Channel()
        kind, fields, _ = self.channel.ask(HELLO, struct.pack("<HHI", 1, 1, 0) + text("plain.py"))
        if kind != WELCOME:
            sys.exit("refused")
        fields.number("H"), fields.number("I")
        self.id, self.slot = fields.number("Q"), fields.number("I")
        fields.number("I"), fields.text()
        names = [name for name in fields.text().split(":") if name]
        self.sources = [self.listen(index, name) for index, name in enumerate(names)]
        self.channel.send(READY)

    def listen(self, index, name):
        """A listener: [its number, how, its socket]."""
        _, fields, descriptors = self.channel.ask(
            LISTEN, struct.pack("<BII", 0, index, 0) + text(name))
        error = fields.number("i")
        if error:
            sys.exit("cannot listen: " + os.strerror(error))
        number, how = fields.number("I"), fields.number("B")
        return [number, how, socket.socket(fileno=descriptors[0])]

    def run(self):
        while True:
            sockets = [self.channel.socket] + [source[2] for source in self.sources]
            for ready in select.select(sockets, [], [])[0]:
                if ready is self.channel.socket:
                    if not self.obey():
                        return
                else:
                    self.take(ready)

    def obey(self):
        """Does what ostlerd says; false when it is time to end. Nothing is ever half served here."""
        kind, request, fields, descriptors = self.channel.receive()
        if kind == DRAIN:
            self.channel.send(DRAINED, request=request)
        if kind == REPLACED:
            self.replace(fields.number("I"), socket.socket(fileno=descriptors.pop()))
        for unknown in descriptors:
            os.close(unknown)
        return kind not in (None, DRAIN)

    def replace(self, number, fresh):
        for source in self.sources:
            if source[0] == number:
                source[2].close()
                source[2] = fresh

    def take(self, ready):
        for _, how, candidate in self.sources:
            if candidate is ready:
                connection = self.accept(how, ready)
                if connection:
                    self.serve(connection)

    @staticmethod
    def accept(how, source):
        try:
            if how == SOCKET:
                os.set_blocking(source.fileno(), False)  # others hold it too
                return source.accept()[0]
            packet, ancillary, _, _ = source.recvmsg(
                192, socket.CMSG_SPACE(4), socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
        except OSError:  # nothing there any more, or the socket was shut down
            return None
        if len(packet) != 152 or not ancillary:
            return None
        return socket.socket(fileno=struct.unpack("<i", ancillary[0][2][:4])[0])

    def serve(self, connection):
        connection.settimeout(10)
        with connection:
            try:
                self.answer(connection)
            except OSError:
                pass  # the client's own affair

    def answer(self, connection):
        if connection.recv(4096):
            body = '{"worker":%d,"slot":%d,"pid":%d}' % (self.id, self.slot, os.getpid())
            connection.sendall(
                ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
                 % (len(body), body)).encode())


if __name__ == "__main__":
    if "OSTLER_CHANNEL_FD" not in os.environ:
        sys.exit("not started by ostlerd")
    Worker().run()
