# SPDX-License-Identifier: GPL-2.0-or-later
"""The app with a daemon of its own, and hands and eyes for it: AT-SPI, X, and vmctl."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import gi
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

BIN = os.path.abspath(os.environ["BATON_GUI_BIN"])
WAIT_S = int(os.environ.get("BATON_GUI_WAIT", "15"))
if WAIT_S > 15:  # where all is slow, an answer is, too
    Atspi.set_timeout(WAIT_S * 1000, WAIT_S * 1000)


def wait_for(what, look, seconds=WAIT_S):
    """The first true value of look(); an error that says what was waited for."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = look()
        except gi.repository.GLib.Error:
            value = None  # an object that is just going away
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s: not within %d s" % (what, seconds))
        time.sleep(0.03)


class RowGone(Exception):
    """A row of the list that was counted and is not there any more."""


class Session:
    """Folders of its own, so that daemon and app know nothing of the user's."""

    def __init__(self, theme="Adwaita"):
        self.top = tempfile.mkdtemp(prefix="baton-gui-")
        self.env = dict(os.environ, HOME=self.top, GTK_THEME=theme)
        for name in ("DATA", "STATE", "CONFIG", "CACHE"):
            self.env["XDG_%s_HOME" % name] = os.path.join(self.top, name.lower())
        self.env["XDG_RUNTIME_DIR"] = os.path.join(self.top, "run")
        os.mkdir(self.env["XDG_RUNTIME_DIR"], 0o700)
        os.mkdir(os.path.join(self.top, ".ssh"), 0o700)
        with open(os.path.join(self.top, ".ssh", "id_ed25519.pub"), "w") as key:
            key.write("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq"
                      "8hTnrZ0p3xO1w4n5oU2c7e6k9m1q3s5u7w9y1A2C4 ada@laptop\n")
        self.apps = []

    def ctl(self, *arguments, ok=True):
        run = subprocess.run([os.path.join(BIN, "vmctl"), *arguments], env=self.env,
                             capture_output=True, text=True, timeout=WAIT_S * 4)
        if ok and run.returncode:
            raise AssertionError("vmctl %s: %s" % (" ".join(arguments), run.stderr))
        return run.stdout

    def vms(self):
        return {vm["name"]: vm for vm in json.loads(self.ctl("list", "--format", "json"))["vms"]}

    def add_image(self, name="debian-12"):
        path = os.path.join(self.top, name + ".raw")
        with open(path, "wb") as image:
            image.truncate(64 << 20)
            image.seek(510)
            image.write(b"\x55\xaa")
        self.ctl("image", "add", name, path, "--user", "debian")
        return path

    def daemon_pid(self):
        with open(os.path.join(self.env["XDG_RUNTIME_DIR"], "baton", "batond.lock")) as lock:
            text = lock.read().strip()
        if text.isdigit():
            return int(text)
        return find_process("batond", self.env["XDG_RUNTIME_DIR"])

    def start(self, *arguments, program=os.path.join(BIN, "baton"), **env):
        app = App(self, program, arguments, env)
        self.apps.append(app)
        return app

    def close(self):
        for app in self.apps:
            app.close()
        for name in ("baton-vm", "baton-net", "batond"):
            while True:
                pid = find_process(name, self.env["XDG_RUNTIME_DIR"])
                if not pid:
                    break
                os.kill(pid, signal.SIGKILL)
                wait_for("the end of " + name, lambda: not alive(pid))
        shutil.rmtree(self.top, ignore_errors=True)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def find_process(name, runtime):
    """Only one of ours: it has our runtime folder in its environment."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as comm:
                if comm.read().strip() != name:
                    continue
            with open("/proc/%s/environ" % pid, "rb") as environ:
                if ("XDG_RUNTIME_DIR=" + runtime).encode() in environ.read().split(b"\0") and \
                        alive(int(pid)):
                    return int(pid)
        except OSError:
            continue
    return None


class App:
    def __init__(self, session, program, arguments, env):
        self.session = session
        self.log = open(os.path.join(session.top, "baton-%d.log" % len(session.apps)), "w+")
        self.began = time.monotonic()
        self.process = subprocess.Popen([program, *arguments], env=dict(session.env, **env),
                                        stdout=self.log, stderr=self.log)
        self.root = wait_for("the app on the accessibility bus", self._find)

    def _find(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError("the app ended: " + self.log.read())
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(i)
            if child and child.get_process_id() == self.process.pid:
                child.clear_cache()
                return child
        return None

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.log.close()

    def said(self):
        with open(self.log.name) as log:
            return log.read()

    # ---- eyes ----

    def walk(self, top=None, depth=0):
        top = top or self.root
        yield top
        if depth > 40:
            return
        # A table manages its cells by itself: there may be thousands.
        for i in range(min(top.get_child_count(), 2000)):
            child = top.get_child_at_index(i)
            if child:
                yield from self.walk(child, depth + 1)

    def find(self, role, name, showing=True, top=None):
        for one in self.walk(top):
            try:
                if one.get_role_name() == role and (name is None or self.name(one) == name):
                    if not showing or one.get_state_set().contains(Atspi.StateType.SHOWING):
                        return one
            except gi.repository.GLib.Error:
                continue
        return None

    @staticmethod
    def name(one):
        """Its own, or that of the label beside it."""
        if one.get_name():
            return one.get_name()
        for relation in one.get_relation_set():
            if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY:
                return relation.get_target(0).get_name()
        return ""

    def wait(self, role, name, **more):
        return wait_for("%s “%s”" % (role, name), lambda: self.find(role, name, **more))

    def window(self, name):
        return wait_for("the window " + name, lambda: next(
            (one for one in self.windows() if one.get_name() == name), None))

    def windows(self):
        return [self.root.get_child_at_index(i) for i in range(self.root.get_child_count())]

    def texts(self, top=None):
        """All that can be read."""
        found = []
        for one in self.walk(top):
            try:
                if one.get_state_set().contains(Atspi.StateType.SHOWING):
                    found.append(one.get_name())
            except gi.repository.GLib.Error:
                continue
        return [text for text in found if text]

    def rows(self):
        """The list: {name: [name, state, CPUs, memory, address, ...]}."""
        table = self.find("table", "Virtual machines")
        if not table:
            return {}
        try:
            return self.read_rows(table.get_table_iface())
        except (gi.repository.GLib.Error, RowGone):
            return {}  # it changes at this moment: whoever waits looks again

    def read_rows(self, iface):
        result = {}
        for row in range(iface.get_n_rows()):
            line = [self.cell_text(iface.get_accessible_at(row, column))
                    for column in range(iface.get_n_columns())]
            result[line[0]] = line
        return result

    def state(self, name):
        return self.rows().get(name, [None, None])[1]

    def wait_state(self, name, state):
        wait_for("%s is %s (list: %s)" % (name, state, self.rows()),
                 lambda: self.state(name) == state)

    @staticmethod
    def cell_text(cell):
        if not cell:
            raise RowGone
        parts = [cell.get_name() or ""]
        for child in [cell.get_child_at_index(i) for i in range(cell.get_child_count())]:
            if not child:
                raise RowGone
            parts.append(child.get_name() or "")
        return " ".join(part for part in parts if part).strip()

    # ---- hands ----

    def press(self, role, name, top=None):
        one = self.wait(role, name, top=top)
        wait_for("“%s” can be used" % name,
                 lambda: one.get_state_set().contains(Atspi.StateType.SENSITIVE))
        one.get_action_iface().do_action(0)
        return one

    def select(self, *names):
        table = self.wait("table", "Virtual machines")
        iface = table.get_table_iface()
        order = list(self.rows())
        for row in range(iface.get_n_rows()):
            iface.remove_row_selection(row)
        for name in names:
            iface.add_row_selection(order.index(name))

    def menu(self, button, item, top=None):
        """Opens a menu button's popover, and presses an item."""
        self.press("toggle button", button, top=top)
        role = wait_for("“%s” in the menu “%s”" % (item, button), lambda: next(
            (role for role in ("push button", "menu item", "check menu item", "radio button",
                               "check box") if self.find(role, item)), None))
        self.press(role, item)

    def set_text(self, role, name, text):
        self.wait(role, name).get_editable_text_iface().set_text_contents(text)


def x(*arguments):
    return subprocess.run(["xdotool", *[str(one) for one in arguments]], check=True,
                          capture_output=True, text=True).stdout


def focus(title):
    """There is no window manager: focus has to be given."""
    window = x("search", "--onlyvisible", "--name", "^%s$" % title).split()[0]
    x("windowfocus", window)
    return window


def pixel(x_place, y_place):
    text = subprocess.run(["import", "-window", "root", "-crop",
                           "1x1+%d+%d" % (x_place, y_place), "-depth", "8", "txt:-"], check=True,
                          capture_output=True, text=True).stdout
    return text.rsplit("#", 1)[1][:6]


def picture(path):
    subprocess.run(["import", "-window", "root", path], check=True)
