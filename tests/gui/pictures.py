# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the pictures of gui/pictures/: the real app and daemon with a made-up monitor. What
shows a guest's screen is not among them (test_real_vm.py). usage: pictures.py [FOLDER]"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, focus, picture, subprocess, time, wait_for, x  # noqa: E402

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "gui/pictures"


def take(name):
    time.sleep(0.7)  # what moves has come to rest
    path = os.path.join(FOLDER, name + ".png")
    picture(path)
    subprocess.run(["convert", path, "-dither", "None", "-colors", "200", "-strip", "PNG8:" + path], check=True)


def fill(session):
    session.add_image()
    session.ctl("create", "build-server", "--disk-size", "40G", "--cpus", "2", "--memory", "2G")
    session.ctl("create", "db-1", "--image", "debian-12", "--memory", "1G..2G")
    session.ctl("create", "fail-1", "--image", "debian-12")
    session.ctl("create", "mail", "--image", "debian-12")
    for number, name in enumerate(("web-1", "web-2", "web-10")):
        session.ctl("create", name, "--image", "debian-12", "--user", "ada", "--port",
                    "%d:22" % (22201 + number))
        session.ctl("start", name)
    session.ctl("start", "db-1")
    session.ctl("pause", "db-1")


def main_window(app, session, theme):
    app.select("web-1")
    app.wait("label", "ssh -p 22201 ada@127.0.0.1")
    take("list-" + theme)
    app.select("fail-1")
    app.press("push button", "Start")
    app.wait_state("fail-1", "Failed")
    take("problem-" + theme)
    app.select("web-1", "web-2")
    app.wait("label", "2 selected")
    take("several-" + theme)
    app.select("mail")
    app.menu("More actions", "Delete")
    app.wait("label", "“mail” was moved to the trash")
    take("undo-" + theme)
    app.press("push button", "Close the message")
    wait_for("it goes", lambda: not app.find("label", "“mail” was moved to the trash"))


def assistant(app, theme):
    app.press("push button", "New…")
    window = app.window("New Virtual Machine")
    app.wait("label", "debian-12  (64 MiB)")
    take("new-1-" + theme)
    app.press("push button", "Next")
    take("new-2-" + theme)
    app.press("push button", "Next")
    app.press("toggle button", "Show as command")
    take("new-3-" + theme)
    app.press("push button", "Cancel")
    wait_for("it closes", lambda: window not in app.windows())


def vm_window(app, theme):
    app.select("web-1")
    app.press("push button", "Open")
    window = app.window("web-1")
    app.wait("canvas", "Display of web-1, keyboard goes to guest")
    app.press("radio button", "Overview")
    app.wait("label", "UUID", top=window)
    take("overview-" + theme)
    app.press("push button", "Close", top=window)
    wait_for("it closes", lambda: window not in app.windows())


def dialogs(app, session, theme):
    app.menu("Menu", "Connections…")
    app.window("Connections")
    take("connections-" + theme)
    app.press("push button", "Close", top=app.window("Connections"))
    wait_for("it closes", lambda: not app.find("label", "Connections"))
    app.menu("Menu", "Trash…")
    app.wait("push button", "Restore mail")
    take("trash-" + theme)
    app.press("push button", "Close", top=app.window("Trash"))
    app.menu("Menu", "Keyboard Shortcuts")
    take("shortcuts-" + theme)


def of_theme(theme, gtk_theme):
    session = Session(gtk_theme)
    try:
        app = session.start()
        app.wait("push button", "New Virtual Machine…")
        take("empty-" + theme)
        # What this computer lacks is said once, not in all pictures.
        if app.find("label", "This computer cannot run virtual machines yet"):
            app.press("push button", "Close the message")
        fill(session)
        wait_for("all are listed", lambda: len(app.rows()) == 7)
        main_window(app, session, theme)
        assistant(app, theme)
        vm_window(app, theme)
        dialogs(app, session, theme)
    finally:
        session.close()


os.makedirs(FOLDER, exist_ok=True)
of_theme("light", "Adwaita")
of_theme("dark", "Adwaita:dark")
