# SPDX-License-Identifier: MIT
"""What examples/python's Cluster promises beyond Node's rows. As rows.py; some play the daemon."""
import asyncio
import gc
import os
import socket
import sys
import tempfile

import ostler_cluster
import ostler_control
import rows
from fake_daemon import EVENT, MESSAGE, REPLY, FakeDaemon
from ostler_cluster import Cluster, Gone, Missed, Refused
from rows import Story, same

checks = {}


def check(function):
    checks[function.__name__] = function
    return function


def raised(kind, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{call} raised no {kind.__name__}")


def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


# --- With a real daemon ---

@check
def asyncio_calls_dispatch():
    async def story(cluster):
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(cluster.fileno(), cluster.dispatch)
        worker = cluster.fork()
        worker.on("listening", lambda address: worker.send("hi"))
        worker.on("message", lambda message, handle: worker.disconnect())
        worker.on("exit", lambda code, name: cluster.disconnect(ended.set))  # without a packet
        await asyncio.wait_for(ended.wait(), rows.PATIENCE)
        loop.remove_reader(cluster.fileno())
    with Cluster("api") as cluster:
        asyncio.run(story(cluster))


@check
def blocking_calls_lose_nothing():
    story = Story()
    worker = story.forked()
    worker.send({"do": "flood", "count": 200})
    for _ in range(50):
        story.cluster.scheduling_policy  # waits, while messages arrive
    same([told for told in story.told if told[0] == "message"], [])
    story.until("all messages are told", lambda: len(story.told) == 203)
    same([told[2]["number"] for told in story.told[3:]], list(range(200)))
    same(story.cluster.scheduling_policy, {"web": "round-robin"})
    story.cluster.disconnect(story.cluster.stop)
    story.cluster.run()
    story.cluster.close()


@check
def sends_long_before_it_is_online():
    story = Story()
    worker, answers, errors = story.cluster.fork(), [], []
    worker.on("message", lambda message, handle: answers.append(message))
    big = b"x" * 600_000
    same(worker.send("small"), True)
    same(worker.send(big, callback=errors.append), False)  # see you later
    for number in range(100):  # more than may be on their way
        worker.send(number, callback=errors.append)
    story.until("all are echoed", lambda: len(answers) == 102)
    assert answers == ["small", big, *range(100)], "not in order"
    same(errors, [None] * 101)
    worker.disconnect()
    story.until_told("exit", worker)
    dying = story.cluster.fork()
    dying.send({"do": "crash"})
    dying.send("it will not hear this, and its exit says so")
    story.until_told("exit", dying)
    worker.send("too late", callback=errors.append)
    story.until("that cannot be", lambda: len(errors) == 102)
    assert "recipient" in str(errors[-1]) or "no pool or worker" in str(errors[-1]), errors[-1]
    worker.send("and without callback")
    story.until("an error is told", lambda: story.told[-1][0] == "error")
    same([told[1] for told in story.told if told[0] == "error"], [worker.id])
    story.cluster.close()


@check
def handles_go_both_ways():
    with Cluster("api") as cluster:
        worker, back = cluster.fork(), []

        def keep(message, handle):
            back.append(handle)
        worker.on("message", keep)
        ours, theirs = socket.socketpair()
        worker.send("keep it", theirs, keep_open=True)
        same(theirs.fileno() >= 0, True)
        with tempfile.TemporaryFile() as file:
            worker.send("a file", file.fileno(), keep_open=True)
            worker.send({"do": "write", "text": "written"}, theirs)
            same(theirs.fileno(), -1)
            assert cluster.run_until(lambda: len(back) == 2, rows.PATIENCE), "no echo"
            same(ours.recv(100), b"written")
            back[0].sendall(b"by us")  # a socket; what came with the other is no socket
            same(ours.recv(100), b"by us")
            same(os.fstat(back[1].fileno()).st_ino, os.fstat(file.fileno()).st_ino)
        for handle in back:
            handle.close()
        worker.off("message", keep)
        before = descriptors()
        told = []
        worker.once("message", lambda message, handle: told.append(handle.close()))
        worker.send("closed here", ours, keep_open=True)
        worker.send("and by nobody", ours)
        worker.send({"do": "disconnect"})
        assert cluster.run_until(worker.is_dead, rows.PATIENCE), "it did not disconnect"
        same((told, descriptors()), ([None], before - 1))
        cluster.disconnect(cluster.stop)
        cluster.run()


@check
def what_is_wrong_is_said():
    same(str(raised(Refused, Cluster, "nope")),
         'there is no pool or worker "nope"; the pools are: api, broken')
    with Cluster("api") as cluster:
        assert "no event 'exits'" in str(raised(ValueError, cluster.on, "exits", print))
        assert "without =" in str(raised(Refused, cluster.fork, {"A=B": "c"}))
        worker = cluster.fork()
        raised(OSError, worker.send, "x", 999)
        assert "SIGFOO" in str(raised(Refused, worker.process.kill, "SIGFOO"))
        worker.process.kill("SIGKILL")
        assert cluster.run_until(worker.is_dead, rows.PATIENCE)
    nowhere = raised(Gone, Cluster, "api", "/nowhere/control.sock")
    assert "no daemon answers at /nowhere/control.sock" in str(nowhere), nowhere


@check
def one_that_cannot_start_is_an_error_and_an_exit():
    os.rmdir(os.environ["THERE"])
    story = Story("broken")
    worker = story.cluster.fork()
    story.until_told("exit", worker)
    same(story.of(worker), ["fork", "error", "exit"])
    assert "No such file or directory" in str(story.told[1][2]), story.told[1][2]
    same(story.told[2][2:], [127, None])
    story.cluster.close()


@check
def workers_that_were_there():
    with Cluster("api") as first, Cluster("api") as second:
        worker = first.fork()
        same(second.workers, {})
        assert second.run_until(lambda: second.workers, rows.PATIENCE)  # told of, too
        assert first.run_until(lambda: worker.state == "listening", rows.PATIENCE)
        with Cluster("api") as third:
            found = third.workers[worker.id]
            same((found.process.pid, found.is_connected()), (worker.process.pid, True))
            ended = []
            third.on("exit", lambda *ending: ended.append(ending))
            found.disconnect()
            assert third.run_until(lambda: ended, rows.PATIENCE)
            same(ended, [(found, 0, None)])


@check
def setup_of_another_is_told():
    with Cluster("api") as one, Cluster("api") as other:
        told = []
        other.on("setup", lambda settings: told.append(settings["cwd"]))
        same(other.settings["cwd"] != "/", True)
        one.setup({"cwd": "/"})
        assert other.run_until(lambda: told, rows.PATIENCE), "it was not told"
        same((told, other.settings["cwd"]), (["/"], "/"))


# --- With a daemon that we play ---

def event(number, kind, worker=1, **more):
    return {"number": number, "event": kind, "pool": "api", "slot": 0, "worker": worker, **more}


def end(number, worker=1):
    return event(number, "exit", worker, code=0, signal=None, exited_after_disconnect=True)


@check
def after_a_miss_it_asks_again():
    def status(request):
        daemon.tell("events", EVENT, **event(20, "online", 3, pid=3))
        return daemon.status(request)

    def events(request):  # what came after the miss, once more
        if "follow" in request:
            return None
        for told in (event(20, "online", 3, pid=3), end(21, 2)):
            daemon.say(EVENT, request["request"], **told)
        return {"last": 21}
    daemon = FakeDaemon(events=events)
    daemon.workers = [{"id": number, "slot": number, "pid": number} for number in (1, 2)]
    story = Story()
    same(list(story.cluster.workers), [1, 2])
    daemon.answers["status"] = status
    daemon.workers = [{"id": number, "slot": number, "pid": number} for number in (2, 3)]
    daemon.tell("events", EVENT, missed=17)
    story.until("1 has ended unseen", lambda: ["exit", 1, None, None] in story.told)
    same([told[:2] for told in story.told if told[0] != "error"],
         [["online", 3], ["exit", 2], ["disconnect", 1], ["exit", 1]])
    same([type(told[2]) for told in story.told if told[0] == "error"], [Missed])
    same(list(story.cluster.workers), [3])
    daemon.tell("messages", MESSAGE, missed=3)
    story.until("the loss is told", lambda: story.told[-1][0] == "error")
    same(str(story.told[-1][2]),
         "3 messages of workers were lost: this program reads too slowly")
    story.cluster.close()
    daemon.close()


@check
def messages_wait_for_online():
    daemon = FakeDaemon()
    story = Story()
    head = {"worker": 1, "pool": "api", "slot": 0, "content": "json", "handle": False}
    daemon.tell("messages", MESSAGE, b'{"early": true}', parts=3, **head)
    daemon.tell("events", EVENT, **event(1, "fork"))
    daemon.tell("events", EVENT, **event(2, "online", pid=7))
    daemon.tell("messages", MESSAGE, b"{no json", **head)
    daemon.tell("events", EVENT, **event(3, "of a newer daemon"))
    daemon.tell("events", EVENT, **end(4))
    story.until("it ends", lambda: story.told and story.told[-1][0] == "exit")
    same([told[0] for told in story.told], ["fork", "online", "message", "error", "exit"])
    same(story.told[2], ["message", 1, {"early": True}, None])
    story.cluster.close()
    daemon.close()


@check
def the_end_of_the_daemon_is_raised_last():
    daemon = FakeDaemon()
    story = Story()
    errors = []
    worker = story.cluster._worker(1)
    worker._told.add("online")
    worker.send("x", callback=errors.append)
    daemon.tell("events", EVENT, **event(1, "fork"))
    daemon.close()
    gone = raised(Gone, story.cluster.run)
    same(str(gone), f"the daemon at {daemon.path} is gone")
    same([told[0] for told in story.told], ["fork"])
    same([str(error) for error in errors], [str(gone)])
    raised(Gone, story.cluster.fork)
    raised(Gone, story.cluster.dispatch)
    story.cluster.close()


@check
def the_daemons_last_word_is_raised():
    daemon = FakeDaemon()
    cluster = Cluster("api")
    daemon.say(REPLY, 0, exit=1, message="there is no room for you")
    same(str(raised(Gone, cluster.run)), "there is no room for you")
    cluster.close()
    daemon.close()


@check
def errors_that_nobody_hears_are_raised():
    daemon = FakeDaemon()
    cluster = Cluster("api")
    daemon.tell("events", EVENT, **event(1, "error", text="no such file"))
    same(str(raised(Refused, cluster.run)), "no such file")
    cluster.close()
    daemon.close()


@check
def no_control_connection():
    os.environ.pop("OSTLER_SOCKET", None)
    os.environ["OSTLER_CONTROL_FD"] = "999"
    assert "OSTLER_CONTROL_FD=999 names no open control conn" in str(raised(Gone, Cluster, "api"))
    del os.environ["OSTLER_CONTROL_FD"]
    daemon = FakeDaemon(version=lambda request: daemon.say(0x7777, 1, nobody="knows this")
                        or {"last_event": 0})
    with Cluster("api") as cluster:
        before = descriptors()
        same(cluster.workers, {})
    assert descriptors() < before
    daemon.close()


@check
def a_daemon_that_does_not_answer():
    daemon = FakeDaemon(fork=None)
    cluster = Cluster("api", ostler_control.Connection(patience=0.1))
    assert "does not answer 'fork'" in str(raised(TimeoutError, cluster.fork))
    cluster.close()
    daemon.close()


if __name__ == "__main__":
    for name in sys.argv[1:] or checks:
        before = descriptors()
        checks[name]()
        same(descriptors(), before)
