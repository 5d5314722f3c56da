# SPDX-License-Identifier: MIT
"""A real systemd in namespaces of its own, on top of the running system (see ./boot)."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 60  # seconds; a deadline for a loaded machine, nothing waits for it to pass


class CannotRun(Exception):
    """This machine does not allow what the test needs; the message says what."""


def eventually(condition, what, within=PATIENCE):
    """Waits until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}")
        time.sleep(0.02)
    return found


def cgroup2_mount():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(where)
    raise CannotRun("no cgroup2 hierarchy is mounted")


class Machine:
    """Boots with `layer` on top of the root; with-statement halts it and removes all traces."""

    def __init__(self, layer):
        if os.geteuid() != 0:
            raise CannotRun("booting a systemd needs root")
        self.layer = layer

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="ostler-machine.")
        self.cgroup = cgroup2_mount() / f"ostler-test.{os.getpid()}"
        try:
            self.cgroup.mkdir()
        except OSError as error:
            raise CannotRun(f"cannot make a cgroup: {error}") from error
        self.log = open(os.path.join(self.folder, "boot.log"), "w+", encoding="utf-8")
        self.outer = subprocess.Popen([HERE / "boot", self.layer, self.folder, self.cgroup],
                                      stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.leader = eventually(self._find_leader, "systemd starts")
            eventually(self._booted, "systemd is up")
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(self, *_):
        os.kill(self.leader, signal.SIGRTMIN + 3)  # halt, as systemd.special(7) has it
        try:
            self.outer.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        self._clean_up()

    # -- inside ---------------------------------------------------------------------------------

    def run(self, *words, check=True, within=PATIENCE, text=None):
        """Runs a command inside; its CompletedProcess has stdout and stderr as text."""
        ran = subprocess.run(["nsenter", "-t", str(self.leader), "-a", "-r", "-w", "--", *words],
                             input=text, stdin=None if text else subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=within, check=False)
        if check and ran.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {ran.returncode}\n{ran.stdout}{ran.stderr}\n"
                                 f"{self.journal()}")
        return ran

    def start(self, *words):
        """Starts a command inside and returns its Popen."""
        return subprocess.Popen(["nsenter", "-t", str(self.leader), "-a", "-r", "-w", "--", *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def systemctl(self, *words, check=True, within=PATIENCE):
        return self.run("systemctl", *words, check=check, within=within)

    def property(self, unit, name):
        return self.systemctl("show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, *words):
        return self.run("journalctl", "--no-pager", "--quiet", *words, check=False).stdout

    def write(self, path, text):
        """Replaces a file inside, as a careful editor does."""
        self.run("sh", "-c", 'cat >"$1.new" && mv "$1.new" "$1"', "sh", path, text=text)

    def json(self, *words):
        return json.loads(self.run(*words).stdout)

    def processes(self, unit):
        """The pids (inside) in the control group of a unit."""
        group = self.cgroup / "system.slice" / unit / "cgroup.procs"
        return group.read_text().split() if group.exists() else []

    # -- outside --------------------------------------------------------------------------------

    def _find_leader(self):
        if self.outer.poll() is not None:
            self.log.seek(0)
            raise CannotRun("booting failed: " + self.log.read().strip())
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        found = children.read_text().split()
        return int(found[0]) if found else None

    def _booted(self):
        if self.outer.poll() is not None:
            self.log.seek(0)
            raise CannotRun("booting failed: " + self.log.read().strip())
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def _clean_up(self):
        if self.outer.poll() is None:
            self.outer.kill()  # --kill-child takes systemd with it, and that its whole namespace
            self.outer.wait()
        self.log.close()
        eventually(self._cgroup_removed, "the cgroup is empty")
        shutil.rmtree(self.folder)

    def _cgroup_removed(self):
        if self.cgroup.exists():
            folders = [folder for folder, _, _ in os.walk(self.cgroup, topdown=False)]
            try:
                for folder in folders:
                    os.rmdir(folder)
            except OSError:
                return False
        return True
