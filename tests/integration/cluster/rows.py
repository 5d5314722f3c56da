# SPDX-License-Identifier: MIT
"""The primary's side of Node's cluster, row by row of the checklist, with examples/python's Cluster
against the daemon at OSTLER_SOCKET:  rows.py ROW…  Ends with 0, or says what is not as promised."""
import os
import signal
import socket
import subprocess
import sys

import ostler_cluster
from ostler_cluster import Cluster

PATIENCE = 20.0
rows = {}


def row(name):
    def add(function):
        rows[name] = function
        return function
    return add


class Story:
    """A Cluster, and everything that it told: [event, id of the worker, whatever came with it…]."""

    def __init__(self, pool="api"):
        self.cluster = Cluster(pool)
        self.told = []
        for event in ostler_cluster.EVENTS:
            self.cluster.on(event, self.note(event))

    def note(self, event):
        return lambda worker, *more: self.told.append([event, worker and worker.id, *more])

    def of(self, worker):
        return [told[0] for told in self.told if told[1] == worker.id]

    def until(self, what, done, timeout=PATIENCE):
        assert self.cluster.run_until(done, timeout), f"waited in vain until {what}"

    def until_told(self, event, worker):
        self.until(f"{event} of worker {worker.id}", lambda: event in self.of(worker))

    def forked(self, env=None):
        worker = self.cluster.fork(env)
        self.until_told("listening", worker)
        return worker

    def answer_of(self, worker, order):
        heard = []
        worker.once("message", lambda message, handle: heard.append(message))
        worker.send(order)
        self.until(f"worker {worker.id} answers {order}", lambda: heard)
        return heard[0]


def same(is_so, wanted):
    assert is_so == wanted, f"is {is_so!r}, and should be {wanted!r}"


def bound_by(story, worker, address, **how):
    answer = story.answer_of(worker, {"do": "listen", "address": address, **how})
    assert "bound" in answer, answer
    return answer["bound"]


@row("8")
def free_ports(story):
    one, two = story.forked(), story.forked()
    first, second = [bound_by(story, one, "tcp://127.0.0.1:0") for _ in range(2)]
    assert first != second, first
    same([bound_by(story, two, "tcp://127.0.0.1:0") for _ in range(2)], [first, second])
    answers = set()
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", int(first.rpartition(":")[2]))) as client:
            answers.add(int(client.recv(100)))
    same(answers, {one.id, two.id})


@row("17")
def listening_is_told(story):
    worker = story.forked()
    bound = bound_by(story, worker, "tcp://[::1]:0")
    bound_by(story, worker, "udp://127.0.0.1:0")
    bound_by(story, worker, "tcp://127.0.0.1:0", exclusive=True)
    story.until("it is told", lambda: story.of(worker).count("listening") == 3)
    listening = [told[2] for told in story.told if told[0] == "listening"]
    same([address.address_type for address in listening], [4, 6, "udp4"])
    same(listening[1].port, int(bound.rpartition(":")[2]))


@row("47")
def errors_are_the_workers(story):
    worker = story.forked()
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = f"tcp://127.0.0.1:{foreign.getsockname()[1]}"
        for address, error in (taken, "EADDRINUSE"), ("tcp://192.0.2.1:0", "EADDRNOTAVAIL"), (
                "nonsense", "EINVAL"):
            answer = story.answer_of(worker, {"do": "listen", "address": address})
            same(answer.get("error"), error)
            assert answer["reason"], answer
    same(bound_by(story, worker, taken), taken)
    same(worker.is_dead(), False)


@row("20")
def fork_is_told_later(story):
    worker = story.cluster.fork()
    same(story.told, [])
    armed = []
    worker.on("fork", lambda: armed.append("by the worker"))
    story.cluster.on("fork", lambda who: armed.append("by the cluster"))
    worker.on("listening", lambda address: armed.clear())
    story.until_told("fork", worker)
    same(armed, ["by the worker", "by the cluster"])
    story.until_told("listening", worker)
    same(armed, [])
    same(story.of(worker), ["fork", "online", "listening"])


@row("21")
def setup_is_told_for_each(story):
    cluster, told = story.cluster, []
    cluster.on("setup", lambda settings: told.append(settings["args"]))
    plain = cluster.settings["args"]
    cluster.setup({"args": plain + ["one"]})
    cluster.setup({"args": plain + ["two"]})
    same(cluster.settings["args"], plain + ["two"])
    same(told, [])
    story.until("both are told", lambda: len(told) == 2)
    same(told, [plain + ["one"], plain + ["two"]])  # each with its own
    order = []
    cluster.on("setup", lambda settings: order.append("setup"))
    worker = cluster.fork()
    for event in ("fork", "online"):
        worker.on(event, lambda event=event: order.append(event))
    same(order, [])
    story.until_told("online", worker)
    same(order, ["setup", "fork", "online"])
    same(told[2:], [plain + ["two"]])


@row("26")
def disconnect_gives_the_worker(story):
    worker = story.forked()
    ended = []
    same(worker.disconnect().on("exit", lambda code, name: ended.append((code, name))), worker)
    story.until_told("exit", worker)
    same(ended, [(0, None)])


@row("27")
def drain_with_a_timeout(story):
    worker = story.forked()
    order = []
    address = next(told[2] for told in story.told if told[0] == "listening")
    worker.on("message", lambda message, handle: order.append(message))
    worker.send({"do": "hang"})  # a shutdown that comes to no end
    worker.disconnect()
    story.until("it hangs", lambda: order)
    assert not story.cluster.run_until(lambda: not worker.is_connected(), 0.3), "it does not hang"
    assert worker.process.kill("SIGKILL")
    story.until_told("exit", worker)
    same(story.of(worker)[-2:], ["disconnect", "exit"])
    same(story.told[-1][2:], [None, "SIGKILL"])
    same(worker.exited_after_disconnect, True)
    same((address.address, address.address_type), ("127.0.0.1", 4))


@row("29")
def ids_count_up(story):
    first, second = story.forked(), story.forked()
    assert second.id > first.id
    same(story.cluster.workers, {first.id: first, second.id: second})
    same(story.answer_of(second, {"do": "tell", "name": "OSTLER_WORKER_ID"}),
         {"name": "OSTLER_WORKER_ID", "value": str(second.id), "id": second.id})
    first.process.kill("SIGKILL")
    story.until_told("exit", first)
    third = story.forked()
    assert third.id > second.id


@row("30")
def connected_until_the_disconnect(story):
    worker = story.cluster.fork()
    same(worker.is_connected(), True)
    seen = []
    worker.on("disconnect", lambda: seen.append(worker.is_connected()))
    story.until_told("listening", worker)
    same(worker.is_connected(), True)
    worker.disconnect()
    same(worker.is_connected(), True)
    story.until_told("exit", worker)
    same(seen, [False])


@row("31")
def dead_when_the_exit_is_told(story):
    worker = story.cluster.fork()
    same(worker.is_dead(), False)
    assert worker.process.pid > 0
    seen = []
    worker.on("disconnect", lambda: seen.append(worker.is_dead()))
    worker.on("exit", lambda code, name: seen.append(worker.is_dead()))
    worker.send({"do": "exit", "code": 3})
    story.until_told("exit", worker)
    same(seen, [False, True])
    same(story.told[-1][2:], [3, None])
    same(worker.exited_after_disconnect, False)
    same(worker.process.kill(), False)


@row("32")
def kill_disconnects_first(story):
    worker = story.forked()
    ours, theirs = socket.socketpair()
    worker.send({"do": "stay"}, theirs)
    worker.kill()
    story.until_told("exit", worker)  # by the signal: it would have stayed
    same(story.of(worker), ["fork", "online", "listening", "disconnect", "exit"])
    same(story.told[-1][2:], [None, "SIGTERM"])
    same(worker.exited_after_disconnect, True)

    other = story.forked()
    ours, theirs = socket.socketpair()
    other.send({"do": "stay"}, theirs)
    other.kill(signal.SIGUSR1)
    story.until_told("exit", other)
    same(story.told[-1][2:], [None, "SIGUSR1"])
    ours.close()


@row("34")
def kill_waits_for_one_that_hangs(story):
    worker = story.forked()
    same(story.answer_of(worker, {"do": "hang"}), "hangs")
    worker.kill("SIGKILL")
    assert not story.cluster.run_until(worker.is_dead, 0.5), "kill() did not wait"
    same(worker.is_connected(), True)
    same(worker.process.kill("SIGKILL"), True)
    story.until_told("exit", worker)
    same(story.told[-1][2:], [None, "SIGKILL"])


@row("38")
def long_between_disconnect_and_exit(story):
    worker = story.forked()
    ours, theirs = socket.socketpair()
    worker.send({"do": "stay"}, theirs)
    worker.disconnect()
    story.until_told("disconnect", worker)
    assert not story.cluster.run_until(worker.is_dead, 0.3), "it did not stay"
    same(story.of(worker)[-1], "disconnect")
    same((worker.is_connected(), worker.is_dead()), (False, False))
    ours.close()  # its clean-up comes to an end
    story.until_told("exit", worker)
    same(story.told[-1][2:], [0, None])


@row("39")
def fork_from_the_exit_handler(story):
    cluster = story.cluster
    forked = []

    def replace(worker, code, name):
        same((code, name), (None, "SIGKILL"))
        same(worker.exited_after_disconnect, False)
        forked.append(cluster.fork())
    cluster.once("exit", replace)
    worker = story.forked()
    worker.process.kill("SIGKILL")
    story.until("another is forked", lambda: forked)
    story.until_told("listening", forked[0])
    same(list(cluster.workers), [forked[0].id])


@row("40")
def disconnect_calls_back_when_all_are_gone(story):
    cluster, called = story.cluster, []
    cluster.disconnect(lambda: called.append(len(cluster.workers)))
    same(called, [])  # not within, although nobody is there
    story.until("it calls back", lambda: called)

    called.clear()
    held = [socket.socketpair() for _ in range(2)]
    workers = [story.forked() for _ in held]
    for worker, (_, theirs) in zip(workers, held):
        worker.send({"do": "stay"}, theirs)
    cluster.disconnect(lambda: called.append(len(cluster.workers)))
    for worker in workers:
        story.until_told("disconnect", worker)
    held[0][0].close()
    story.until_told("exit", workers[0])
    same(called, [])  # one is there yet
    held[1][0].close()
    story.until("it calls back", lambda: called)
    same(called, [0])
    same([worker.exited_after_disconnect for worker in workers], [True, True])


@row("41")
def fork_with_an_environment(story):
    plain, blue = story.forked(), story.forked({"COLOUR": "blue"})

    def colour(worker):
        return story.answer_of(worker, {"do": "tell", "name": "COLOUR"})["value"]
    same((colour(plain), colour(blue)), ("red", "blue"))


@row("42")
def primary_or_worker(story):
    code = "import ostler_cluster as c; print(c.is_primary, c.is_worker)"

    def ask(**more):
        env = {name: value for name, value in os.environ.items() if name != "OSTLER_WORKER_ID"}
        return subprocess.run([sys.executable, "-c", code], env=env | more, text=True,
                              stdout=subprocess.PIPE, check=True).stdout.split()
    same(ask(), ["True", "False"])
    same(ask(OSTLER_WORKER_ID="7"), ["False", "True"])
    worker = story.forked()
    told = story.answer_of(worker, {"do": "tell", "name": "OSTLER_WORKER_ID"})
    same(told["value"], str(worker.id))


@row("44")
def stdio_may_hold_descriptors(story):
    cluster = story.cluster
    reading, writing = os.pipe()
    with open(reading, "rb") as ours, open(writing, "wb") as theirs:
        cluster.setup({"stdio": ["ignore", theirs, "inherit", "ipc", writing],
                       "exec": "/bin/sh", "ports": {"debug": {"base": 9229}},
                       "args": ["-c", "echo $OSTLER_PORT_DEBUG; echo four >&4"]})
        same(cluster.settings["stdio"], ["ignore", "descriptor", "inherit", "ipc", "descriptor"])
        same(cluster.settings["ports"], {"debug": {"base": 9229}})
        worker = cluster.fork()
        cluster.run_until(worker.is_dead)
        cluster.setup({key: None for key in ("stdio", "exec", "args", "ports")})
        theirs.close()
        lines = ours.read().decode().splitlines()
        same((lines[1], lines[0].isdigit()), ("four", True))


@row("43")
def setup_is_for_later_forks(story):
    cluster = story.cluster
    before, plain = story.forked(), cluster.settings
    same(plain["env"]["COLOUR"], "red")
    plain["exec"] = "a copy of mine"
    assert cluster.settings["exec"] != plain["exec"]
    args = plain["args"]
    cluster.setup({"args": args + ["--kind", "other"]})
    cluster.setup({"execArgv": ["-B"]})  # and the args stay
    same((cluster.settings["execArgv"], cluster.settings["args"]),
         (["-B"], args + ["--kind", "other"]))
    after = story.forked({"COLOUR": "blue"})

    def line(worker):
        with open(f"/proc/{worker.process.pid}/cmdline", encoding="utf-8") as file:
            return file.read().split("\0")[1:-1]
    same((line(before), line(after)), (args, ["-B", *args, "--kind", "other"]))
    same(cluster.settings["env"]["COLOUR"], "red")  # a fork's environment is no setting
    cluster.setup({"args": None, "execArgv": None})
    same(cluster.settings["args"], args)
    refused = []
    try:
        cluster.setup({"exce": "sh"})
    except ostler_cluster.Refused as error:
        refused.append(str(error))
    assert "no such setting" in refused[0], refused
    same(cluster.settings["args"], args)


@row("46")
def removal_before_the_last_event(story):
    cluster, seen = story.cluster, []
    worker = story.forked()
    worker.on("disconnect", lambda: seen.append(worker.id in cluster.workers))
    worker.on("exit", lambda code, name: seen.append(worker.id in cluster.workers))
    worker.disconnect()
    same(worker.id in cluster.workers, True)
    story.until_told("exit", worker)
    same(seen, [True, False])


def main(names):
    for name in names:
        story = Story()
        try:
            rows[name](story)
        except BaseException:
            print(f"{name}: told so far:", file=sys.stderr)
            for told in story.told:
                print("   ", *told, file=sys.stderr)
            raise
        finally:
            for worker in list(story.cluster.workers.values()):
                worker.process.kill("SIGKILL")
            story.cluster.run_until(lambda: not story.cluster.workers, PATIENCE)
            story.cluster.close()


if __name__ == "__main__":
    main(sys.argv[1:])
