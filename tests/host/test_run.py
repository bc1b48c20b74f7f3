#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: test_run.py [LOG]

make run as a new user has it: on a terminal, with a shell beside the VM at the end; then
without one. What the terminal showed is written to LOG.
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "run")
PROMPT = r"~ # |share # "
FIRST_S, STEP_S = 1500, 120


class Terminal:
    def __init__(self, log, *command):
        self.log, self.seen = log, ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ["TERM"] = "xterm-256color"
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def read(self, seconds):
        """False at its end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.log.write(data)
        self.log.flush()
        # A terminal's colours and questions are not what is read here; two reads may have
        # a half of one each.
        self.seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "",
                           self.seen + data.decode(errors="replace").replace("\r", ""))
        return bool(data)

    def wait(self, pattern, seconds=STEP_S):
        """What came up to a match of it, and that."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                text, self.seen = self.seen[:found.end()], self.seen[found.end():]
                return text
            alive = self.read(1)
            assert alive and time.monotonic() < end, \
                "not seen: %s; last: %s" % (pattern, self.seen[-2000:])

    def type(self, text):
        os.write(self.fd, text.encode())

    def run(self, line, *expected, seconds=STEP_S):
        """A command; what it writes has to match."""
        self.type(line + "; echo =$?=\r")
        text = self.wait(r"=\d+=\n", seconds)
        self.wait(PROMPT)
        for pattern in expected:
            assert re.search(pattern, text), "%s: not seen: %s; but: %s" % (line, pattern, text)

    def end(self, seconds=STEP_S):
        end = time.monotonic() + seconds
        while self.read(1):
            assert time.monotonic() < end, "it does not end"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def on_terminal(log):
    began = time.monotonic()
    term = Terminal(log, RUN)
    shown = term.wait("\n\\S*" + PROMPT, FIRST_S)
    for text in ("vmctl launch", "web1 is running", "Linux web1 ", "vmctl console web1",
                 "desktop app", "make gui", '"exit" ends'):
        assert text in shown, "not told: " + text
    print("# a shell after %d s" % (time.monotonic() - began))
    term.run("stty size", r"\n30 100\n")
    term.run("vmctl list", r"web1 +running", "=0=")
    term.run("ssh -o StrictHostKeyChecking=no -p 2222 dev@127.0.0.1 hostname", r"\nweb1\n")
    term.run("virsh -c baton:///session list", r"web1 +running")
    term.type("vmctl console web1\r")
    term.wait(r"~\.")  # it says how to leave, and has the keyboard then
    term.type("\r")
    term.wait("web1 login:")
    term.type("\r~.")
    term.wait(PROMPT)
    term.run("vmctl console nobody", "=3=", "cause: ", "fix: ")
    term.type("sleep 1000\r")
    time.sleep(1)
    term.type("\x03") # reaches the command, and not the emulator
    term.wait(PROMPT)
    term.type("exit\r")
    status = term.end()
    assert status == 0, "make run ended with status %d" % status


def in_pipe(log):
    began = time.monotonic()
    done = subprocess.run([RUN], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    log.write(done.stdout.encode())
    assert done.returncode == 0, "status %d: %s" % (done.returncode, done.stdout[-2000:])
    for pattern in (r"\$ vmctl launch", r"web1 is running", r"\nLinux web1 ", r"\nweb1 +running",
                    r"\$ vmctl stop web1", r"\nweb1 +stopped"):
        assert re.search(pattern, done.stdout), "not in the transcript: " + pattern
    assert "\x1b" not in done.stdout, "colours in a pipe"
    print("# %d s without a terminal" % (time.monotonic() - began))


def main():
    with open(sys.argv[1] if len(sys.argv) > 1 else os.devnull, "wb") as log:
        on_terminal(log)
        in_pipe(log)
    print("ok make run")


main()
