# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon costs in time, against the stub monitor: prints a row per figure.

`make bench-daemon`. Times of a quiet machine; medians of several turns.
"""
import os
import statistics
import subprocess
import sys
import time

from harness import Daemon

VMS = 50
TURNS = 31


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
        own, start = monitors_own(d), start_and_kill(c)
        c.close()
        good = [row("vmctl list, %d VMs, daemon up" % VMS, ms(listing), 30),
                row("a start beyond the monitor's own time (%s ms)" % ms(own),
                    ms(start - own), 150),
                row("idle daemon, %d VMs off: wake-ups" % VMS,
                    "%.1f" % wakeups(d.process.pid), 2, "/s")]
        return 0 if all(good) else 1
    finally:
        d.clean()


if __name__ == "__main__":
    sys.exit(main())
