#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
vmctl's verbs that talk to the daemon: the real vmctl, and fake_batond.py in place of
batond, which vmctl starts itself.

usage: test_daemon_verbs.py DIRECTORY (holding vmctl and a batond) [TEST...]
"""
import csv
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import time
import unittest

BIN = os.path.abspath(sys.argv.pop(1))
HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = int(os.environ.get("PATIENCE", "30"))  # slow machines and sanitizers; nothing waits for it when all is well

START = {
    "vms": {
        "web-1": {"state": "running", "reason": "booted", "memory": 2 << 30, "memory_min": 1 << 30,
                  "cpus": 2, "image": "debian-12", "user": "debian",
                  "networks": [{"network": "default", "mac": "52:54:00:00:00:01",
                                "address": "10.0.2.15"}]},
        "web-2": {},
        "db": {"state": "paused", "reason": "paused", "description": "evil \u001b[31m, \"text\"\nx"},
        "bad": {"state": "broken", "problem": {
            "code": "BTN-6107", "message": "the definition of bad cannot be used",
            "cause": "Key cpus.", "fix": "Edit it."}},
    },
    "images": {"debian-12": {}, "alpine": {}},
    "networks": {"default": {}, "lab": {}},
    "trash": [{"id": "t1-old", "name": "old", "uuid": "11111111-0000-4000-8000-000000000000",
               "deleted": "2026-01-02T03:04:05.000000Z", "bytes": 1 << 30}],
}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Case(unittest.TestCase):
    maxDiff = None
    start = START

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vmctl-test.")
        self.requests_file = os.path.join(self.folder, "requests")
        with open(os.path.join(self.folder, "start.json"), "w", encoding="utf-8") as file:
            json.dump(self.start, file)
        os.makedirs(os.path.join(self.folder, "home/.ssh"))
        with open(os.path.join(self.folder, "home/.ssh/id_ed25519.pub"), "w",
                  encoding="utf-8") as file:
            file.write("ssh-ed25519 AAAAkey me@here\n")
        self.env = {
            "PATH": os.path.dirname(sys.executable) + ":" + os.environ["PATH"], "HOME": self.folder + "/home", "TZ": "UTC",
            "XDG_RUNTIME_DIR": self.folder, "FAKE_BATOND": self.folder + "/start.json",
            "FAKE_REQUESTS": self.requests_file, "TERM": "xterm",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def tearDown(self):
        try:
            with open(self.folder + "/baton/fake.pid", encoding="utf-8") as file:
                os.kill(int(file.read()), signal.SIGTERM)
        except OSError:
            pass
        shutil.rmtree(self.folder)

    def vmctl(self, *args, status=0, stdin="", env=None, cwd=None):
        done = subprocess.run([BIN + "/vmctl", *args], input=stdin, capture_output=True, text=True,
                              timeout=PATIENCE, env={**self.env, **(env or {})},
                              cwd=cwd or self.folder, check=False)
        self.assertNotIn("Sanitizer", done.stderr)
        if status is not None:
            self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done

    def out(self, *args, **more):
        return self.vmctl(*args, **more).stdout

    def json(self, *args, **more):
        return json.loads(self.out(*args, "--format", "json", **more))

    def error(self, code, status, *args, **more):
        """Runs it, checks code and form of the error, returns its text."""
        text = self.vmctl(*args, status=status, **more).stderr
        self.assertRegex(text, r"(?s)^vmctl: .*\(BTN-%04d\)\ncause: .+\nfix: ." % code)
        return text

    def requests(self, op=None):
        with open(self.requests_file, encoding="utf-8") as file:
            return [r for r in map(json.loads, file) if not op or r["op"] == op]

    def request(self, op):
        found = self.requests(op)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def states(self):
        return {v["name"]: v["state"] for v in self.json("list")["vms"]}

    def terminal(self, *args, env=None):
        return Terminal(self, args, env)


class Terminal:
    """vmctl on a pseudo terminal."""

    def __init__(self, case, args, env):
        self.case, self.output = case, b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(case.folder)
            os.execve(BIN + "/vmctl", ["vmctl", *args], {**case.env, **(env or {})})

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.output:
            if not self.read(end):
                self.case.fail("no %r in %r" % (text, self.output))

    def read(self, end):
        ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
        if not ready:
            return False
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += chunk
        return bool(chunk)

    def type(self, text):
        os.write(self.fd, text.encode())

    def raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def end(self):
        while self.read(time.monotonic() + PATIENCE):
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        self.case.assertNotIn(b"Sanitizer", self.output)
        return status, self.output.decode()


class Listing(Case):
    def test_table(self):
        lines = self.out("list").splitlines()
        self.assertEqual(lines[0].split(),
                         ["NAME", "STATE", "CPUS", "MEMORY", "ADDRESS", "FORWARDS", "SINCE"])
        self.assertEqual([l.split()[0] for l in lines[1:]], ["bad", "db", "web-1", "web-2"])
        self.assertRegex(lines[3], r"^web-1  running  2     2 GiB    10\.0\.2\.15  -         \d+ s$")

    def test_json(self):
        all_vms = self.json("ls")
        self.assertEqual(all_vms["schema"], 1)
        web = [v for v in all_vms["vms"] if v["name"] == "web-1"][0]
        self.assertEqual(list(web), [
            "name", "state", "cpus", "memory", "address", "forwards", "since", "uuid", "id", "reason",
            "pid", "board", "engine", "memory_min", "title", "description", "autostart", "image",
            "user", "networks", "folder", "job", "problem"])
        self.assertEqual((web["memory"], web["address"], web["problem"]), (2 << 30, "10.0.2.15", None))

    def test_jsonl_csv(self):
        rows = [json.loads(l) for l in self.out("list", "--format", "jsonl").splitlines()]
        self.assertEqual(len(rows), 4)
        rows = list(csv.DictReader(io.StringIO(self.out("list", "--format", "csv"))))
        self.assertEqual(rows[1]["description"], START["vms"]["db"]["description"])
        self.assertEqual(rows[2]["memory"], str(2 << 30))
        self.assertEqual(self.out("list", "--format", "csv", "--fields", "name,pid", "--no-headers",
                                  "db", "web-2"), "db,4242\nweb-2,\n")

    def test_fields_sort_filter(self):
        self.assertEqual(self.out("list", "-q"), "bad\ndb\nweb-1\nweb-2\n")
        self.assertEqual(self.out("list", "-q", "--sort", "-memory", "web-*"), "web-1\nweb-2\n")
        self.assertEqual(self.out("list", "-q", "--sort", "memory", "web-*"), "web-2\nweb-1\n")
        self.assertEqual(self.out("list", "-q", "--filter", "state!=stopped", "--filter", "name=w*"),
                         "web-1\n")
        self.assertEqual(self.out("list", "--running", "-q"), "db\nweb-1\n")
        self.assertEqual(self.out("list", "--fields", "state,name", "--no-headers", "db"), "paused  db\n")
        self.assertEqual(self.json("list", "--fields", "name", "db"), {"schema": 1, "vms": [{"name": "db"}]})
        self.assertIn('Did you mean "memory"?', self.error(1003, 2, "list", "--fields", "memroy"))
        self.error(1003, 2, "list", "--sort", "size")
        self.error(1003, 2, "list", "--filter", "running")
        self.error(1003, 2, "list", "--format", "yaml")

    def test_hostile_text(self):
        text = self.out("list", "db", "--fields", "description")
        self.assertNotIn("\x1b", text)
        self.assertEqual(self.json("list", "db")["vms"][0]["description"],
                         START["vms"]["db"]["description"])

    def test_trash(self):
        self.assertRegex(self.out("list", "--trash"), r"(?m)^old   2026-01-02 03:04  1 GiB  t1-old$")
        self.assertEqual(self.json("list", "--trash")["items"][0]["bytes"], 1 << 30)

    def test_show(self):
        text = self.out("show", "web-1")
        self.assertIn("memory:       2 GiB\n", text)
        self.assertIn("settings:     cpus=2\n", text)
        shown = self.json("show", "web-1", "db")["vms"]
        self.assertEqual([v["name"] for v in shown], ["web-1", "db"][::-1])
        self.assertEqual(shown[1]["disks"][0]["on_disk"], 4096)
        self.assertIn("cause=Key cpus.", self.out("show", "bad").replace("problem:      ", ""))

    def test_colour(self):
        terminal = self.terminal("list")
        status, text = terminal.end()
        self.assertEqual(status, 0)
        self.assertIn("\x1b[32mrunning\x1b[0m", text)
        self.assertNotIn("\x1b", self.terminal("list", env={"NO_COLOR": "1"}).end()[1])

    def test_empty(self):
        with open(self.folder + "/start.json", "w", encoding="utf-8") as file:
            file.write("{}")
        done = self.vmctl("list")
        self.assertEqual(done.stdout, "")
        self.assertIn("vmctl launch", done.stderr)
        self.assertEqual(self.json("list"), {"schema": 1, "vms": []})


class Targets(Case):
    def test_missing(self):
        self.assertIn('Did you mean "web-1"?', self.error(6101, 3, "start", "wbe-1"))
        self.error(6101, 3, "start", "x*")
        self.error(6101, 3, "start", "web-1", "nobody")
        self.error(1004, 2, "start")
        self.error(6110, 3, "restore", "nothing")
        self.error(6201, 3, "image", "verify", "nothing")
        self.assertEqual(self.requests("vm-start"), [])

    def test_error_json(self):
        text = self.vmctl("start", "nobody", "--format", "json", status=3).stderr
        error = json.loads(text[text.index("{"):])
        self.assertEqual((error["code"], error["retryable"]), ("BTN-6101", False))
        # A wrong command line, too, wherever the format stands in it.
        for words in (("--bogus", "--format", "json"), ("--format=json", "-z"),
                      ("--format", "json")):
            text = self.vmctl("start", *words, status=2).stderr
            self.assertIn(json.loads(text[text.index("{"):])["code"], ("BTN-1002", "BTN-1004"))

    def test_error_text(self):
        """What others have written does nothing to the terminal."""
        text = self.vmctl("start", "x\x1b]0;evil\x07\r\n\x9b", status=3).stderr
        self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertEqual(len(text.splitlines()), 3)

    def test_uuid(self):
        uuid = self.json("list", "web-2")["vms"][0]["uuid"]
        self.assertEqual(self.out("list", "-q", uuid), "web-2\n")
        self.assertEqual(self.out("list", "-q", uuid[:6]), "web-2\n")

    def test_case(self):
        with open(self.folder + "/d.img", "w", encoding="utf-8") as file:
            file.write("x")
        self.out("image", "add", "Alpine", "d.img", "-q")  # before "alpine" in the list
        self.out("image", "remove", "alpine", "--yes")
        self.assertEqual(self.request("image-remove")["image"], "alpine")
        self.assertEqual(self.out("list", "-q", "WEB-1"), "web-1\n")


class Life(Case):
    def test_start_stop(self):
        self.assertEqual(self.out("start", "web-*"), "web-1: is running already\nweb-2: started\n")
        self.assertEqual(self.out("stop", "web-2", "--timeout", "2m", "--force"), "web-2: shut down\n")
        self.assertEqual(self.request("vm-stop")["timeout_s"], 120)
        self.assertTrue(self.request("vm-stop")["force"])
        self.assertEqual(self.out("stop", "web-2"), "web-2: is off already\n")
        self.assertEqual(self.out("kill", "web-1"), "web-1: its power was cut\n")
        self.assertEqual(self.out("start", "web-1", "-q"), "")
        self.assertEqual(self.out("pause", "web-1"), "web-1: paused\n")
        self.assertEqual(self.out("pause", "web-1"), "web-1: is paused already\n")
        self.assertEqual(self.out("unpause", "web-1"), "web-1: runs again\n")
        self.assertEqual(self.out("restart", "web-1"), "web-1: restarted\n")
        self.assertEqual(self.out("restart", "--reset", "web-1"), "web-1: reset\n")
        self.assertEqual(self.states()["web-1"], "running")

    def test_stop_without_time(self):
        for verb in ("stop", "restart"):
            self.assertIn("--no-wait", self.error(1003, 2, verb, "web-1", "--timeout", "0"))
        self.out("stop", "web-1", "--timeout", "0", "--force")
        self.assertEqual(self.request("vm-stop")["timeout_s"], 0)

    def test_dry_run(self):
        self.assertEqual(self.out("start", "web-*", "--dry-run"),
                         "web-1: is running already\nweb-2: would start\n")
        self.assertIn("web-2: would start\n", self.out("start", "--all", "--dry-run", status=9))
        self.assertEqual(self.out("delete", "web-2", "--dry-run"), "web-2: would move it to the trash\n")
        for code, words in ((6109, "start db"), (6107, "start bad"), (6109, "stop db"),
                            (6104, "pause web-2"), (6104, "resume web-2"),
                            (6104, "restart --reset web-2"), (6105, "delete web-1")):
            status = self.vmctl(*words.split(), "--dry-run", status=None)
            self.assertIn("BTN-%d" % code, status.stderr)
            self.assertNotEqual(status.returncode, 0)
        self.out("delete", "web-1", "--force", "--dry-run")
        self.out("rename", "web-1", "WEB-1", "--dry-run")
        self.error(6102, 4, "rename", "web-1", "DB", "--dry-run")
        self.assertEqual({r["op"] for r in self.requests()} - {"vm-list", "events"}, set())

    def test_json(self):
        self.assertEqual(self.json("start", "web-*"), {"schema": 1, "results": [
            {"name": "web-1", "result": "unchanged", "job": None, "code": None},
            {"name": "web-2", "result": "done", "job": 1, "code": None}]})

    def test_wrong_state(self):
        self.error(6105, 4, "delete", "web-1")
        self.error(6109, 4, "resume", "web-2")
        self.error(6105, 4, "start", "db")

    def test_trash(self):
        self.out("delete", "web-1", "--force")
        self.assertNotIn("web-1", self.states())
        self.out("restore", "web-1", "--name", "web-9")
        self.assertIn("web-9", self.states())
        self.error(1003, 2, "restore", "old", "x", "--name", "y")

    def test_purge(self):
        self.error(6602, 2, "purge", "old")
        self.assertEqual(self.requests("trash-purge"), [])
        terminal = self.terminal("purge", "old")
        terminal.wait_for("Delete old for good")
        terminal.type("n\n")
        self.assertEqual(terminal.end()[0], 2)
        terminal = self.terminal("purge", "old")
        terminal.wait_for("[y/N]")
        terminal.type("y\n")
        self.assertEqual(terminal.end()[0], 0)
        self.error(6110, 3, "purge", "old", "--yes")
        self.out("purge", "--all", "--yes")

    def test_rename(self):
        self.out("rename", "web-2", "shop")
        self.assertIn("shop", self.states())
        self.error(6102, 4, "rename", "shop", "db")

    def test_set(self):
        self.assertEqual(self.out("set", "web-1", "cpus=4", "title=x y"),
                         "web-1: set\nweb-1: acts at its next start: cpus\n")
        self.assertEqual(self.json("list", "web-1")["vms"][0]["cpus"], 4)
        self.assertEqual(self.out("set", "web-*", "cpus=1", "--dry-run"),
                         "web-1: can be set\nweb-1: acts at its next start: cpus\nweb-2: can be set\n")
        self.assertEqual(self.json("list", "web-1")["vms"][0]["cpus"], 4)
        self.error(1003, 2, "set", "web-1", "cpsu=4")
        self.error(1004, 2, "set", "web-1")
        self.error(1003, 2, "set", "web-1", "cpus=1", "db")
        self.assertIn("cpus   N", self.out("settings"))


class ManyFail(Case):
    start = {"vms": {"a": {}, "nomem-1": {}, "nomem-2": {}, "slow-1": {},
                     "stuck-1": {"state": "running"}}}

    def test_some(self):
        done = self.vmctl("start", "a", "nomem-1", status=9)
        self.assertEqual(done.stdout, "a: started\n")
        self.assertRegex(done.stderr, r"^vmctl: start: nomem-1: .*\(BTN-6401\)\ncause: ")

    def test_all_the_same_way(self):
        self.error(6401, 8, "start", "nomem-*")
        self.error(6108, 7, "stop", "stuck-1")

    def test_timeout(self):
        self.error(6503, 7, "start", "slow-1", "--timeout", "1")
        self.assertIn("has begun", self.out("start", "slow-1", "--no-wait"))
        for text in ("soon", " -5", "-5", "+5", "", " 5", "5 ", "2d", "99999999999999999999"):
            self.error(1003, 2, "start", "slow-1", "--timeout", text)
        self.assertEqual([j["state"] for j in self.json("job", "list")["jobs"]], ["running"] * 2)
        self.out("job", "cancel", "1")
        self.error(6501, 3, "job", "cancel", "77")
        self.error(1003, 2, "job", "cancel", "x")

    def test_progress(self):
        self.assertIn("a: working 50 %", self.terminal("start", "a").end()[1])
        self.assertEqual(self.vmctl("kill", "a").stderr, "")


class Launch(Case):
    def test_launch(self):
        done = self.vmctl("launch", "debian-12")
        match = re.search(r"ssh -p (\d+) debian@127\.0\.0\.1\n  console:  vmctl console debian-12-1\n",
                          done.stdout)
        self.assertTrue(match, done.stdout)
        request = self.request("vm-create")
        self.assertEqual(request["ssh_keys"], ["ssh-ed25519 AAAAkey me@here"])
        self.assertTrue(request["start"])
        self.assertEqual(request["settings"], ["net.0.network=default",
                                               "net.0.forward=127.0.0.1:%s:22" % match[1]])

    def test_keys_that_were_found(self):
        """One that the daemon does not take is passed over, unless it was asked for."""
        for name, text in (("id_ed25519-cert", "ssh-ed25519-cert-v01@openssh.com AAAA me"),
                           ("id_dsa", "ssh-dss AAAA me")):
            with open("%s/home/.ssh/%s.pub" % (self.folder, name), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        self.out("launch", "debian-12", "new-1")
        self.assertEqual(self.request("vm-create")["ssh_keys"], ["ssh-ed25519 AAAAkey me@here"])
        self.out("launch", "debian-12", "new-2", "--ssh-key", "home/.ssh/id_dsa.pub")
        self.assertEqual(self.requests("vm-create")[1]["ssh_keys"], ["ssh-dss AAAA me"])

    def test_options(self):
        port = free_port()
        with open(self.folder + "/password", "w", encoding="utf-8") as file:
            file.write("secret\nmore\n")
        vm = self.json("launch", "debian-12", "web-7", "--cpus", "2", "--memory", "1G..2G",
                       "--disk-size", "20G", "--net", "lab", "--port", "%d:22" % port, "--user", "me",
                       "--password-file", "password", "--engine", "kvm", "--set", "title=x",
                       "--forward", "%d:80" % free_port())["vms"][0]
        self.assertEqual((vm["name"], vm["state"], vm["user"]), ("web-7", "running", "me"))
        request = self.request("vm-create")
        self.assertEqual((request["disk_size"], request["password"], request["user"]),
                         (20 << 30, "secret", "me"))
        self.assertEqual(request["settings"][:4],
                         ["cpus=2", "memory=1G..2G", "engine=kvm", "net.0.network=lab"])
        self.assertRegex(request["settings"][4], r"^net\.0\.forward=\d+:80;%d:22$" % port)
        self.assertEqual(request["settings"][5], "title=x")

    def test_file(self):
        with open(self.folder + "/My Disk.qcow2", "w", encoding="utf-8") as file:
            file.write("x")
        done = self.vmctl("launch", "./My Disk.qcow2", "--net", "none")
        self.assertIn('as "My-Disk"', done.stderr)
        self.assertIn("my-disk-1 is running.", done.stdout)
        self.assertNotIn("ssh -p", done.stdout)
        self.assertIn("taking the image", self.vmctl("launch", "./My Disk.qcow2", "--net", "none").stderr)
        os.mkdir(self.folder + "/b")
        shutil.copy(self.folder + "/My Disk.qcow2", self.folder + "/b")
        self.error(6202, 4, "launch", "b/My Disk.qcow2")

    def test_file_without_waiting(self):
        """The image is there before the VM that is made of it."""
        for number, name in enumerate(("one.qcow2", "\u00e4\u00f6.qcow2")):
            with open(self.folder + "/" + name, "w", encoding="utf-8") as file:
                file.write("x")
            self.out("launch", "./" + name, "new-%d" % number, "--no-wait")
        self.assertEqual([r["image"] for r in self.requests("image-add")], ["one", "image"])

    def test_errors(self):
        self.error(6201, 3, "launch", "nothing")
        self.error(6102, 4, "launch", "debian-12", "WEB-1")
        self.error(1101, 3, "launch", "./nothing.qcow2")
        self.error(6102, 4, "launch", "debian-12", "web-1")
        self.error(1003, 2, "launch", "debian-12", "--port", "80")
        self.error(1003, 2, "launch", "debian-12", "--net", "none", "--port", "2:3")
        self.error(1003, 2, "launch", "debian-12", "--disk-size", "big")
        self.error(1101, 3, "launch", "debian-12", "--ssh-key", "nothing")
        with open(self.folder + "/id", "w", encoding="utf-8") as file:
            file.write("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        self.assertIn("id.pub", self.error(6601, 2, "launch", "debian-12", "--ssh-key", "id"))
        self.assertIn("nomem-1 was made and is stopped", self.vmctl(
            "launch", "debian-12", "nomem-1", "--format", "json", status=8).stderr)
        self.assertEqual(len(self.requests("vm-create")), 1)

    def test_dry_run(self):
        self.assertIn("would be made from the image debian-12 and started",
                      self.out("launch", "debian-12", "x", "--dry-run"))
        self.assertIn("would be made", self.out("create", "x", "--image", "alpine", "--dry-run"))
        self.error(6102, 4, "create", "Web-1", "--dry-run")
        self.error(6201, 3, "create", "x", "--image", "nothing", "--dry-run")
        self.assertEqual(self.requests("vm-create"), [])

    def test_address(self):
        for address, shown in (("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1")):
            port = free_port()
            self.assertIn("log in:   ssh -p %d debian@%s\n" % (port, shown),
                          self.out("launch", "debian-12", "--port", "%s:%d:22" % (address, port)))

    def test_never_ready(self):
        text = self.error(6503, 7, "launch", "debian-12", "mute-1", "--timeout", "1")
        self.assertIn("is running; delete it with: vmctl delete mute-1 --force\n", text)
        self.assertEqual(self.states()["mute-1"], "running")

    def test_create(self):
        self.out("create", "new", "--image", "debian-12", "--net", "none")
        self.assertNotIn("start", self.request("vm-create"))
        self.assertIn("there already", self.out("create", "new", "--if-absent"))
        self.error(6102, 4, "create", "new")
        self.error(6103, 2, "create", "x" * 70)
        self.out("create", "empty", "--disk-size", "1G")
        self.assertNotIn("ssh_keys", self.requests("vm-create")[-1])


class Verbose(Case):
    def test_messages(self):
        # Without SINCE: a second may pass between the two.
        done = self.vmctl("list", "--fields", "name,state", "--verbose")
        quiet = self.vmctl("list", "--fields", "name,state")
        self.assertEqual((done.stdout, quiet.stderr), (quiet.stdout, ""))
        lines = done.stderr.splitlines()
        self.assertIn('vmctl: > {"op":"vm-list"}', lines)
        self.assertTrue(any(re.match(r'vmctl: < \{"ok": ?true', line) for line in lines), lines)
        self.assertNotIn("\x1b", done.stderr)
        self.assertIn("--verbose", self.out("help"))

    def test_passwords(self):
        path = self.folder + "/password"
        with open(path, "w", encoding="utf-8") as file:
            file.write('se"cr\\et\n')
        os.chmod(path, 0o600)
        done = self.vmctl("create", "new", "--image", "debian-12", "--password-file", path,
                          "--verbose")
        self.assertEqual(self.request("vm-create")["password"], 'se"cr\\et')
        self.assertRegex(done.stderr, r'"password":"\*+"')
        with open(path, "w", encoding="utf-8") as file:
            file.write('#cloud-config\npassword: "se\\cret"\n')
        done = self.vmctl("create", "other", "--image", "debian-12", "--user-data", path,
                          "--verbose")
        self.assertIn("secret", self.requests("vm-create")[1]["user_data"].replace("\\", ""))
        self.assertRegex(done.stderr, r'"user_data":"\*+"')
        self.assertNotIn("cret", done.stderr)


class Waiting(Case):
    def test_states(self):
        self.out("wait", "web-1")
        self.out("wait", "web-2", "--for", "stopped")
        self.out("wait", "web-2", "--for", "off")
        self.out("wait", "db", "--for", "paused")
        self.error(6503, 7, "wait", "web-2", "--timeout", "1")
        self.error(6504, 4, "wait", "bad")
        self.assertIn("ssh", self.error(1003, 2, "wait", "web-1", "--for", "sssh"))

    def test_change(self):
        waiter = subprocess.Popen([BIN + "/vmctl", "wait", "web-1", "--for", "stopped"], env=self.env)
        self.wait_for_request("vm-show")
        self.out("kill", "web-1")
        self.assertEqual(waiter.wait(PATIENCE), 0)

    def wait_for_request(self, op):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if os.path.exists(self.requests_file) and self.requests(op):
                return
            time.sleep(0.01)
        self.fail("no request " + op)

    def test_never(self):
        waiter = subprocess.Popen([BIN + "/vmctl", "wait", "web-1", "--for", "paused"], env=self.env,
                                  stderr=subprocess.PIPE, text=True)
        self.wait_for_request("vm-show")
        self.out("kill", "web-1")
        self.assertIn("BTN-6504", waiter.communicate(timeout=PATIENCE)[1])
        self.assertEqual(waiter.returncode, 4)

    def test_boot(self):
        self.out("wait", "web-1", "--for", "boot")
        # The forward that was needed for it is gone again.
        self.assertEqual(self.json("net", "forward", "list", "web-1")["forwards"], [])
        self.assertEqual(len(self.requests("vm-forward-add")), 1)
        self.error(6503, 7, "wait", "db", "--for", "boot", "--timeout", "1")

    def test_boot_interrupted(self):
        """The guest of mute-2 never answers; the forward that was made to ask it goes."""
        self.start["vms"]["mute-2"] = {"state": "running"}
        self.addCleanup(self.start["vms"].pop, "mute-2")
        with open(self.folder + "/start.json", "w", encoding="utf-8") as file:
            json.dump(self.start, file)
        waiter = subprocess.Popen([BIN + "/vmctl", "wait", "mute-2", "--for", "boot"], env=self.env,
                                  stderr=subprocess.PIPE, text=True)
        self.wait_for_request("vm-forward-add")
        waiter.send_signal(signal.SIGINT)
        self.assertIn("interrupted", waiter.communicate(timeout=PATIENCE)[1])
        self.assertEqual(waiter.returncode, 130)
        self.assertEqual(self.json("net", "forward", "list", "mute-2")["forwards"], [])

    def test_boot_alone(self):
        self.start["vms"]["alone"] = {"state": "running", "networks": []}
        self.addCleanup(self.start["vms"].pop, "alone")
        with open(self.folder + "/start.json", "w", encoding="utf-8") as file:
            json.dump(self.start, file)
        self.assertIn("no network card", self.error(6504, 4, "wait", "alone", "--for", "boot"))

    def test_ports(self):
        ssh, http, closed = free_port(), free_port(), free_port()
        self.assertIn("net forward add", self.error(6504, 4, "wait", "web-1", "--for", "ssh"))
        self.out("net", "forward", "add", "web-1", "%d:22" % ssh, "%d:80" % http, "%d:99" % closed)
        self.out("wait", "web-1", "--for", "ssh")
        self.out("wait", "web-1", "--for", "port:80")
        self.error(6503, 7, "wait", "web-1", "--for", "port:99", "--timeout", "1")
        # The one that was needed for a moment is gone again.
        self.assertEqual(len(self.json("net", "forward", "list", "web-1")["forwards"]), 3)


class Consoles(Case):
    def test_terminal(self):
        terminal = self.terminal("console", "web-1")
        terminal.wait_for("web-1 login: ")
        self.assertTrue(terminal.raw())
        terminal.type("root\r")
        terminal.wait_for("ROOT")
        terminal.type("~?")
        terminal.wait_for("leave: the VM goes on")
        terminal.type("~.")
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(self.states()["web-1"], "running")

    def test_quit(self):
        terminal = self.terminal("console", "web-1")
        terminal.wait_for("login: ")
        os.kill(terminal.pid, signal.SIGQUIT)
        os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOWAIT)
        self.assertFalse(terminal.raw())
        self.assertEqual(terminal.end()[0], -signal.SIGQUIT)

    def test_stopped_by_others(self):
        """As a shell does it: the terminal is its own while vmctl stands still."""
        terminal = self.terminal("console", "web-1")
        before = termios.tcgetattr(terminal.fd)
        before[3] |= termios.ICANON | termios.ECHO
        terminal.wait_for("login: ")
        os.kill(terminal.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, terminal.pid, os.WSTOPPED)
        termios.tcsetattr(terminal.fd, termios.TCSANOW, before)
        self.assertFalse(terminal.raw())
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.type("root\r")
        end = time.monotonic() + PATIENCE
        while not terminal.raw():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        terminal.type("\r~.")
        self.assertEqual(terminal.end()[0], 0)

    def test_end(self):
        terminal = self.terminal("console", "web-1")
        terminal.wait_for("login: ")
        terminal.type("off")
        status, text = terminal.end()
        self.assertEqual(status, 0, text)
        self.assertIn("web-1 has ended", text)

    def test_end_by_uuid(self):
        uuid = self.json("list", "web-1")["vms"][0]["uuid"]
        terminal = self.terminal("console", uuid[:6])
        terminal.wait_for("login: ")
        terminal.type("off")
        status, text = terminal.end()
        self.assertEqual(status, 0, text)
        self.assertIn("has ended", text)

    def test_terminal_that_takes_nothing(self):
        """~. works while nobody reads what the guest writes."""
        terminal = self.terminal("console", "web-1")
        terminal.wait_for("login: ")
        terminal.type("flood")
        time.sleep(0.5)
        terminal.type("\r~.")
        end = time.monotonic() + PATIENCE
        while not (done := os.waitpid(terminal.pid, os.WNOHANG))[0]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        self.assertEqual(os.waitstatus_to_exitcode(done[1]), 0)
        os.close(terminal.fd)

    def test_pipe(self):
        done = self.vmctl("console", "web-1", stdin="hello off")
        self.assertIn("HELLO OFF", done.stdout)

    def test_output_that_is_lost(self):
        for args, status in ((("console", "web-1"), 1), (("run", "debian-12"), 125)):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([BIN + "/vmctl", *args], env=self.env, timeout=PATIENCE,
                                      stdin=subprocess.DEVNULL, stdout=full, check=False,
                                      stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn("No space left", done.stderr)
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([BIN + "/vmctl", "console", "web-1"], env=self.env, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE,
                              check=False)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (128 + signal.SIGPIPE, b""))

    def test_others(self):
        self.error(6104, 4, "console", "web-2")
        self.assertEqual(self.out("console", "web-2", "--log"), "log serial\n")
        self.assertEqual(self.out("log", "web-2"), "log monitor\n")
        self.assertEqual(self.out("log", "web-2", "--serial"), "log serial\n")
        self.out("screenshot", "web-1", "x.png")
        with open(self.folder + "/x.png", "rb") as file:
            self.assertEqual(file.read(4), b"\x89PNG")
        os.mkfifo(self.folder + "/fifo")
        reader = subprocess.Popen(["timeout", str(PATIENCE), "head", "-c", "4", "fifo"],
                                  cwd=self.folder, stdout=subprocess.PIPE)
        self.vmctl("screenshot", "web-1", "fifo", status=None)
        self.assertEqual(reader.communicate(timeout=PATIENCE)[0], b"\x89PNG")
        self.assertTrue(stat.S_ISFIFO(os.stat(self.folder + "/fifo").st_mode))
        self.out("send-key", "web-1", "enter")
        self.out("type", "web-1", "text")
        self.assertEqual(json.loads(self.out("control", "web-1", "status"))["state"], "running")
        self.error(6104, 4, "screenshot", "web-2")
        self.error(1306, 3, "screenshot", "./nowhere.sock")
        self.error(1306, 3, "screenshot", "nowhere.sock")


class Watching(Case):
    def test_events(self):
        watcher = subprocess.Popen(
            [BIN + "/vmctl", "events", "--initial-state", "--count", "7", "--format", "jsonl"],
            env=self.env, stdout=subprocess.PIPE, text=True)
        lines = [json.loads(watcher.stdout.readline()) for _ in range(4)]
        self.assertEqual([(l["event"], l["name"]) for l in lines][3], ("vm-initial", "web-2"))
        self.out("start", "web-2")
        rest = [json.loads(l) for l in watcher.communicate(timeout=PATIENCE)[0].splitlines()]
        self.assertEqual([l["event"] for l in rest], ["job-started", "vm-state", "job-ended"])
        self.assertEqual(rest[1]["vm"]["state"], "running")
        self.assertEqual(watcher.returncode, 0)

    def test_table(self):
        text = self.out("events", "--initial-state", "--count", "4", "--fields", "name,state")
        self.assertIn("web-1  running\n", text)
        # What is not printed does not count.
        self.assertEqual(self.out("events", "--initial-state", "--count", "1", "--fields", "name",
                                  "--filter", "state=running"), "web-1\n")
        self.out("events", "--timeout", "1")
        self.error(1003, 2, "events", "--count", "0")

    def test_interrupt(self):
        watcher = subprocess.Popen([BIN + "/vmctl", "events", "--initial-state"], env=self.env,
                                   stdout=subprocess.PIPE, text=True)
        watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        watcher.communicate(timeout=PATIENCE)
        self.assertEqual(watcher.returncode, -signal.SIGINT)


    def test_log_that_is_begun_anew(self):
        path = self.folder + "/web-1.log"
        with open(path, "w", encoding="utf-8") as file:
            file.write("one\n")
        watcher = subprocess.Popen([BIN + "/vmctl", "log", "web-1", "--serial", "--follow"],
                                   env=self.env, stdout=subprocess.PIPE, text=True)
        self.addCleanup(watcher.wait)
        self.addCleanup(watcher.kill)
        self.addCleanup(watcher.stdout.close)
        self.assertEqual(watcher.stdout.readline(), "one\n")
        for word in ("two", "three"):
            with open(path, "a", encoding="utf-8") as file:
                file.write("rest before %s\n" % word)
            os.rename(path, path + ".1")
            with open(path, "w", encoding="utf-8") as file:
                file.write(word + "\n")
            self.assertEqual(watcher.stdout.readline(), "rest before %s\n" % word)
            self.assertEqual(watcher.stdout.readline(), word + "\n")
        with open(path, "a", encoding="utf-8") as file:
            file.write("more\n")
        self.assertEqual(watcher.stdout.readline(), "more\n")


    def test_log_on_a_terminal(self):
        """What a guest writes does nothing to the terminal; programs get it as it is."""
        evil = "a\x1b]52;c;eA==\x07\u009b6n\u00e9\n"
        with open(self.folder + "/web-1.log", "w", encoding="utf-8") as file:
            file.write(evil)
        for args in (("log", "web-1"), ("console", "web-1", "--log")):
            self.assertEqual(self.terminal(*args).end(), (0, "a]52;c;eA==6n\u00e9\r\n"))
            self.assertEqual(self.out(*args), evil)


class Stats(Case):
    def test_rates(self):
        vm, = self.json("stats", "web-1")["vms"]
        self.assertEqual((vm["name"], vm["state"], vm["cpus"]), ("web-1", "running", 2))
        self.assertEqual([vm[k + "_percent"] for k in ("cpu", "guest", "ready")], [50, 25, 10])
        self.assertIsNone(vm["halted_percent"])  # not counted, which is not 0
        self.assertEqual(vm["exits_per_s"], 2600)
        self.assertEqual(vm["exits"], {"msr": 1998, "hlt": 600, "pio": 2, "cr": 0})
        self.assertEqual(vm["top_exits"], "msr 1998, hlt 600, pio 2")
        self.assertEqual((vm["memory_guest"], vm["memory_host"], vm["given_back"]),
                         (100 << 20, 104 << 20, 924 << 20))
        self.assertEqual((vm["disk_read_per_s"], vm["disk_written_per_s"]), (2048, 0))
        self.assertEqual(vm["net_sent_per_s"], 0)
        self.assertEqual(vm["vm"], {"pages_4k": 7})
        self.assertEqual([r["name"] for r in self.requests("vm-stats")],
                         [vm["uuid"], vm["uuid"]])

    def test_guest_says_nothing(self):
        self.out("create", "young-1")
        self.out("start", "young-1")
        vm, = self.json("stats", "young-1")["vms"]
        self.assertIsNone(vm["memory_guest"])
        self.assertEqual(vm["memory_host"], 104 << 20)

    def test_table(self):
        text = self.out("stats")
        self.assertRegex(text, r"(?m)^web-1 +running +50 +25 +10 +- +2600 +msr 1998, hlt 600, ")
        self.assertNotIn("web-2", text)
        self.assertRegex(self.out("stats", "web-2"), r"(?m)^web-2 +stopped +- ")

    def test_sort(self):
        self.out("create", "idle-1")
        self.out("start", "idle-1")
        for sort, names in (("cpu_percent", ["idle-1", "web-1"]),
                            ("-cpu_percent", ["web-1", "idle-1"])):
            text = self.out("stats", "idle-1", "web-1", "-q", "--sort", sort)
            self.assertEqual(text.splitlines(), names)

    def test_rounds(self):
        lines = self.out("stats", "--interval", "1", "--count", "2", "--format", "jsonl",
                         "--fields", "name,exits_per_s").splitlines()
        running = [l for l in lines if "web-1" in l]
        self.assertEqual([json.loads(l)["exits_per_s"] for l in running], [2600, 2600])
        self.assertEqual(self.out("stats", "web-1", "--interval", "1", "--count", "2", "--format",
                                  "csv", "--fields", "name"), "name\nweb-1\nweb-1\n")

    def test_interrupt(self):
        watcher = subprocess.Popen([BIN + "/vmctl", "stats", "web-1", "--interval", "1"],
                                   env=self.env, stdout=subprocess.PIPE, text=True)
        watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        watcher.communicate(timeout=PATIENCE)
        self.assertEqual(watcher.returncode, -signal.SIGINT)

    def test_wrong(self):
        self.error(1003, 2, "stats", "--interval", "0")
        self.error(1003, 2, "stats", "--count", "0")
        self.error(6101, 3, "stats", "nobody")

    def test_hung(self):
        self.out("create", "hung-1")
        self.out("start", "hung-1")
        vms = self.json("stats")["vms"]
        self.assertIsNone([v for v in vms if v["name"] == "hung-1"][0].get("cpu_percent"))


class Store(Case):
    def test_list(self):
        self.assertRegex(self.out("image", "list"), r"(?m)^alpine +qcow2 +2 GiB +300 MiB +debian +-")
        self.assertEqual(self.json("image", "ls", "alpine")["images"][0]["size"], 2 << 30)

    def test_add(self):
        with open(self.folder + "/d.img", "w", encoding="utf-8") as file:
            file.write("x")
        self.out("image", "add", "new", "d.img", "--user", "me")
        self.assertEqual(self.request("image-add")["path"], self.folder + "/d.img")
        self.out("image", "import", "other", "d.img", "-q")
        self.error(6202, 4, "image", "add", "new", "d.img")
        self.error(6202, 4, "image", "add", "new", "d.img", "--dry-run")
        self.out("image", "add", "newer", "d.img", "--dry-run")
        self.error(1101, 3, "image", "add", "x", "nothing")
        self.error(1003, 2, "image", "add", "x", "d.img", "--sha256", "1")
        self.assertEqual(self.out("image", "verify", "n*"), "new: is as it was when it was added\n")
        self.error(6602, 2, "image", "remove", "new")
        self.out("image", "remove", "new", "--yes")
        self.assertEqual(self.out("image", "list", "-q"), "alpine\ndebian-12\nother\n")

    def test_cancel_of_several(self):
        self.start["images"]["slow-y"] = {}
        self.addCleanup(self.start["images"].pop, "slow-y")
        with open(self.folder + "/start.json", "w", encoding="utf-8") as file:
            json.dump(self.start, file)
        self.out("list")
        verifier = subprocess.Popen([BIN + "/vmctl", "image", "verify", "slow-y"], env=self.env,
                                    stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while not self.requests("image-verify"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        verifier.send_signal(signal.SIGINT)
        self.assertIn("BTN-6502", verifier.communicate(timeout=PATIENCE)[1])
        self.assertEqual(verifier.returncode, 130)

    def test_cancel(self):
        with open(self.folder + "/d.img", "w", encoding="utf-8") as file:
            file.write("x")
        adder = subprocess.Popen([BIN + "/vmctl", "image", "add", "slow-x", "d.img"], env=self.env,
                                 cwd=self.folder, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while not (os.path.exists(self.requests_file) and self.requests("image-add")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        adder.send_signal(signal.SIGINT)
        self.assertIn("BTN-6502", adder.communicate(timeout=PATIENCE)[1])
        self.assertEqual(adder.returncode, 130)
        self.assertEqual(len(self.requests("job-cancel")), 1)

    def test_networks(self):
        self.assertRegex(self.out("net", "list"), r"(?m)^lab +10\.0\.2\.0/24 +false +-$")
        self.out("net", "create", "n2", "--subnet", "10.9.9.0/24")
        self.assertEqual(self.request("net-create")["subnet"], "10.9.9.0/24")
        self.out("net", "delete", "n2")
        self.error(6301, 3, "net", "delete", "n2")
        self.error(6301, 3, "net", "delete", "n2", "--dry-run")
        self.error(6302, 4, "net", "create", "lab", "--dry-run")
        self.assertEqual(self.out("net", "delete", "lab", "--dry-run"), "lab: would be removed\n")
        self.assertEqual(self.out("net", "create", "n2", "--dry-run"), "n2: would be made\n")
        self.assertIn("10.0.2.15", self.out("net", "leases"))
        self.error(6301, 3, "net", "leases", "nothing")

    def test_forwards(self):
        port = free_port()
        self.out("net", "forward", "add", "web-1", "%d:80" % port)
        self.assertTrue(self.request("vm-forward-add")["keep"])
        self.assertEqual(self.json("net", "forward", "list", "web-1")["forwards"], [
            {"forward": "127.0.0.1:%d:80" % port, "proto": "tcp", "host_address": "127.0.0.1",
             "host_port": port, "guest_port": 80}])
        self.out("net", "forward", "remove", "web-1", str(port))
        self.assertEqual(self.json("net", "forward", "list", "web-1")["forwards"], [])
        for text in ("%d", "127.0.0.2:%d", "127.0.0.2:%d:80", "%d:80", "%d/udp",
                     "127.0.0.2:%d/udp"):
            self.out("net", "forward", "remove", "web-1", text % port)
            request = self.requests("vm-forward-remove")[-1]
            self.assertEqual((request.get("host_address"), request["host_port"],
                              request.get("proto")),
                             ("127.0.0.2" if "127" in text else None, port,
                              "udp" if "udp" in text else None))
        for text in ("127.0.0.2", "0.0.0:8080", "0.0.0.0:80800", ":80", "80:", "0.0.0.0:",
                     "/udp", ""):
            self.error(1003, 2, "net", "forward", "remove", "web-1", text)
        self.error(1003, 2, "net", "forward", "add", "web-1", "0.0.0.0:80")
        self.error(1003, 2, "net", "forward", "add", "web-1", "80")
        self.assertIn("add, remove, list", self.error(1004, 2, "net", "forward"))


class Disposable(Case):
    """run, with an ssh that is a script: what it is told is what the guest would do."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.folder + "/path")
        with open(self.folder + "/path/ssh", "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\necho "$@" >>"$HOME/ssh"\nfor last; do :; done\n'
                       'exec sh -c "$last"\n')
        with open(self.folder + "/path/ssh-keygen", "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nfor last; do :; done\necho ssh-ed25519 RUN >"$last.pub"\n>"$last"\n')
        for name in ("ssh", "ssh-keygen"):
            os.chmod(self.folder + "/path/" + name, 0o755)
        self.env["PATH"] = self.folder + "/path:" + self.env["PATH"]

    def gone(self):
        self.assertFalse([n for n in self.states() if n.startswith("run-")])
        self.assertEqual([t["name"] for t in self.json("list", "--trash")["items"]], ["old"])
        self.assertFalse([n for n in os.listdir("/tmp") if n.startswith("vmctl-run.")
                          and os.stat("/tmp/" + n).st_uid == os.getuid()
                          and os.stat("/tmp/" + n).st_mtime > time.time() - 5])

    def test_status(self):
        self.assertEqual(self.out("run", "debian-12", "--", "printf", "%s|", "a b", "it's", status=0),
                         "a b|it's|")
        self.assertIn("ssh-ed25519 RUN", self.request("vm-create")["ssh_keys"])
        self.gone()
        self.vmctl("run", "debian-12", "--", "sh", "-c", "exit 7", status=7)
        self.vmctl("run", "debian-12", "--", "no-such-program", status=127)
        self.assertIn("ssh failed", self.vmctl("run", "debian-12", "--", "sh", "-c", "exit 255",
                                               status=125).stderr)
        self.gone()

    def test_address(self):
        self.out("run", "debian-12", "--port", "127.0.0.2:%d:22" % free_port(), "--", "true")
        with open(self.folder + "/home/ssh", encoding="utf-8") as file:
            self.assertIn(" 127.0.0.2 -- 'true'\n", file.read())

    def test_failures(self):
        self.assertIn("BTN-6201", self.vmctl("run", "nothing", "--", "true", status=125).stderr)
        self.assertIn("BTN-1003",
                      self.vmctl("run", "debian-12", "--net", "none", "--", "true", status=125).stderr)
        self.gone()
        text = self.vmctl("run", "debian-12", "--", "true", status=125,
                          env={"PATH": self.folder}).stderr
        self.assertIn("sudo apt install openssh-client", text)

    def test_keep(self):
        self.assertIn("is kept", self.vmctl("run", "--keep-on-fail", "debian-12", "--", "false",
                                            status=1).stderr)
        self.assertTrue([n for n in self.states() if n.startswith("run-")])

    def test_interrupt(self):
        flag = self.folder + "/there"
        runner = subprocess.Popen(
            [BIN + "/vmctl", "run", "debian-12", "--", "sh", "-c", ": >%s; exec sleep 60" % flag],
            env=self.env, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(flag):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        runner.send_signal(signal.SIGINT)
        self.assertIn(runner.wait(PATIENCE), (130, 143))
        self.gone()

    def test_console(self):
        terminal = self.terminal("run", "debian-12")
        terminal.wait_for("login: ")
        terminal.type("\r~.")
        self.assertEqual(terminal.end()[0], 0)
        self.gone()


class TheDaemon(Case):
    def test_autostart(self):
        self.assertFalse(os.path.exists(self.folder + "/baton"))
        self.error(6001, 10, "list", env={"BATON_AUTOSTART": "0"})
        self.out("list")
        self.out("list", env={"BATON_AUTOSTART": "0"})

    def test_autostart_keeps_nothing(self):
        """Whoever waits for the end of a pipe that vmctl has got does not wait for the daemon."""
        reader, writer = os.pipe()
        subprocess.run([BIN + "/vmctl", "list"], env=self.env, timeout=PATIENCE, check=True,
                       stdout=subprocess.DEVNULL, pass_fds=[writer])
        os.close(writer)
        with open(reader, "rb") as file:
            self.assertTrue(select.select([file], [], [], 0)[0])
            self.assertEqual(file.read(), b"")

    def test_many_at_once(self):
        """All but one of the daemons they start end, as batond does: somebody else's runs."""
        clients = [subprocess.Popen([BIN + "/vmctl", "list", "-q"], env=self.env, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                   for _ in range(4)]
        for client in clients:
            out, error = client.communicate(timeout=PATIENCE)
            self.assertEqual((client.returncode, out), (0, "bad\ndb\nweb-1\nweb-2\n"), error)

    def test_broken_daemon(self):
        folder = tempfile.mkdtemp(prefix="vmctl-test.")
        try:
            shutil.copy(BIN + "/vmctl", folder)
            done = subprocess.run([folder + "/vmctl", "list"], env=self.env, capture_output=True,
                                  text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 10)
            self.assertIn("batond was not found", done.stderr)
            with open(folder + "/batond", "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\nexit 5\n")
            os.chmod(folder + "/batond", stat.S_IRWXU)
            done = subprocess.run([folder + "/vmctl", "list"], env=self.env, capture_output=True,
                                  text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 10)
            self.assertIn("ended with status 5", done.stderr)
        finally:
            shutil.rmtree(folder)

    def test_nonsense(self):
        os.mkdir(self.folder + "/baton")
        for answer in (b"hello\n", b'{"ok":1}\n', b'{"ok":true,"vms":7}\n', b"", b'{"ok":true}\n',
                       b'{"ok":true,"vms":[7,null,"x",{"name":3}]}\n', b"[" * 100 + b"\n"):
            path = self.folder + "/baton/batond.sock"
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(path)
                sock.listen(1)
                client = subprocess.Popen([BIN + "/vmctl", "start", "x"], env=self.env,
                                          stderr=subprocess.PIPE, text=True)
                conn, _ = sock.accept()
                with conn:
                    conn.recv(4096)
                    conn.sendall(answer)
                error = client.communicate(timeout=PATIENCE)[1]
            os.unlink(path)
            self.assertIn(client.returncode, (3, 10), (answer, error))
            self.assertNotIn("Sanitizer", error)


FAKE_NET = """#!/usr/bin/env python3
import os, socket, sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
listener = socket.socket(socket.AF_UNIX)
listener.bind(words["--listen"] + ".ctl")
listener.listen()
with open(words["--listen"] + ".pid", "w") as file:
    file.write(str(os.getpid()))
os.write(int(words["--ready-fd"]), b"\\n")
client = listener.accept()[0]
while client.recv(4096):
    client.sendall(b'{"ok":true,"address":"10.0.2.15"}\\n')
listener.accept()
"""


class Boot(Case):
    def test_named_network_keeps_nothing(self):
        """It outlives the VM, and those who wait for the end of the VM's output."""
        for name in ("vmctl", "baton-vm"):
            shutil.copy(BIN + "/" + name, self.folder)
        with open(self.folder + "/baton-net", "w", encoding="utf-8") as file:
            file.write(FAKE_NET)
        os.chmod(self.folder + "/baton-net", stat.S_IRWXU)
        reader, writer = os.pipe()
        done = subprocess.run([self.folder + "/vmctl", "boot", "/bin/sh", "--net", "lab",
                               "--append", "ready exit=0"], env=self.env, timeout=PATIENCE,
                              pass_fds=[writer], stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        os.close(writer)
        with open(self.folder + "/baton/net/lab.pid", encoding="utf-8") as file:
            network = int(file.read())
        self.addCleanup(os.kill, network, signal.SIGTERM)
        os.kill(network, 0)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"ready pid", done.stdout)
        with open(reader, "rb") as file:
            self.assertTrue(select.select([file], [], [], 0)[0])


class Disks(Case):
    def test_closed_descriptors(self):
        """What is said does not go to the daemon, whose socket got the number of the output."""
        for number, closed in enumerate(("2>&-", "<&- >&- 2>&-")):
            self.out("list")
            subprocess.run(["bash", "-c", "%s/vmctl launch debian-12 new-%d %s" %
                            (BIN, number, closed)], env=self.env, cwd=self.folder,
                           timeout=PATIENCE, capture_output=True, check=False)
            self.assertEqual(self.states()["new-%d" % number], "running")

    def test_hostile_backing(self):
        with open(self.folder + "/base.raw", "wb") as file:
            file.truncate(1 << 20)
        self.out("disk", "create", "x.qcow2", "--backing", "base.raw,raw")
        with open(self.folder + "/x.qcow2", "r+b") as file:
            data = file.read()
            file.seek(data.index(b"base.raw"))
            file.write(b"\x1b[31mX\x07")
        self.assertNotRegex(self.out("disk", "info", "x.qcow2"), "[\x00-\x09\x0b-\x1f]")


class Help(Case):
    def verbs(self):
        return re.findall(r"(?m)^  ([a-z][a-z -]*?)  +[A-Z]", self.out("help"))

    def test_each_verb(self):
        verbs = self.verbs()
        self.assertIn("net forward add", verbs)
        for verb in verbs:
            text = self.out(*verb.split(), "--help")
            self.assertEqual(text, self.out("help", *verb.split()))
            for part in ("\nExamples:\n", "\nUsage: vmctl %s" % verb, "\nExit status:\n"):
                self.assertIn(part, text)

    def test_manual(self):
        manual = self.out("help", "--man")
        for verb in self.verbs():
            self.assertIn(".Nm Cm %s" % verb, manual)
        self.assertIn(".Sh EXIT STATUS", manual)

    def test_unknown(self):
        self.assertIn('"vmctl launch"', self.error(1001, 2, "lauch"))
        self.assertIn("list, add, import", self.error(1004, 2, "image"))
        self.error(1001, 2, "net", "frobnicate")
        self.assertIn("list, create", self.error(1004, 2, "net", "--help"))
        self.error(1002, 2, "list", "--fromat", "json")


class Completion(Case):
    def complete(self, line):
        words = line.split(" ")
        script = ("source <(%s/vmctl completion bash); COMP_WORDS=(%s); COMP_CWORD=%d; "
                  "compopt() { :; }; _vmctl; printf '%%s\\n' \"${COMPREPLY[@]}\"" %
                  (BIN, " ".join("'%s'" % (BIN + "/vmctl" if i == 0 else w)
                                 for i, w in enumerate(words)), len(words) - 1))
        done = subprocess.run(["bash", "-c", script], env=self.env, capture_output=True, text=True,
                              timeout=PATIENCE, cwd=self.folder, check=False)
        self.assertEqual(done.stderr, "")
        return sorted(set(done.stdout.splitlines()) - {""})

    def test_bash(self):
        self.assertEqual(self.complete("vmctl start web"), [])  # and no daemon was started
        self.assertFalse(os.path.exists(self.folder + "/baton"))
        self.out("list")
        self.assertEqual(self.complete("vmctl start we"), ["web-1", "web-2"])
        self.assertEqual(self.complete("vmctl re"), ["rename", "restart", "restore", "resume"])
        self.assertEqual(self.complete("vmctl net f"), ["forward"])
        self.assertEqual(self.complete("vmctl net forward "), ["add", "list", "remove"])
        self.assertEqual(self.complete("vmctl net forward add web-1"), ["web-1"])
        self.assertEqual(self.complete("vmctl restore "), ["old"])
        self.assertEqual(self.complete("vmctl launch deb"), ["debian-12"])
        self.assertEqual(self.complete("vmctl launch alpine --net "), ["default", "lab"])
        self.assertEqual(self.complete("vmctl list --format js"), ["json", "jsonl"])
        self.assertEqual(self.complete("vmctl stop --for"), ["--force", "--format"])
        self.assertEqual(self.complete("vmctl completion "), ["bash", "fish", "zsh"])
        with open(self.folder + "/my disk.qcow2", "w", encoding="utf-8"):
            pass
        self.assertEqual(self.complete("vmctl image add x my"), ["my disk.qcow2"])

    def test_shells(self):
        for shell, check in (("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")):
            text = self.out("completion", shell)
            self.assertIn("net forward add", text.replace('"', ""))
            if shutil.which(check):
                path = self.folder + "/script"
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                done = subprocess.run([check, "-n", path], capture_output=True, text=True,
                                      timeout=PATIENCE, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.error(1003, 2, "completion", "csh")


if __name__ == "__main__":
    # Where it is ignored, as of jobs in the background, programs started here would do so, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main()
