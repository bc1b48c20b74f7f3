#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-manager's assistant to its end, with the real daemon and the made-up monitor: a new VM
with a new disk. Skipped without virt-manager."""
import os
import shutil
import subprocess
import sys

from harness import Session, time, wait_for, x


def wizard(session):
    uri = "baton:///session?socket=" + os.path.join(session.env["XDG_RUNTIME_DIR"], "baton",
                                                    "libvirt.sock")
    session.ctl("list")  # its daemon
    app = session.start("--no-fork", "--connect", uri, "--show-domain-creator",
                        program="virt-manager", GSETTINGS_BACKEND="memory")
    kind = wait_for("its first page", lambda: next(
        (text for text in app.texts() if text.startswith("Manual install")), None))
    window = x("search", "--onlyvisible", "--name", "^New VM").split()[0]
    x("windowfocus", window)
    app.press("radio button", kind)
    app.press("push button", "Forward")
    app.set_text("text", "oslist-entry", "linux2022")
    time.sleep(1)  # its list comes by a timer
    x("key", "Down")
    time.sleep(1)
    x("key", "Return")
    for text in ("Choose Memory and CPU settings:", "Create a disk image for the virtual machine",
                 "Ready to begin the installation"):
        app.press("push button", "Forward")
        wait_for("“%s”" % text, lambda text=text: text in app.texts())
    app.press("push button", "Finish")
    wait_for("the VM runs", lambda: session.vms().get("linux2022", {}).get("state") == "running")
    disks = os.path.join(session.env["XDG_DATA_HOME"], "baton", "disks")
    assert os.listdir(disks) == ["linux2022.img"], os.listdir(disks)
    wait_for("it is defined", lambda: subprocess.run(
        ["virsh", "-c", uri, "list", "--persistent", "--name"], env=session.env, check=True,
        capture_output=True, text=True).stdout.strip() == "linux2022")
    assert not [text for text in app.texts() if "rror" in text], app.texts()


def main():
    if not shutil.which("virt-manager"):
        print("skip test_wizard: no virt-manager")
        return 0
    session = Session()
    try:
        wizard(session)
        print("ok test_wizard")
    except Exception:
        print("not ok test_wizard: %s" % session.apps[0].texts() if session.apps else "")
        raise
    finally:
        session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
