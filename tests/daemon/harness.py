# SPDX-License-Identifier: GPL-2.0-or-later
"""A batond of its own for a test: folders, processes, a client of its API."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.path.abspath(os.environ.get("BATON_BUILD", "build"))
BIN = os.environ.get("BATON_DAEMON_BIN", os.path.join(BUILD, "test", "daemon", "bin"))


class Refused(Exception):
    """The daemon's error."""

    def __init__(self, answer):
        super().__init__("%s %s" % (answer["code"], answer["message"]))
        self.code = answer["code"]
        self.answer = answer


class Client:
    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""
        self.fds = []

    def line(self):
        while b"\n" not in self.buffer:
            data, fds, _, _ = socket.recv_fds(self.socket, 1 << 20, 4)
            self.fds += fds
            if not data:
                raise EOFError("the daemon closed the connection")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def send(self, op, **members):
        self.socket.sendall(json.dumps({"op": op, **members}).encode() + b"\n")

    def ask(self, op, **members):
        self.send(op, **members)
        answer = self.line()
        if not answer["ok"]:
            raise Refused(answer)
        return answer

    def job(self, op, **members):
        """Starts a job and waits for its end."""
        number = self.ask(op, **members)["job"]
        return self.ask("job-wait", job=number)["job"]

    def vm(self, name):
        return self.ask("vm-show", name=name)["vm"]

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.socket.close()


class Daemon:
    def __init__(self, bin_folder=BIN, user=None):
        self.top = tempfile.mkdtemp(prefix="baton-daemon-")
        self.bin = bin_folder
        self.user = user
        self.process = None
        if user:
            os.chown(self.top, user, user)
            os.chmod(self.top, 0o755)
        self.env = dict(os.environ, HOME=self.top,
                        XDG_DATA_HOME=os.path.join(self.top, "data"),
                        XDG_STATE_HOME=os.path.join(self.top, "state"),
                        XDG_CONFIG_HOME=os.path.join(self.top, "config"),
                        XDG_RUNTIME_DIR=os.path.join(self.top, "run"))
        self.make(os.path.join(self.top, "run"))

    def make(self, folder):
        os.mkdir(folder, 0o700)
        if self.user:
            os.chown(folder, self.user, self.user)

    @property
    def socket_path(self):
        return os.path.join(self.top, "run", "baton", "batond.sock")

    def path(self, *words):
        return os.path.join(self.top, "data", "baton", *words)

    def start(self):
        ready, write = os.pipe()
        command = [os.path.join(self.bin, "batond"), "--ready-fd", str(write)]
        if self.user:
            command = ["setpriv", "--reuid", str(self.user), "--regid", str(self.user),
                       "--clear-groups"] + command
        self.log = open(os.path.join(self.top, "batond.log"), "ab")
        self.process = subprocess.Popen(command, pass_fds=[write], env=self.env,
                                        stdout=self.log, stderr=self.log)
        os.close(write)
        good = os.read(ready, 1)
        os.close(ready)
        if not good:
            self.process.wait()
            raise AssertionError("batond did not start: " + self.output())
        return self

    def output(self):
        with open(os.path.join(self.top, "batond.log"), errors="replace") as log:
            return log.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def client(self, **options):
        return Client(self.socket_path, **options)

    def monitors(self):
        """Process ids of the monitors that live."""
        return self.processes(b"/baton-vm")

    def processes(self, program):
        """Those of a program with our folder in their arguments."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(program) and \
                    any(word.startswith(self.top.encode()) for word in words[1:]):
                found.append(int(pid))
        return found

    def clean(self):
        if self.process and self.process.poll() is None:
            self.kill()
        for pid in self.monitors():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.top, ignore_errors=True)


def wait_for(condition, what, timeout=20):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError("it did not happen: " + what)


def refused(code, fn, *args, **members):
    """fn has to be refused with this code, and a cause and a fix."""
    try:
        fn(*args, **members)
    except Refused as e:
        assert e.code == code, "%s instead of %s" % (e, code)
        assert e.answer["message"] and e.answer["cause"] and e.answer["fix"], e.answer
        return e.answer
    raise AssertionError("%s %s was not refused" % (fn, args))


def run_tests(namespace):
    """Runs the test_* of a program, or those it was told of, each with a daemon of its own."""
    wanted = sys.argv[1:]
    failed = 0
    for test in [value for name, value in namespace.items() if name.startswith("test_")]:
        if wanted and test.__name__ not in wanted:
            continue
        daemon = Daemon()
        start = time.monotonic()
        try:
            daemon.start()
            test(daemon)
            assert daemon.process.poll() is None, "batond ended: " + daemon.output()
            print("ok %s (%.1f s)" % (test.__name__, time.monotonic() - start))
        except Exception as e:  # each test tells, then the next
            traceback.print_exc(file=sys.stdout)
            print("not ok %s: %s" % (test.__name__, e))
            print(daemon.output())
            failed += 1
        finally:
            daemon.clean()
    return 1 if failed else 0
