# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt's own client library against the daemon with the stub monitor. Each function
is a test; the daemon is a new one each time."""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

try:
    import libvirt
except ImportError:
    print("skip: no libvirt module (python3-libvirt)")
    sys.exit(77)

from harness import Daemon, wait_for

XML = """<domain type='kvm'>
  <name>%(name)s</name>
  <metadata><x:note xmlns:x="urn:x"  a = '1'>kept  <x:y/></x:note></metadata>
  <memory unit='MiB'>256</memory><currentMemory unit='MiB'>128</currentMemory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='baton-q35'>hvm</type></os>
  <pm><suspend-to-mem enabled='no'/></pm>
  <devices>
    <disk type='file' device='disk'><driver name='baton' type='raw'/>
      <source file='%(disk)s'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><source network='default'/><model type='virtio'/></interface>
    <graphics type='vnc'><listen type='none'/></graphics>
  </devices>
</domain>"""

lost = []          # reasons of close callbacks
events = []        # (what, name, event, detail)


def run_events():
    libvirt.virEventRegisterDefaultImpl()

    def loop():
        while True:
            libvirt.virEventRunDefaultImpl()

    libvirt.virEventAddTimeout(50, lambda timer, opaque: None, None)
    threading.Thread(target=loop, daemon=True).start()
    libvirt.registerErrorHandler(lambda ctx, error: None, None)


def uri(d):
    return "baton:///session?socket=" + os.path.join(d.top, "run", "baton", "libvirt.sock")


def xml(d, name):
    disk = os.path.join(d.top, name + ".raw")
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    return XML % {"name": name, "disk": disk}


def refused(code, fn, *args):
    try:
        fn(*args)
    except libvirt.libvirtError as e:
        assert e.get_error_code() == code, "%d: %s" % (e.get_error_code(), e)
        return str(e)
    raise AssertionError("%s was not refused" % fn)


def state(dom):
    return dom.state()[0]


def test_walk(d):
    """From the definition to its end."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "web1"))
    assert dom.ID() == -1 and state(dom) == libvirt.VIR_DOMAIN_SHUTOFF
    text = dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert "<x:note xmlns:x=\"urn:x\"  a = '1'>kept  <x:y/></x:note>" in text, text
    assert "<pm><suspend-to-mem enabled='no'/></pm>" in text
    c.defineXML(text)
    assert dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == text
    dom.create()
    assert dom.ID() > 0 and dom.state() == [1, 1] and dom.isPersistent()
    assert c.lookupByID(dom.ID()).name() == c.lookupByName("web1").name() == "web1"
    assert c.listDomainsID() == [dom.ID()] and c.numOfDomains() == 1
    live = dom.XMLDesc()
    assert "<alias name='serial0'/>" in live and re.search("<target dev='net[0-9]+-0'/>", live)
    assert "already running" in refused(libvirt.VIR_ERR_OPERATION_INVALID, dom.create)
    info = dom.info()
    assert info[0] == 1 and info[1] == 262144 and info[3] == 2, info
    dom.suspend()
    assert state(dom) == libvirt.VIR_DOMAIN_PAUSED
    dom.resume()
    dom.reset()
    dom.shutdown()
    wait_for(lambda: not dom.isActive(), "shutdown")
    assert dom.state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    assert state(dom) == libvirt.VIR_DOMAIN_PAUSED
    dom.destroy()
    assert dom.state() == [5, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED]
    refused(libvirt.VIR_ERR_OPERATION_INVALID, dom.destroy)
    dom.rename("web2")
    assert [one.name() for one in c.listAllDomains()] == ["web2"]
    c.lookupByName("web2").undefine()
    refused(libvirt.VIR_ERR_NO_DOMAIN, c.lookupByName, "web2")
    refused(libvirt.VIR_ERR_NO_DOMAIN, dom.create)
    c.close()


def test_transient(d):
    """As virt-install does it: created, then defined while it runs; and gone with its end."""
    c = libvirt.open(uri(d))
    refused(libvirt.VIR_ERR_INVALID_ARG, c.createXML, xml(d, "once"), 0x40)
    # What cannot be had is always refused: there is no more to validate (0x10).
    dom = c.createXML(xml(d, "once"), 0x10)
    assert dom.isActive() and not dom.isPersistent()
    assert c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT)
    dom.destroy()
    wait_for(lambda: not c.listAllDomains(), "the end of a transient VM")
    # Back from the trash it is an ordinary one.
    api = d.client()
    api.job("trash-restore", item="once")
    api.close()
    d.stop()
    d.start()
    c = libvirt.open(uri(d))
    dom = c.lookupByName("once")
    assert dom.isPersistent()
    dom.create()
    dom.destroy()
    assert c.lookupByName("once").isPersistent()
    dom.undefine()
    dom = c.createXML(xml(d, "kept"))
    again = c.defineXML(dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    assert again.UUIDString() == dom.UUIDString() and dom.isPersistent() and dom.isActive()
    dom.destroy()
    assert c.lookupByName("kept").isPersistent()
    dom.create()
    dom.undefine()
    assert dom.isActive() and not dom.isPersistent()
    refused(libvirt.VIR_ERR_OPERATION_INVALID, dom.undefine)
    dom.destroy()
    wait_for(lambda: not c.listAllDomains(), "the end of an undefined VM")
    other = libvirt.open(uri(d))
    other.createXML(xml(d, "bound"), libvirt.VIR_DOMAIN_START_AUTODESTROY)
    assert c.lookupByName("bound").isActive()
    other.close()
    wait_for(lambda: not c.listAllDomains(), "the end of a VM bound to a connection")
    c.close()


def test_refused(d):
    """What would change the guest and cannot be had; the connection lives on."""
    c = libvirt.open(uri(d))
    good = xml(d, "bad")
    for old, new in [("machine='baton-q35'", "machine='s390'"), ("arch='x86_64'", "arch='arm'"),
                     ("<pm>", "<cputune/><pm>"), ("<devices>", "<devices><tpm model='x'/>"),
                     ("<devices>", "<devices><hostdev mode='subsystem' type='usb'/>"),
                     ("type='vnc'", "type='spice'"), ("type='network'", "type='bridge'"),
                     ("<name>bad", "<name>no good"), ("type='kvm'", "type='xen'"),
                     ("type='raw'", "type='vmdk'")]:
        text = good.replace(old, new)
        assert text != good
        refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.defineXML, text)
    for text in ["", "<domain", "<x/>", "<!DOCTYPE d [<!ENTITY a 'b'>]>" + good,
                 good.replace("<memory unit='MiB'>256</memory>", ""), "<a>" * 5000]:
        refused(libvirt.VIR_ERR_XML_ERROR, c.defineXML, text)
    assert c.listAllDomains() == []
    message = refused(libvirt.VIR_ERR_NO_NETWORK, c.defineXML,
                      good.replace("network='default'", "network='none'"))
    assert "Network not found" in message, message
    dom = c.defineXML(good)
    dom.create()
    disk = "<disk type='file' device='disk'><source file='/nowhere.raw'/><target dev='vdb'/></disk>"
    assert "--config" in refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, dom.attachDeviceFlags,
                                 disk, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    dom.attachDeviceFlags(disk, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert "nowhere" in dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert "nowhere" not in dom.XMLDesc()
    dom.detachDeviceFlags(disk, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert "nowhere" not in dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    refused(libvirt.VIR_ERR_NO_SUPPORT, dom.save, "/x")
    refused(libvirt.VIR_ERR_NO_SUPPORT, dom.managedSave)
    refused(libvirt.VIR_ERR_NO_SUPPORT, dom.snapshotCreateXML, "<domainsnapshot/>")
    refused(libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, dom.snapshotLookupByName, "x")
    refused(libvirt.VIR_ERR_NO_DOMAIN_METADATA, dom.metadata, 0, None)
    refused(libvirt.VIR_ERR_NO_STORAGE_POOL, c.storagePoolLookupByName, "x")
    pool = c.storagePoolLookupByName("default")
    refused(libvirt.VIR_ERR_NO_STORAGE_VOL, pool.storageVolLookupByName, "x")
    refused(libvirt.VIR_ERR_NO_NETWORK, c.networkLookupByName, "x")
    refused(libvirt.VIR_ERR_INVALID_ARG, dom.destroyFlags, 1 << 20)
    refused(libvirt.VIR_ERR_OPERATION_FAILED, c.defineXML, good.replace(
        "<name>bad</name>", "<name>bad</name><uuid>11111111-1111-1111-1111-111111111111</uuid>"))
    dom.destroy()
    assert dom.name() == c.lookupByName("bad").name()
    c.close()


def test_edited(d):
    """A vm.conf that somebody has edited is read, and one that he broke is left to him."""
    c = libvirt.open(uri(d))
    definition = xml(d, "hand")
    dom = c.defineXML(definition)
    definition = definition.replace("<name>", "<uuid>%s</uuid><name>" % dom.UUIDString())
    conf = d.path("vms", "hand", "vm.conf")

    def edit(old, new):
        with open(conf) as f:
            text = f.read()
        assert old in text, text
        with open(conf, "w") as f:
            f.write(text.replace(old, new) + "# by hand\n")
        with open(conf) as f:
            return f.read()

    for change, cpus in ((lambda: dom.setAutostart(1), 3), (lambda: c.defineXML(definition), 4),
                         (lambda: dom.setMetadata(0, "x", None, None, 2), 5)):
        edit("cpus=%d" % dom.vcpusFlags(2), "cpus=%d" % cpus)
        change()
        with open(conf) as f:
            assert "# by hand" in f.read()
        assert dom.vcpusFlags(2) == (2 if cpus == 4 else cpus)
    text = edit("cpus=5", "cpus=many")
    for change in ((dom.setAutostart, 0), (c.defineXML, definition), (dom.create,),
                   (dom.setMetadata, 0, "y", None, None, 2), (dom.setVcpusFlags, 2, 2),
                   (c.createXML, definition)):
        message = refused(libvirt.VIR_ERR_OPERATION_FAILED, *change)
        assert "cpus" in message, message
        with open(conf) as f:
            assert f.read() == text
    edit("cpus=many", "cpus=6")
    dom.setAutostart(0)
    assert dom.vcpusFlags(2) == 6
    c.close()


def test_agent_channel(d):
    """Terraform's provider writes one into each domain: kept, and nothing comes of it."""
    c = libvirt.open(uri(d))
    channel = "<channel type='unix'><target type='virtio' name='%s'/></channel>"
    text = xml(d, "tf").replace("</devices>", channel + "</devices>")
    refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.defineXML, text % "com.redhat.spice.0")
    dom = c.defineXML(text % "org.qemu.guest_agent.0")
    assert channel % "org.qemu.guest_agent.0" in dom.XMLDesc()
    c.defineXML(dom.XMLDesc())
    dom.create()
    refused(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, dom.shutdownFlags, 2)
    dom.destroy()
    c.close()


def test_readonly(d):
    c = libvirt.openReadOnly(uri(d))
    assert c.listAllDomains() == [] and c.getCapabilities()
    # The library itself keeps to it; the daemon has to by itself, too.
    raw = Raw(d)
    raw.call(1, struct.pack(">I", 0x01000000) + text("baton:///session") + struct.pack(">I", 1))
    status, payload = raw.call(11, text(xml(d, "x")))
    assert status == 1 and struct.unpack(">i", payload[:4])[0] == 29, payload
    assert b"read only access" in payload
    c.close()


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


class Raw:
    """The protocol by hand, as the Go library speaks it: "present" is 0x01000000."""

    def __init__(self, d):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.path.join(d.top, "run", "baton", "libvirt.sock"))
        self.serial = 0

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def message(self):
        length, = struct.unpack(">I", self.read(4))
        data = self.read(length - 4)
        return struct.unpack(">6I", data[:24]), data[24:]

    def send(self, procedure, payload, program=0x20008086, kind=0):
        head = struct.pack(">7I", 28 + len(payload), program, 1, procedure, kind, self.serial, 0)
        self.socket.sendall(head + payload)
        self.serial += kind == 0

    def call(self, procedure, payload=b"", program=0x20008086):
        self.send(procedure, payload, program)
        head, payload = self.message()
        assert head[2] == procedure and head[3] == 1 and head[4] == self.serial - 1, head
        return head[5], payload


def test_raw(d):
    """Peers that are older, newer, or wrong."""
    raw = Raw(d)
    assert raw.call(66) == (0, struct.pack(">II", 1, 0))
    status, payload = raw.call(273, struct.pack(">II", 1, 3))
    assert status == 1 and struct.unpack(">i", payload[:4])[0] == 39  # not open yet
    assert raw.call(1, struct.pack(">I", 0x01000000) + text("baton:///session") +
                    struct.pack(">I", 6)) == (0, b"")
    for number in (999, 0, 4000000000):
        status, payload = raw.call(number)
        assert status == 1 and b"unknown procedure" in payload
    assert raw.call(1, b"", program=0x20008087)[0] == 1
    assert raw.call(23, text("x") + b"\0\0\0\0")[0] == 1  # four bytes too many
    assert raw.call(23, b"\0\0\0\5ab")[0] == 1
    status, payload = raw.call(55, b"anything")
    assert b"virDomainSave" in payload and struct.unpack(">i", payload[:4])[0] == 3
    # A ping is answered while calls come faster than their answers are read.
    for _ in range(200):
        raw.send(6, b"")
    raw.send(1, b"", program=0x6b656570, kind=2)
    seen = {1: 0, 2: 0}
    for _ in range(201):
        head, _ = raw.message()
        seen[head[3]] += 1
    assert seen == {1: 200, 2: 1}, seen
    assert raw.call(2) == (0, b"")
    # Lengths that cannot be: the connection ends, the daemon does not.
    for length in (0, 27, 33554437, 0xffffffff):
        other = Raw(d)
        other.socket.sendall(struct.pack(">7I", length, 0x20008086, 1, 66, 0, 0, 0))
        try:
            assert other.socket.recv(1) == b""
        except ConnectionResetError:
            pass
    # A client that never reads does not grow the daemon.
    greedy = Raw(d)
    greedy.call(1, struct.pack(">I", 0) + struct.pack(">I", 0))
    greedy.socket.settimeout(1)
    try:
        while True:
            greedy.send(7, b"")
    except (socket.timeout, OSError):
        pass
    with open("/proc/%d/statm" % d.process.pid) as f:
        assert int(f.read().split()[1]) * 4096 < 1 << 30
    assert libvirt.open(uri(d)).getType() == "Baton"


def test_events(d):
    c = libvirt.open(uri(d))
    events.clear()

    def lifecycle(conn, dom, event, detail, opaque):
        assert dom.isPersistent() in (0, 1) if event != 1 else True
        events.append(("lifecycle", dom.name(), event, detail))

    ids = [c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, None),
           c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda conn, dom,
                                    opaque: events.append(("reboot", dom.name())), None),
           c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                                    lambda conn, dom, kind, nsuri, opaque:
                                    events.append(("metadata", dom.name(), kind, nsuri)), None)]
    for number in range(27):
        if number not in (0, 1, 23):
            ids.append(c.domainEventRegisterAny(None, number, lambda *args: None, None))
    dom = c.defineXML(xml(d, "ev"))
    dom.create()
    dom.suspend()
    dom.resume()
    dom.reset()
    dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<n/>", "k", "urn:k", 0)
    dom.shutdown()
    wait_for(lambda: ("lifecycle", "ev", 5, 0) in events, "stopped")
    dom.create()
    dom.destroy()
    # The callback asks about the VM: it has to be there still.
    wait_for(lambda: ("lifecycle", "ev", 5, 1) in events, "destroyed")
    dom.undefine()
    wait_for(lambda: ("lifecycle", "ev", 1, 0) in events, "undefined")
    expected = [("lifecycle", "ev", 0, 0), ("lifecycle", "ev", 2, 0), ("lifecycle", "ev", 3, 0),
                ("lifecycle", "ev", 4, 0), ("reboot", "ev"), ("metadata", "ev", 2, "urn:k"),
                ("lifecycle", "ev", 6, 2), ("lifecycle", "ev", 5, 0), ("lifecycle", "ev", 2, 0),
                ("lifecycle", "ev", 5, 1), ("lifecycle", "ev", 1, 0)]
    assert [e for e in events if e != ("lifecycle", "ev", 0, 1)] == expected, events
    dom = c.defineXML(xml(d, "brief-1"))
    for detail, press in ((1, lambda: None), (2, dom.shutdown), (1, lambda: None)):
        events.clear()
        dom.create()
        press()
        wait_for(lambda: ("lifecycle", "brief-1", 5, 0) in events, "its end")
        assert ("lifecycle", "brief-1", 6, detail) in events, (detail, events)
    # An installer's VM ends where others would boot anew.
    dom = c.defineXML(xml(d, "inst").replace("<pm>", "<on_reboot>destroy</on_reboot><pm>"))
    dom.create()
    dom.reset()
    wait_for(lambda: ("lifecycle", "inst", 5, 1) in events, "the end at a reset")
    for number in ids:
        c.domainEventDeregisterAny(number)
    c.defineXML(xml(d, "quiet"))
    assert not [e for e in events if "quiet" in e]
    c.close()


def receive(stream, least):
    data = b""
    end = time.monotonic() + 20
    while len(data) < least and time.monotonic() < end:
        got = stream.recv(4096)
        if not got or got == -2:
            break
        data += got
    return data


def test_console(d):
    """Two at once on two VMs, abort, force, end with the guest."""
    c = libvirt.open(uri(d))
    doms = []
    for name in ("con1", "con2"):
        doms.append(c.defineXML(xml(d, name)))
        doms[-1].create()
    streams = [c.newStream(), c.newStream()]
    for dom, stream in zip(doms, streams):
        dom.openConsole(None, stream)
    for dom, stream in zip(doms, streams):
        assert receive(stream, 12) == dom.name().encode() + b" login: "
        stream.send(b"root " + dom.name().encode())
    for dom, stream in zip(doms, streams):
        assert receive(stream, 9) == b"root " + dom.name().encode()
    refused(libvirt.VIR_ERR_OPERATION_FAILED, doms[0].openConsole, None, c.newStream())
    taken = c.newStream()
    doms[0].openConsole("serial0", taken, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    assert receive(streams[0], 1) == b""       # the other one has ended
    streams[0].finish()
    assert receive(taken, 12) == b"con1 login: "
    refused(libvirt.VIR_ERR_INVALID_ARG, doms[1].openConsole, "nothing", c.newStream())
    streams[1].abort()
    doms[0].destroy()
    assert receive(taken, 1) == b""
    taken.finish()
    assert c.getType() == "Baton" and doms[1].isActive()
    again = c.newStream()
    doms[1].openConsole(None, again)
    assert receive(again, 12) == b"con2 login: "
    again.abort()
    c.close()


def test_screen(d):
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "pix"))
    refused(libvirt.VIR_ERR_OPERATION_INVALID, dom.screenshot, c.newStream(), 0)
    dom.create()
    stream = c.newStream()
    assert dom.screenshot(stream, 0) == "image/x-portable-pixmap"
    data = receive(stream, 1 << 30)
    stream.finish()
    assert data.startswith(b"P6\n640 400\n255\n") and len(data) == 15 + 640 * 400 * 3, len(data)
    assert data[15:18] == b"\0\x40\x60", data[15:18]
    stream = c.newStream()
    dom.screenshot(stream, 0)
    stream.recv(100)
    stream.abort()
    kept = []
    for _ in range(64):
        kept.append(c.newStream())
        dom.screenshot(kept[-1], 0)
        receive(kept[-1], 1 << 30)
    stream = c.newStream()
    assert "too many" in refused(libvirt.VIR_ERR_OPERATION_FAILED, dom.screenshot, stream, 0)
    for stream in kept:
        stream.finish()
    dom.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 0, [29, 56, 111], 3, 0)
    refused(libvirt.VIR_ERR_INVALID_ARG, dom.sendKey, 0, 0, [700], 1, 0)
    fd = dom.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH)
    with socket.socket(fileno=fd) as s:
        s.settimeout(20)
        assert s.recv(12) == b"RFB 003.008\n"
    ours, theirs = socket.socketpair()
    dom.openGraphics(0, theirs.fileno(), 0)
    theirs.close()
    ours.settimeout(20)
    assert ours.recv(12) == b"RFB 003.008\n" and ours.recv(1) == b""
    refused(libvirt.VIR_ERR_INVALID_ARG, dom.openGraphicsFD, 1, 0)
    assert dom.isActive()
    c.close()


def test_gifts(d):
    """A monitor that sends descriptors nobody wants does not fill the daemon with them."""
    def count():
        return len(os.listdir("/proc/%d/fd" % d.process.pid))

    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "gift-1"))
    dom.create()
    api = d.client()

    def ask():
        dom.info()
        dom.memoryStats()
        c.getAllDomainStats()
        dom.setMemory(200 << 10)
        dom.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 0, [28], 1, 0)
        api.ask("vm-stats")
        dom.suspend()
        dom.resume()

    ask()
    before = count()
    for _ in range(5):
        ask()
    assert count() <= before, (before, count())
    dom.destroy()
    api.close()
    c.close()


def test_ports(d):
    """Each screen that takes any port has one of its own, also if that is taken later."""
    c = libvirt.open(uri(d))
    auto = "<graphics type='vnc' port='-1'/>"
    doms = [c.defineXML(re.sub("<graphics.*</graphics>", auto, xml(d, name)))
            for name in ("one", "two")]
    for dom in doms:
        assert "port='-1' autoport='yes'" in dom.XMLDesc(), dom.XMLDesc()
        dom.create()
    ports = [int(re.search("vnc' port='([0-9]+)'", dom.XMLDesc()).group(1)) for dom in doms]
    assert ports[0] != ports[1] and min(ports) >= 5900, ports
    secret = doms[0].XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    assert re.search("passwd='[A-Za-z0-9]{8}'", secret) and "passwd" not in doms[0].XMLDesc()
    readonly = libvirt.openReadOnly(uri(d))
    refused(libvirt.VIR_ERR_OPERATION_DENIED, readonly.lookupByName("one").XMLDesc,
            libvirt.VIR_DOMAIN_XML_SECURE)
    readonly.close()
    doms[0].destroy()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", ports[0]))
        taken.listen()
        doms[0].create()
        port = int(re.search("vnc' port='([0-9]+)'", doms[0].XMLDesc()).group(1))
        assert port not in ports, (port, ports)
    # Another definition has it, whose VM is off.
    doms[0].destroy()
    c.defineXML(re.sub("<graphics.*</graphics>", "<graphics type='vnc' port='%d'/>" % port,
                       xml(d, "other")))
    doms[0].create()
    assert "vnc' port='%d'" % port not in doms[0].XMLDesc()
    c.close()


def test_ports_at_once(d):
    """VMs that are being defined at the same time, and more of them than a hundred."""
    c = libvirt.open(uri(d))
    texts = [re.sub("<graphics.*</graphics>", "<graphics type='vnc' port='-1'/>",
                    xml(d, "p%d" % number)) for number in range(112)]

    def define(part):
        for text in part:
            c.defineXML(text)

    threads = [threading.Thread(target=define, args=(texts[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ports = set()
    for number in range(len(texts)):
        with open(d.path("vms", "p%d" % number, "vm.conf")) as f:
            ports.add(re.search("vnc=127.0.0.1:([0-9]+)", f.read()).group(1))
    assert len(ports) == len(texts), sorted(ports)
    c.close()


def test_statistics(d):
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "stat"))
    dom.create()
    record, = c.getAllDomainStats()
    assert len(c.domainListGetStats([dom, c.lookupByName("stat"), dom])) == 1
    assert record[1]["state.state"] == 1 and record[1]["vcpu.current"] == 2
    assert record[1]["cpu.time"] > 0 and record[1]["vcpu.1.time"] > 0
    assert record[1]["vcpu.0.halted"] is True and record[1]["vcpu.1.halted"] is False
    assert record[1]["vcpu.0.wait"] == record[1]["vcpu.0.delay"] > 0
    assert record[1]["block.count"] == 1 and record[1]["block.0.capacity"] == 1 << 20
    assert record[1]["balloon.maximum"] == 262144
    target = re.search("<target dev='(net[^']*)'/>", dom.XMLDesc()).group(1)
    assert dom.interfaceStats(target) == (240, 4, 0, 0, 300, 5, 0, 0)
    assert dom.blockStats("vda") == (1, 512, 2, 1024, 0)
    assert dom.blockStatsFlags("vda") == {
        "rd_operations": 1, "rd_bytes": 512, "wr_operations": 2, "wr_bytes": 1024,
        "flush_operations": 3}
    assert dom.blockInfo("vda")[0] == 1 << 20
    refused(libvirt.VIR_ERR_INVALID_ARG, dom.blockStats, "vdz")
    assert dom.memoryStats()["actual"] > 0
    dom.setMemory(200 * 1024)
    assert len(dom.vcpus()[0]) == 2 and dom.maxVcpus() == 2
    assert c.getInfo()[2] == os.cpu_count() and c.getFreeMemory() > 0
    assert "baton-q35" in c.getCapabilities() and "vga" in c.getDomainCapabilities()
    assert c.networkLookupByName("default").isActive()
    address = dom.interfaceAddresses(0)
    assert address[target]["addrs"][0]["addr"].startswith("10.0."), address
    net = c.networkDefineXML("<network><name>lab</name><forward mode='nat'/>"
                             "<ip address='10.77.1.1' netmask='255.255.255.0'/></network>")
    assert "10.77.1.2" in net.XMLDesc() and net.DHCPLeases() == []
    net.create()
    net.undefine()
    assert [n.name() for n in c.listAllNetworks()] == ["default"]
    c.close()


def test_effects(d):
    """What would be done to no effect is refused instead."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "eff"))
    config = libvirt.VIR_DOMAIN_AFFECT_CONFIG
    before = dom.XMLDesc()
    for device in ("<input type='tablet'/>", "<video><model type='vga'/></video>",
                   "<controller type='usb'/>", "<memballoon model='virtio'/>"):
        refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, dom.attachDeviceFlags, device, config)
    for device in ("<video><model type='vga'/></video>", "<memballoon model='virtio'/>",
                   "<serial type='pty'/>"):
        refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, dom.detachDeviceFlags, device, config)
        refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, dom.updateDeviceFlags, device, config)
    for amount in (0, 3):
        refused(libvirt.VIR_ERR_INVALID_ARG, dom.setMemoryFlags, amount, config)
        refused(libvirt.VIR_ERR_INVALID_ARG, dom.setMaxMemory, amount)
    assert dom.XMLDesc() == before
    net = "<network><name>lab</name><forward mode='nat'/>%s</network>"
    for inside in ("<ip address='10.9.8.1' prefix='24'><dhcp><host mac='52:54:00:00:00:01' "
                   "ip='10.9.8.7'/></dhcp></ip>", "<ip address='10.9.8.1' prefix='24'><tftp/></ip>",
                   "<ip address='10.9.8.1' prefix='24'/><ip address='10.9.7.1' prefix='24'/>"):
        refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.networkDefineXML, net % inside)
    # Lists of what there is none of; the two of these have structures in them.
    assert c.listAllNWFilterBindings() == [] and c.listAllNWFilters() == []
    assert c.listAllSecrets() == [] and dom.listAllCheckpoints() == []
    c.close()


def cpus_of(bits):
    return [i for i, bit in enumerate(bits) if bit]


def test_values(d):
    """Numbers and names are those of the host and the VM, and not just plausible ones."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "val").replace("<currentMemory unit='MiB'>128</currentMemory>", ""))
    pins = dom.vcpuPinInfo(0)
    assert [cpus_of(pin) for pin in pins] == [list(range(os.cpu_count()))] * 2, pins
    record, = c.getAllDomainStats()
    assert "net.count" not in record[1]
    for memory in (900 << 10, 256 << 10 | 4):
        assert "higher than max memory" in refused(libvirt.VIR_ERR_INVALID_ARG, dom.setMemory,
                                                   memory)
    assert '"99999999M"' in refused(libvirt.VIR_ERR_INVALID_ARG, dom.setMaxMemory, 99999999 << 10)
    dom.setMemoryFlags(128 << 10, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert "<currentMemory unit='KiB'>131072<" in dom.XMLDesc()
    dom.create()
    refused(libvirt.VIR_ERR_INVALID_ARG, dom.setMemory, 900 << 10)
    dom.setMemory(256 << 10)
    maps = dom.vcpus()[1]
    assert [cpus_of(bits) for bits in maps] == [list(range(os.cpu_count()))] * 2, maps
    total, = dom.getCPUStats(True)
    assert total["cpu_time"] > 0 and list(total) == ["cpu_time"]
    refused(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, dom.getCPUStats, False)
    assert c.getCellsFreeMemory(0, 1)[0] > 1 << 20
    refused(libvirt.VIR_ERR_INVALID_ARG, c.getCellsFreeMemory, 1, 1)
    assert c.getMaxVcpus("kvm") == c.getMaxVcpus(None) == 64
    refused(libvirt.VIR_ERR_INVALID_ARG, c.getMaxVcpus, "xen")
    refused(libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, dom.interfaceAddresses, 3)
    # Pollers ask for each disk of the XML: nothing is counted of a CD drive.
    dom.destroy()
    cdrom = ("<disk type='file' device='cdrom'><source file='%s/val.raw'/><target dev='sda'/>"
             "<readonly/></disk>")
    c.defineXML(xml(d, "cd").replace("<interface", cdrom % d.top + "<interface", 1))
    cd = c.lookupByName("cd")
    cd.create()
    assert cd.blockStats("sda") == (-1, -1, -1, -1, -1) and cd.blockStatsFlags("sda") == {}
    assert cd.diskErrors() == {}
    assert cd.blockInfo("sda")[0] == 1 << 20 and cd.blockStats("vda")[0] == 1
    cd.destroy()
    # A text is the VM's, whether it runs or not.
    dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "new <title>", None, None)
    assert "<title>new &lt;title&gt;</title>" in dom.XMLDesc()
    assert "<title>new &lt;title&gt;</title>" in dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    # Machines that become ours can be asked about, and chosen from the capabilities.
    assert "<machine>baton-q35</machine>" in c.getDomainCapabilities(None, "x86_64", "q35")
    assert "<machine canonical='baton-q35' maxCpus='64'>q35</machine>" in c.getCapabilities()
    refused(libvirt.VIR_ERR_INVALID_ARG, c.getDomainCapabilities, None, None, "virt")
    kernel = xml(d, "k").replace("</os>", "<kernel>/etc/hostname</kernel></os>")
    assert "baton-micro" in refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.defineXML, kernel)
    c.close()


def test_networks(d):
    """A network has the UUID and the size that were asked for; the same again is no change."""
    c = libvirt.open(uri(d))
    uuid = "33333333-3333-4333-8333-333333333333"
    text = ("<network><name>lab</name><uuid>%s</uuid><forward mode='nat'/><ip address="
            "'10.80.0.2' netmask='255.255.0.0'/></network>") % uuid
    net = c.networkDefineXML(text)
    assert net.UUIDString() == uuid
    assert "<ip address='10.80.0.2' netmask='255.255.0.0'>" in net.XMLDesc()
    assert "<range start='10.80.0.15' end='10.80.255.254'/>" in net.XMLDesc()
    assert c.networkDefineXML(text).UUIDString() == uuid
    assert c.networkDefineXML(net.XMLDesc()).UUIDString() == uuid
    for old, new, code in (("255.255.0.0", "255.255.255.0", libvirt.VIR_ERR_OPERATION_UNSUPPORTED),
                           ("10.80.0.2", "10.81.0.2", libvirt.VIR_ERR_OPERATION_UNSUPPORTED),
                           ("-8333-", "-8334-",
                            libvirt.VIR_ERR_OPERATION_FAILED),
                           ("lab", "lab2", libvirt.VIR_ERR_OPERATION_FAILED),
                           (uuid, "33", libvirt.VIR_ERR_XML_ERROR)):
        refused(code, c.networkDefineXML, text.replace(old, new))
    # What net-edit would change and cannot: the router, and where guests begin.
    for old, new in (("address='10.80.0.2'", "address='10.80.0.1'"),
                     ("start='10.80.0.15'", "start='10.80.0.99'"),
                     ("end='10.80.255.254'", "end='10.80.9.254'")):
        assert old in net.XMLDesc()
        refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, c.networkDefineXML,
                net.XMLDesc().replace(old, new))
    for bad in ("255.255.255.255", "255.0.255.0", "0.0.0.0", "255.255.255.248", "x"):
        refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.networkDefineXML,
                text.replace("lab", "lab3").replace("255.255.0.0", bad))
    dom = c.defineXML(xml(d, "netted").replace("network='default'", "network='lab'"))
    dom.create()
    card, = dom.interfaceAddresses(0).values()
    assert card["addrs"][0] == {"addr": "10.80.0.15", "prefix": 16, "type": 0}, card
    dom.destroy()
    dom.undefine()
    net.undefine()
    # What there is instead of what was asked for is told in the log.
    c.networkDefineXML("<network><name>lab</name><forward mode='nat'/><bridge name='virbr7'/>"
                       "<ip address='10.77.0.1' netmask='255.255.255.0'/></network>")
    assert "lab: the router 10.77.0.1 became 10.77.0.2" in d.output()
    assert "lab: <bridge> is not used" in d.output()
    # As Terraform's provider writes them.
    text = ("<network><name>tf</name><forward mode='nat'/><domain name='%s' localOnly='yes'/>"
            "<dns enable='yes'></dns></network>")
    net = c.networkDefineXML(text % "tf.example")
    assert "<domain name='tf.example'/>" in net.XMLDesc()
    assert c.networkDefineXML(net.XMLDesc()).UUIDString() == net.UUIDString()
    with open(d.path("networks", "tf.conf")) as f:
        assert "domain=tf.example" in f.read()
    refused(libvirt.VIR_ERR_INVALID_ARG, c.networkDefineXML,
            text.replace("tf<", "tf2<") % "no domain")
    for dns in ("<dns enable='no'/>", "<dns><host ip='10.0.0.9'/></dns>"):
        refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.networkDefineXML,
                (text % "x").replace("tf<", "tf2<").replace("<dns enable='yes'></dns>", dns))
    c.close()


def test_network_states(d):
    """Ended and started by clients, or by a VM: for them alone, as networks do it themselves."""
    c = libvirt.open(uri(d))
    told = []
    c.networkEventRegisterAny(None, 0, lambda conn, net, event, detail, opaque:
                              told.append((net.name(), event)), None)
    net = c.networkDefineXML("<network><name>lab</name><forward mode='nat'/></network>")
    wait_for(lambda: told, "the definition")
    net.create()
    assert net.isActive()
    net.destroy()
    assert not net.isActive() and c.listDefinedNetworks() == ["lab"]
    assert c.listNetworks() == ["default"] and c.numOfDefinedNetworks() == 1
    assert [n.name() for n in c.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_INACTIVE)] == \
        ["lab"]
    assert len(c.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)) == 1
    assert len(c.listAllNetworks()) == 2
    refused(libvirt.VIR_ERR_OPERATION_INVALID, net.destroy)
    net.create()
    assert net.isActive() and c.listDefinedNetworks() == []
    net.destroy()
    dom = c.defineXML(xml(d, "netted").replace("network='default'", "network='lab'"))
    dom.create()
    assert net.isActive()
    assert "netted" in refused(libvirt.VIR_ERR_OPERATION_INVALID, net.destroy)
    dom.destroy()
    dom.undefine()
    net.destroy()
    text = net.XMLDesc()
    net.undefine()
    wait_for(lambda: ("lab", 1) in told, "the end")
    assert c.networkDefineXML(text).isActive()
    assert told[:7] == [("lab", n) for n in (0, 3, 2, 3, 2, 3, 1)], told
    c.close()


def test_none_such(d):
    """Of what Baton has none, lists are empty and lookups find nothing; the rest is refused."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "none"))
    nil = "00000000-0000-0000-0000-000000000001"
    for code, fn, args in (
            (libvirt.VIR_ERR_NO_NODE_DEVICE, c.nodeDeviceLookupByName, ["pci_0000_00_02_0"]),
            (libvirt.VIR_ERR_NO_INTERFACE, c.interfaceLookupByName, ["eth0"]),
            (libvirt.VIR_ERR_NO_INTERFACE, c.interfaceLookupByMACString, ["52:54:00:00:00:01"]),
            (libvirt.VIR_ERR_NO_NWFILTER, c.nwfilterLookupByName, ["clean-traffic"]),
            (libvirt.VIR_ERR_NO_NWFILTER, c.nwfilterLookupByUUIDString, [nil]),
            (libvirt.VIR_ERR_NO_NWFILTER_BINDING, c.nwfilterBindingLookupByPortDev, ["vnet0"]),
            (libvirt.VIR_ERR_NO_SECRET, c.secretLookupByUUIDString, [nil]),
            (libvirt.VIR_ERR_NO_SECRET, c.secretLookupByUsage, [2, "volume"]),
            (libvirt.VIR_ERR_NO_NETWORK_PORT, c.networkLookupByName("default").portLookupByUUIDString,
             [nil]),
            (libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT, dom.checkpointLookupByName, ["c"]),
            (libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT, dom.snapshotLookupByName, ["s"]),
            (libvirt.VIR_ERR_NO_STORAGE_POOL, c.storagePoolLookupByUUIDString, [nil])):
        said = refused(code, fn, *args)
        assert "not found" in said and args[-1] in said, said
    assert c.listInterfaces() == c.listDefinedInterfaces() == c.listNWFilters() == []
    assert c.numOfNWFilters() == c.numOfInterfaces() == 0
    assert c.networkLookupByName("default").listAllPorts() == []
    assert dom.snapshotListNames() == []
    for name, fn, args in (("virDomainGetSchedulerType", dom.schedulerType, []),
                           ("virNodeSuspendForDuration", c.suspendForDuration, [0, 60]),
                           ("virSecretDefineXML", c.secretDefineXML, ["<secret/>"]),
                           ("virInterfaceDefineXML", c.interfaceDefineXML, ["<interface/>"]),
                           ("virNWFilterDefineXML", c.nwfilterDefineXML, ["<filter/>"]),
                           ("virDomainAddIOThread", dom.addIOThread, [1]),
                           ("virDomainBlockPeek", dom.blockPeek, ["vda", 0, 16])):
        said = refused(libvirt.VIR_ERR_NO_SUPPORT, fn, *args)
        assert said.endswith("connection driver: " + name), said
    c.close()


def test_kept_fits(d):
    """Metadata that could not be read again is refused; what is there stays."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "meta"))
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    dom.setMetadata(kind, "<a>%s</a>" % ("x" * 600000), "k", "urn:1")
    before = dom.XMLDesc()
    refused(libvirt.VIR_ERR_XML_ERROR, dom.setMetadata, kind, "<a>%s</a>" % ("x" * 600000), "k",
            "urn:2")
    refused(libvirt.VIR_ERR_XML_ERROR, dom.setMetadata, kind, "<a>" * 47 + "</a>" * 47, "k",
            "urn:2")
    refused(libvirt.VIR_ERR_XML_ERROR, dom.setMetadata, kind, "<a>" + "<b/>" * 19990 + "</a>",
            "k", "urn:2")
    assert dom.XMLDesc() == before
    c.close()


def test_live(d):
    """
    As virt-install does it: the run keeps what it has begun with, its end at a reset too,
    when it is defined with something else meanwhile.
    """
    c = libvirt.open(uri(d))
    install = xml(d, "live").replace("<pm>", "<on_reboot>destroy</on_reboot><pm>")
    dom = c.createXML(install)
    # virt-install names the UUID in both.
    uuid = "<name>live</name><uuid>%s</uuid>" % dom.UUIDString()
    c.defineXML(xml(d, "live").replace("<name>live</name>", uuid).replace(
        "<pm>", "<on_reboot>restart</on_reboot><pm>"))
    inactive = libvirt.VIR_DOMAIN_XML_INACTIVE
    assert "<on_reboot>destroy" in dom.XMLDesc() and "<on_reboot>restart" in dom.XMLDesc(inactive)
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    dom.setMetadata(kind, "<n/>", "k", "urn:k", libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert "urn:k" in dom.XMLDesc(inactive)
    d.kill()
    d.start()
    c = libvirt.open(uri(d))
    dom = c.lookupByName("live")
    wait_for(lambda: dom.state()[0] == 1, "it is found running")
    assert "<on_reboot>destroy" in dom.XMLDesc()
    dom.reset()
    wait_for(lambda: not dom.isActive(), "its end at a reset")
    assert "<on_reboot>restart" in dom.XMLDesc()
    folder = os.path.join(d.top, "data", "baton", "vms", "live")
    wait_for(lambda: "libvirt-live.xml" not in os.listdir(folder), "only the definition is left")
    dom.create()
    assert "<on_reboot>restart" in dom.XMLDesc()
    dom.reset()
    assert dom.isActive()
    # A restart begins with what it was given meanwhile.
    c.defineXML(dom.XMLDesc(inactive).replace("<on_reboot>restart", "<on_reboot>destroy"))
    assert "<on_reboot>restart" in dom.XMLDesc()
    before = dom.ID()
    dom.reboot()
    wait_for(lambda: c.lookupByName("live").ID() not in (-1, before), "another run")
    wait_for(lambda: "<on_reboot>destroy" in dom.XMLDesc(), "the definition")
    dom.destroy()
    c.close()


def test_autodestroy(d):
    """A client that dies while its VM is still starting."""
    program = ("import libvirt, sys; c = libvirt.open(sys.argv[1]); "
               "c.createXML(sys.argv[2], libvirt.VIR_DOMAIN_START_AUTODESTROY)")
    client = subprocess.Popen([sys.executable, "-c", program, uri(d), xml(d, "slow-2")])
    c = libvirt.open(uri(d))
    wait_for(lambda: c.listAllDomains(), "it starts")
    client.kill()
    client.wait()
    wait_for(lambda: not c.listAllDomains(), "its end")
    c.close()


def test_autodestroy_run(d):
    """The end of a connection ends the run that it began, and no later one."""
    c, other = libvirt.open(uri(d)), libvirt.open(uri(d))
    dom, bound = c.defineXML(xml(d, "web")), c.defineXML(xml(d, "bound"))
    for name in ("web", "bound"):
        other.lookupByName(name).createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)
    dom.destroy()
    dom.create()
    other.close()
    wait_for(lambda: not bound.isActive(), "the end of the VM bound to a connection")
    assert state(dom) == libvirt.VIR_DOMAIN_RUNNING
    c.close()


def test_create_defined(d):
    """XML that a defined VM is started with is that run's, and not its definition."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "web"))
    before = dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    other = before.replace("'>2</vcpu", "'>3</vcpu").replace("kept", "once").replace(
        "<name>", "<title>t</title><name>")
    assert other.count("once") == 1 and "'>3</vcpu" in other, other
    for again in range(2):
        dom = c.createXML(other)
        assert dom.isPersistent() and "'>3</vcpu" in dom.XMLDesc() and "once" in dom.XMLDesc()
        assert dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == before
        if not again:
            d.stop()
            d.start()
            c = libvirt.open(uri(d))
            dom = c.lookupByName("web")
            assert "'>3</vcpu" in dom.XMLDesc() and "once" in dom.XMLDesc()
        dom.destroy()
        assert dom.XMLDesc() == before
    os.unlink(os.path.join(d.top, "web.raw"))
    refused(libvirt.VIR_ERR_OPERATION_FAILED, c.createXML, other)
    assert dom.XMLDesc() == before
    c.close()


def test_transient_reboot(d):
    """A transient VM lives through a reboot, but not through one whose start fails."""
    c = libvirt.open(uri(d))
    dom = c.createXML(xml(d, "once"))
    for reboot in range(2):
        first = c.lookupByName("once").ID()
        dom.reboot()
        wait_for(lambda: c.lookupByName("once").ID() not in (-1, first) and
                 not dom.jobInfo()[0] and state(dom) == 1, "its reboot")
        assert not dom.isPersistent()
    api = d.client()
    api.job("vm-restart", name="once", force=True)
    assert dom.isActive() and not dom.isPersistent()
    os.unlink(os.path.join(d.top, "once.raw"))
    dom.reboot()
    wait_for(lambda: not c.listAllDomains(), "the end of a transient VM")
    assert [item["name"] for item in api.ask("trash-list")["items"]] == ["once"]
    api.close()
    c.close()


def test_threads(d):
    """Eight threads call one connection 300 times each."""
    c = libvirt.open(uri(d))
    dom = c.defineXML(xml(d, "many"))
    dom.create()
    wrong = []

    def work(number):
        try:
            for i in range(300):
                what = (number + i) % 5
                if what == 0:
                    assert dom.state()[0] == 1
                elif what == 1:
                    assert c.lookupByName("many").ID() == dom.ID()
                elif what == 2:
                    assert c.getAllDomainStats()[0][1]["state.state"] == 1
                elif what == 3:
                    assert "many" in dom.XMLDesc()
                else:
                    assert dom.info()[0] == 1
        except Exception as e:
            wrong.append(e)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive()
    assert not wrong, wrong
    c.close()


def test_end(d):
    """The daemon is killed: the close callback says so; the VM lives and is found again."""
    c = libvirt.open(uri(d))
    lost.clear()
    c.setKeepAlive(1, 3)
    c.registerCloseCallback(lambda conn, reason, opaque: lost.append(reason), None)
    dom = c.defineXML(xml(d, "lives"))
    dom.create()
    # Pings are answered while a call waits: this one takes two seconds.
    slow = c.defineXML(xml(d, "slow-1"))
    start = time.monotonic()
    slow.create()
    assert time.monotonic() - start > 1.5 and not lost and dom.isActive()
    slow.destroy()
    d.kill()
    wait_for(lambda: lost, "the close callback")
    assert lost == [libvirt.VIR_CONNECT_CLOSE_REASON_EOF], lost
    d.start()
    c = libvirt.open(uri(d))
    wait_for(lambda: c.lookupByName("lives").state()[0] == 1, "it is found running")
    assert "kept  <x:y/>" in c.lookupByName("lives").XMLDesc()
    c.lookupByName("lives").destroy()
    assert d.stop() == 0
    d.start()


def test_paths(d):
    """The conventional place: as an ordinary user, without any parameter."""
    conventional = os.path.join(d.top, "run", "libvirt", "virtbatond-sock")
    for path in (conventional, os.path.join(d.top, "run", "baton", "libvirt.sock")):
        assert os.stat(path).st_mode & 0o777 == 0o600, path
    assert os.stat(os.path.dirname(conventional)).st_mode & 0o777 == 0o700
    if os.getuid():
        return
    # As an ordinary user the URI needs no parameter.
    other = Daemon(user=54321)
    try:
        other.start()
        result = subprocess.run(["setpriv", "--reuid", "54321", "--regid", "54321",
                                 "--clear-groups", "virsh", "-c", "baton:///session", "list",
                                 "--all"], capture_output=True, env=other.env, timeout=60)
        assert result.returncode == 0 and b"Name" in result.stdout, result
    finally:
        other.clean()
    # Another user is not let in, even where the file system would.
    os.chmod(d.top, 0o755)
    for path in ("run", "run/libvirt", "run/libvirt/virtbatond-sock"):
        os.chmod(os.path.join(d.top, path), 0o777)
    result = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "virsh", "-c",
                             "baton:///session?socket=" + conventional, "list"],
                            capture_output=True, env=dict(d.env, HOME="/nonexistent"), timeout=60)
    assert result.returncode, result


def main(names):
    tests = [value for name, value in names.items() if name.startswith("test_")]
    wanted = sys.argv[1:]
    failed = 0
    run_events()
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        daemon = Daemon()
        start = time.monotonic()
        try:
            daemon.start()
            test(daemon)
            assert daemon.process.poll() is None, "batond ended: " + daemon.output()
            print("ok %s (%.1f s)" % (test.__name__, time.monotonic() - start), flush=True)
        except Exception as e:  # each test tells, then the next
            import traceback
            traceback.print_exc(file=sys.stdout)
            print("not ok %s: %s" % (test.__name__, e))
            print(daemon.output()[-20000:], flush=True)
            failed += 1
        finally:
            daemon.clean()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(globals()))  # the event thread is in the library
