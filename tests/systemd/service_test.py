#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ostlerd.service on a real systemd: service_test.py STAGE WORKER PROMISE (or --list).

Each promise boots a machine of its own, with the installed tree STAGE on top of this system's root.
"""
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import CannotRun, Machine, eventually  # noqa: E402

UNIT = "ostlerd.service"
SPEC = "/etc/ostler/ostler.yaml"
URL = "http://127.0.0.1:8080"
WORKER = "/usr/lib/ostler-test/worker"


def spec(workers=2, **more):
    # Not watched: what is tested is `systemctl reload`.
    lines = ["watch: false", "sockets:", "  web: {listen: 'tcp://127.0.0.1:8080'}", "pools:", "  api:",
             f"    exec: {WORKER}", "    sockets: [web]", "    user: nobody", f"    workers: {workers}"]
    return "\n".join(lines + [f"    {key}: {value}" for key, value in more.items()]) + "\n"


# -- what can be asked of a machine -------------------------------------------------------------------


def status(machine):
    return machine.json("ostler", "status", "--json")


def worker_pids(machine):
    return sorted(worker["pid"] for worker in status(machine)["pools"][0]["workers"] if worker["pid"])


def answers(machine):
    said = machine.run("curl", "--silent", "--show-error", "--fail", "--max-time", "10", URL).stdout
    assert re.fullmatch(r"hello from worker \d+ \(pid \d+\)\n", said), said


def alive(machine, pid):
    return machine.run("test", "-d", f"/proc/{pid}", check=False).returncode == 0


def started(machine):
    machine.systemctl("start", UNIT)
    return machine


def expect(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


# -- promises -----------------------------------------------------------------------------------------


def start_returns_when_the_workers_are_ready(machine):
    started(machine)
    expect(machine.property(UNIT, "ActiveState"), "active")
    expect(status(machine)["pools"][0]["ready"], 2)
    assert "2" in machine.property(UNIT, "StatusText"), machine.property(UNIT, "StatusText")
    answers(machine)


def reload_returns_when_the_changed_spec_is_applied(machine):
    started(machine)
    before = worker_pids(machine)
    machine.write(SPEC, spec(workers=3))
    machine.systemctl("reload", UNIT)
    pool = status(machine)["pools"][0]
    expect((pool["desired"], pool["ready"]), (3, 3))
    assert set(before) <= set(worker_pids(machine)), "workers that did not change were replaced"


def reload_of_a_broken_spec_fails_and_the_service_goes_on(machine):
    started(machine)
    before = worker_pids(machine)
    machine.write(SPEC, spec(wokers=3))
    ran = machine.systemctl("reload", UNIT, check=False)
    assert ran.returncode != 0, "the reload of a broken spec succeeded"
    assert "wokers" in status(machine)["daemon"]["last_reload_error"], status(machine)["daemon"]
    assert "wokers" in machine.journal("-u", UNIT), machine.journal()
    expect(machine.property(UNIT, "ActiveState"), "active")
    expect(worker_pids(machine), before)
    answers(machine)


def a_broken_spec_at_the_start_is_reported_once_and_not_tried_again(machine):
    machine.write(SPEC, spec(wokers=3))
    ran = machine.systemctl("start", UNIT, check=False)
    assert ran.returncode != 0, "the start with a broken spec succeeded"
    expect(machine.property(UNIT, "ExecMainStatus"), "78")
    expect(machine.property(UNIT, "ActiveState"), "failed")
    expect(machine.property(UNIT, "NRestarts"), "0")
    assert f"{SPEC}:10:5" in machine.journal("-u", UNIT), machine.journal()


def restarted(machine, main, workers):
    """The service is up again with another main process, and of the old ones nothing is left."""
    def up():
        return (machine.property(UNIT, "MainPID") not in (main, "0")
                and machine.property(UNIT, "ActiveState") == "active")
    eventually(up, "the service is up again")
    expect(machine.property(UNIT, "NRestarts"), "1")
    left = [pid for pid in workers if alive(machine, pid)]
    expect(left, [])
    expect(len(worker_pids(machine)), 2)
    # Keeper, master and two workers: nothing twice.
    eventually(lambda: len(machine.processes(UNIT)) == 4, "four processes are in the service's group")
    answers(machine)


def a_killed_main_process_comes_back_without_leftovers(machine):
    started(machine)
    main, workers = machine.property(UNIT, "MainPID"), worker_pids(machine)
    machine.systemctl("kill", "--kill-whom=main", "--signal=KILL", UNIT)
    restarted(machine, main, workers)


def a_hung_master_is_noticed_and_the_service_restarted(machine):
    started(machine)
    main, workers = machine.property(UNIT, "MainPID"), worker_pids(machine)
    machine.run("kill", "-STOP", str(status(machine)["daemon"]["pid"]))
    restarted(machine, main, workers)


def a_hung_keeper_is_noticed_by_the_watchdog(machine):
    machine.run("mkdir", "-p", f"/etc/systemd/system/{UNIT}.d")
    machine.write(f"/etc/systemd/system/{UNIT}.d/quick.conf", "[Service]\nWatchdogSec=3\n")
    machine.systemctl("daemon-reload")
    started(machine)
    main, workers = machine.property(UNIT, "MainPID"), worker_pids(machine)
    machine.run("kill", "-STOP", main)
    restarted(machine, main, workers)


def a_fed_watchdog_leaves_the_service_alone(machine):
    machine.run("mkdir", "-p", f"/etc/systemd/system/{UNIT}.d")
    machine.write(f"/etc/systemd/system/{UNIT}.d/quick.conf", "[Service]\nWatchdogSec=2\n")
    machine.systemctl("daemon-reload")
    started(machine)
    fed = machine.property(UNIT, "WatchdogTimestampMonotonic")
    for _ in range(3):  # one and a half of the limit
        fed = eventually(lambda: (now := machine.property(UNIT, "WatchdogTimestampMonotonic")) != fed
                         and now, "the watchdog is fed")  # pylint: disable=cell-var-from-loop
    expect(machine.property(UNIT, "NRestarts"), "0")


def stop_lets_a_running_request_finish_and_leaves_nothing(machine):
    started(machine)
    pids = machine.processes(UNIT)
    machine.run("mkfifo", "/tmp/body")
    # A request whose body is still being sent when the stop comes.
    client = machine.start("sh", "-c", "printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n' | cat - /tmp/body | "
                           "timeout 60 python3 -c '" + SLOW_CLIENT + "'")
    eventually(lambda: any(worker["open"] or worker["pending"] or worker["accepted"]
                           for worker in status(machine)["pools"][0]["workers"]), "a worker has the connection")
    machine.systemctl("stop", "--no-block", UNIT)
    eventually(lambda: machine.property(UNIT, "ActiveState") == "deactivating", "the service stops")
    machine.run("sh", "-c", "printf 'Connection: close\\r\\n\\r\\n' >/tmp/body")
    said, _ = client.communicate(timeout=60)
    assert "hello from worker" in said, said
    eventually(lambda: machine.property(UNIT, "ActiveState") == "inactive", "the service has stopped")
    expect(machine.property(UNIT, "Result"), "success")
    expect(machine.processes(UNIT), [])
    assert pids, "no process was seen in the service's group"
    assert machine.run("test", "-e", "/run/ostler", check=False).returncode != 0, "/run/ostler is left"


SLOW_CLIENT = (
    "import socket, sys\n"
    "s = socket.create_connection((\"127.0.0.1\", 8080))\n"
    "while part := sys.stdin.buffer.read1(): s.sendall(part)\n"
    "while part := s.recv(4096): sys.stdout.write(part.decode())\n")


def log_lines_keep_their_priority_in_the_journal(machine):
    started(machine)
    machine.systemctl("kill", "--kill-whom=main", "--signal=HUP", UNIT)  # something to log
    machine.write(SPEC, spec(wokers=3))
    machine.systemctl("reload", UNIT, check=False)
    assert "wokers" in machine.journal("-u", UNIT, "-p", "err"), machine.journal()
    assert "<3>" not in machine.journal("-u", UNIT), machine.journal()


def an_instance_has_a_spec_and_a_socket_of_its_own(machine):
    machine.write("/etc/ostler/blue.yaml", spec(workers=1))
    machine.systemctl("start", "ostlerd@blue.service")
    found = machine.json("ostler", "--socket", "/run/ostler@blue/control.sock", "status", "--json")
    expect(found["daemon"]["config"], "/etc/ostler/blue.yaml")
    machine.systemctl("reload", "ostlerd@blue.service")
    machine.systemctl("stop", "ostlerd@blue.service")


def a_socket_unit_gives_its_socket_by_name(machine):
    machine.write("/etc/systemd/system/ostlerd.socket",
                  "[Socket]\nListenStream=127.0.0.1:8080\nFileDescriptorName=web\n")
    machine.write(SPEC, spec().replace("tcp://127.0.0.1:8080", "systemd:web"))
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "ostlerd.socket")
    answers(machine)  # the first connection starts the service
    expect(status(machine)["sockets"][0]["address"], "tcp://127.0.0.1:8080")
    before = worker_pids(machine)
    machine.systemctl("restart", UNIT)
    answers(machine)
    assert not set(before) & set(worker_pids(machine))


def groups_and_folders_are_made_as_the_package_asks(machine):
    machine.run("systemd-sysusers", "/usr/lib/sysusers.d/ostler.conf")
    assert machine.run("getent", "group", "ostler").stdout.startswith("ostler:")
    machine.run("rm", "-r", "/etc/ostler")
    machine.run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/ostler.conf")
    expect(machine.run("stat", "-c", "%a %U %G", "/etc/ostler").stdout, "755 root root\n")


PROMISES = {promise.__name__: promise for promise in (
    start_returns_when_the_workers_are_ready,
    reload_returns_when_the_changed_spec_is_applied,
    reload_of_a_broken_spec_fails_and_the_service_goes_on,
    a_broken_spec_at_the_start_is_reported_once_and_not_tried_again,
    a_killed_main_process_comes_back_without_leftovers,
    a_hung_master_is_noticed_and_the_service_restarted,
    a_hung_keeper_is_noticed_by_the_watchdog,
    a_fed_watchdog_leaves_the_service_alone,
    stop_lets_a_running_request_finish_and_leaves_nothing,
    log_lines_keep_their_priority_in_the_journal,
    an_instance_has_a_spec_and_a_socket_of_its_own,
    a_socket_unit_gives_its_socket_by_name,
    groups_and_folders_are_made_as_the_package_asks,
)}


def layer_of(stage, worker, folder):
    """The staged tree, a worker and a spec."""
    shutil.copytree(stage, folder, symlinks=True, dirs_exist_ok=True)
    installed = pathlib.Path(folder + WORKER)
    installed.parent.mkdir(parents=True)
    shutil.copy(worker, installed)
    written = pathlib.Path(folder + SPEC)
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(spec(), encoding="utf-8")
    os.chmod(folder, 0o755)


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(PROMISES))
        return 0
    stage, worker, promise = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="ostler-layer.") as folder:
        layer_of(stage, worker, folder)
        try:
            with Machine(folder) as machine:
                try:
                    PROMISES[promise](machine)
                except BaseException:
                    print(machine.journal())
                    raise
        except CannotRun as reason:
            print(f"cannot boot a systemd here: {reason}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
