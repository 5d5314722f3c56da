# SPDX-License-Identifier: MIT
"""The daemon's end of one control connection, as a test wants it: it answers in a thread of its
own, and says what it is told to say. Its Cluster finds it by OSTLER_SOCKET."""
import json
import os
import socket
import struct
import tempfile
import threading

REPLY, EVENT, MESSAGE = 0x101, 0x104, 0x105


class FakeDaemon:
    def __init__(self, **answers):
        self.answers = {"version": {"last_event": 0}, "status": self.status,
                        "setup": {"settings": {}}, **answers}
        self.workers = []  # rows of the status
        self.streams = {}  # verb → the first request with it
        self._folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self._folder.name, "control.sock")
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(self.path)
        self._listening.listen()
        os.environ["OSTLER_SOCKET"] = self.path
        self._socket = None  # until its Cluster connects
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def status(self, request):
        return {"sockets": [], "pools": [{"name": "api", "workers": self.workers}]}

    def tell(self, verb, kind, attached=None, parts=1, **body):
        """On the stream that the verb opened; in several parts where asked for."""
        payload, flags = json.dumps(body).encode(), 0
        if attached is not None:
            payload, flags = struct.pack("<I", len(payload)) + payload + attached, 2
        size = -(-len(payload) // parts)
        for at in range(0, len(payload), size):
            more = 1 if at + size < len(payload) else 0
            self._say(kind, flags | more, self.streams[verb], payload[at:at + size])

    def say(self, kind, request, **body):
        self._say(kind, 0, request, json.dumps(body).encode())

    def _say(self, kind, flags, number, payload):
        self._socket.send(struct.pack("<HHI", kind, flags, number) + payload)

    def _serve(self):
        self._socket, _ = self._listening.accept()
        while packet := self._socket.recv(65536):
            _, flags, number = struct.unpack_from("<HHI", packet)
            payload = packet[8:]
            if flags & 2:  # bytes behind the JSON
                payload = payload[4:4 + struct.unpack_from("<I", payload)[0]]
            request = json.loads(payload)
            verb = request["verb"]
            self.streams.setdefault(verb, number)
            answer = self.answers.get(verb)
            if callable(answer):
                answer = answer({**request, "request": number})
            if answer is not None:
                self.say(REPLY, number, **{"exit": 0, "message": "", **answer})

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._listening.close()
        self._folder.cleanup()
