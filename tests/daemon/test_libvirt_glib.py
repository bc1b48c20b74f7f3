# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt-glib, through introspection, against the daemon with the stub monitor: what the
desktop app and others that use it do. Exit status 77: it is not installed."""
import os
import socket
import sys

try:
    import gi
    gi.require_version("LibvirtGLib", "1.0")
    gi.require_version("LibvirtGConfig", "1.0")
    gi.require_version("LibvirtGObject", "1.0")
    from gi.repository import GLib, LibvirtGLib, LibvirtGConfig, LibvirtGObject
except (ImportError, ValueError) as e:
    print("skip: no libvirt-glib (gir1.2-libvirt-glib-1.0): %s" % e)
    sys.exit(77)

from harness import Daemon

XML = """<domain type='kvm'><name>glib1</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
<os><type>hvm</type></os><devices><disk type='file'><driver name='baton' type='raw'/>
<source file='%s'/></disk></devices></domain>"""
RUNNING, SHUTOFF = LibvirtGObject.DomainState.RUNNING, LibvirtGObject.DomainState.SHUTOFF

loop = GLib.MainLoop()
context = loop.get_context()


def until(condition, what):
    """Runs the main loop until it is so."""
    late = []
    timer = GLib.timeout_add(20000, lambda: late.append(True) or False)
    while not condition():
        context.iteration(True)
        assert not late, "it did not happen: " + what
    GLib.source_remove(timer)


def open_connection(uri):
    connection = LibvirtGObject.Connection.new(uri)
    opened = []
    connection.open_async(None, lambda c, result: opened.append(c.open_finish(result)))
    until(lambda: opened, "open")
    assert connection.is_open() and connection.get_hypervisor_name() == "Baton"
    return connection


def test_life(d, connection):
    added, removed, seen = [], [], []
    connection.connect("domain-added", lambda c, dom: added.append(dom.get_name()))
    connection.connect("domain-removed", lambda c, dom: removed.append(dom.get_name()))
    connection.fetch_domains(None)
    assert connection.get_domains() == []
    disk = os.path.join(d.top, "glib1.raw")
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    dom = connection.create_domain(LibvirtGConfig.Domain.new_from_xml(XML % disk))
    until(lambda: "glib1" in added, "domain-added")
    for name in ("started", "stopped", "suspended", "resumed"):
        dom.connect(name, lambda *args, name=name: seen.append(name))
    assert dom.get_info().state == SHUTOFF and dom.get_persistent()
    assert dom.get_config(0).get_name() == "glib1"
    dom.start(0)
    assert dom.get_info().state == RUNNING
    dom.suspend()
    dom.resume()
    until(lambda: seen == ["started", "suspended", "resumed"], "signals: %s" % seen)
    assert dom.screenshot(connection.get_stream(0), 0, 0) == "image/x-portable-pixmap"
    console = connection.get_stream(0)
    dom.open_console(console, None, 0)
    console.close(None)
    with socket.socket(fileno=dom.open_graphics_fd(0, 1)) as s:
        s.settimeout(20)
        assert s.recv(12) == b"RFB 003.008\n"
    dom.fetch_snapshots(0, None)
    assert dom.get_snapshots() == []
    dom.shutdown(0)
    until(lambda: seen[-1] == "stopped", "stopped")
    dom.start(0)
    dom.stop(0)
    dom.delete(0)
    until(lambda: "glib1" in removed, "domain-removed")
    assert connection.get_domains() == [], removed


def test_rest(d, connection):
    connection.fetch_storage_pools(None)
    connection.fetch_networks(None)
    connection.fetch_interfaces(None)
    assert sorted(pool.get_name() for pool in connection.get_storage_pools()) == [
        "default", "images"]
    assert [net.get_name() for net in connection.get_networks()] == ["default"]
    assert connection.get_interfaces() == []
    assert connection.get_node_info().cpus == os.cpu_count()
    guest, = connection.get_capabilities().get_guests()
    assert guest.get_arch().get_name() == "x86_64"


def main():
    LibvirtGLib.event_register()
    d = Daemon()
    try:
        d.start()
        uri = "baton:///session?socket=" + os.path.join(d.top, "run", "baton", "libvirt.sock")
        connection = open_connection(uri)
        for test in (test_life, test_rest):
            test(d, connection)
            print("ok %s" % test.__name__, flush=True)
        connection.close()
        assert d.stop() == 0
    except Exception:
        import traceback
        traceback.print_exc(file=sys.stdout)
        print("not ok\n" + d.output(), flush=True)
        return 1
    finally:
        d.clean()
    return 0


if __name__ == "__main__":
    os._exit(main())
