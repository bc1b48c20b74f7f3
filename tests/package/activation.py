#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: activation.py SOCKET-UNIT BATOND

Does what systemd does with the user's socket unit: opens its sockets, and runs the daemon
with them when somebody connects. They must all be served, outlive the daemon, and serve
the next one; a daemon that is there already must keep systemd from replacing its sockets.
"""
import os
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys

RUN = os.environ["XDG_RUNTIME_DIR"]
FIRST_FD = 3
# A call of libvirt's protocol: AUTH_LIST, and what its answer's header has to be.
AUTH_LIST = struct.pack(">7I", 28, 0x20008086, 1, 66, 0, 1, 0)
REPLY = struct.pack(">6I", 0x20008086, 1, 66, 1, 1, 0)


def unit_values(path, key):
    with open(path) as unit:
        return [m.group(1).replace("%t", RUN)
                for m in re.finditer(r"^%s=(.*)$" % key, unit.read(), re.M)]


def listen(path):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    return sock


def start(batond, sockets):
    """The daemon, with the sockets as descriptors from 3 on."""
    pid = os.fork()
    if pid:
        return pid
    try:
        # Out of the way first, so that none is overwritten before it is moved.
        high = [os.dup2(sock.fileno(), 100 + i) for i, sock in enumerate(sockets)]
        for i, fd in enumerate(high):
            os.dup2(fd, FIRST_FD + i)
            os.close(fd)
        os.execve(batond, [batond], dict(os.environ, LISTEN_PID=str(os.getpid()),
                                         LISTEN_FDS=str(len(sockets))))
    finally:
        os._exit(127)


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(path)
    return sock


def receive(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        assert part, "the daemon closed the connection"
        data += part
    return data


def check_libvirt(sock):
    sock.sendall(AUTH_LIST)
    receive(sock, 4)
    assert receive(sock, 24) == REPLY, "no answer to a call of libvirt's protocol"


def check_vmctl():
    done = subprocess.run(["vmctl", "list"], env=dict(os.environ, BATON_AUTOSTART="0"),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def check_doctor(sockets):
    """It looks at what is there: a connection would have systemd start the daemon."""
    done = subprocess.run(["vmctl", "doctor"], capture_output=True, text=True, timeout=60)
    assert "batond does not run" in done.stdout, done.stdout
    for sock in sockets:
        assert not select.select([sock], [], [], 0)[0], "doctor starts the daemon"


def stop(pid):
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0, "the daemon did not end well"


def check_condition(unit):
    """ExecStartPre: no second set of sockets beside a daemon that has its own."""
    command, = unit_values(unit, "ExecStartPre")
    words = [word.replace("$$", "$") for word in shlex.split(command)]
    return subprocess.run(words).returncode == 0


def main():
    unit, batond = sys.argv[1:]
    paths = unit_values(unit, "ListenStream")
    assert len(paths) == 3, paths
    assert check_condition(unit), "systemd could not even open its sockets"
    sockets = [listen(path) for path in paths]
    check_doctor(sockets)
    for run in range(2):
        waiting = [connect(path) for path in paths if "batond.sock" not in path]
        pid = start(batond, sockets)
        for sock in waiting:
            check_libvirt(sock)
        check_vmctl()
        if run == 0:
            assert not check_condition(unit), "a running daemon would lose its sockets"
        stop(pid)
        for path in paths:
            assert os.path.exists(path), "%s went with the daemon" % path
    assert check_condition(unit), "an ended daemon still keeps systemd from its sockets"


main()
