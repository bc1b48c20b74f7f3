# SPDX-License-Identifier: GPL-2.0-or-later
"""What people see when it does not work: vmctl with the daemon, each error of the README's
flows by its code, its exit status, its cause and its fix (table in README.md). With the stub
monitor; where the engine is at fault, with the real one."""
import os
import re
import socket
import subprocess
import sys
import traceback

from harness import BUILD, Daemon

skipped = []


def vmctl(d, *arguments, user=None, **env):
    command = [os.path.join(d.bin, "vmctl"), *arguments]
    if user:
        command = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups",
                   *command]
    return subprocess.run(command, env=dict(d.env, **env), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)


def works(d, *arguments):
    done = vmctl(d, *arguments)
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def fails(d, code, status, says, *arguments, **more):
    """says: a word that the sentence, cause or fix has to have."""
    done = vmctl(d, *arguments, **more)
    assert done.returncode == status, done
    text = done.stderr
    assert re.search(r"(?m)^vmctl: .*\(BTN-%04d\)$\ncause: .+\nfix: .+" % code, text), text
    assert says in text, text
    assert "errno" not in text and "(null)" not in text, text


def test_names(d):
    works(d, "create", "one", "--disk-size", "1M")
    fails(d, 6102, 4, "one", "create", "one", "--disk-size", "1M")
    fails(d, 6101, 3, "Did you mean", "start", "onee")
    works(d, "create", "two", "--disk-size", "1M")
    fails(d, 6102, 4, "two", "rename", "one", "two")
    fails(d, 6103, 2, "letters", "create", "no such name")


def test_image_missing(d):
    fails(d, 6201, 3, "debian-99", "create", "x", "--image", "debian-99")
    fails(d, 6201, 3, "debian-99", "launch", "debian-99")
    fails(d, 1101, 3, "/nowhere.qcow2", "launch", "/nowhere.qcow2")


def test_states(d):
    works(d, "create", "one", "--disk-size", "1M")
    fails(d, 6104, 4, "vmctl start one", "pause", "one")
    fails(d, 6104, 4, "vmctl start one", "console", "one")
    fails(d, 6104, 4, "vmctl start one", "screenshot", "one", os.path.join(d.top, "x.png"))
    assert "already" in works(d, "stop", "one")
    works(d, "start", "one")
    assert "already" in works(d, "start", "one")
    fails(d, 6105, 4, "one", "delete", "one")
    works(d, "kill", "one")


def test_no_memory(d):
    with open("/proc/meminfo") as file:
        total = int(re.search(r"MemTotal: +(\d+)", file.read()).group(1)) >> 10
    works(d, "create", "big", "--disk-size", "1M", "--memory", "%dM" % (total - 16))
    fails(d, 6401, 8, "vmctl set big memory=", "start", "big")
    works(d, "create", "bigger", "--disk-size", "1M", "--memory", "%dM" % (total + 64))
    fails(d, 2001, 8, "vmctl set bigger memory=", "start", "bigger")


def test_no_space(d):
    """A disk of the host's that is full: a small file system of its own."""
    if os.getuid():
        skipped.append("no space: only root can mount a small file system")
        return
    data = os.path.join(d.top, "data")
    d.kill()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", data], check=True)
    try:
        d.start()
        fails(d, 6402, 8, "vmctl purge --all", "create", "one", "--disk-size", "1M")
        assert os.listdir(os.path.join(data, "baton", "vms")) == []
    finally:
        d.kill()
        subprocess.run(["umount", "-l", data], check=True)


def test_port_in_use(d):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        works(d, "create", "one", "--disk-size", "1M", "--port", "%d:22" % port)
        fails(d, 5101, 4, str(port), "start", "one")
    works(d, "start", "one")
    works(d, "kill", "one")


def test_daemon_gone(d):
    d.kill()
    fails(d, 6001, 10, "batond", "list", BATON_AUTOSTART="0")


def test_no_permission(d):
    if os.getuid():
        skipped.append("no permission: only root can be somebody else")
        return
    for path in (d.top, os.path.join(d.top, "run"), os.path.join(d.top, "run", "baton")):
        os.chmod(path, 0o755)
    fails(d, 6001, 10, "Permission denied", "list", user=65534, BATON_AUTOSTART="0")


def test_no_engine(_):
    """The real monitor, on a machine that lacks what it needs."""
    d = Daemon(bin_folder=os.path.join(BUILD, "bin"))
    lacks = {"baton": not os.path.exists("/dev/baton"), "kvm": not os.path.exists("/dev/kvm")}
    wanted = {"baton": (3002, "modprobe baton", lacks["baton"]),
              "kvm": (3006, "kvm", lacks["kvm"]),
              "auto": (3001, "vmctl doctor", all(lacks.values()))}
    try:
        d.start()
        for engine, (code, says, is_lacking) in wanted.items():
            if not is_lacking:
                skipped.append("no engine: this machine has what \"%s\" needs" % engine)
                continue
            works(d, "create", engine, "--disk-size", "1M", "--engine", engine)
            fails(d, code, 6, says, "start", engine)
            fails(d, code, 6, says, "start", engine)
            assert "BTN-%d" % code in works(d, "show", engine)
    finally:
        d.clean()


def main():
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    wanted, failed = sys.argv[1:], 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        daemon = Daemon()
        skipped.clear()
        try:
            daemon.start()
            test(daemon)
            print("ok " + test.__name__ if not skipped else "skip " + test.__name__)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print("not ok %s\n%s" % (test.__name__, daemon.output()[-5000:]))
            failed += 1
        finally:
            daemon.clean()
        for why in skipped:
            print("    skip: " + why)
        sys.stdout.flush()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
