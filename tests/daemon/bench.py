# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon costs in time, against the stub monitor: prints a row per figure.

`make bench-daemon`. Times of a quiet machine; medians of several turns.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

from harness import Daemon

VMS = 50
TURNS = 31
RUNNING = 20


def ms(seconds):
    return "%.1f" % (seconds * 1000)


def row(name, value, wanted, unit="ms"):
    met = float(value) <= wanted
    print("%-58s %8s %-4s <= %g  %s" % (name, value, unit, wanted, "met" if met else "MISSED"))
    return met


def median_of(fn, turns=TURNS):
    times = []
    for _ in range(turns):
        start = time.monotonic()
        fn()
        times.append(time.monotonic() - start)
    return statistics.median(times)


def monitors_own(d):
    """From the stub's start to its answer, without the daemon."""
    import socket
    path = os.path.join(d.top, "own.ctl")

    def once():
        process = subprocess.Popen([os.path.join(d.bin, "baton-vm"), "--name", "own",
                                    "--control", path, "--console-hub"])
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(path)
                break
            except OSError:
                s.close()
                time.sleep(0.0005)
        s.sendall(b'{"op":"status"}\n')
        s.recv(4096)
        s.close()
        process.kill()
        process.wait()
        os.unlink(path)
    return median_of(once)


def start_and_kill(c):
    times = []
    for _ in range(TURNS):
        start = time.monotonic()
        c.job("vm-start", name="vm1")
        times.append(time.monotonic() - start)
        c.job("vm-kill", name="vm1")
    return statistics.median(times)


def wakeups(pid, seconds=10):
    """How often all threads of the process went to sleep, in a second."""
    def count():
        total = 0
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/status" % (pid, thread)) as f:
                total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        return total
    before = count()
    time.sleep(seconds)
    return (count() - before) / seconds


def instructions(d, command):
    """Millions that vmctl executes, which other load does not change; None: no valgrind."""
    if not shutil.which("valgrind"):
        return None
    result = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"] +
                            command, env=d.env, check=True, text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return int(re.search("Collected : ([0-9]+)", result.stderr).group(1)) / 1e6


def wakeups_with_listeners(d, c):
    """VMs that run, a client of the API that wants events, and one of libvirt's that does."""
    for i in range(RUNNING):
        c.job("vm-start", name="vm%d" % i)
    listener = d.client()
    listener.ask("events")
    virsh = None
    if shutil.which("virsh"):
        uri = "baton:///session?socket=" + os.path.join(d.top, "run", "baton", "libvirt.sock")
        # Without virsh's own keepalive (-k0): that would be its polling, not ours.
        virsh = subprocess.Popen(["virsh", "-k0", "-c", uri, "event", "--all", "--loop"],
                                 env=d.env, stdout=subprocess.DEVNULL)
    time.sleep(2)
    result = wakeups(d.process.pid)
    if virsh:
        virsh.kill()
        virsh.wait()
    listener.close()
    return result


def main():
    d = Daemon()
    try:
        d.start()
        c = d.client()
        for i in range(VMS):
            c.job("vm-create", name="vm%d" % i, disk_size=1 << 20)
        vmctl = [os.path.join(d.bin, "vmctl"), "list"]
        listing = median_of(lambda: subprocess.run(vmctl, env=d.env, check=True,
                                                   stdout=subprocess.DEVNULL))
        executed = instructions(d, vmctl)
        own, start = monitors_own(d), start_and_kill(c)
        good = [row("vmctl list, %d VMs, daemon up" % VMS, ms(listing), 30),
                row("a start beyond the monitor's own time (%s ms)" % ms(own),
                    ms(start - own), 150),
                row("idle daemon, %d VMs off: wake-ups" % VMS,
                    "%.1f" % wakeups(d.process.pid), 2, "/s"),
                row("the same, %d running, two clients that listen" % RUNNING,
                    "%.1f" % wakeups_with_listeners(d, c), 2, "/s")]
        if executed:
            good.append(row("vmctl list, %d VMs: instructions of vmctl" % VMS,
                            "%.1f" % executed, 8, "M"))
        c.close()
        return 0 if all(good) else 1
    finally:
        d.clean()


if __name__ == "__main__":
    sys.exit(main())
