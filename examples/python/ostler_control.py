# SPDX-License-Identifier: MIT
"""The control protocol of ostlerd (docs/control.md): one connection, many requests at a time.

    with ostler_control.Connection() as daemon:
        print(daemon.ask("status")["daemon"])

Everything that comes is put in one line, in the order in which it came, and done by dispatch().
ask() waits for its own answer alone; what comes meanwhile stays in line.
"""
import array
import collections
import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import stat
import struct
import threading
import time

REQUEST, REPLY, PROGRESS, LINE, EVENT, MESSAGE = range(0x100, 0x106)
MORE, ATTACHED = 1, 2
MOST_REQUESTS = 32  # that the daemon takes at a time
MAX_PACKET = 65536
HEADER = struct.Struct("<HHI")
NO_DAEMON = 69  # what `ostler` exits with when the daemon is gone

Received = collections.namedtuple("Received", "kind body attached handle")


class Refused(Exception):
    """The daemon said no. Its sentence, its exit code and all it answered."""

    def __init__(self, reply):
        super().__init__(reply.get("message") or "the daemon gave no reason")
        self.reply, self.exit = reply, reply.get("exit", 1)
        self.errno = getattr(errno, reply.get("errno") or "", None)  # where the daemon names one


class Gone(ConnectionError):
    """There is no daemon, or no connection to it any more."""


class Descriptor:
    """An open file that came with a message and is no socket. Closes with its last reference."""

    def __init__(self, number):
        self._number = number

    def fileno(self):
        return self._number

    def detach(self):
        number, self._number = self._number, -1
        return number

    def close(self):
        if self._number >= 0:
            os.close(self.detach())

    __del__ = close


def default_path():
    if os.geteuid() == 0:
        return "/run/ostler/control.sock"
    if "XDG_RUNTIME_DIR" not in os.environ:
        raise Gone("name the daemon's control socket: neither OSTLER_SOCKET nor XDG_RUNTIME_DIR "
                   "is set")
    return os.path.join(os.environ["XDG_RUNTIME_DIR"], "ostler/control.sock")


def connect(path):
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        daemon.connect(path)
    except OSError as error:
        daemon.close()
        raise Gone(f"no daemon answers at {path}: {error.strerror or error}") from error
    return daemon


_threads = threading.Lock()


@contextlib.contextmanager
def _turn(born_with, patience):
    """Threads, and processes that have inherited the connection too, use it one after another."""
    deadline = time.monotonic() + patience
    with _threads:
        while True:
            try:
                fcntl.lockf(born_with, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError("others use OSTLER_CONTROL_FD all the time") from None
                time.sleep(0.001)
        try:
            yield
        finally:
            fcntl.lockf(born_with, fcntl.LOCK_UN)


def connect_through(number, patience):
    """One more connection through the one that a controller of the spec is born with."""
    name = f"OSTLER_CONTROL_FD={number}"
    try:
        born_with = socket.socket(fileno=os.dup(int(number)))
        born_with.getpeername()
    except (OSError, ValueError) as error:
        raise Gone(f"{name} names no open control connection: {error}") from error
    with born_with, _turn(born_with, patience):
        born_with.sendall(_packets(1, {"verb": "connect"}, None, None)[0][0])
        if not select.select([born_with], [], [], patience)[0]:  # a timeout would be everybody's
            raise TimeoutError(f"the daemon at {name} does not answer")
        packet, handles, _, _ = socket.recv_fds(born_with, MAX_PACKET, 1)
    reply = json.loads(packet[HEADER.size:] or "{}")
    if not handles:
        raise Gone(f"no connection through {name}: {reply.get('message', 'the daemon is gone')}")
    daemon = socket.socket(fileno=handles[0])
    daemon.set_inheritable(False)
    return daemon


def find_daemon(path, patience):
    """Its socket and name, by the first of: the path, OSTLER_SOCKET, the connection that
    OSTLER_CONTROL_FD names, the default path."""
    path = path or os.environ.get("OSTLER_SOCKET")
    number = os.environ.get("OSTLER_CONTROL_FD")
    if not path and number:
        return connect_through(number, patience), f"OSTLER_CONTROL_FD={number}"
    path = path or default_path()
    return connect(path), path


class Connection:
    """Without a path: the daemon that find_daemon() finds."""

    def __init__(self, path=None, patience=30.0):
        self._socket, self.name = find_daemon(path, patience)
        self._patience = patience  # with a daemon that does not answer, in seconds
        self._last = 0
        self._pending = {}  # request → what to do with all that comes for it
        self._answers = {}  # of ask(), which does not wait in line
        self._held = collections.deque()  # requests, while as many as may be are on their way
        self._out = collections.deque()  # packets, while the daemon does not read
        self._out_bytes = 0
        self._in = _Assembly()
        self._line = collections.deque()  # calls to be made, in order
        self._end = None  # a sentence, when it is over
        self._watch = self._stir = None  # for loops of others: fileno()

    # --- Asking ---

    def ask(self, verb, attached=None, handle=None, **arguments):
        """Waits for the answer: the reply, or Refused. What else comes is for dispatch()."""
        number = self.start(verb, None, attached, handle, **arguments)
        self._answers[number] = None
        deadline = time.monotonic() + self._patience
        while self._answers[number] is None:
            self._check_end()
            if not self._wait(deadline):
                del self._answers[number]
                raise TimeoutError(f"the daemon at {self.name} does not answer {verb!r}")
        reply = self._answers.pop(number)
        if reply["exit"] != 0:
            raise Refused(reply)
        return reply

    def start(self, verb, heard, attached=None, handle=None, **arguments):
        """Asks without waiting: `heard(Received)` is called for each thing that comes for this
        request, a reply last. The handle (a file, socket or number; for setup a list of them) is
        ours from now on."""
        self._last = self._last % 0xffffffff + 1
        packets = _packets(self._last, {"verb": verb, **arguments}, attached, handle)
        self._pending[self._last] = heard
        self._out_bytes += sum(len(data) for data, _ in packets)
        self._held.append(packets)
        self._flush()
        return self._last

    @property
    def backlog(self):
        """Bytes that we could not send yet."""
        return self._out_bytes

    # --- What is to be done, in line ---

    @property
    def due(self):
        """Whether something waits for dispatch()."""
        return bool(self._line)

    def soon(self, call, *arguments):
        """Does it with the next dispatch(), behind all that has come by now."""
        self._line.append((call, arguments))
        if self._stir is not None:
            os.eventfd_write(self._stir, 1)

    def dispatch(self):
        """Does what is due, without waiting. Raises Gone behind the last of it."""
        self._transfer()
        for _ in range(len(self._line)):  # what is added meanwhile has its turn the next time
            if not self._line:
                break  # somebody ran us from within
            call, arguments = self._line.popleft()
            call(*arguments)
        if not self._line:
            self._check_end()
            self._calm()

    def run_until(self, done, timeout=None):
        """Does what is due until done() is true; False when the time (in seconds) is over."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not done():
            if not self._line and not self._end and not self._wait(deadline):
                return False
            self.dispatch()
        return True

    def fileno(self):
        """For select, poll and asyncio: readable whenever dispatch() has something to do."""
        if self._watch is None:
            self._watch, self._stir = select.epoll(), os.eventfd(1, os.EFD_NONBLOCK)
            self._watch.register(self._socket, select.EPOLLIN)
            self._watch.register(self._stir, select.EPOLLIN)
            self._flush()  # which watches for room, too
        return self._watch.fileno()

    def _calm(self):
        if self._stir is not None and not self._end:
            try:
                os.eventfd_read(self._stir)
            except BlockingIOError:
                pass

    def _check_end(self):
        if self._end:
            raise Gone(self._end)

    def close(self):
        self._finish(f"the connection to the daemon at {self.name} is closed")
        for packet in self._out:
            _close(packet[1])
        for packets in self._held:
            _close(packets[0][1])
        for lost in (self._out, self._held, self._line, self._pending):
            lost.clear()
        self._socket.close()
        if self._watch is not None:
            self._watch.close()
            os.close(self._stir)
            self._watch = self._stir = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- Packets ---

    def _wait(self, deadline):
        """Until something was sent or received; False when the time is over."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN | (select.POLLOUT if self._out else 0))
        left = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
        if not waiting.poll(left):
            return False
        self._transfer()
        return True

    def _transfer(self):
        while self._end is None and self._receive():
            pass
        self._flush()

    def _receive(self):
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(
                MAX_PACKET, socket.CMSG_LEN(4), socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True  # once: it closed without reading all of ours. What it said before is there
        except OSError as error:
            data, ancillary = b"", []
            self._finish(f"the daemon at {self.name}: {error.strerror}")
        handle = _handle_in(ancillary)
        if not data:
            self._finish(f"the daemon at {self.name} is gone")
            return False
        try:
            whole = self._in.feed(data, handle)
        except (ValueError, struct.error) as error:
            self._finish(f"what answers at {self.name} does not speak the control protocol: "
                         f"{error}")
            return False
        if whole:
            self._arrived(*whole)
        return True

    def _arrived(self, number, received):
        if received.kind == REPLY:
            if number == 0:  # about the connection, which ends
                return self._finish(received.body.get("message", "the daemon hung up"))
            heard = self._pending.pop(number, None)
            if number in self._answers:
                self._answers[number] = received.body
        else:
            heard = self._pending.get(number)
        if heard:
            self.soon(heard, received)

    def _finish(self, sentence):
        if self._end:
            return
        self._end = sentence
        reply = Received(REPLY, {"exit": NO_DAEMON, "message": sentence}, None, None)
        for heard in list(self._pending.values()):
            if heard:
                self.soon(heard, reply)
        self._pending.clear()
        if self._watch is not None:
            self._watch.unregister(self._socket)
        if self._stir is not None:
            os.eventfd_write(self._stir, 1)

    def _flush(self):
        while self._end is None:
            on_their_way = len(self._pending) - len(self._held)
            if not self._out and self._held and on_their_way < MOST_REQUESTS:
                self._out.extend(self._held.popleft())
            if not self._out or not self._send_first():
                break
        if self._watch is not None and self._end is None:
            self._watch.modify(self._socket,
                               select.EPOLLIN | (select.EPOLLOUT if self._out else 0))

    def _send_first(self):
        data, handles = self._out[0]
        lent = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", handles))]
        try:
            self._socket.sendmsg([data], lent if handles else [],
                                 socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.ETOOMANYREFS:
                return self._give_up_first()
            while self._receive():  # what it said before it closed; mostly it says that it is gone
                pass
            self._finish(f"sending to the daemon at {self.name}: {error.strerror}")
            return False
        self._out_bytes -= len(data)
        _close(handles)
        self._out.popleft()
        return True

    def _give_up_first(self):
        """It, and only it, cannot be sent: too many descriptors are between processes."""
        number = HEADER.unpack_from(self._out[0][0])[2]
        _close(self._out[0][1])
        self._out_bytes -= sum(len(data) for data, _ in self._out)
        self._out.clear()
        self._arrived(number, Received(REPLY, {
            "exit": 1, "message": "the kernel has too many descriptors on their way",
            "errno": "ETOOMANYREFS"}, None, None))
        return True


class _Assembly:
    """Packets become payloads; a long one comes in parts."""

    def __init__(self):
        self._head, self._parts, self._handle = None, [], None

    def feed(self, data, handle):
        """The request's number and what came for it, or None as long as parts are missing."""
        kind, flags, number = HEADER.unpack_from(data)
        if self._head not in (None, (kind, number)):
            raise ValueError("parts that do not belong together")
        self._parts.append(data[HEADER.size:])
        self._handle = handle or self._handle
        self._head = (kind, number) if flags & MORE else None
        if self._head:
            return None
        payload, attached = b"".join(self._parts), None
        self._parts.clear()
        if flags & ATTACHED:
            length, = struct.unpack_from("<I", payload)
            payload, attached = payload[4:4 + length], payload[4 + length:]
        handle, self._handle = self._handle, None
        if not REPLY <= kind <= MESSAGE:
            return None  # a newer daemon's
        body = json.loads(payload)
        if not isinstance(body, dict):
            raise ValueError("a payload that is no object")
        return number, Received(kind, body, attached, handle)


def _packets(number, body, attached, handle):
    """The request in parts; the descriptor goes with the first and is ours to close."""
    payload, flags = json.dumps(body).encode(), 0
    if attached is not None:
        payload, flags = struct.pack("<I", len(payload)) + payload + attached, ATTACHED
    handles = list(handle) if isinstance(handle, (list, tuple)) else [handle]
    handles = [h if isinstance(h, int) else h.detach() for h in handles if h is not None]
    for descriptor in handles:
        os.fstat(descriptor)  # one that is not open is the caller's mistake, not the daemon's end
    room, packets = MAX_PACKET - HEADER.size, []
    for at in range(0, len(payload), room):
        more = MORE if at + room < len(payload) else 0
        packets.append((HEADER.pack(REQUEST, flags | more, number) + payload[at:at + room],
                        () if at else handles))
    return packets


def _handle_in(ancillary):
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS) and len(data) >= 4:
            number = array.array("i", data[:4])[0]
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
            return socket.socket(fileno=number) if is_socket else Descriptor(number)
    return None


def _close(handles):
    for number in handles:
        os.close(number)
