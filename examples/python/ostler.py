# SPDX-License-Identifier: MIT
"""libostler for Python, through ctypes: join a pool of ostlerd as a worker.

    worker = ostler.Worker()                     # ostler.NotStarted: run alone, or say so
    worker.listen()
    worker.ready()
    for connection in worker:                    # ends when ostlerd wants it to
        with connection:                         # .socket, .peer, .listener
            serve(connection.socket)

Where the library is not in the loader's path, OSTLER_LIBRARY names the file.
"""
import ctypes
import errno
import json
import os
import socket
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_uint32, c_uint64, c_void_p

CONNECTION, DRAIN, STOP, REPLACED, MESSAGE = 1, 2, 3, 4, 5
QUEUE, SHARED, DATAGRAM = 1, 2, 3
CONTROLLERS, WORKER, POOL, ALL = 0, 1, 2, 3
BYTES, JSON = 0, 1
KEEP_OPEN, CONFIRM, FD_LOST = 1, 2, 4
V6ONLY, EXCLUSIVE = 1, 2


class NotStarted(Exception):
    """No ostlerd started this process."""


class _Address(ctypes.Structure):
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("text", c_char_p),
                ("backlog", c_uint32), ("reserved", c_uint32 * 5)]


class _Message(ctypes.Structure):
    _fields_ = [("size", c_uint32), ("kind", c_uint32), ("worker", c_uint64), ("pool", c_char_p),
                ("content", c_uint32), ("flags", c_uint32), ("data", c_void_p),
                ("length", c_uint64), ("fd", c_int32), ("reserved", c_uint32 * 5)]


class Message:
    """What another worker or a controller said. `fd` is -1, or ours to close."""

    def __init__(self, raw):
        self.kind, self.worker, self.pool = raw.kind, raw.worker, raw.pool.decode()
        self.data = ctypes.string_at(raw.data, raw.length) if raw.length else b""
        self.content, self.fd = raw.content, raw.fd

    def json(self):
        return json.loads(self.data)


class Event(ctypes.Structure):
    _fields_ = [("size", c_uint32), ("type", c_uint32), ("connection", c_uint64), ("fd", c_int32),
                ("listener", c_uint32), ("milliseconds", c_uint32), ("peer_size", c_uint32),
                ("peer", c_uint64 * 16), ("_message", POINTER(_Message)),
                ("reserved", c_uint64 * 3)]

    @property
    def message(self):
        """Of a MESSAGE, before the next event is asked for."""
        return Message(self._message.contents)


def _load():
    library = ctypes.CDLL(os.environ.get("OSTLER_LIBRARY", "libostler.so.1"))
    handle = c_void_p
    for name, result, *arguments in (
            ("worker_open", c_int, POINTER(handle)),
            ("worker_close", None, handle),
            ("worker_id", c_uint64, handle),
            ("worker_slot", c_uint32, handle),
            ("worker_generation", c_uint32, handle),
            ("worker_pool", c_char_p, handle),
            ("worker_socket", c_char_p, handle, c_uint32),
            ("worker_reason", c_char_p, handle),
            ("worker_listen", c_int, handle, c_char_p, c_int, POINTER(c_uint32)),
            ("worker_listen_at", c_int, handle, POINTER(_Address), c_int, POINTER(c_uint32)),
            ("listener_address", c_char_p, handle, c_uint32),
            ("listener_kind", c_int, handle, c_uint32),
            ("listener_fd", c_int, handle, c_uint32),
            ("worker_close_listener", c_int, handle, c_uint32),
            ("worker_ready", c_int, handle),
            ("worker_next", c_int, handle, POINTER(Event), c_int),
            ("worker_done", c_int, handle, c_uint64),
            ("worker_send", c_int, handle, POINTER(_Message), c_int),
            ("worker_leave", c_int, handle, c_int),
            ("worker_disconnect", c_int, handle),
            ("worker_kill", c_int, handle),
            ("worker_is_connected", c_int, handle),
            ("worker_exited_after_disconnect", c_int, handle),
            ("worker_fd", c_int, handle),
            ("worker_busy", c_int, handle),
            ("worker_idle", c_int, handle)):
        function = getattr(library, "ostler_" + name)
        function.restype, function.argtypes = result, arguments
    return library


class Connection:
    """A client. Closing it (or leaving its `with`) tells ostlerd that it is done."""

    def __init__(self, worker, event):
        self._worker, self._id = worker, event.connection
        self.listener = event.listener
        self.socket = socket.socket(fileno=event.fd)  # non-blocking, as it came

    def close(self):
        self.socket.close()
        if self._worker:
            self._worker._done(self._id)
            self._worker = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Worker:
    def __init__(self):
        self._lib, self._handle = _load(), c_void_p()
        result = self._lib.ostler_worker_open(byref(self._handle))
        if result == -errno.ENXIO:
            raise NotStarted("no ostlerd started this process")
        self._check(result)
        self.id = self._lib.ostler_worker_id(self._handle)
        self.slot = self._lib.ostler_worker_slot(self._handle)
        self.generation = self._lib.ostler_worker_generation(self._handle)
        self.pool = self._lib.ostler_worker_pool(self._handle).decode()
        self.draining = False

    @property
    def sockets(self):
        """Names of the sockets that the spec gives to this pool."""
        names, index = [], 0
        while (name := self._lib.ostler_worker_socket(self._handle, index)) is not None:
            names.append(name.decode())
            index += 1
        return names

    def listen(self, name=None, timeout=10.0):
        """Asks for a socket of the spec; without a name for the only one. Returns its number."""
        listener = c_uint32()
        self._check(self._lib.ostler_worker_listen(
            self._handle, name.encode() if name else None, int(timeout * 1000), byref(listener)))
        return listener.value

    def listen_at(self, address, v6only=False, exclusive=False, backlog=0, timeout=10.0):
        """Asks for a socket at an address of our own choice, such as "tcp://*:8080", "udp://[::]:0",
        "unix:app.sock" or "fd:3". Returns its number, or raises OSError."""
        where = _Address(size=ctypes.sizeof(_Address), text=address.encode(), backlog=backlog)
        where.flags = (V6ONLY if v6only else 0) | (EXCLUSIVE if exclusive else 0)
        listener = c_uint32()
        self._check(self._lib.ostler_worker_listen_at(
            self._handle, byref(where), int(timeout * 1000), byref(listener)))
        return listener.value

    def address(self, listener):
        return self._lib.ostler_listener_address(self._handle, listener).decode()

    def kind(self, listener):
        return self._check(self._lib.ostler_listener_kind(self._handle, listener))

    def descriptor(self, listener):
        """Lends the socket itself; see ostler_listener_fd()."""
        return self._check(self._lib.ostler_listener_fd(self._handle, listener))

    def close_listener(self, listener):
        self._check(self._lib.ostler_worker_close_listener(self._handle, listener))

    def ready(self):
        self._check(self._lib.ostler_worker_ready(self._handle))

    def next(self, timeout=None):
        """The next Event, or None when the time (in seconds) is over."""
        event = Event(size=ctypes.sizeof(Event))
        result = self._lib.ostler_worker_next(
            self._handle, byref(event), -1 if timeout is None else int(timeout * 1000))
        if result == -errno.ETIMEDOUT:
            return None
        self._check(result)
        self.draining = self.draining or event.type == DRAIN
        return event

    def __iter__(self):
        """Connections, until all are done after a drain, or ostlerd is gone."""
        while True:
            try:
                event = self.next()
            except BrokenPipeError:
                return
            if event.type == STOP:
                return
            if event.type == CONNECTION:
                yield Connection(self, event)
            elif event.type == MESSAGE:
                self.on_message(event.message)

    def on_message(self, message):
        """What the iteration does with messages: nothing. Override or assign."""
        if message.fd >= 0:
            os.close(message.fd)

    def send(self, data, worker=None, pool=None, everyone=False, fd=-1, keep_open=False,
             confirm=False, timeout=10.0):
        """Bytes, or anything else as JSON, to a worker by id, a pool, every worker, or (none of
        these) the controllers. With `confirm` it returns how many got it."""
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        message = _Message(size=ctypes.sizeof(_Message), fd=fd, length=len(text),
                           data=ctypes.cast(ctypes.c_char_p(text), c_void_p))
        message.content = BYTES if isinstance(data, bytes) else JSON
        message.kind = (WORKER if worker is not None else POOL if pool is not None
                        else ALL if everyone else CONTROLLERS)
        message.worker, message.pool = worker or 0, pool.encode() if pool else None
        message.flags = (KEEP_OPEN if keep_open else 0) | (CONFIRM if confirm else 0)
        return self._check(self._lib.ostler_worker_send(
            self._handle, byref(message), int(timeout * 1000)))

    def disconnect(self):
        """Takes nothing more; the channel ends, with a STOP, when all connections are done."""
        self._check(self._lib.ostler_worker_disconnect(self._handle))

    def kill(self):
        """Leaves and ends this process with status 0."""
        self._lib.ostler_worker_kill(self._handle)

    @property
    def connected(self):
        return self._lib.ostler_worker_is_connected(self._handle) == 1

    @property
    def exited_after_disconnect(self):
        """Whether somebody wanted it to go; None as long as that is not decided."""
        known = self._lib.ostler_worker_exited_after_disconnect(self._handle)
        return None if known < 0 else known == 1

    def leave(self, timeout=10.0):
        self._check(self._lib.ostler_worker_leave(self._handle, int(timeout * 1000)))

    def fileno(self):
        """For select, poll and asyncio: readable when next(0) has something to say. From here on
        saying busy() and idle() is up to the loop."""
        return self._check(self._lib.ostler_worker_fd(self._handle))

    def busy(self):
        self._lib.ostler_worker_busy(self._handle)

    def idle(self):
        self._lib.ostler_worker_idle(self._handle)

    def close(self):
        self._lib.ostler_worker_close(self._handle)
        self._handle = c_void_p()

    def _done(self, connection):
        if self._handle:
            self._check(self._lib.ostler_worker_done(self._handle, connection))

    def _check(self, result):
        if result < 0:
            reason = self._lib.ostler_worker_reason(self._handle) if self._handle else b""
            raise OSError(-result, reason.decode() or os.strerror(-result))
        return result
