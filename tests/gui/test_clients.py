#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Other programs with a real VM, on a host that has the module: virt-install makes it,
virt-viewer and virt-manager show it. Then the app as from outside, where neither the frame
buffer nor descriptors can be had: over a forwarded connection, and over ssh.

usage: test_clients.py DISK-IMAGE FONT FOLDER-FOR-PICTURES
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import traceback

from harness import Atspi, Session, focus, time, wait_for, x
from test_real_vm import BOOT_S, FONT, IMAGE, PICTURES, Screen, step, take, type_line

SSH_PORT = 2222


def socket_of(session):
    return os.path.join(session.env["XDG_RUNTIME_DIR"], "baton", "libvirt.sock")


def uri_of(session):
    return "baton:///session?socket=" + socket_of(session)


def run(session, *command, seconds=600):
    done = subprocess.run(command, env=session.env, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=seconds)
    if done.returncode:
        raise AssertionError("%s: %s %s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


# ---- eyes ----

def pixels(path):
    """Width, height and rows of a picture, three bytes a pixel."""
    size = subprocess.run(["identify", "-format", "%w %h", path], check=True,
                          capture_output=True, text=True).stdout
    width, height = map(int, size.split())
    data = subprocess.run(["convert", path, "-depth", "8", "rgb:-"], check=True,
                          capture_output=True).stdout
    return width, height, [data[row * width * 3:(row + 1) * width * 3] for row in range(height)]


def place_of(rows, width, all_rows):
    """Where a picture is in another one, pixel by pixel but for a cursor that blinks."""
    best = max(range(len(rows)), key=lambda row: len(set(
        zip(*[iter(rows[row])] * 3))) * 1000 + sum(map(bool, rows[row])))
    for y, row in enumerate(all_rows):
        at = row.find(rows[best])
        if at < 0 or at % 3 or y < best or y - best + len(rows) > len(all_rows):
            continue
        top = y - best
        same = sum(all_rows[top + i][at:at + width * 3] == one for i, one in enumerate(rows))
        if same >= 0.9 * len(rows):
            return at // 3, top
    return None


def guest_picture(session):
    path = os.path.join(session.top, "guest.png")
    session.ctl("screenshot", "web-1", path)
    return path


def guest_text(session):
    return subprocess.run(["screen-text", guest_picture(session), FONT], check=True,
                          capture_output=True, text=True).stdout


def wait_text(session, pattern):
    seen = [""]

    def look():
        time.sleep(2)  # the guest wants the processor, too
        seen[0] = guest_text(session)
        return re.search(pattern, seen[0], re.MULTILINE)
    try:
        wait_for(pattern, look, BOOT_S)
    except AssertionError as error:
        raise AssertionError("%s; on the screen:\n%s" % (error, seen[0])) from None


def wait_shown(session, what):
    """The guest's picture is somewhere on our screen; its corner."""
    def look():
        time.sleep(2)
        width, _, rows = pixels(guest_picture(session))
        root = os.path.join(session.top, "root.png")
        subprocess.run(["import", "-window", "root", root], check=True)
        return place_of(rows, width, pixels(root)[2])
    return wait_for("%s shows the guest's screen" % what, look, 300)


def place_window(pattern):
    """The window with this title, as soon as there is one: in the corner, and in front."""
    found = []

    def look():
        done = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", pattern],
                              capture_output=True, text=True, check=False)
        found[:] = done.stdout.split()
        return found
    wait_for("a window " + pattern, look, 300)
    x("windowmove", found[0], 0, 0)
    x("windowraise", found[0])
    x("windowfocus", found[0])
    time.sleep(3)


def snap(name):
    subprocess.run(["import", "-window", "root", "-crop", "1366x768+0+0", "+repage", "-dither",
                    "None", "-colors", "200", "-strip", "-define",
                    "png:exclude-chunks=date,time",
                    "PNG8:" + os.path.join(PICTURES, name + ".png")], check=True)


class VncScreen(Screen):
    """The app's tab as it is where the screen comes by VNC."""

    def __init__(self, app, name):
        self.app, self.name = app, name
        self.window = focus(name)
        self.canvas = wait_for("the screen by VNC", lambda: next(
            (one for one in app.walk() if app.name(one) == "Display of " + name), None))
        self.file = os.path.join(app.session.top, "screen.png")
        self.host = None  # the session that has the VM

    def guest_file(self):
        return guest_picture(self.host)

    def box(self):
        return self.canvas.get_component_iface().get_extents(Atspi.CoordType.SCREEN)


# ---- steps ----

def make(session):
    session.ctl("list")  # its daemon
    base = shutil.copy(IMAGE, os.path.join(session.top, "base.qcow2"))
    run(session, "virt-install", "--connect", uri_of(session), "--name", "web-1", "--memory",
        "512", "--osinfo", "linux2022", "--import", "--noautoconsole", "--network",
        "network=default", "--graphics", "vnc", "--disk",
        "size=2,format=qcow2,backing_store=%s,backing_format=qcow2" % base)
    assert session.vms()["web-1"]["state"] == "running", session.vms()
    step("made by virt-install, with a new disk")
    wait_text(session, r"\|.*login:")
    step("its login prompt is there")


def viewer(session):
    program = subprocess.Popen(["virt-viewer", "--attach", "--connect", uri_of(session), "web-1"],
                               env=session.env)
    try:
        place_window("Virt Viewer")
        left, top = wait_shown(session, "virt-viewer")
        snap("virt-viewer")
        x("mousemove", left + 200, top + 200, "click", 1)
        type_line("root")
        wait_text(session, r"\|Pass.ord:")
        step("virt-viewer shows it, and it takes keys")
    finally:
        program.terminate()
        program.wait(30)


def manager(session):
    app = session.start("--no-fork", "--connect", uri_of(session), program="virt-manager",
                        GSETTINGS_BACKEND="memory")
    wait_for("the VM in virt-manager's list, running", lambda: [
        text for text in app.texts() if "web-1" in text and "Running" in text], 300)
    place_window("^Virtual Machine Manager")
    snap("virt-manager-list")
    step("virt-manager has it in its list")
    # The same program once more tells the first one.
    run(session, "virt-manager", "--connect", uri_of(session), "--show-domain-console", "web-1")
    place_window("^web-1 on")
    # It goes to the port, which has a password. It is in the details of the display, too.
    secrets = run(session, "virsh", "-c", uri_of(session), "dumpxml", "--security-info", "web-1")
    wait_for("virt-manager asks for the password",
             lambda: any("Password" in text for text in app.texts()), 120)
    type_line(re.search(r"passwd='([^']+)'", secrets).group(1))
    wait_shown(session, "virt-manager")
    snap("virt-manager-console")
    step("virt-manager shows its screen")
    app.close()


def pump(one, other):
    try:
        while True:
            data = one.recv(65536)
            if not data:
                break
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def forward(path):
    """A port that leads to a socket, as ssh -L would have it: bytes, and no descriptors."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            client, _ = listener.accept()
            to = socket.socket(socket.AF_UNIX)
            to.connect(path)
            for ends in ((client, to), (to, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def open_from_outside(host, outside, uri):
    app = outside.start("--connect", uri)
    wait_for("web-1 is running (list: %s)" % app.rows(), lambda: app.state("web-1") == "Running",
             300)
    assert "web-1" not in outside.vms()  # there is a daemon here, too, which has none
    app.select("web-1")
    app.press("push button", "Open")
    app.window("web-1")
    screen = VncScreen(app, "web-1")
    screen.host = host
    return app, screen


def log_in(screen):
    """Whoever typed last may have left it at a password."""
    wait_for("the display has its picture", screen.fit, 120)
    box = screen.box()
    x("mousemove", box.x + 100, box.y + 100, "click", 1)
    screen.canvas.get_component_iface().grab_focus()
    x("key", "Return")
    screen.wait(r"\|.*login: *$")
    type_line("root")
    screen.wait(r"\|Pass.ord:")
    type_line("debian")
    screen.wait(r"@.*:.#")
    type_line("clear; setterm --cursor off; ls --color /; echo $((6*7)) is it")
    screen.wait(r"\|42 is it")
    screen.same_as_guest()


def forwarded(host):
    outside = Session()
    try:
        command = os.path.join(outside.top, "through")
        with open(command, "w") as file:
            file.write("#!/bin/sh\nexec nc 127.0.0.1 %d\n" % forward(socket_of(host)))
        os.chmod(command, 0o700)
        app, screen = open_from_outside(host, outside,
                                        "baton+ext:///session?command=" + command)
        log_in(screen)
        take("display-forwarded-light", screen.window)
        step("the app from outside, over a forwarded connection")
        app.close()
    finally:
        outside.close()


def start_sshd(session):
    """It changes root's own keys: in the test host alone, whose root lives for this test."""
    assert __file__.startswith("/share/"), __file__
    home = os.path.expanduser("~root/.ssh")
    os.makedirs(home, mode=0o700, exist_ok=True)
    os.makedirs("/run/sshd", exist_ok=True)
    run(session, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home + "/id_ed25519")
    host_key = os.path.join(session.top, "host_key")
    run(session, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key)
    with open(home + "/id_ed25519.pub") as file:
        public = file.read()
    with open(home + "/authorized_keys", "w") as file:
        file.write(public)
    with open(host_key + ".pub") as file, open(home + "/known_hosts", "w") as known:
        known.write("[127.0.0.1]:%d %s" % (SSH_PORT, file.read()))
    sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(SSH_PORT),
                             "-h", host_key, "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no"],
                            stderr=open(os.path.join(session.top, "sshd.log"), "w"))
    wait_for("sshd", lambda: not socket.socket().connect_ex(("127.0.0.1", SSH_PORT)))
    return sshd


def by_ssh(host):
    outside = Session()
    sshd = start_sshd(host)
    uri = "baton+ssh://root@127.0.0.1:%d/session?socket=%s" % (SSH_PORT, socket_of(host))
    try:
        assert "web-1" in run(outside, "virsh", "-c", uri, "list", "--name")
        app, screen = open_from_outside(host, outside, uri)
        screen.wait(r"\|42 is it", 300)
        screen.same_as_guest()
        take("display-ssh-light", screen.window)
        step("the app over ssh")
        app.close()
    except BaseException:
        with open(os.path.join(host.top, "sshd.log")) as log:
            print("".join("# sshd: " + line for line in log.readlines()[-20:]))
        raise
    finally:
        outside.close()
        sshd.terminate()


def main():
    session = Session()
    try:
        make(session)
        viewer(session)
        manager(session)
        forwarded(session)
        by_ssh(session)
        print("ok clients", flush=True)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        subprocess.run(["import", "-window", "root", os.path.join(PICTURES, "failed.png")],
                       check=False)
        for app in session.apps:
            print("".join("# %s\n" % line for line in app.said().splitlines()[-30:]))
        sys.exit(1)
    finally:
        session.close()


if __name__ == "__main__":
    main()
