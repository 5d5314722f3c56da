# SPDX-License-Identifier: MIT
"""What Node's `cluster` is to its primary, for a pool of ostlerd: docs/from-node-cluster.md.

    with ostler_cluster.Cluster("api") as cluster:
        cluster.on("exit", lambda worker, code, signal: cluster.fork())
        for _ in range(4):
            cluster.fork({"COLOUR": "blue"})
        cluster.run()

Nothing happens behind the program's back: listeners are called by run(), run_until() and
dispatch() alone, in the order in which the daemon told. With a loop of your own, watch fileno()
and call dispatch(). Not for several threads.
"""
import collections
import dataclasses
import errno
import json
import os
import re
import signal as signals

import ostler_control
from ostler_control import Gone, Refused

__all__ = ["Address", "Cluster", "Gone", "Missed", "Process", "Refused", "Worker", "is_primary",
           "is_worker"]

EVENTS = ("disconnect", "error", "exit", "fork", "listening", "message", "online")
HIGH_WATER = 128 * 1024  # bytes that may wait before send() says false

# In the order of a worker's life, as the daemon tells them; what Worker does is _on_EVENT.
LIFE = ("fork", "online", "listening", "disconnect", "error", "exit")

is_worker = "OSTLER_WORKER_ID" in os.environ  # whether an ostlerd started this process
is_primary = not is_worker or "OSTLER_CONTROL_FD" in os.environ  # or a controller of the spec


class Missed(Exception):
    """We read too slowly, and the daemon keeps nothing for us. `count` things were lost."""

    def __init__(self, count, what):
        super().__init__(f"{count} {what} were lost: this program reads too slowly")
        self.count = count


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a worker listens. `address_type`: 4, 6, -1 (a Unix socket), "udp4" or "udp6"."""

    address_type: int | str | None
    address: str  # the host as bound, or the path
    port: int | None  # -1: a Unix socket
    socket: str | None  # its name in the spec
    url: str  # all in one: tcp://127.0.0.1:8000


class Emitter:
    """on(event, listener), once(event, listener), off(event, listener)."""

    def __init__(self, *events):
        self._listeners = {event: [] for event in events}

    def on(self, event, listener):
        if event not in self._listeners:
            raise ValueError(f"there is no event {event!r}; there are "
                             f"{', '.join(sorted(self._listeners))}")
        self._listeners[event].append(listener)
        return self

    def once(self, event, listener):
        def only_now(*arguments):
            self.off(event, only_now)
            listener(*arguments)
        return self.on(event, only_now)

    def off(self, event, listener):
        if listener in self._listeners[event]:
            self._listeners[event].remove(listener)
        return self

    def _emit(self, event, *arguments):
        listeners = list(self._listeners[event])
        for listener in listeners:
            listener(*arguments)
        return bool(listeners)


class Process:
    """A worker's process, seen from outside."""

    def __init__(self, worker):
        self._worker = worker
        self.pid = None  # None: not started, or gone

    def kill(self, signal="SIGTERM"):
        """Sends the signal now; False when there is no such process any more."""
        return self._worker._ask_to_kill(_name_of(signal))


class Worker(Emitter):
    """As in Node. `state` is none, online, listening, disconnected or dead."""

    def __init__(self, cluster, number, slot=None):
        super().__init__(*EVENTS)
        self.id, self.slot = number, slot
        self.process = Process(self)
        self.state = "none"
        self.exited_after_disconnect = None
        self._cluster = cluster
        self._connected, self._dead = True, False
        self._told = set()  # events that happen once
        self._waiting = []  # what is asked of one that is not online yet: (bytes, call)
        self._early = []  # what it said before we heard that it is online

    def __repr__(self):
        return f"<worker {self._cluster.pool}/{self.id} {self.state}>"

    def is_connected(self):
        return self._connected

    def is_dead(self):
        return self._dead

    # --- To it ---

    def send(self, message, handle=None, keep_open=False, callback=None):
        """Bytes, or anything else as JSON; `handle` (a socket, file or number) goes with it and is
        closed here, unless keep_open. callback(None) when it is on its way, callback(error) when
        it cannot be delivered; without one, that is an event `error`, unless the worker was still
        connected and has gone meanwhile. False: much waits already, send more when a callback
        comes."""
        raw = isinstance(message, (bytes, bytearray, memoryview))
        body = bytes(message) if raw else json.dumps(message).encode()
        given = None if handle is None else _take(handle, keep_open)
        late = not self._connected

        def call():
            self._cluster._connection.start(
                "send", lambda received: self._sent(received.body, callback, late), body, given,
                target=str(self.id), content="bytes" if raw else "json")
        self._when_online(len(body), call)
        waiting = sum(size for size, _ in self._waiting)
        return waiting + self._cluster._connection.backlog <= HIGH_WATER

    def disconnect(self):
        """Takes no more connections, finishes those it has, ends its channel, then itself."""
        self._leave({})
        return self

    def kill(self, signal="SIGTERM"):
        """The same, and the signal once its channel has ended. See process.kill()."""
        self._leave({"signal": _name_of(signal)})

    destroy = kill

    def _leave(self, arguments):
        if self._dead:
            return
        self._when_online(0, lambda: self._cluster._connection.start(
            "disconnect", lambda received: self._told_to_leave(received.body),
            worker=str(self.id), **arguments))

    def _ask_to_kill(self, signal):
        try:
            self._cluster._connection.ask("kill", worker=str(self.id), signal=signal)
        except Refused as refused:
            if refused.exit != 1:
                raise
            return False
        return True

    # Node's channel keeps what is sent before the worker reads; ostlerd has nobody to give it to.
    def _when_online(self, size, call):
        if "online" in self._told or self._dead:
            call()
        else:
            self._waiting.append((size, call))

    def _call_waiting(self):
        waiting, self._waiting = self._waiting, []
        for _, call in waiting:
            call()

    def _sent(self, reply, callback, late):
        error = Refused(reply) if reply["exit"] != 0 else None
        if callback:
            return callback(error)
        gone = error and error.errno == errno.ESRCH and not late  # its exit says so
        if error and not gone and error.exit != ostler_control.NO_DAEMON:  # that one is raised
            self._tell("error", error)

    def _told_to_leave(self, reply):
        # 1: it has gone by itself, and its exit is on the way.
        if reply["exit"] not in (0, 1, ostler_control.NO_DAEMON):
            self._tell("error", Refused(reply))

    # --- From it ---

    def _tell(self, event, *arguments):
        self._told.add(event)
        heard = self._emit(event, *arguments)
        heard = self._cluster._emit(event, self, *arguments) or heard
        if event == "error" and not heard:  # nobody listens to errors: as in Node, they are raised
            raise arguments[0]
        return heard

    def _on_fork(self, event):
        if "fork" not in self._told:
            self._tell("fork")

    def _on_online(self, event):
        self.process.pid = event["pid"]
        if "online" in self._told:
            return
        self.state = "online"
        self._told.add("online")
        self._call_waiting()
        early, self._early = self._early, []
        try:
            self._tell("online")
        finally:
            for received in early:
                self._tell_message(received)

    def _on_listening(self, event):
        self.state = "listening"
        self._tell("listening", _address_of(event))

    def _on_disconnect(self, event):
        if "disconnect" in self._told:
            return
        self.state, self._connected = "disconnected", False
        self.exited_after_disconnect = event["exited_after_disconnect"]
        self._tell("disconnect")

    def _on_error(self, event):
        self._tell("error", Refused({"exit": 1, "message": event["text"]}))

    def _on_exit(self, event):
        self.state, self._connected, self._dead = "dead", False, True
        self.process.pid = None
        self.exited_after_disconnect = event["exited_after_disconnect"]
        self._cluster._forget(self)
        self._call_waiting()  # which is told that it is too late
        self._tell("exit", event["code"], event["signal"])

    def _on_unseen_end(self):
        """Its last events were lost: how it ended nobody can tell."""
        unknown = {"exited_after_disconnect": self.exited_after_disconnect, "code": None,
                   "signal": None}
        if self._connected:
            self._on_disconnect(unknown)
        self._on_exit(unknown)

    def _on_message(self, received):
        if "online" in self._told:
            self._tell_message(received)
        else:
            self._early.append(received)

    def _tell_message(self, received):
        message, handle = received.attached or b"", received.handle
        if received.body["content"] == "json":
            try:
                message = json.loads(message)
            except ValueError as error:
                if handle:
                    handle.close()
                return self._tell("error", ValueError(
                    f"worker {self.id} sent as JSON what is none: {error}"))
        if not self._tell("message", message, handle) and handle:
            handle.close()


def _sent_along(item, ours):
    """A word as it is; of a descriptor its place among those that go along."""
    if item is None or isinstance(item, str):
        return item
    number = item if isinstance(item, int) else item.fileno()
    if number not in ours:
        ours.append(number)
    return ours.index(number)


class Cluster(Emitter):
    """One pool of a daemon. `path` is that of its control socket, or a Connection that several
    Clusters share; without one the daemon is found as docs/control.md says in section 1."""

    def __init__(self, pool, path=None):
        super().__init__(*EVENTS, "setup")
        shared = isinstance(path, ostler_control.Connection)
        self._connection = path if shared else ostler_control.Connection(path)
        self.pool, self.workers = pool, {}
        self._set_up = collections.deque()  # settings of our setup()s whose event is on the way
        self._stopped = False
        self._farewells = []  # (ids of those who are waited for, callback)
        try:
            # What happens from now on is heard; what is so now is asked after that.
            self._number = self._connection.ask("version")["last_event"]
            self._connection.start("events", self._hear_event, target=pool, follow=True,
                                   since=self._number)
            self._connection.start("messages", self._hear_message, target=pool)
            for row in self._rows(self._connection.ask("status", pool=pool)):
                self._adopt(row)
        except BaseException:
            if not shared:
                self._connection.close()
            raise

    @property
    def connection(self):
        return self._connection

    @property
    def settings(self):
        """What later forks are started with, all of it; asked of the daemon each time."""
        return self._connection.ask("setup", pool=self.pool)["settings"]

    def setup(self, settings=None):
        """Lays these over the settings of later forks; None gives a key back to the spec. In
        `stdio` a number or file is a descriptor of ours, of which the daemon gets a copy."""
        settings, ours = dict(settings or {}), []
        if settings.get("stdio"):
            settings["stdio"] = [_sent_along(item, ours) for item in settings["stdio"]]
        if len(ours) > 16:
            raise ValueError("stdio: at most 16 different descriptors")
        for number in ours:
            os.fstat(number)  # before the first is copied
        reply = self._connection.ask("setup", handle=[os.dup(number) for number in ours],
                                     pool=self.pool, settings=settings)
        self._set_up.append(reply["settings"])

    def fork(self, env=None):
        """One more worker, with these variables on top of its pool's. Its events come later, and
        before them, as in Node, a `setup`."""
        if self._listeners["setup"]:
            self._connection.soon(self._emit, "setup", self.settings)
        try:
            reply = self._connection.ask("fork", pool=self.pool, env=env or {})
        except Refused as refused:
            reply = refused.reply
            if "worker" not in reply:
                raise
        worker = self._worker(reply["worker"], reply["slot"])
        worker.process.pid = reply["pid"]
        return worker

    def disconnect(self, callback=None):
        """disconnect() for each worker; the callback when all of them are gone, never before this
        returns."""
        waited_for = set(self.workers)
        for worker in list(self.workers.values()):
            worker.disconnect()
        if callback:
            self._farewells.append((waited_for, callback))
            self._connection.soon(self._say_farewell)

    @property
    def scheduling_policy(self):
        """How connections of each socket of the pool come to workers, by the socket's name:
        "round-robin" (the daemon accepts and hands over) or "shared" (Node's SCHED_NONE)."""
        status = self._connection.ask("status", pool=self.pool)
        ours = self._pool_in(status).get("sockets")
        return {socket["name"]: socket["scheduling"] for socket in status["sockets"]
                if ours is None or socket["name"] in ours}

    # --- Listeners are called from here alone ---

    def dispatch(self):
        self._connection.dispatch()

    def fileno(self):
        return self._connection.fileno()

    def run_until(self, done, timeout=None):
        """Until done() is true; False when the time (in seconds) is over."""
        return self._connection.run_until(done, timeout)

    def run(self):
        """Until stop(), which a listener calls."""
        self._stopped = False
        self.run_until(lambda: self._stopped)

    def stop(self):
        self._stopped = True

    def close(self):
        """The workers stay as they are."""
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- What the daemon tells ---

    def _pool_in(self, status):
        return next(pool for pool in status["pools"] if pool["name"] == self.pool)

    def _rows(self, status):
        return [row for row in self._pool_in(status)["workers"] if row["id"] is not None]

    def _worker(self, number, slot=None):
        if number not in self.workers:
            self.workers[number] = Worker(self, number, slot)
        return self.workers[number]

    def _adopt(self, row):
        """A worker that was there before us, or that we did not hear of."""
        worker = self._worker(row["id"], row["slot"])
        worker.process.pid = row["pid"]
        worker._connected = row.get("connected", True)
        worker._told.add("fork")
        if row.get("online", row["pid"] is not None):
            worker.state = "online"
            worker._told.add("online")
        return worker

    def _forget(self, worker):
        del self.workers[worker.id]
        self._connection.soon(self._say_farewell)

    def _say_farewell(self):
        ready = [one for one in self._farewells if not one[0] & self.workers.keys()]
        for one in ready:
            self._farewells.remove(one)
            one[1]()

    def _hear_event(self, received):
        event = received.body
        if received.kind == ostler_control.REPLY:
            if event["exit"] != ostler_control.NO_DAEMON:
                raise Refused(event)
        elif "missed" in event:
            self._resynchronise()
            self._emit("error", None, Missed(event["missed"], "events"))
        elif event["number"] > self._number:
            self._number = event["number"]
            if event["event"] == "setup":
                self._on_setup()
            elif event["event"] in LIFE:
                worker = self._worker(event["worker"], event["slot"])
                getattr(worker, "_on_" + event["event"])(event)

    def _on_setup(self):
        if self._set_up:
            return self._emit("setup", self._set_up.popleft())

        def heard(received):
            if received.body["exit"] == 0:
                self._emit("setup", received.body["settings"])
        self._connection.start("setup", heard, pool=self.pool)

    def _hear_message(self, received):
        if received.kind == ostler_control.MESSAGE and "worker" in received.body:
            head = received.body
            self._worker(head["worker"], head["slot"])._on_message(received)
        elif "missed" in received.body:
            lost = Missed(received.body["missed"], "messages of workers")
            if not self._emit("error", None, lost):
                raise lost
        elif received.kind == ostler_control.REPLY and received.body["exit"] not in (
                0, ostler_control.NO_DAEMON):
            raise Refused(received.body)

    # --- After events were lost: we read too slowly ---

    def _resynchronise(self):
        """Asks what is so now, then what came since the last that we heard. Who is not there, and
        whose end did not come, has ended unseen."""
        known = set(self.workers)

        def heard_status(received):
            if received.body["exit"] != 0:
                return
            rows = self._rows(received.body)
            for row in rows:
                if row["id"] not in self.workers:
                    worker = self._adopt(row)
                    for event in ("fork", "online"):
                        if event in worker._told:
                            worker._tell(event)
            unseen = known - {row["id"] for row in rows}
            self._connection.start("events", lambda more: self._heard_rest(more, unseen),
                                   target=self.pool, since=self._number)
        self._connection.start("status", heard_status, pool=self.pool)

    def _heard_rest(self, received, unseen):
        if received.kind == ostler_control.EVENT:
            return self._hear_event(received)
        for number in unseen & self.workers.keys():
            self.workers[number]._on_unseen_end()


def _take(handle, keep_open):
    """The descriptor that goes with a message. Ours, whatever becomes of the caller's."""
    number = handle if isinstance(handle, int) else handle.fileno()
    taken = ostler_control.Descriptor(os.dup(number))
    if not keep_open:
        os.close(handle) if isinstance(handle, int) else handle.close()
    return taken


def _name_of(signal):
    return signals.Signals(signal).name if isinstance(signal, int) else signal


def _address_of(event):
    url = event["address"]
    host = re.fullmatch(r"(?:tcp|udp)://\[?([^\]]*?)\]?:\d+", url)
    return Address(event.get("address_type"), host[1] if host else url.partition(":")[2],
                   event.get("port"), event.get("socket"), url)
