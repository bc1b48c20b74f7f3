# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon and its API against the stub monitor. Each function is a test."""
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import harness
from harness import Daemon, refused, run_tests, wait_for


def make(client, name, **members):
    """With a disk, because a VM with nothing to boot is not started."""
    if "image" not in members:
        members.setdefault("disk_size", 1 << 20)
    return client.job("vm-create", name=name, **members)


def test_life(d):
    """A VM from its making to its purge, every verb in between."""
    c = d.client()
    assert c.ask("vm-list")["vms"] == []
    assert make(c, "web1", disk_size=64 << 20, settings=["cpus=2", "memory=512M..1G"])["state"] \
        == "done"
    vm = c.vm("web1")
    assert (vm["state"], vm["cpus"], vm["memory"], vm["id"]) == ("stopped", 2, 1 << 30, None)
    assert os.path.exists(d.path("vms", "web1", "disk0.qcow2"))
    c.job("vm-start", name="web1")
    vm = c.vm("web1")
    assert (vm["state"], vm["reason"], vm["engine"]) == ("running", "booted", "baton")
    assert vm["pid"] in d.monitors()
    assert c.job("vm-start", name="WEB1")["note"]
    c.job("vm-pause", name="web1")
    assert c.vm("web1")["state"] == "paused"
    refused("BTN-6109", c.job, "vm-stop", name="web1")
    c.job("vm-resume", name="web1")
    assert c.vm("web1")["state"] == "running"
    c.job("vm-reset", name="web1")
    refused("BTN-6105", c.job, "vm-rename", name="web1", new_name="web2")
    refused("BTN-6105", c.job, "vm-delete", name="web1")
    first = c.vm("web1")["pid"]
    c.job("vm-restart", name="web1")
    assert c.vm("web1")["pid"] != first and first not in d.monitors()
    c.job("vm-stop", name="web1")
    assert (c.vm("web1")["state"], c.vm("web1")["reason"]) == ("stopped", "power-off")
    assert c.job("vm-stop", name="web1")["note"]
    c.job("vm-rename", name="web1", new_name="db")
    refused("BTN-6101", c.ask, "vm-show", name="web1")
    assert os.path.exists(d.path("vms", "db", "vm.conf"))
    c.job("vm-start", name="db")
    c.job("vm-kill", name="db")
    assert c.vm("db")["reason"] == "killed"
    c.job("vm-start", name="db")
    c.job("vm-delete", name="db", force=True)
    assert c.ask("vm-list")["vms"] == [] and not d.monitors()
    items = c.ask("trash-list")["items"]
    assert [item["name"] for item in items] == ["db"] and items[0]["bytes"] > 0
    assert items[0]["deleted"][:2] == "20", items  # a time of today, not of 1970 or 58000
    c.job("trash-restore", item="db", new_name="again")
    assert c.vm("again")["uuid"] == vm["uuid"]
    assert c.ask("trash-list")["items"] == []
    c.job("vm-delete", name="again")
    c.job("trash-purge", item="again")
    assert c.ask("trash-list")["items"] == [] and not os.listdir(d.path("trash"))
    c.close()


def test_nothing_is_made(d):
    """What this host cannot start, and what is made to be started, is not made."""
    c = d.client()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = "net.0.forward=%d:22" % taken.getsockname()[1]
        for code, setting in (("BTN-2001", "memory=16T"), ("BTN-1008", "cpus=64"),
                              ("BTN-5101", port)):
            settings = [setting] if setting != port else ["net.0.network=default", port]
            answer = refused(code, make, c, "big", settings=settings, start=True)
            assert "nothing was made" in answer["fix"], answer
            assert c.ask("vm-list")["vms"] == []
    make(c, "big", settings=["memory=16T"])
    refused("BTN-2001", c.job, "vm-start", name="big")


def test_errors(d):
    """What a user can do wrong has a code, a cause and a fix."""
    c = d.client()
    make(c, "one")
    refused("BTN-6102", make, c, "one")
    refused("BTN-6103", make, c, "no_such name")
    refused("BTN-6201", make, c, "two", image="missing")
    refused("BTN-6301", make, c, "two", settings=["net.0.network=nowhere"])
    refused("BTN-6601", make, c, "two", ssh_keys=["-----BEGIN OPENSSH PRIVATE KEY-----"])
    answer = refused("BTN-6101", c.job, "vm-start", name="onee")
    assert "one" in answer["fix"]
    refused("BTN-6104", c.job, "vm-pause", name="one")
    refused("BTN-6104", c.ask, "vm-monitor", name="one")
    refused("BTN-6110", c.job, "trash-restore", item="gone")
    refused("BTN-6501", c.ask, "job-show", job=999999)
    refused("BTN-6401", c.job, "vm-start", name=bigger(c))
    refused("BTN-1001", c.ask, "no-such-operation")
    refused("BTN-6302", c.ask, "net-create", network="default")
    refused("BTN-6303", c.ask, "net-delete", network="default")
    names = [vm["name"] for vm in c.ask("vm-list")["vms"]]
    assert names == ["big", "one"], names
    c.close()


def bigger(c):
    """A VM that wants nearly all of the host's memory at once."""
    total = c.ask("status")["memory_total"]
    make(c, "big", settings=["memory=%d" % (total - (16 << 20))])
    return "big"


def test_ends(d):
    """How a VM ended is told as its monitor told it."""
    c = d.client()
    for name in ("crash-a", "fail-a", "deaf-a", "gone-a", "slow-a"):
        make(c, name)
    answer = refused("BTN-2002", c.job, "vm-start", name="fail-a")
    assert "told to by its name" in answer["cause"]
    assert c.vm("fail-a")["problem"]["code"] == "BTN-2002"
    c.job("vm-start", name="crash-a")
    wait_for(lambda: c.vm("crash-a")["state"] == "stopped", "the crash")
    assert c.vm("crash-a")["reason"] == "crashed"
    assert c.vm("crash-a")["problem"]["code"] == "BTN-4001"
    c.job("vm-start", name="gone-a")
    os.kill(c.vm("gone-a")["pid"], signal.SIGKILL)
    wait_for(lambda: c.vm("gone-a")["state"] == "stopped", "the end of a killed monitor")
    assert c.vm("gone-a")["problem"]["code"] == "BTN-4008"
    c.job("vm-start", name="deaf-a")
    refused("BTN-6108", c.job, "vm-stop", name="deaf-a", timeout_s=1)
    assert c.vm("deaf-a")["state"] == "running"
    c.job("vm-stop", name="deaf-a", timeout_s=1, force=True)
    assert c.vm("deaf-a")["reason"] == "killed"
    job = c.ask("vm-start", name="slow-a")["job"]
    wait_for(lambda: c.vm("slow-a")["state"] == "starting", "the start")
    c.ask("job-cancel", job=job)
    refused("BTN-6502", c.ask, "job-wait", job=job)
    wait_for(lambda: not d.monitors(), "the end of a cancelled start")
    assert c.vm("slow-a")["state"] == "stopped"
    c.close()


def test_curt(d):
    """A guest that is off before the power button's answer: nothing has failed."""
    c = d.client()
    make(c, "curt-a")
    for _ in range(5):
        c.job("vm-start", name="curt-a")
        c.job("vm-stop", name="curt-a")
        assert c.vm("curt-a")["reason"] == "power-off"
    c.close()


def test_events(d):
    """Whoever listens learns of everything, in order."""
    c, listener = d.client(), d.client()
    listener.ask("events")
    make(c, "ev")
    c.job("vm-start", name="ev")
    c.job("vm-kill", name="ev")
    seen = []
    while not seen or seen[-1] != ("vm-state", "stopped"):
        event = listener.line()
        if event["event"] == "vm-state":
            assert event["vm"]["name"] == "ev"
            seen.append((event["event"], event["state"]))
        elif event["event"].startswith("vm-"):
            seen.append((event["event"], None))
    assert seen == [("vm-added", None), ("vm-state", "starting"), ("vm-state", "running"),
                    ("vm-state", "stopping"), ("vm-state", "stopped")], seen
    c.close()
    listener.close()


def test_descriptors(d):
    """The monitor's socket, its console and the log come as descriptors."""
    c = d.client()
    make(c, "fd")
    c.job("vm-start", name="fd")
    c.ask("vm-monitor", name="fd")
    monitor = harness.Client.__new__(harness.Client)
    import socket
    monitor.socket = socket.socket(fileno=c.fds.pop())
    monitor.socket.settimeout(10)
    monitor.buffer, monitor.fds = b"", []
    monitor.ask("attach-serial")
    serial = socket.socket(fileno=monitor.fds.pop())
    serial.settimeout(10)
    assert b"fd login: " in serial.recv(100)
    serial.sendall(b"root\n")
    wait_for(lambda: b"root" in open(d.path("vms", "fd", "serial.log"), "rb").read(), "echo")
    c.ask("vm-log", name="fd", log="serial")
    assert b"stub" in os.read(c.fds.pop(), 100)
    c.job("vm-kill", name="fd")


def test_networks(d):
    """Two VMs on the default network; forwards that are taken, added, removed and kept."""
    import socket
    c = d.client()
    busy = socket.socket()
    busy.bind(("127.0.0.1", 0))
    busy.listen()
    taken, free = busy.getsockname()[1], free_port()
    for name in ("net-a", "net-b"):
        make(c, name, settings=["net.0.network=default"])
    c.ask("vm-set", name="net-b", settings=["net.0.forward=%d:22" % taken])
    c.job("vm-start", name="net-a")
    answer = refused("BTN-5101", c.job, "vm-start", name="net-b")
    assert str(taken) in answer["message"] + answer["cause"], answer
    assert c.vm("net-b")["state"] == "stopped"
    c.ask("vm-set", name="net-b", settings=["net.0.forward=%d:22" % free])
    c.job("vm-start", name="net-b")
    a, b = (c.vm(name)["networks"][0] for name in ("net-a", "net-b"))
    assert a["address"] and b["address"] and a["address"] != b["address"], (a, b)
    network = c.ask("net-list")["networks"][0]
    assert network["active"] and network["vms"] == ["net-a", "net-b"], network
    leases = {lease["name"]: lease["address"] for lease in
              c.ask("net-leases", network="default")["leases"]}
    assert leases == {"net-a": a["address"], "net-b": b["address"]}, leases
    ports = [f["host_port"] for f in c.ask("net-forwards", network="default")["forwards"]]
    assert ports == [free], ports
    c.ask("net-create", network="lab")
    refused("BTN-6302", c.ask, "net-create", network="lab")
    make(c, "net-c", settings=["net.0.network=lab"])
    refused("BTN-6303", c.ask, "net-delete", network="lab")
    c.job("vm-delete", name="net-c")
    c.job("trash-purge", item="net-c")
    c.ask("net-delete", network="lab")
    assert [n["name"] for n in c.ask("net-list")["networks"]] == ["default"]
    c.job("vm-kill", name="net-a")
    c.job("vm-kill", name="net-b")
    assert c.vm("net-a")["networks"][0]["address"] is None
    c.close()


def free_port():
    import socket
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port


def test_images(d):
    """An image in the store, a VM on top of it, and what removing it asks for."""
    import hashlib
    c = d.client()
    path = os.path.join(d.top, "disk.img")
    data = os.urandom(1 << 20) + bytes(3 << 20)
    with open(path, "wb") as f:
        f.write(data)
    digest = hashlib.sha256(data).hexdigest()
    refused("BTN-6203", c.job, "image-add", image="base", path=path, sha256="0" * 64)
    refused("BTN-1101", c.job, "image-add", image="base", path=path + ".no")
    c.job("image-add", image="base", path=path, sha256=digest, user="dev")
    refused("BTN-6202", c.job, "image-add", image="base", path=path)
    image = c.ask("image-list")["images"][0]
    assert (image["sha256"], image["format"], image["size"]) == (digest, "raw", 4 << 20), image
    c.job("image-verify", image="base")
    make(c, "top", image="base", disk_size=8 << 20, ssh_keys=[KEY])
    vm = c.vm("top")
    assert (vm["image"], vm["user"]) == ("base", "dev"), vm
    assert sorted(os.listdir(d.path("vms", "top")))[0] == "disk0.qcow2"
    assert "seed.img" in os.listdir(d.path("vms", "top"))
    refused("BTN-6204", c.job, "image-remove", image="base")
    c.job("vm-delete", name="top")
    refused("BTN-6204", c.job, "image-remove", image="base")
    c.job("trash-purge", item="top")
    c.job("image-remove", image="base")
    assert c.ask("image-list")["images"] == []
    c.close()


def overlay(path, base):
    """A qcow2 of which only the header matters, based on another file."""
    head = struct.pack(">4sIQIIQ", b"QFI\xfb", 2, 72, len(base), 16, 4 << 20) + bytes(40)
    with open(path, "wb") as f:
        f.write(head + base.encode())


def test_image_in_use(d):
    """An image stays as long as any disk is based on it, or a program has it open."""
    c = d.client()
    path = os.path.join(d.top, "disk.img")
    with open(path, "wb") as f:
        f.truncate(4 << 20)
    c.job("image-add", image="base", path=path)
    base = d.path("images", "base", "disk.raw")
    lower, disk = os.path.join(d.top, "lower.qcow2"), os.path.join(d.top, "disk.qcow2")
    overlay(lower, base)
    overlay(disk, "lower.qcow2")
    c.job("vm-create", name="top", settings=["disk.0.file=" + disk])
    assert "top" in refused("BTN-6204", c.job, "image-remove", image="base")["cause"]
    c.job("vm-delete", name="top")
    assert "top." in refused("BTN-6204", c.job, "image-remove", image="base")["cause"]
    c.job("trash-purge", item="top")
    c.job("vm-create", name="direct",
          settings=["disk.0.file=" + base, "disk.0.readonly=on"])
    refused("BTN-6204", c.job, "image-remove", image="base")
    c.job("vm-delete", name="direct")
    c.job("trash-purge", item="direct")
    volume = d.path("disks", "one.qcow2")
    overlay(volume, base)
    assert volume in refused("BTN-6204", c.job, "image-remove", image="base")["cause"]
    os.unlink(volume)
    with open(base, "rb") as f:
        fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 201, 1, 0))  # F_OFD_SETLK
        refused("BTN-6204", c.job, "image-remove", image="base")
    c.job("image-remove", image="base")
    c.close()


def test_shared_folder(d):
    """A disk that a clone has in another VM's folder stays where it is."""
    c = d.client()
    make(c, "web")
    clone = d.path("vms", "web", "web-clone.qcow2")
    overlay(clone, "")
    c.job("vm-create", name="two", settings=["disk.0.file=" + clone])
    for op, more in (("vm-delete", {}), ("vm-rename", {"new_name": "other"})):
        answer = refused("BTN-5001", c.job, op, name="web", **more)
        assert "two" in answer["message"] and clone in answer["cause"], answer
    c.job("vm-delete", name="two")
    c.job("vm-delete", name="web")
    answer = refused("BTN-5001", c.job, "trash-purge", item="web")
    assert "two." in answer["message"], answer
    c.job("trash-restore", item="two")
    refused("BTN-5001", c.job, "trash-purge", item="web")
    c.job("trash-restore", item="web")
    c.job("vm-start", name="two")
    refused("BTN-5001", c.job, "vm-delete", name="web", force=True)
    c.job("vm-kill", name="two")
    c.job("vm-delete", name="two")
    c.job("trash-purge", item="two")
    c.job("vm-delete", name="web")
    c.job("trash-purge", item="web")
    assert not os.listdir(d.path("trash"))
    c.close()


KEY = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3q1v2yqBqvJQp6a3vJvC9b3o8mS0mFf1i2i6b8Jj1T "
       "test@example")


def test_settings(d):
    """Definitions change as a whole or not at all."""
    c = d.client()
    make(c, "set")
    keys = [key["key"] for key in c.ask("settings")["settings"]]
    assert {"cpus", "memory", "title", "autostart", "net.N.network"} <= set(keys), keys
    answer = c.ask("vm-set", name="set", settings=["cpus=3", "title=Web server"])
    assert answer["next_start"] == [] or answer["now"]
    assert c.vm("set")["title"] == "Web server" and c.vm("set")["cpus"] == 3
    refused("BTN-1003", c.ask, "vm-set", name="set", settings=["cpus=4", "memory=lots"])
    assert c.vm("set")["cpus"] == 3
    answer = refused("BTN-1002", c.ask, "vm-set", name="set", settings=["cpsu=4"])
    assert "cpus" in answer["fix"], answer
    c.job("vm-start", name="set")
    answer = c.ask("vm-set", name="set", settings=["cpus=4", "title=x"])
    assert answer["now"] == ["title"] and answer["next_start"] == ["cpus"], answer
    assert c.vm("set")["cpus"] == 3
    c.job("vm-kill", name="set")
    assert c.vm("set")["cpus"] == 4
    c.close()


def test_reattach(d):
    """A daemon that is killed loses no VM, and knows it all again."""
    c = d.client()
    for name in ("stay", "off", "leave"):
        make(c, name)
    c.job("vm-start", name="stay")
    c.job("vm-start", name="leave")
    c.ask("vm-set", name="stay", settings=["cpus=2"])
    pid, leave = c.vm("stay")["pid"], c.vm("leave")["pid"]
    d.kill()
    os.kill(leave, signal.SIGKILL)
    d.start()
    c = d.client()
    vm = c.vm("stay")  # its first answer is not that it is starting
    assert vm["state"] == "running", vm
    assert (vm["pid"], vm["reason"], vm["cpus"]) == (pid, "attached", 1), vm
    assert c.vm("off")["state"] == "stopped" and c.vm("leave")["state"] == "stopped"
    c.job("vm-stop", name="stay")
    assert c.vm("stay")["reason"] == "power-off"
    assert d.stop() == 0
    d.start()


def test_bad_requests(d):
    """The schema's own description makes wrong requests; none is taken."""
    schema = json.loads(subprocess.run([os.path.join(d.bin, "batond"), "--api-schema"],
                                       stdout=subprocess.PIPE, check=True).stdout)
    c = d.client()
    make(c, "keep")
    count = 0
    for operation in schema["oneOf"]:
        properties = dict(operation["properties"])
        op = properties.pop("op")["const"]
        good = {name: example(p) for name, p in properties.items()
                if name in operation["required"]}
        wrong = [dict(good, no_such_member=1)]
        for name in good:
            wrong.append({k: v for k, v in good.items() if k != name})
        for name, p in properties.items():
            wrong += [dict(good, **{name: value}) for value in bad_values(p)]
        for request in wrong:
            refused("BTN-1003", c.ask, op, **request)
            count += 1
    assert count > 100, count
    for garbage in (b"\n", b"{}\n", b"[1]\n", b"\xff\n", b'{"op":"status","op":"status"}\n',
                    b"[" * 100000 + b"\n"):
        c.socket.sendall(garbage)
        assert not c.line()["ok"]
    assert [vm["name"] for vm in c.ask("vm-list")["vms"]] == ["keep"]


def example(p):
    return {"string": "x" * max(1, p.get("minLength", 1)), "integer": p.get("minimum", 1),
            "boolean": True, "array": []}[p["type"]]


def bad_values(p):
    values = [None, {}, 1.5]
    if p["type"] == "string":
        values += [5, "x" * (p["maxLength"] + 1), "a\0b"]
    elif p["type"] == "integer":
        values += ["5", True]
        if p["minimum"] > -(1 << 63):
            values.append(p["minimum"] - 1)
        if p["maximum"] < (1 << 63) - 1:
            values.append(p["maximum"] + 1)
    elif p["type"] == "boolean":
        values += [0, "true"]
    else:
        values += ["x", [5], ["x"] * (p["maxItems"] + 1)]
    return values


def test_kill(d):
    """Killed again and again in the middle of jobs: no VM lost, none by halves."""
    import random
    rng = random.Random(20261127)
    c = d.client()
    for name in ("run-a", "run-b"):
        make(c, name)
        c.job("vm-start", name=name)
    pids = {name: c.vm(name)["pid"] for name in ("run-a", "run-b")}
    rounds = int(os.environ.get("KILLS", "40"))
    for turn in range(rounds):
        c = d.client()
        check_whole(d, c, pids)
        for step in ("vm-create", "vm-rename", "vm-delete", "trash-restore", "vm-start"):
            send_one(c, rng, step, turn)
        time.sleep(rng.uniform(0, 0.03))
        d.kill()
        c.close()
        d.start()
    c = d.client()
    check_whole(d, c, pids)


def send_one(c, rng, step, turn):
    name = "v%d" % rng.randrange(6)
    members = {"vm-create": {"name": name, "disk_size": 1 << 20},
               "vm-rename": {"name": name, "new_name": "v%d" % rng.randrange(6)},
               "vm-delete": {"name": name, "force": bool(turn % 2)},
               "trash-restore": {"item": name}, "vm-start": {"name": name}}
    c.send(step, **members[step])


def check_whole(d, c, pids):
    """What is there is whole, and the registry says what the folders say."""
    def settled():
        return all(vm["state"] in ("running", "stopped") for vm in c.ask("vm-list")["vms"])
    wait_for(settled, "states after a restart")
    vms = {vm["name"]: vm for vm in c.ask("vm-list")["vms"]}
    for name, pid in pids.items():
        assert vms[name]["state"] == "running" and vms[name]["pid"] == pid, vms[name]
    assert sorted(os.listdir(d.path("vms"))) == sorted(vms), os.listdir(d.path("vms"))
    for name, vm in vms.items():
        files = os.listdir(d.path("vms", name))
        assert "vm.conf" in files, (name, files)
        if name.startswith("v"):
            assert "disk0.qcow2" in files, (name, files)
    assert os.listdir(d.path("journal")) == []
    running = {vm["pid"] for vm in vms.values() if vm["state"] == "running"}
    assert running == set(d.monitors()), (running, d.monitors())
    uuids = [vm["uuid"] for vm in vms.values()]
    assert len(set(uuids)) == len(uuids)


def test_reference(d):
    """API.md is what the table of operations says."""
    text = subprocess.run([os.path.join(d.bin, "batond"), "--api-reference"],
                          stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(os.path.dirname(__file__), "../../userland/daemon/api/API.md"),
              "rb") as f:
        assert f.read() == text, "make it anew: batond --api-reference >userland/daemon/api/API.md"


def test_users(d):
    """Two users: neither reaches the other's daemon."""
    if os.geteuid() != 0:
        print("    (needs root: not run)")
        return
    other = Daemon(user=65534)
    try:
        other.start()
        assert other.client().ask("vm-list")["vms"] == []  # root may
        code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                "s.sendall(b'{\"op\":\"status\"}\\n'); sys.exit(7 if s.recv(99) else 8)")
        os.chmod(d.top, 0o755)
        for folder in ("run", "run/baton"):
            os.chmod(os.path.join(d.top, folder), 0o755)
        os.chmod(d.socket_path, 0o666)
        status = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534",
                                 "--clear-groups", sys.executable, "-c", code, d.socket_path],
                                stderr=subprocess.DEVNULL).returncode
        assert status in (1, 8), "another user was answered: %d" % status
    finally:
        other.clean()


def test_names(d):
    """Two jobs at once never make two VMs of one name, whatever its case."""
    clients = [d.client() for _ in range(4)]
    for turn in range(10):
        names = ["%s%d" % (word, turn) for word in ("twin", "Twin", "tWin", "TWIN")]
        for c, name in zip(clients, names):
            c.send("vm-create", name=name, disk_size=1 << 20)
        for c in clients:
            answer = c.line()
            if answer["ok"]:
                c.send("job-wait", job=answer["job"])
                c.line()
        found = [vm["name"] for vm in clients[0].ask("vm-list")["vms"]
                 if vm["name"].lower() == "twin%d" % turn]
        assert len(found) == 1, found
    c = clients[0]
    name = c.ask("vm-list")["vms"][0]["name"]
    c.job("vm-rename", name=name, new_name=name.swapcase())
    assert c.vm(name)["name"] == name.swapcase()
    assert os.path.exists(d.path("vms", name.swapcase(), "vm.conf"))
    refused("BTN-6102", c.ask, "vm-rename", name=name, new_name="TWIN5")
    for c in clients:
        c.close()


def test_image_leaves(d):
    """An image does not go while a VM is being made on top of it."""
    a, b = d.client(), d.client()
    path = os.path.join(d.top, "disk.img")
    with open(path, "wb") as f:
        f.truncate(4 << 20)
    outcomes = []
    for turn in range(int(os.environ.get("REMOVALS", "40"))):
        if not a.ask("image-list")["images"]:
            a.job("image-add", image="base", path=path)
        a.send("vm-create", name="v%d" % turn, image="base")
        b.send("image-remove", image="base")
        for c in (a, b):
            answer = c.line()
            if answer["ok"]:
                c.send("job-wait", job=answer["job"])
                answer = c.line()
            outcomes.append(answer["ok"])
        if a.ask("vm-list")["vms"]:
            assert a.ask("image-list")["images"], "a VM has lost its image"
            a.job("vm-delete", name="v%d" % turn)
            a.job("trash-purge", item="v%d" % turn)
    assert True in outcomes
    a.close()
    b.close()


def test_hung_network(d):
    """A network's process that does not answer holds nobody up for long."""
    c = d.client()
    for name in ("net-a", "net-b"):
        make(c, name, settings=["net.0.network=default"])
    c.job("vm-start", name="net-a")
    pid, = d.processes(b"/baton-net")
    os.kill(pid, signal.SIGSTOP)
    start = c.ask("vm-start", name="net-b")["job"]
    other = d.client()
    other.send("net-leases", network="default")
    assert not other.line()["ok"]
    ends(d, start, "BTN-5103", 25)
    assert c.vm("net-b")["state"] == "stopped"
    c.job("vm-kill", name="net-a")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not c.ask("net-list")["networks"][0]["active"], "its end is noticed")
    c.job("vm-start", name="net-b")
    c.close()


def test_vanish(d):
    """Clients that go while their answer is on its way."""
    c = d.client()
    make(c, "slow-v")
    make(c, "net-v", settings=["net.0.network=default"])
    c.job("vm-start", name="net-v")
    job = c.ask("vm-start", name="slow-v")["job"]
    for _ in range(5):
        for op, members in (("job-wait", {"job": job}), ("trash-list", {}),
                            ("net-leases", {"network": "default"}),
                            ("vm-monitor", {"name": "net-v"}), ("events", {}),
                            ("vm-forward-add", {"name": "net-v", "host_port": 1234,
                                                "guest_port": 22})):
            client = d.client()
            client.send(op, **members)
            client.send("job-wait", job=job)
            client.close()
    c.ask("job-wait", job=job)
    before = len(os.listdir("/proc/%d/fd" % d.process.pid))
    wait_for(lambda: len(os.listdir("/proc/%d/fd" % d.process.pid)) <= before, "no leak")
    for name in ("slow-v", "net-v"):
        c.job("vm-kill", name=name)
    c.close()


def test_edited(d):
    """vm.conf changed by hand: used, or told what is wrong, and never overwritten."""
    c = d.client()
    make(c, "hand")
    conf = d.path("vms", "hand", "vm.conf")
    good = open(conf).read()
    write(conf, good.replace("[vm]", "[vm]\ntitle = By hand", 1))
    assert c.vm("hand")["title"] == "By hand"
    c.ask("vm-set", name="hand", settings=["cpus=2"])
    assert "title=By hand" in open(conf).read() and "cpus=2" in open(conf).read()
    broken = open(conf).read().replace("[vm]", "[vm]\nmemory = lots", 1)
    write(conf, broken)
    refused("BTN-6107", c.ask, "vm-set", name="hand", settings=["title=x"])
    refused("BTN-6107", c.ask, "vm-start", name="hand")
    refused("BTN-6107", c.ask, "vm-forward-add", name="hand", host_port=1, guest_port=1,
            keep=True)
    assert d.stop() == 0
    d.start()
    c = d.client()
    assert c.vm("hand")["state"] == "broken"
    refused("BTN-6107", c.ask, "vm-set", name="hand", settings=["title=x"])
    assert open(conf).read() == broken
    write(conf, good)
    c.job("vm-start", name="hand")
    assert c.vm("hand")["state"] == "running"
    write(conf, broken)
    d.kill()
    d.start()
    c = d.client()
    wait_for(lambda: c.vm("hand")["state"] == "running", "attach without vm.conf")
    c.job("vm-kill", name="hand")
    assert c.vm("hand")["state"] == "broken"
    write(conf, good)
    c.job("vm-start", name="hand")
    os.remove(d.path("vms", "hand", "live.conf"))
    os.mkfifo(d.path("vms", "hand", "live.conf"))
    d.kill()
    d.start()
    c = d.client()
    wait_for(lambda: c.vm("hand")["state"] == "running", "attach without live.conf")
    c.job("vm-kill", name="hand")
    os.remove(d.path("vms", "hand", "monitor.log"))
    os.mkfifo(d.path("vms", "hand", "monitor.log"))
    c.job("vm-start", name="hand")
    os.kill(c.vm("hand")["pid"], signal.SIGKILL)
    wait_for(lambda: c.vm("hand")["state"] == "stopped", "the end")
    c.close()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def test_old_errors(d):
    """What an earlier run has died of is not why this one has ended."""
    c = d.client()
    make(c, "fail-a")
    refused("BTN-2002", c.job, "vm-start", name="fail-a")
    c.job("vm-rename", name="fail-a", new_name="good")
    c.job("vm-start", name="good")
    d.kill()
    d.start()
    c = d.client()
    wait_for(lambda: c.vm("good")["state"] == "running", "attach")
    os.kill(c.vm("good")["pid"], signal.SIGKILL)
    wait_for(lambda: c.vm("good")["state"] == "stopped", "the end")
    assert c.vm("good")["problem"]["code"] == "BTN-4008", c.vm("good")["problem"]
    c.close()


def test_autostart(d):
    """Once, and not again what somebody has stopped since."""
    c = d.client()
    make(c, "auto", settings=["autostart=on"])
    mark = os.path.join(d.top, "run", "baton", "autostarted")
    assert d.stop() == 0
    if os.path.exists(mark):
        os.remove(mark)
    d.start()
    c = d.client()
    wait_for(lambda: c.vm("auto")["state"] == "running", "the start")
    c.job("vm-stop", name="auto")
    assert d.stop() == 0
    d.start()
    c = d.client()
    assert c.ask("job-list")["jobs"] == [] and c.vm("auto")["state"] == "stopped"
    c.close()


def test_slow_trash(d):
    """Others are answered while the trash is counted."""
    import select
    c, other = d.client(), d.client()
    make(c, "much")
    c.job("vm-delete", name="much")
    folder = d.path("trash", os.listdir(d.path("trash"))[0])
    for i in range(20000):
        os.close(os.open(os.path.join(folder, "f%d" % i), os.O_CREAT | os.O_WRONLY))
    c.send("trash-list")
    other.ask("vm-list")
    assert not select.select([c.socket], [], [], 0)[0], "it was not slow, or all waited for it"
    assert [item["name"] for item in c.line()["items"]] == ["much"]
    c.close()
    other.close()


def test_full_trash(d):
    """Each of many VMs in the trash is found without reading all the others."""
    conf = "[vm]\nschema=1\nname=t%d\nuuid=6bb7a1b0-0000-4000-8000-%012d\n"
    for i in range(400):
        folder = d.path("trash", "t%d.%d" % (i, 1700000000000000 + i))
        os.mkdir(folder)
        with open(os.path.join(folder, "vm.conf"), "w", encoding="ascii") as f:
            f.write(conf % (i, i))
    os.mkdir(d.path("trash", "t7.1800000000000000"))
    c = d.client(timeout=60)
    start = time.monotonic()
    for i in range(200):
        c.send("trash-purge", item="t%d.%d" % (i, 1700000000000000 + i))
    jobs = [c.line()["job"] for _ in range(200)]
    answered = time.monotonic() - start
    assert answered < 15, answered  # it was a minute
    for job in jobs:
        c.ask("job-wait", job=job)
    # Of two with one name, the one that was deleted last.
    c.job("trash-purge", item="T7")
    assert not os.path.exists(d.path("trash", "t7.1800000000000000"))
    refused("BTN-6110", c.ask, "trash-purge", item="t7")
    assert len(c.ask("trash-list")["items"]) == 200
    c.close()


def test_term_in_job(d):
    """It ends at once and well while a worker reads an image."""
    c = d.client()
    path = os.path.join(d.top, "big.img")
    with open(path, "wb") as f:
        f.write(b"x" * 4096)
        f.truncate(512 << 20)
    c.job("image-add", image="big", path=path)
    c.ask("image-verify", image="big")
    assert d.stop() == 0, d.output()
    d.start()


def stop_monitor(c, name):
    """Its monitor does nothing any more, but is there."""
    make(c, name)
    c.job("vm-start", name=name)
    os.kill(c.vm(name)["pid"], signal.SIGSTOP)


def ends(d, number, code=None, seconds=30):
    """The job ends within this time: well, or with this error."""
    c = d.client(timeout=seconds)
    if code:
        refused(code, c.ask, "job-wait", job=number)
    else:
        c.ask("job-wait", job=number)
    c.close()


def test_hung(d):
    """Monitors that do not answer: each request ends all the same, and they can be killed."""
    c = d.client()
    for name in ("pause", "stop", "force", "kill", "delete", "forward"):
        stop_monitor(c, "hung-" + name)
    for name in ("stuck-start", "stuck-cancel", "stuck-kill"):
        make(c, name)
    jobs = {name: c.ask("vm-start", name=name)["job"]
            for name in ("stuck-start", "stuck-cancel", "stuck-kill")}
    wait_for(lambda: all(c.vm(name)["state"] == "starting" for name in jobs), "the starts")
    begin = time.monotonic()
    c.ask("job-cancel", job=jobs["stuck-cancel"])
    kill = c.ask("vm-kill", name="stuck-kill")["job"]
    pause = c.ask("vm-pause", name="hung-pause")["job"]
    stop = c.ask("vm-stop", name="hung-stop")["job"]
    force = c.ask("vm-stop", name="hung-force", timeout_s=1, force=True)["job"]
    killed = c.ask("vm-kill", name="hung-kill")["job"]
    deleted = c.ask("vm-delete", name="hung-delete", force=True)["job"]
    refused("BTN-6106", c.ask, "vm-set", name="hung-delete", settings=["title=x"])
    c.ask("vm-monitor", name="hung-stop")
    ends(d, killed, seconds=9)
    ends(d, kill, seconds=9)
    ends(d, force, seconds=9)
    ends(d, deleted, seconds=9)
    ends(d, pause, "BTN-1306")
    ends(d, stop, "BTN-1306")
    assert c.vm("hung-stop")["state"] == "running" and c.vm("hung-force")["reason"] == "killed"
    ends(d, jobs["stuck-cancel"], "BTN-6502")
    ends(d, jobs["stuck-kill"], "BTN-6502")
    ends(d, jobs["stuck-start"], "BTN-2007")
    assert time.monotonic() - begin < 40
    assert c.vm("stuck-start")["problem"]["code"] == "BTN-2007"
    assert c.vm("stuck-start")["state"] == c.vm("stuck-cancel")["state"] == "stopped"
    make(c, "stuck-later")
    c.ask("vm-start", name="stuck-later")
    wait_for(lambda: c.vm("stuck-later")["pid"], "its process")
    d.kill()
    d.start()
    c = d.client()
    jobs = []
    for name in ("hung-stop", "stuck-later"):
        assert c.vm(name)["state"] == "starting"
        jobs.append(c.ask("vm-kill", name=name)["job"])
    for job in jobs:
        ends(d, job)
    assert c.vm("hung-stop")["state"] == c.vm("stuck-later")["state"] == "stopped"
    c.close()


def test_stats(d):
    """Counters of one VM and of all; a monitor that does not answer holds up nobody for long."""
    c = d.client()
    assert c.ask("vm-stats")["vms"] == []
    make(c, "off")
    refused("BTN-6104", c.ask, "vm-stats", name="off")
    refused("BTN-6101", c.ask, "vm-stats", name="nobody")
    make(c, "web1", settings=["cpus=2"])
    c.job("vm-start", name="web1")
    vm, = c.ask("vm-stats", name="web1")["vms"]
    assert (vm["name"], vm["uuid"], vm["state"]) == ("web1", c.vm("web1")["uuid"], "running")
    assert len(vm["stats"]["cpus"]) == 2 and vm["stats"]["cpus"][0]["exits"] > 0
    assert vm["stats"]["vm"] == {"pages_4k": 4711} and "ok" not in vm["stats"]
    assert vm["memory"]["held"] == 64 << 20
    again, = c.ask("vm-stats", name="web1")["vms"]
    assert again["stats"]["at_ns"] >= vm["stats"]["at_ns"]
    stop_monitor(c, "hung-stats")
    other = d.client()
    begin = time.monotonic()
    vms = c.ask("vm-stats")["vms"]
    assert time.monotonic() - begin < 8
    assert [vm["name"] for vm in vms] == ["hung-stats", "web1"]
    assert vms[0]["stats"] is None and vms[0]["memory"] is None and vms[1]["stats"]["at_ns"]
    # Whoever asked and left is not answered, and the daemon goes on.
    other.send("vm-stats")
    other.close()
    assert c.ask("vm-show", name="web1")
    c.job("vm-kill", name="hung-stats")
    c.close()


def test_stops(d):
    """Power buttons that are refused, runs that overlap, restarts by force."""
    c = d.client()
    for name in ("nobutton-a", "linger-a", "liar-a", "slow-a", "slow-b", "deaf-a", "deaf-b"):
        make(c, name)
    c.job("vm-start", name="nobutton-a")
    c.job("vm-stop", name="nobutton-a", timeout_s=1, force=True)
    assert c.vm("nobutton-a")["reason"] == "killed"
    c.job("vm-start", name="liar-a")
    assert c.vm("liar-a")["pid"] in d.monitors()
    job = c.ask("vm-start", name="slow-a")["job"]
    wait_for(lambda: c.vm("slow-a")["pid"], "the process")
    begin = time.monotonic()
    c.job("vm-kill", name="slow-a")
    refused("BTN-6502", c.ask, "job-wait", job=job)
    assert time.monotonic() - begin < 4
    assert c.vm("slow-a")["problem"] is None and c.vm("slow-a")["reason"] == "killed"
    job = c.ask("vm-start", name="slow-b")["job"]
    c.ask("vm-kill", name="slow-b")  # perhaps before it has a process
    refused("BTN-6502", c.ask, "job-wait", job=job)
    wait_for(lambda: c.vm("slow-b")["state"] == "stopped", "the end")
    c.job("vm-start", name="linger-a")
    first = c.vm("linger-a")["pid"]
    c.job("vm-stop", name="linger-a")
    job = c.ask("vm-start", name="linger-a")["job"]
    assert first in d.monitors()
    c.ask("job-wait", job=job)
    assert c.vm("linger-a")["state"] == "running"
    c.job("vm-start", name="deaf-a")
    first = c.vm("deaf-a")["pid"]
    c.job("vm-restart", name="deaf-a", timeout_s=1, force=True)
    assert c.vm("deaf-a")["state"] == "running" and c.vm("deaf-a")["pid"] != first
    c.job("vm-start", name="deaf-b")
    jobs = [c.ask("vm-restart", name="deaf-b", force=True, timeout_s=2)["job"] for _ in "12"]
    for job in jobs:
        c.ask("job-wait", job=job)
    job = c.ask("vm-create", name="slow-c", disk_size=1 << 20, start=True)["job"]
    wait_for(lambda: any(vm["name"] == "slow-c" and vm["state"] == "starting"
                         for vm in c.ask("vm-list")["vms"]), "the start")
    c.ask("job-cancel", job=job)
    ends(d, job, "BTN-6502", seconds=5)
    assert c.vm("slow-c")["state"] == "stopped"
    job = c.ask("vm-stop", name="deaf-a")["job"]
    begin = time.monotonic()
    assert c.job("vm-stop", name="deaf-a", timeout_s=0)["id"] != job  # it only presses
    assert time.monotonic() - begin < 10
    assert c.job("vm-stop", name="deaf-a", timeout_s=0, force=True)["id"] == job
    assert c.vm("deaf-a")["reason"] == "killed"
    job = c.ask("vm-restart", name="deaf-b")["job"]
    c.ask("job-cancel", job=job)
    ends(d, job, "BTN-6502", seconds=5)
    assert c.vm("deaf-b")["state"] == "running"
    c.close()


def test_deaf_client(d):
    """One that asks and never reads is dropped, and nobody else notices."""
    c = d.client()
    make(c, "a")
    before = len(os.listdir("/proc/%d/fd" % d.process.pid))
    greedy = d.client()
    try:
        while True:
            greedy.send("settings")
    except (BrokenPipeError, ConnectionResetError):
        pass
    wait_for(lambda: len(os.listdir("/proc/%d/fd" % d.process.pid)) == before, "its end", 5)
    for _ in range(3):
        c.job("vm-start", name="a")
    c.close()
    greedy.close()


def test_too_much(d):
    """Whoever is one too many, or sends too much, is told so."""
    crowd = [d.client() for _ in range(64)]
    for c in crowd:
        c.ask("status")
    late = d.client()
    answer = late.line()
    assert answer["code"] == "BTN-6001" and "64 clients" in answer["message"], answer
    result = subprocess.run([os.path.join(d.bin, "vmctl"), "list"], env=d.env,
                            stderr=subprocess.PIPE)
    assert result.returncode == 10 and b"64 clients" in result.stderr, result
    crowd[0].socket.sendall(b" " * ((2 << 20) + 1))
    answer = crowd[0].line()
    assert answer["code"] == "BTN-1003" and "2097152 bytes" in answer["message"], answer
    for c in crowd:
        c.close()
    wait_for(lambda: len(os.listdir("/proc/%d/fd" % d.process.pid)) < 40, "their end", 5)
    d.client().ask("status")


def test_second_daemon(d):
    """One daemon per user; a second one says so."""
    result = subprocess.run([os.path.join(d.bin, "batond")], env=d.env, stderr=subprocess.PIPE)
    assert result.returncode == 4 and b"BTN-6003" in result.stderr, result
    other = os.path.join(d.top, "other")
    os.mkdir(other, 0o700)
    result = subprocess.run([os.path.join(d.bin, "batond")], stderr=subprocess.PIPE, timeout=20,
                            env=dict(d.env, XDG_RUNTIME_DIR=other))
    assert result.returncode == 4 and b"BTN-6003" in result.stderr, result


if __name__ == "__main__":
    sys.exit(run_tests(globals()))
