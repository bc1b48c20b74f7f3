#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Stands in for batond in the tests of vmctl: the API of userland/daemon/api/README.md over
made-up VMs, which change their state when they are told to and run nothing.

usage: fake_batond.py [--ready-fd N]

$FAKE_BATOND may name a JSON file with the start: "vms", "images", "networks", "trash". What
goes wrong is in the names: a VM called
  nomem-*   cannot be started: BTN-6401        stuck-*  does not shut down: BTN-6108
  idle-*    uses 9.5 % of its CPUs
  slow-*    has jobs that never end            mute-*   has a guest that never says anything
A forward to the guest's port 22 of a running VM listens and greets as ssh; one to port 80
listens and says nothing, others close at once. A VM's log is NAME.log in $XDG_RUNTIME_DIR
if that is there, else a line that says which. Each request is appended to $FAKE_REQUESTS.
"""
import array
import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import time

ERRORS = {
    6101: "there is no VM", 6102: "the name is taken", 6104: "the VM is not running",
    6105: "the VM is running", 6106: "the VM is busy", 6108: "the guest did not shut down in time",
    6109: "the VM is in another state", 6110: "the trash has no such VM",
    6201: "there is no such image", 6202: "there is an image of this name",
    6204: "the image is in use", 6301: "there is no such network",
    6401: "the host has not enough memory for the VM now", 6501: "there is no such job",
    6502: "the job was cancelled", 1003: "a value cannot be used",
}


class Failure(Exception):
    def __init__(self, number, about=""):
        super().__init__(number)
        self.error = {"code": "BTN-%04d" % number, "message": (ERRORS[number] + " " + about).strip(),
                      "cause": "The test wants it so.", "fix": "Do something else."}


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())


def new_vm(name, **more):
    vm = {"name": name, "uuid": "%08x-0000-4000-8000-000000000000" % (hash_of(name)), "id": None,
          "state": "stopped", "reason": None, "since": "2026-01-02T03:04:05.000000Z", "pid": None,
          "board": "pc", "engine": None, "cpus": 1, "memory": 536870912, "memory_min": 536870912,
          "title": "", "description": "", "autostart": False, "image": None, "user": None,
          "networks": [{"network": "default", "mac": "52:54:00:00:00:01", "address": None}],
          "forwards": [], "folder": "/nowhere/vms/" + name, "job": None, "problem": None}
    vm.update(more)
    return vm


def hash_of(name):
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value


class Client:
    def __init__(self, sock):
        self.sock, self.data, self.events = sock, b"", False


class Daemon:
    def __init__(self, path):
        start = {}
        if os.environ.get("FAKE_BATOND"):
            with open(os.environ["FAKE_BATOND"], encoding="utf-8") as file:
                start = json.load(file)
        self.vms = {n: new_vm(n, **v) for n, v in start.get("vms", {}).items()}
        self.images = start.get("images", {})
        self.networks = start.get("networks", {"default": {}})
        self.trash = [dict(t) for t in start.get("trash", [])]
        self.jobs, self.clients, self.next_job, self.next_id = {}, {}, 1, 1
        self.timers, self.listeners, self.monitors = [], {}, {}
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        for vm in self.vms.values():
            if vm["state"] != "stopped":
                self.set_state(vm, vm["state"], vm["reason"])

    # ---- the loop

    def run(self):
        while True:
            wait = max(0, min([t[0] for t in self.timers]) - time.monotonic()) if self.timers else None
            for key, _ in self.selector.select(wait):
                key.data(key.fileobj)
            due = [t for t in self.timers if t[0] <= time.monotonic()]
            self.timers = [t for t in self.timers if t not in due]
            for _, function in due:
                function()

    def accept(self, listener):
        sock, _ = listener.accept()
        self.clients[sock] = Client(sock)
        self.selector.register(sock, selectors.EVENT_READ, self.read)

    def drop(self, sock):
        self.selector.unregister(sock)
        self.clients.pop(sock, None)
        sock.close()

    def read(self, sock):
        client = self.clients[sock]
        try:
            chunk = sock.recv(1 << 20)
        except ConnectionError:
            chunk = b""
        if not chunk:
            self.drop(sock)
            return
        client.data += chunk
        while b"\n" in client.data:
            line, client.data = client.data.split(b"\n", 1)
            self.answer(client, json.loads(line))

    def answer(self, client, request):
        if os.environ.get("FAKE_REQUESTS"):
            with open(os.environ["FAKE_REQUESTS"], "a", encoding="utf-8") as file:
                file.write(json.dumps(request) + "\n")
        fds = []
        try:
            function = getattr(self, "do_" + request["op"].replace("-", "_"))
            answer = {"ok": True, **(function(client, request, fds) or {})}
        except Failure as failure:
            answer = {"ok": False, **failure.error}
        self.send(client, answer, fds)
        for fd in fds:
            os.close(fd)

    def send(self, client, what, fds=()):
        data = json.dumps(what, separators=(",", ":")).encode() + b"\n"
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = client.sock.sendmsg([data], ancillary)
            client.sock.sendall(data[sent:])
        except ConnectionError:
            pass

    def event(self, what, **members):
        for client in list(self.clients.values()):
            if client.events:
                self.send(client, {"event": what, "time": now(), **members})

    # ---- VMs

    def vm(self, request):
        for vm in self.vms.values():
            if request["name"] in (vm["name"], vm["uuid"]):
                return vm
        raise Failure(6101, '"%s"' % request["name"])

    def set_state(self, vm, state, reason):
        old, vm["state"], vm["reason"], vm["since"] = vm["state"], state, reason, now()
        if state == "stopped":
            vm["id"] = vm["pid"] = vm["engine"] = None
        elif vm["id"] is None:
            vm["id"], vm["pid"], vm["engine"] = self.next_id, 4242, "kvm"
            self.next_id += 1
        self.listen(vm)
        self.event("vm-state", name=vm["name"], uuid=vm["uuid"], state=state, old_state=old,
                   reason=reason, vm=vm)

    def listen(self, vm):
        wanted = {f for f in vm["forwards"] if not f.endswith("/udp")} \
            if vm["state"] == "running" else set()
        for key in [k for k in self.listeners if k[0] == vm["uuid"] and k[1] not in wanted]:
            self.close(self.listeners.pop(key))
        for text in wanted:
            if (vm["uuid"], text) in self.listeners:
                continue
            parts = text.split(":")
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((parts[0] if len(parts) > 2 else "127.0.0.1", int(parts[-2])))
            sock.listen(16)
            self.listeners[vm["uuid"], text] = sock
            self.selector.register(sock, selectors.EVENT_READ,
                                   lambda s, vm=vm, port=int(parts[-1]): self.greet(s, vm, port))

    def close(self, sock):
        if sock in self.selector.get_map():
            self.selector.unregister(sock)
        sock.close()

    def greet(self, listener, vm, port):
        sock, _ = listener.accept()
        if port == 22 and not vm["name"].startswith("mute-"):
            sock.sendall(b"SSH-2.0-fake\r\n")
        if port in (22, 80) or vm["name"].startswith("mute-"):
            self.listeners[vm["uuid"], sock.fileno()] = sock
            self.selector.register(sock, selectors.EVENT_READ, self.selector.unregister)
        else:
            sock.close()

    def job(self, kind, vm, work, subject=None):
        job = {"id": self.next_job, "kind": kind, "subject": subject or vm["name"],
               "uuid": vm["uuid"] if vm else None, "state": "running", "percent": 0, "step": "working",
               "note": None, "started": now(), "ended": None, "error": None}
        self.next_job += 1
        self.jobs[job["id"]] = job
        self.event("job-started", job=job)
        job["percent"] = 50
        self.event("job-progress", job=job)
        if not job["subject"].startswith("slow-"):
            self.timers.append((time.monotonic() + 0.02, lambda: self.end(job, work)))
        return {"job": job["id"]}

    def end(self, job, work, failure=None):
        try:
            if failure:
                raise failure
            work()
            job["state"] = "done"
        except Failure as error:
            job["state"], job["error"] = "failed", error.error
        job["ended"] = now()
        self.event("job-ended", job=job)

    # ---- operations

    def do_status(self, _client, _request, _fds):
        return {"version": "0.0-fake", "pid": os.getpid(), "uptime_ms": 1, "vms": len(self.vms),
                "running": 0, "data": "/nowhere", "memory_total": 1 << 33,
                "memory_available": 1 << 32, "disk_free": 50 << 30, "cpus": 2}

    def do_events(self, client, _request, _fds):
        client.events = True

    def do_settings(self, _client, _request, _fds):
        return {"settings": [{"key": "cpus", "value": "N", "help": "Number.", "live": False},
                             {"key": "title", "value": "TEXT", "help": "Name.", "live": True}]}

    def do_vm_list(self, _client, _request, _fds):
        return {"vms": [self.vms[name] for name in sorted(self.vms)]}

    # A hundred seconds between two samples, each of which has the same things to tell.
    def do_vm_stats(self, _client, request, _fds):
        self.samples = getattr(self, "samples", 0) + 1
        vms = [self.vm(request)] if "name" in request else self.vms.values()
        return {"vms": [self.sample(vm, self.samples) for vm in vms if vm["state"] != "stopped"]}

    @staticmethod
    def sample(vm, n):
        if vm["name"].startswith("hung-"):
            return {**{key: vm[key] for key in ("name", "uuid", "state")},
                    "stats": None, "memory": None}
        time_ns = 9500000000 if vm["name"].startswith("idle-") else 50000000000
        cpu = {"time_ns": time_ns * n, "exits": 130000 * n, "exit_pio": 100 * n,
               "exit_msr": 99900 * n, "exit_hlt": 30000 * n, "exit_cr": 0,
               "guest_ns": 25000000000 * n, "ready_ns": 10000000000 * n}
        return {"name": vm["name"], "uuid": vm["uuid"], "state": vm["state"],
                "stats": {"at_ns": 100000000000 * n, "cpus": [cpu, cpu], "vm": {"pages_4k": 7},
                          "disks": [{"read_bytes": 204800 * n, "written_bytes": 0, "reads": n,
                                     "writes": 0}],
                          "networks": []},
                "memory": {"max": 1 << 30, "held": 100 << 20, "own": 4 << 20,
                           "given_back": 924 << 20,
                           # Of a guest that has a driver for it, and has started it.
                           **({} if vm["name"].startswith("young-") else {
                               "guest": {"total": 1000 << 20, "available": 900 << 20}})}}

    def do_vm_show(self, _client, request, _fds):
        vm = self.vm(request)
        return {"vm": vm, "settings": {"cpus": str(vm["cpus"])},
                "disks": [{"file": vm["folder"] + "/disk.qcow2", "readonly": False, "on_disk": 4096}]}

    def do_vm_create(self, _client, request, _fds):
        name = request["name"]
        if name in self.vms:
            raise Failure(6102, name)
        if request.get("image") and request["image"] not in self.images:
            raise Failure(6201, request["image"])
        settings = dict(s.split("=", 1) for s in request.get("settings", []))
        forwards = [f for f in settings.get("net.0.forward", "").split(";") if f]
        vm = new_vm(name, image=request.get("image"), forwards=forwards,
                    user=request.get("user") or ("debian" if request.get("image") else None))

        def work():
            self.vms[name] = vm
            self.event("vm-added", name=name, uuid=vm["uuid"], vm=vm)
            if request.get("start"):
                self.start(vm)
        return self.job("create", vm, work)

    def start(self, vm):
        if vm["name"].startswith("nomem-"):
            raise Failure(6401)
        self.set_state(vm, "running", "booted")

    def do_vm_start(self, _client, request, _fds):
        vm = self.vm(request)
        if vm["state"] != "stopped":
            raise Failure(6105)
        return self.job("start", vm, lambda: self.start(vm))

    def stop(self, vm):
        if vm["name"].startswith("stuck-"):
            raise Failure(6108)
        self.set_state(vm, "stopped", "power-off")

    def do_vm_stop(self, _client, request, _fds):
        vm = self.vm(request)
        if vm["state"] == "stopped":
            raise Failure(6104)
        return self.job("stop", vm, lambda: self.stop(vm))

    def do_vm_kill(self, _client, request, _fds):
        vm = self.vm(request)
        if vm["state"] == "stopped":
            raise Failure(6104)
        return self.job("kill", vm, lambda: self.set_state(vm, "stopped", "killed"))

    def do_vm_restart(self, _client, request, _fds):
        vm = self.vm(request)
        return self.job("restart", vm, lambda: self.set_state(vm, "running", "booted"))

    do_vm_reset = do_vm_restart

    def change(self, request, kind, old, new, reason):
        vm = self.vm(request)
        if vm["state"] != old:
            raise Failure(6109)
        return self.job(kind, vm, lambda: self.set_state(vm, new, reason))

    def do_vm_pause(self, _client, request, _fds):
        return self.change(request, "pause", "running", "paused", "paused")

    def do_vm_resume(self, _client, request, _fds):
        return self.change(request, "resume", "paused", "running", "resumed")

    def do_vm_delete(self, _client, request, _fds):
        vm = self.vm(request)
        if vm["state"] != "stopped" and not request.get("force"):
            raise Failure(6105)

        def work():
            if vm["state"] != "stopped":
                self.set_state(vm, "stopped", "killed")
            del self.vms[vm["name"]]
            self.trash.insert(0, {"id": "t%d-%s" % (len(self.trash), vm["name"]), "name": vm["name"],
                                  "uuid": vm["uuid"], "deleted": now(), "bytes": 1 << 20, "vm": vm})
            self.event("vm-removed", name=vm["name"], uuid=vm["uuid"])
        return self.job("delete", vm, work)

    def do_vm_rename(self, _client, request, _fds):
        vm, name = self.vm(request), request["new_name"]
        if name in self.vms:
            raise Failure(6102, name)

        def work():
            del self.vms[vm["name"]]
            vm["name"] = name
            self.vms[name] = vm
        return self.job("rename", vm, work)

    def do_vm_set(self, _client, request, _fds):
        vm = self.vm(request)
        for setting in request["settings"]:
            key, value = setting.split("=", 1)
            if key not in ("cpus", "title"):
                raise Failure(1003, key)
            if not request.get("check"):
                vm[key] = int(value) if key == "cpus" else value
        keys = [s.split("=")[0] for s in request["settings"]]
        off = vm["state"] == "stopped"
        return {"now": [k for k in keys if off or k == "title"],
                "next_start": [k for k in keys if not off and k != "title"]}

    def do_vm_log(self, _client, request, fds):
        path = "%s/%s.log" % (os.environ["XDG_RUNTIME_DIR"], self.vm(request)["name"])
        if os.path.exists(path):
            fds.append(os.open(path, os.O_RDONLY))
            return {"path": path}
        fd, path = tempfile.mkstemp()
        os.write(fd, b"log %s\n" % request.get("log", "monitor").encode())
        os.lseek(fd, 0, os.SEEK_SET)
        os.unlink(path)
        fds.append(fd)
        return {"path": path}

    def do_vm_forward_add(self, _client, request, _fds):
        vm = self.vm(request)
        vm["forwards"].append("%s:%d:%d%s" % (request.get("host_address", "127.0.0.1"),
                                              request["host_port"], request["guest_port"],
                                              "/udp" if request.get("proto") == "udp" else ""))
        self.listen(vm)

    def do_vm_forward_remove(self, _client, request, _fds):
        vm = self.vm(request)
        vm["forwards"] = [f for f in vm["forwards"] if ":%d:" % request["host_port"] not in f]
        self.listen(vm)

    # ---- the monitor of a VM: a socket pair whose other end is here, too

    def do_vm_monitor(self, _client, request, fds):
        vm = self.vm(request)
        if vm["state"] == "stopped":
            raise Failure(6104)
        ours, theirs = socket.socketpair()
        fds.append(os.dup(theirs.fileno()))
        theirs.close()
        self.clients[ours] = Client(ours)
        self.monitors[ours] = vm
        self.selector.register(ours, selectors.EVENT_READ, self.read_monitor)

    def read_monitor(self, sock):
        client, vm = self.clients[sock], self.monitors[sock]
        chunk = sock.recv(65536)
        if not chunk:
            self.drop(sock)
            return
        client.data += chunk
        while b"\n" in client.data:
            line, client.data = client.data.split(b"\n", 1)
            self.answer_monitor(client, vm, json.loads(line))

    def answer_monitor(self, client, vm, request):
        if request["op"] == "attach-serial":
            ours, theirs = socket.socketpair()
            self.send(client, {"ok": True}, [theirs.fileno()])
            theirs.close()
            ours.sendall(b"%s login: " % vm["name"].encode())
            self.selector.register(ours, selectors.EVENT_READ, lambda s: self.echo(s, vm))
        elif request["op"] == "screenshot":
            fd = os.memfd_create("screen", os.MFD_ALLOW_SEALING)
            os.write(fd, struct.pack("<I", 0x102030) * 6)
            fcntl.fcntl(fd, 1033, 0x0002)  # F_ADD_SEALS, F_SEAL_SHRINK
            self.send(client, {"ok": True, "width": 3, "height": 2, "stride": 12,
                               "format": "xrgb8888", "generation": 1}, [fd])
            os.close(fd)
        else:
            self.send(client, {"ok": True, "state": vm["state"]})

    # What is typed comes back in capitals; "off" ends the VM, "flood" is answered at length.
    def echo(self, sock, vm):
        data = sock.recv(4096)
        if data:
            sock.sendall(data.upper())
        if b"flood" in data:
            sock.send(b"x" * 100000, socket.MSG_DONTWAIT)
        if not data or b"off" in data:
            self.selector.unregister(sock)
            sock.close()
        if b"off" in data:
            self.set_state(vm, "stopped", "power-off")

    # ---- trash, images, networks, jobs

    def do_trash_list(self, _client, _request, _fds):
        return {"items": [{k: v for k, v in t.items() if k != "vm"} for t in self.trash]}

    def item(self, request):
        for item in self.trash:
            if request["item"] in (item["id"], item["name"]):
                return item
        raise Failure(6110)

    def do_trash_restore(self, _client, request, _fds):
        item = self.item(request)
        name = request.get("new_name", item["name"])

        def work():
            self.trash.remove(item)
            self.vms[name] = item.get("vm") or new_vm(name)
            self.vms[name]["name"] = name
        return self.job("restore", None, work, item["name"])

    def do_trash_purge(self, _client, request, _fds):
        item = self.item(request)
        return self.job("purge", None, lambda: self.trash.remove(item), item["name"])

    def do_image_list(self, _client, _request, _fds):
        return {"images": [{"name": n, "format": "qcow2", "size": 2 << 30, "on_disk": 300 << 20,
                            "sha256": "0" * 64, "source": None, "added": "2026-01-02T03:04:05.000000Z",
                            "user": "debian", "users": [], **v} for n, v in sorted(self.images.items())]}

    def do_image_add(self, _client, request, _fds):
        if request["image"] in self.images:
            raise Failure(6202)

        def work():
            self.images[request["image"]] = {"source": request["path"]}
        return self.job("image-add", None, work, request["image"])

    do_image_import = do_image_add

    def do_image_verify(self, _client, request, _fds):
        return self.job("image-verify", None, lambda: None, request["image"])

    def do_image_remove(self, _client, request, _fds):
        return self.job("image-remove", None, lambda: self.images.pop(request["image"]),
                        request["image"])

    def do_net_list(self, _client, _request, _fds):
        return {"networks": [{"name": n, "uuid": "0", "subnet": "10.0.2.0/24", "active": False,
                              "vms": [], **v} for n, v in sorted(self.networks.items())]}

    def do_net_create(self, _client, request, _fds):
        self.networks[request["network"]] = {"subnet": request.get("subnet", "10.0.3.0/24")}

    def do_net_delete(self, _client, request, _fds):
        if request["network"] not in self.networks:
            raise Failure(6301)
        del self.networks[request["network"]]

    def do_net_leases(self, _client, request, _fds):
        if request["network"] not in self.networks:
            raise Failure(6301)
        return {"leases": [{"mac": "52:54:00:00:00:01", "address": "10.0.2.15", "name": "web-1",
                            "connected": True}]}

    def do_job_list(self, _client, _request, _fds):
        return {"jobs": list(self.jobs.values())}

    def do_job_cancel(self, _client, request, _fds):
        job = self.jobs.get(request["job"])
        if not job:
            raise Failure(6501)
        self.timers.append((time.monotonic(), lambda: self.end(job, None, Failure(6502))))


def main():
    folder = os.path.join(os.environ["XDG_RUNTIME_DIR"], "baton")
    os.makedirs(folder, exist_ok=True)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    lock = os.open(os.path.join(folder, "batond.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(4)
    daemon = Daemon(os.path.join(folder, "batond.sock"))
    with open(os.path.join(folder, "fake.pid"), "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    if len(sys.argv) > 2 and sys.argv[1] == "--ready-fd":
        os.write(int(sys.argv[2]), b"\n")
        os.close(int(sys.argv[2]))
    daemon.run()


main()
