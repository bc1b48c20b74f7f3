# SPDX-License-Identifier: GPL-2.0-or-later
"""The desktop app as a whole: the real daemon and its libvirt face, a made-up monitor.

usage: test_app.py [TEST...]
"""
import os
import signal
import socket
import subprocess
import sys
import traceback

from gi.repository import Gio

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_vnc import FakeVnc  # noqa: E402
from harness import (BIN, Atspi, Session, find_process, focus, pixel, time,  # noqa: E402
                     wait_for, x)

FIRST_WINDOW_MS = 400
IDLE_S = 10


def with_vms(session):
    session.add_image()
    session.ctl("create", "db-1", "--image", "debian-12", "--memory", "1G")
    session.ctl("create", "web-1", "--image", "debian-12", "--user", "ada", "--cpus", "2")
    app = session.start()
    wait_for("both are listed", lambda: {"db-1", "web-1"} <= set(app.rows()))
    return app


def open_window(app, name):
    app.select(name)
    app.press("push button", "Open")
    return app.window(name)


def open_running(session, app, name):
    session.ctl("start", name)
    app.wait_state(name, "Running")
    return open_window(app, name)


def test_list_follows_the_daemon(session):
    app = with_vms(session)
    assert app.rows()["web-1"][1:4] == ["Off", "2", "512 MiB"], app.rows()
    assert app.rows()["db-1"][3] == "1 GiB", app.rows()
    session.ctl("start", "web-1")
    app.wait_state("web-1", "Running")
    session.ctl("pause", "web-1")
    app.wait_state("web-1", "Paused")
    session.ctl("resume", "web-1")
    app.wait_state("web-1", "Running")
    session.ctl("stop", "web-1")
    app.wait_state("web-1", "Off")
    session.ctl("rename", "db-1", "db-2")
    wait_for("the new name", lambda: set(app.rows()) == {"db-2", "web-1"})
    session.ctl("delete", "db-2")
    wait_for("it is gone", lambda: set(app.rows()) == {"web-1"})


def test_empty_list_has_one_big_button(session):
    app = session.start()
    app.press("push button", "New Virtual Machine…")
    app.window("New Virtual Machine")


def test_start_pause_stop(session):
    app = with_vms(session)
    app.select("web-1")
    app.press("push button", "Start")
    app.wait_state("web-1", "Running")
    assert session.vms()["web-1"]["state"] == "running"
    app.menu("More actions", "Pause")
    app.wait_state("web-1", "Paused")
    app.press("push button", "Start")
    app.wait_state("web-1", "Running")
    app.press("push button", "Shut Down")
    app.wait_state("web-1", "Off")
    assert session.vms()["web-1"]["state"] == "stopped"


def test_several_at_once(session):
    app = with_vms(session)
    app.select("db-1", "web-1")
    app.wait("label", "2 selected")
    app.press("push button", "Start")
    app.wait_state("db-1", "Running")
    app.wait_state("web-1", "Running")
    app.press("push button", "Shut Down")
    app.wait_state("db-1", "Off")
    app.wait_state("web-1", "Off")
    app.press("push button", "Delete")
    wait_for("both are gone", lambda: not session.vms())
    app.wait("label", "2 virtual machines were moved to the trash")
    app.press("push button", "Undo")
    wait_for("both are back", lambda: set(session.vms()) == {"db-1", "web-1"})


def test_delete_and_undo(session):
    app = with_vms(session)
    uuid = session.vms()["db-1"]["uuid"]
    app.select("db-1")
    app.menu("More actions", "Delete")
    wait_for("it is gone", lambda: "db-1" not in app.rows())
    app.wait("label", "“db-1” was moved to the trash")
    app.press("push button", "Undo")
    wait_for("it is back", lambda: "db-1" in app.rows())
    assert session.vms()["db-1"]["uuid"] == uuid


def test_pointer_after_delete_by_menu(session):
    """The menu's page goes with the VM: no grab of its stays behind, which no pointer passes."""
    app = with_vms(session)
    for name in ("a", "b", "c", "d"):
        session.ctl("create", name, "--image", "debian-12")
    wait_for("all are listed", lambda: len(app.rows()) == 6)
    focus("Baton")
    search = app.wait("toggle button", "Search")
    box = search.get_component_iface().get_extents(0)
    for shown, name in enumerate(("a", "b", "c", "d")):
        app.select("db-1", "web-1")
        app.wait("label", "2 selected")
        app.select(name)
        app.menu("More actions", "Delete")
        app.wait("label", "“%s” was moved to the trash" % name)
        time.sleep(0.5)
        x("mousemove", box.x + box.width // 2, box.y + box.height // 2, "click", 1)
        wait_for("the click does something", lambda: search.get_state_set().contains(
            Atspi.StateType.CHECKED) == (shown % 2 == 0))


def test_rename(session):
    app = with_vms(session)
    app.select("db-1")
    app.menu("More actions", "Rename…")
    app.window("Rename")
    app.set_text("text", "New name", "-bad-")
    app.wait("label", "A name does not begin or end with a hyphen.")
    app.set_text("text", "New name", "db-9")
    app.press("push button", "Rename")
    wait_for("the new name", lambda: "db-9" in app.rows())
    assert "db-9" in session.vms()


def test_search(session):
    app = with_vms(session)
    focus("Baton")
    app.press("toggle button", "Search")
    app.set_text("text", "Search virtual machines", "db")
    wait_for("one is left", lambda: set(app.rows()) == {"db-1"})
    app.set_text("text", "Search virtual machines", "")
    wait_for("all are back", lambda: len(app.rows()) == 2)


def test_keyboard(session):
    app = with_vms(session)
    focus("Baton")
    app.select("db-1")
    app.find("table", "Virtual machines").get_component_iface().grab_focus()
    x("key", "F2")
    app.window("Rename")
    focus("Rename")
    x("key", "Escape")
    wait_for("it closes", lambda: not app.find("text", "New name"))
    focus("Baton")
    x("key", "ctrl+r")
    app.wait_state("db-1", "Running")
    x("key", "ctrl+p")
    app.wait_state("db-1", "Paused")
    app.select("web-1")
    x("key", "Delete")
    wait_for("it is gone", lambda: "web-1" not in app.rows())
    x("type", "nothing-like-this")
    wait_for("typing searches", lambda: not app.rows())
    x("key", "Escape")
    wait_for("Escape ends the search", lambda: set(app.rows()) == {"db-1"})
    x("key", "ctrl+n")
    app.window("New Virtual Machine")
    focus("New Virtual Machine")
    x("key", "Escape")
    wait_for("it closes", lambda: len(app.windows()) == 1)
    focus("Baton")
    x("key", "ctrl+question")
    wait_for("the shortcuts", lambda: app.find("label", "Take the keyboard from the guest",
                                               showing=False))


def test_assistant(session):
    session.add_image()
    session.ctl("create", "debian-12-1", "--image", "debian-12")
    app = session.start()
    app.wait("table", "Virtual machines")
    app.press("push button", "New…")
    window = app.window("New Virtual Machine")
    app.wait("label", "debian-12  (64 MiB)")
    app.press("push button", "Next")
    name = app.wait("text", "Name")
    wait_for("a free name", lambda: name.get_text_iface().get_text(0, -1) == "debian-12-2")
    app.set_text("text", "Name", "debian-12-1")
    app.wait("label", "There is a machine called “debian-12-1” already.")
    app.set_text("text", "Name", "web-7")
    app.set_text("text", "User", "ada")
    app.set_text("text", "Memory", "768M")
    app.set_text("text", "Disk size", "5.1 GiB")
    app.press("push button", "Next")
    app.wait("label", "This is what will be made")
    command = app.wait("text", "Command", showing=False).get_text_iface().get_text(0, -1)
    assert command.startswith("vmctl launch debian-12 web-7 --user ada --ssh-key "), command
    assert "--memory 768M --disk-size 5222M --net default --port " in command, command
    app.press("push button", "Create")
    wait_for("the window closes", lambda: window not in app.windows())
    app.wait_state("web-7", "Running")
    vm = session.vms()["web-7"]
    assert vm["memory"] == 768 << 20 and vm["user"] == "ada", vm
    assert vm["forwards"] and vm["forwards"][0].endswith(":22"), vm


def test_assistant_comes_back_with_what_failed(session):
    session.add_image()
    session.ctl("create", "db-1")
    app = session.start()
    app.wait("table", "Virtual machines")
    app.press("push button", "New…")
    window = app.window("New Virtual Machine")
    app.wait("label", "debian-12  (64 MiB)")
    app.press("push button", "Next")
    app.set_text("text", "Name", "web-7")
    app.set_text("text", "Memory", "768M")
    app.press("push button", "Next")
    session.ctl("image", "remove", "debian-12", "--yes")
    app.press("push button", "Create")
    wait_for("the window goes", lambda: window not in app.windows())
    app.window("New Virtual Machine")
    app.wait("label", "There is no image \"debian-12\"")
    app.press("push button", "Back")
    name = app.wait("text", "Name").get_text_iface()
    assert name.get_text(0, -1) == "web-7"
    session.add_image()
    app.press("push button", "Next")
    app.press("push button", "Create")
    app.wait_state("web-7", "Running")
    assert "New Virtual Machine" not in [one.get_name() for one in app.windows()]
    assert session.vms()["web-7"]["memory"] == 768 << 20


def test_user_of_the_image(session):
    session.add_image()
    path = session.add_image("ubuntu")
    session.ctl("image", "remove", "ubuntu", "--yes")
    session.ctl("image", "add", "ubuntu", path, "--user", "ubuntu")
    app = session.start()
    app.press("push button", "New Virtual Machine…")
    app.wait("label", "ubuntu  (64 MiB)")
    app.press("push button", "Next")
    user = app.wait("text", "User").get_text_iface()
    wait_for("its user", lambda: user.get_text(0, -1) == "debian")
    app.press("push button", "Back")
    app.find("list box", "Images").get_selection_iface().select_child(1)
    app.press("push button", "Next")
    wait_for("the other's user", lambda: user.get_text(0, -1) == "ubuntu")


def test_command_of_the_assistant_is_true(session):
    """What "Show as command" says makes the same machine."""
    session.add_image()
    app = session.start()
    app.press("push button", "New Virtual Machine…")
    app.wait("label", "debian-12  (64 MiB)")
    app.press("push button", "Next")
    app.set_text("text", "Name", "twin")
    app.press("push button", "Next")
    command = app.wait("text", "Command", showing=False).get_text_iface().get_text(0, -1)
    session.ctl(*command.split()[1:], "--no-wait")
    app.wait_state("twin", "Running")


def test_display_and_serial(session):
    app = with_vms(session)
    open_running(session, app, "web-1")
    display = app.wait("canvas", "Display of web-1, keyboard goes to guest")
    box = display.get_component_iface().get_extents(0)
    factor = min(box.width / 640, box.height / 400)
    left, top = box.x + (box.width - 640 * factor) / 2, box.y + (box.height - 400 * factor) / 2

    def at(guest_x, guest_y):
        return pixel(left + guest_x * factor, top + guest_y * factor)

    wait_for("the picture is shown", lambda: at(320, 200)[2:] == "4060")
    assert at(8, 8) != "FFFFFF"
    focus("web-1")
    x("mousemove", int(left + 300 * factor), int(top + 300 * factor), "click", 1)
    wait_for("the click is seen in the picture", lambda: at(306, 306) == "FF0000")
    x("key", "a")
    wait_for("the key is seen in the picture", lambda: at(8, 8) == "FFFFFF")
    # Ctrl+W belongs to the guest: it sees two keys, and the window stays.
    x("key", "ctrl+w")
    wait_for("both keys are seen", lambda: at(24, 8) == "FFFFFF" and at(40, 8) == "FFFFFF")
    assert app.window("web-1")
    # A key of the window's own, with Left Ctrl and Left Alt: they give nothing back.
    for _ in range(2):
        x("keydown", "Control_L", "keydown", "Alt_L", "key", "f", "keyup", "Alt_L",
          "keyup", "Control_L")
    x("key", "b")
    wait_for("four keys and the fifth are seen", lambda: at(120, 8) == "FFFFFF")
    x("mousemove", int(left + 400 * factor), int(top + 300 * factor), "click", 4)
    wait_for("the wheel is seen in the picture", lambda: at(406, 306) == "FF0000")
    # Left Ctrl and Left Alt take the keyboard back.
    x("keydown", "Control_L", "keydown", "Alt_L", "keyup", "Alt_L", "keyup", "Control_L")
    app.press("radio button", "Serial")
    terminal = app.wait("terminal", "Serial console of web-1")
    text = terminal.get_text_iface
    wait_for("what the guest has written", lambda: "web-1 login:" in text().get_text(0, -1))
    terminal.get_component_iface().grab_focus()
    x("type", "ada")
    wait_for("what was typed comes back", lambda: "login: ada" in text().get_text(0, -1))


def test_button_under_a_dialog(session):
    """Let go over a dialog, it is not down when the pointer comes back."""
    app = with_vms(session)
    window = open_running(session, app, "web-1")
    box = app.wait("canvas", "Display of web-1, keyboard goes to guest").get_component_iface()
    box = box.get_extents(0)
    middle = box.x + box.width // 2, box.y + box.height // 2

    def move(right, down):
        x("mousemove", middle[0] + right, middle[1] + down)

    def is_red(right, down):
        return pixel(middle[0] + right + 4, middle[1] + down + 4) == "FF0000"

    focus("web-1")
    move(0, 0)
    x("mousedown", 1)
    wait_for("the button is down", lambda: is_red(0, 0))
    app.menu("Power menu", "Power Off…", top=window)
    app.wait("label", "Power off “web-1”?")
    x("mouseup", 1)
    app.press("push button", "Keep Running")
    wait_for("it closes", lambda: not app.find("label", "Power off “web-1”?"))
    move(100, 60)
    move(200, 60)
    x("click", 1)
    wait_for("the click is seen", lambda: is_red(200, 60))
    assert not is_red(100, 60)


def test_window_keys_of_another_layout(session):
    """Those that hold although the guest has the keyboard, where the keys bear no such letters."""
    app = with_vms(session)
    window = open_running(session, app, "web-1")
    box = app.wait("canvas", "Display of web-1, keyboard goes to guest").get_component_iface()
    focus("web-1")
    x("mousemove", box.get_extents(0).x + 300, box.get_extents(0).y + 200, "click", 1)
    wait_for("the guest has the keyboard", lambda: app.find(
        "label", "Left Ctrl+Left Alt gives the keyboard back"))
    p_key, w_key = 33, 25  # places on the keyboard
    subprocess.run(["setxkbmap", "ru,us"], check=True)
    try:
        x("keydown", "Control_L", "keydown", "Shift_L", "key", p_key, "keyup", "Shift_L",
          "keyup", "Control_L")
        app.wait_state("web-1", "Paused")
        x("keydown", "Control_L", "keydown", "Shift_L", "key", w_key, "keyup", "Shift_L",
          "keyup", "Control_L")
        wait_for("it closes", lambda: window not in app.windows())
    finally:
        subprocess.run(["setxkbmap", "us"], check=True)


def test_full_screen_follows_the_window(session):
    """As a window manager sets it; there is none here, so it is set in its place."""
    app = with_vms(session)
    top = open_window(app, "web-1")
    window = focus("web-1")
    app.wait("radio button", "Overview", top=top)
    subprocess.run(["xprop", "-id", window, "-f", "_NET_WM_STATE", "32a", "-set", "_NET_WM_STATE",
                    "_NET_WM_STATE_FULLSCREEN"], check=True)
    wait_for("the tabs go", lambda: not app.find("radio button", "Overview", top=top))
    subprocess.run(["xprop", "-id", window, "-remove", "_NET_WM_STATE"], check=True)
    app.wait("radio button", "Overview", top=top)


def test_serial_that_is_taken_over(session):
    app = with_vms(session)
    open_running(session, app, "web-1")
    app.press("radio button", "Serial")
    text = app.wait("terminal", "Serial console of web-1").get_text_iface
    wait_for("what the guest has written", lambda: "web-1 login:" in text().get_text(0, -1))
    other = subprocess.Popen([os.path.join(BIN, "vmctl"), "console", "web-1", "--force"],
                             env=session.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        app.wait("label", "The connection to the serial console was cut")
    finally:
        other.kill()
        other.wait()


def test_deleted_while_its_window_is_open(session):
    app = with_vms(session)
    window = open_window(app, "web-1")
    start = app.wait("push button", "Start", top=window)
    session.ctl("delete", "web-1")
    wait_for("it cannot be started", lambda: not start.get_state_set().contains(
        Atspi.StateType.SENSITIVE))


def test_window_of_a_vm_that_is_off(session):
    app = with_vms(session)
    window = open_window(app, "web-1")
    app.wait("label", "“web-1” is not running.")
    app.press("push button", "Start", top=window)
    app.wait("canvas", "Display of web-1, keyboard goes to guest")
    app.press("push button", "Shut Down", top=window)
    app.wait("label", "“web-1” is not running.")
    app.press("radio button", "Overview")
    app.wait("label", "UUID", top=window)
    # Ctrl and a letter may have been meant for the guest.
    focus("web-1")
    x("key", "ctrl+q", "ctrl+n", "ctrl+shift+w")
    wait_for("the third closes it", lambda: window not in app.windows())
    assert [one.get_name() for one in app.windows()] == ["Baton"]
    assert app.process.poll() is None


def test_power_off_asks(session):
    app = with_vms(session)
    session.ctl("start", "web-1")
    app.wait_state("web-1", "Running")
    app.select("web-1")
    app.menu("More actions", "Power Off…")
    app.wait("label", "Power off “web-1”?")
    app.press("push button", "Keep Running")
    assert session.vms()["web-1"]["state"] == "running"
    app.menu("More actions", "Power Off…")
    app.press("push button", "Power Off")
    app.wait_state("web-1", "Off")


def test_power_off_while_it_shuts_down(session):
    session.add_image()
    session.ctl("create", "deaf-1", "--image", "debian-12")
    session.ctl("start", "deaf-1")
    app = session.start()
    app.wait_state("deaf-1", "Running")
    app.select("deaf-1")
    app.press("push button", "Shut Down")
    wait_for("it does not hear it", lambda: session.vms()["deaf-1"]["job"])
    app.menu("More actions", "Power Off…")
    app.press("push button", "Power Off")
    app.wait_state("deaf-1", "Off")
    assert not app.find("label", "“deaf-1” could not be shut down")


def test_errors_have_cause_fix_and_code(session):
    session.add_image()
    session.ctl("create", "fail-1", "--image", "debian-12")
    app = session.start()
    wait_for("it is listed", lambda: "fail-1" in app.rows())
    app.select("fail-1")
    app.press("push button", "Start")
    app.wait_state("fail-1", "Failed")
    texts = wait_for("what went wrong", lambda: [
        text for text in app.texts() if "BTN-" in text and "cause: " in text]
        or [text for text in (one.get_name() for one in app.walk()) if "BTN-" in text and
            "cause: " in text and "fix: " in text])
    assert "errno" not in " ".join(texts)


def test_daemon_missing_and_back(session):
    app = session.start(BATON_AUTOSTART="0")
    app.wait("label", "Baton's daemon is not running")
    app.wait("push button", "Copy Command")
    assert not app.find("push button", "New…").get_state_set().contains(
        Atspi.StateType.SENSITIVE)
    session.ctl("list")  # starts it
    wait_for("the app has noticed", lambda: not app.find("label", "Baton's daemon is not running"))
    app.wait("push button", "New Virtual Machine…")


def test_daemon_killed(session):
    app = with_vms(session)
    session.ctl("start", "web-1")
    app.wait_state("web-1", "Running")
    app.select("web-1")
    app.press("push button", "Open")
    app.wait("canvas", "Display of web-1, keyboard goes to guest")
    os.kill(find_process("batond", session.env["XDG_RUNTIME_DIR"]), signal.SIGKILL)
    app.wait("label", "Baton's daemon has gone away")
    app.wait_state("web-1", "Unknown")
    app.wait("label", "“web-1” is not reachable.")
    session.ctl("delete", "db-1")  # starts a daemon
    wait_for("what was deleted meanwhile goes", lambda: set(app.rows()) == {"web-1"})
    os.kill(find_process("batond", session.env["XDG_RUNTIME_DIR"]), signal.SIGKILL)
    app.wait("label", "Baton's daemon has gone away")
    app.press("push button", "Connect Again")
    app.wait_state("web-1", "Running")
    app.wait("canvas", "Display of web-1, keyboard goes to guest")
    wait_for("the banner goes", lambda: not app.find("label", "Baton's daemon has gone away"))


def test_assistant_closed_before_the_answer(session):
    app = with_vms(session)
    daemon = session.daemon_pid()
    os.kill(daemon, signal.SIGSTOP)
    app.press("push button", "New…")
    window = app.window("New Virtual Machine")
    app.press("push button", "Cancel")
    wait_for("it closes", lambda: window not in app.windows())
    os.kill(daemon, signal.SIGCONT)
    session.ctl("start", "web-1")
    app.wait_state("web-1", "Running")


def test_main_window_closed_while_a_vm_is_made(session):
    app = with_vms(session)
    open_window(app, "web-1")
    app.press("push button", "New…")
    app.wait("label", "debian-12  (64 MiB)")
    app.press("push button", "Next")
    app.press("push button", "Next")
    daemon = session.daemon_pid()
    os.kill(daemon, signal.SIGSTOP)
    app.press("push button", "Create")
    main = app.window("Baton")
    app.press("push button", "Close", top=main)
    wait_for("it closes", lambda: main not in app.windows())
    os.kill(daemon, signal.SIGKILL)
    app.wait("label", "“web-1” is not reachable.")
    wait_for("what failed is said", lambda: "daemon" in app.said())
    assert app.process.poll() is None


def test_new_vm_after_the_main_window(session):
    app = with_vms(session)
    open_window(app, "web-1")
    main = app.window("Baton")
    app.press("push button", "Close", top=main)
    wait_for("it closes", lambda: main not in app.windows())
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    actions = Gio.DBusActionGroup.get(bus, "org.baton.Baton", "/org/baton/Baton")
    actions.activate_action("new-vm")
    bus.flush_sync()
    app.window("New Virtual Machine")
    app.wait("push button", "New…", top=app.window("Baton"))


def test_command_line(session):
    """Also of an app that is started, and of one that runs already."""
    app = session.start("--new")
    app.window("New Virtual Machine")
    app.press("push button", "Cancel")
    second = subprocess.run([os.path.join(BIN, "baton"), "--connect", "test:///default"],
                            env=session.env, capture_output=True, text=True, timeout=30)
    assert second.returncode == 0, second.stderr
    wait_for("libvirt's machine is listed", lambda: app.state("test") == "Running")


def test_connections(session):
    app = with_vms(session)
    app.menu("Menu", "Connections…")
    app.window("Connections")
    app.set_text("text", "Address", "nonsense")
    assert not app.find("push button", "Add").get_state_set().contains(
        Atspi.StateType.SENSITIVE)
    app.set_text("text", "Address", "test:///default")
    app.press("push button", "Add")
    wait_for("libvirt's machine is listed", lambda: app.state("test") == "Running")
    with open(os.path.join(session.env["XDG_CONFIG_HOME"], "baton", "connections.conf")) as conf:
        assert "test:///default" in conf.read()
    app.press("push button", "Remove test:///default")
    wait_for("it is gone", lambda: "test" not in app.rows())
    assert app.process.poll() is None


def test_connection_that_never_opens(session):
    """The other side takes it and says nothing; it is removed, and all goes on."""
    app = with_vms(session)
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = "qemu+tcp://127.0.0.1:%d/system" % server.getsockname()[1]
        app.menu("Menu", "Connections…")
        app.window("Connections")
        app.set_text("text", "Address", uri)
        app.press("push button", "Add")
        peer = server.accept()[0]
        assert peer.recv(1)  # it asks, and waits
        app.press("push button", "Remove " + uri)
        wait_for("it is gone", lambda: not app.find("push button", "Remove " + uri))
        session.ctl("start", "web-1")
        app.wait_state("web-1", "Running")
        peer.close()
    session.ctl("stop", "web-1")
    app.wait_state("web-1", "Off")
    assert "CRITICAL" not in app.said(), app.said()


def test_by_libvirt_alone(session):
    """Another computer's Baton, as it were: no API, only its libvirt face."""
    session.add_image()
    session.ctl("create", "far-1", "--image", "debian-12")
    here = Session()
    try:
        app = here.start("--connect", "baton:///session?socket=%s" % os.path.join(
            session.env["XDG_RUNTIME_DIR"], "baton", "libvirt.sock"))
        app.wait_state("far-1", "Off")
        app.select("far-1")
        app.press("push button", "Start")
        app.wait_state("far-1", "Running")
        session.ctl("pause", "far-1")
        app.wait_state("far-1", "Paused")
        app.press("push button", "Start")
        app.wait_state("far-1", "Running")
        app.press("push button", "Open")
        app.window("far-1")
        app.press("radio button", "Serial")
        terminal = app.wait("terminal", "Serial console of far-1")
        text = terminal.get_text_iface
        wait_for("what the guest has written", lambda: "far-1 login:" in text().get_text(0, -1))
        focus("far-1")
        terminal.get_component_iface().grab_focus()
        x("type", "ada")
        wait_for("what was typed comes back", lambda: "login: ada" in text().get_text(0, -1))
        app.press("push button", "Close", top=app.window("far-1"))
        app.press("push button", "Shut Down")
        app.wait_state("far-1", "Off")
        os.kill(find_process("batond", session.env["XDG_RUNTIME_DIR"]), signal.SIGKILL)
        app.wait("label", "The connection was lost")
        wait_for("its machines go", lambda: "far-1" not in app.rows())
        assert "CRITICAL" not in app.said(), app.said()
    finally:
        here.close()


def test_vnc(session):
    vnc = FakeVnc()
    xml = os.path.join(session.top, "host.xml")
    with open(xml, "w") as file:
        file.write("<node><domain type='test'><name>seen</name><memory>524288</memory>"
                   "<os><type>hvm</type></os><devices><graphics type='vnc' port='%d' "
                   "listen='127.0.0.1'/></devices></domain></node>" % vnc.port)
    app = session.start("--connect", "test://" + xml)
    app.wait_state("seen", "Running")
    open_window(app, "seen")
    display = wait_for("the display", lambda: next(
        (one for one in app.walk() if app.name(one) == "Display of seen"), None))
    box = display.get_component_iface().get_extents(Atspi.CoordType.SCREEN)
    middle = box.x + box.width // 2, box.y + box.height // 2
    wait_for("the picture is shown", lambda: pixel(*middle) == "C04060")
    focus("seen")
    display.get_component_iface().grab_focus()
    x("mousemove", *middle, "click", 1, "key", "a")
    wait_for("the key has arrived", lambda: ord("a") in vnc.keys)
    wait_for("its effect is seen", lambda: pixel(*middle) == "FFFFFF")
    vnc.close()
    app.wait("label", "The connection to the screen has ended")
    app.wait("label", "There is nothing to show.")


def test_vnc_password(session):
    """What libvirt tells us nobody is asked for."""
    vnc = FakeVnc(asks=True)
    xml = os.path.join(session.top, "host.xml")
    with open(xml, "w") as file:
        file.write("<node><domain type='test'><name>seen</name><memory>524288</memory>"
                   "<os><type>hvm</type></os><devices><graphics type='vnc' port='%d' "
                   "listen='127.0.0.1' passwd='s&amp;cret'/></devices></domain></node>" % vnc.port)
    app = session.start("--connect", "test://" + xml)
    app.wait_state("seen", "Running")
    open_window(app, "seen")
    display = wait_for("the display", lambda: next(
        (one for one in app.walk() if app.name(one) == "Display of seen"), None))
    box = display.get_component_iface().get_extents(Atspi.CoordType.SCREEN)
    middle = box.x + box.width // 2, box.y + box.height // 2
    wait_for("the picture is shown", lambda: pixel(*middle) == "C04060")
    assert len(vnc.answers) == 1 and len(vnc.answers[0]) == 16, vnc.answers
    assert not app.find("text", "Password of the screen")
    vnc.close()


def test_trash(session):
    app = with_vms(session)
    session.ctl("delete", "db-1")
    app.menu("Menu", "Trash…")
    app.press("push button", "Restore db-1")
    wait_for("it is back", lambda: "db-1" in session.vms())
    app.wait("label", "The trash is empty.")


def test_names_of_all_controls(session):
    app = with_vms(session)
    open_window(app, "web-1")
    app.press("push button", "New…")
    app.window("New Virtual Machine")
    roles = {"push button", "toggle button", "text", "slider", "spin button", "combo box",
             "check box", "radio button", "list box", "table", "canvas", "terminal"}
    nameless = []
    for one in app.walk():
        if one.get_role_name() not in roles or app.name(one):
            continue
        if not one.get_state_set().contains(Atspi.StateType.SHOWING):
            continue
        nameless.append((one.get_role_name(), one.get_parent().get_name(),
                         one.get_parent().get_role_name()))
    assert not nameless, nameless


def test_first_window_in_time(session):
    for number in range(50):
        session.ctl("create", "vm-%d" % number)
    times, work = [], []
    for _ in range(3):
        began = time.monotonic()
        app = quick_start(session)
        times.append(int((time.monotonic() - began) * 1000))
        work.append(cpu_ms(app.pid))
        app.terminate()
        app.wait(10)
    load = os.getloadavg()[0]
    print("# first window with 50 VMs after %s ms, %s ms of them worked; load %.1f" %
          (times, work, load))
    assert min(work) <= FIRST_WINDOW_MS, work
    # Of a machine that is busy with other things the clock says nothing.
    assert load > 1 or min(times) <= FIRST_WINDOW_MS, times


def cpu_ms(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def quick_start(session):
    """Until all VMs are shown; without the accessibility bus, whose start is not the app's."""
    log = os.path.join(session.top, "quick.log")
    with open(log, "w") as to:
        process = subprocess.Popen([os.path.join(BIN, "baton")], stdout=to, stderr=to,
                                   env=dict(session.env, NO_AT_BRIDGE="1",
                                            G_MESSAGES_DEBUG="baton"))

    def shows_all():
        with open(log) as said:
            return "50 machines are shown" in said.read()

    wait_for("all VMs are shown", shows_all)
    x("search", "--sync", "--onlyvisible", "--pid", process.pid, "--name", "^Baton$")
    return process


def wakeups(pid):
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task)) as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
    return total


def test_idle(session):
    app = with_vms(session)
    session.ctl("start", "web-1")
    app.wait_state("web-1", "Running")
    app.select("web-1")
    time.sleep(3)  # the app's own start is over
    before = wakeups(app.process.pid)
    time.sleep(IDLE_S)
    each = (wakeups(app.process.pid) - before) / IDLE_S
    print("# idle: %.1f wake-ups a second" % each)
    assert each <= 2, each


def main():
    wanted = sys.argv[1:]
    tests = [(name, function) for name, function in list(globals().items())
             if name.startswith("test_") and (not wanted or name in wanted)]
    failed = []
    print("1..%d" % len(tests))
    for number, (name, function) in enumerate(tests, 1):
        session = Session()
        try:
            function(session)
            said = "".join(app.said() for app in session.apps)
            wrong = [line for line in said.splitlines() if "CRITICAL" in line]
            assert not wrong, wrong
            print("ok %d - %s" % (number, name))
        except Exception:
            failed.append(name)
            print("not ok %d - %s" % (number, name))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            for app in session.apps:
                for line in app.said().splitlines():
                    print("# app: " + line)
        finally:
            session.close()
        sys.stdout.flush()
    print("%d passed, %d failed" % (len(tests) - len(failed), len(failed)))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
