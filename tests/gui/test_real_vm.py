#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The desktop app with a real VM, on a host that has the module: a Debian from the
assistant to the trash and back. Its screen is read off the app's window, as text.

usage: test_real_vm.py DISK-IMAGE FONT FOLDER-FOR-PICTURES
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Atspi, Session, focus, time, wait_for, x  # noqa: E402

IMAGE, FONT, PICTURES = sys.argv[1:]
BOOT_S = 900
BEGAN = time.monotonic()


def step(text):
    print("# %4d s %s" % (time.monotonic() - BEGAN, text), flush=True)


class Screen:
    """A VM's screen as the app shows it: what is on the X screen where its canvas is."""

    def __init__(self, app, name):
        self.app, self.name = app, name
        self.window = focus(name)
        self.canvas = app.wait("canvas", "Display of %s, keyboard goes to guest" % name)
        self.file = os.path.join(app.session.top, "screen.png")

    def box(self):
        return self.canvas.get_component_iface().get_extents(Atspi.CoordType.SCREEN)

    def guest_file(self):
        """The monitor's own picture, to compare."""
        path = os.path.join(self.app.session.top, "guest.png")
        self.app.session.ctl("screenshot", self.name, path)
        return path

    def fit(self):
        """The window as large as it takes to have each pixel of the guest as one of ours."""
        size = subprocess.run(["identify", "-format", "%w %h", self.guest_file()], check=True,
                              capture_output=True, text=True).stdout
        width, height = map(int, size.split())
        box = self.box()
        if (box.width, box.height) != (width, height):
            outer = dict(line.split("=") for line in
                         x("getwindowgeometry", "--shell", self.window).split())
            x("windowsize", self.window, int(outer["WIDTH"]) + width - box.width,
              int(outer["HEIGHT"]) + height - box.height)
            box = self.box()
        return (box.width, box.height) == (width, height)

    def grab(self):
        box = self.box()
        subprocess.run(["import", "-window", "root", "-crop", "%dx%d+%d+%d" % (
            box.width, box.height, box.x, box.y), "+repage", self.file], check=True)

    def text(self):
        self.grab()
        return subprocess.run(["screen-text", self.file, FONT], check=True,
                              capture_output=True, text=True).stdout

    def wait(self, pattern, seconds=BOOT_S):
        """Until a row matches; what was seen last, if none ever does."""
        seen = [""]

        def look():
            time.sleep(2)  # the guest wants the processor, too
            if not self.fit():
                return None
            seen[0] = self.text()
            return re.search(pattern, seen[0], re.MULTILINE)
        try:
            wait_for(pattern, look, seconds)
        except AssertionError as error:
            raise AssertionError("%s; on the screen:\n%s" % (error, seen[0])) from None

    def same_as_guest(self):
        """Each pixel; the cursor may blink between the two pictures."""
        def look():
            guest = self.guest_file()
            self.grab()
            return subprocess.run(["compare", "-metric", "AE", self.file, guest, "null:"],
                                  capture_output=True, check=False).returncode == 0
        wait_for("the app's picture is the guest's", look)


def type_line(text):
    x("type", "--delay", 100, text)
    x("key", "Return")


def take(name, window):
    """For people: the window as large as the screens that the app must fit."""
    x("windowsize", window, 1366, 768)
    x("windowmove", window, 0, 0)
    path = os.path.join(PICTURES, name + ".png")
    last = [None]

    def rests():
        subprocess.run(["import", "-window", "root", "-crop", "1366x768+0+0", "+repage",
                        "-dither", "None", "-colors", "200", "-strip", "-define",
                        "png:exclude-chunks=date,time", "PNG8:" + path], check=True)
        before = last[0]
        with open(path, "rb") as file:
            last[0] = file.read()
        time.sleep(1)
        return last[0] == before
    wait_for("the picture is at rest", rests)


def create(app, session):
    app.press("push button", "New Virtual Machine…")
    window = app.window("New Virtual Machine")
    wait_for("the image is offered", lambda: next(
        (one for one in app.texts() if one.startswith("debian  (")), None))
    app.press("push button", "Next")
    app.wait("text", "Name")
    app.set_text("text", "Name", "web-1")
    app.set_text("text", "Memory", "512M")
    app.press("push button", "Next")
    app.wait("label", "This is what will be made")
    app.press("push button", "Create")
    wait_for("the assistant closes", lambda: window not in app.windows())
    app.wait_state("web-1", "Running")
    assert session.vms()["web-1"]["memory"] == 512 << 20, session.vms()


def display(app):
    """Its screen, with the keyboard."""
    screen = Screen(app, "web-1")
    x("mousemove", screen.box().x + 100, screen.box().y + 100, "click", 1)
    step("waiting for the login prompt on the screen")
    screen.wait(r"\|.*login:")
    return screen


def log_in(screen):
    focus("web-1")
    screen.canvas.get_component_iface().grab_focus()
    type_line("root")
    screen.wait(r"\|Pass.ord:")
    type_line("debian")
    screen.wait(r"@.*:.#")
    step("logged in on the screen")
    type_line("clear; setterm --cursor off; uname -a; df -h; ls -l --color /; "
              "echo $((6*7)) is it")
    screen.wait(r"\|42 is it")
    screen.same_as_guest()
    step("the app's picture is the guest's, pixel for pixel")


def serial(app):
    # Left Ctrl and Left Alt take the keyboard back.
    x("keydown", "Control_L", "keydown", "Alt_L", "keyup", "Alt_L", "keyup", "Control_L")
    app.press("radio button", "Serial")
    terminal = app.wait("terminal", "Serial console of web-1")

    def said(text):
        wait_for("%s on the serial console" % text, lambda: text in
                 terminal.get_text_iface().get_text(0, -1), BOOT_S)

    said("login:")
    focus("web-1")
    terminal.get_component_iface().grab_focus()
    type_line("root")
    said("Password:")
    type_line("debian")
    said(":~#")
    type_line("echo it is $((40+2))")
    said("it is 42")
    step("logged in on the serial console")


def life(app, session):
    uuid = session.vms()["web-1"]["uuid"]
    app.select("web-1")
    app.menu("More actions", "Pause")
    app.wait_state("web-1", "Paused")
    assert session.vms()["web-1"]["state"] == "paused"
    app.press("push button", "Start")
    app.wait_state("web-1", "Running")
    step("paused and resumed")
    app.press("push button", "Shut Down")
    wait_for("it is off", lambda: app.state("web-1") == "Off", BOOT_S)
    assert session.vms()["web-1"]["state"] == "stopped"
    step("shut down")
    app.menu("More actions", "Delete")
    wait_for("it is gone", lambda: "web-1" not in app.rows())
    assert "web-1" not in session.vms()
    app.press("push button", "Undo")
    wait_for("it is back", lambda: "web-1" in app.rows())
    assert session.vms()["web-1"]["uuid"] == uuid
    step("deleted, and taken back")


def open_window(app):
    app.select("web-1")
    app.press("push button", "Open")
    app.window("web-1")


def in_theme(session, theme, gtk_theme):
    """The running VM in an app of its own: losing the app loses no VM."""
    session.env["GTK_THEME"] = gtk_theme
    app = session.start()
    app.wait_state("web-1", "Running")
    open_window(app)
    screen = Screen(app, "web-1")
    screen.wait(r"\|42 is it")
    take("display-" + theme, screen.window)
    app.press("radio button", "Serial")
    app.wait("terminal", "Serial console of web-1")
    take("serial-" + theme, screen.window)
    app.close()


def test(session):
    session.ctl("image", "add", "debian", IMAGE, "--user", "debian")
    app = session.start()
    step("the app is there")
    create(app, session)
    step("created by the assistant, and started")
    open_window(app)
    screen = display(app)
    log_in(screen)
    take("display-light", screen.window)
    serial(app)
    take("serial-light", screen.window)
    app.close()
    in_theme(session, "dark", "Adwaita:dark")
    session.env["GTK_THEME"] = "Adwaita"
    app = session.start()
    app.wait_state("web-1", "Running")
    life(app, session)
    wrong = [line for one in session.apps for line in open(one.log.name)
             if "CRITICAL" in line]
    assert not wrong, wrong


def main():
    session = Session()
    try:
        test(session)
        print("ok real VM", flush=True)
    except BaseException:
        for app in session.apps:
            for line in app.said().splitlines():
                print("# app: " + line)
        path = os.path.join(PICTURES, "failed.png")
        subprocess.run(["import", "-window", "root", path], check=False)
        raise
    finally:
        session.close()


if __name__ == "__main__":
    main()
