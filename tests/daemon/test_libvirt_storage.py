# SPDX-License-Identifier: GPL-2.0-or-later
"""Pools and volumes by libvirt's own client library, as test_libvirt.py does the rest."""
import fcntl
import os
import struct
import subprocess
import sys
import threading

from test_libvirt import Raw, libvirt, main, refused, text, uri, xml

from harness import Daemon, wait_for

F_OFD_SETLK = 37
happened = []      # (pool, what)

VOLUME = """<volume><name>%s</name><capacity unit='%s'>%d</capacity>%s
<target><format type='%s'/></target></volume>"""


def volume(name, size, form="raw", unit="KiB", more="<allocation>0</allocation>"):
    return VOLUME % (name, unit, size, more, form)


def hold(path):
    """The file as a VM has it: with the lock of its image."""
    file = open(path, "r+b")
    fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    return file


def is_free(path):
    try:
        hold(path).close()
        return True
    except BlockingIOError:
        return False


def send(c, vol, data, length=0, offset=0):
    stream = c.newStream()
    vol.upload(stream, offset, length)
    for at in range(0, len(data), 200000):
        stream.send(data[at:at + 200000])
    stream.finish()


def fetch(c, vol, offset=0, length=0):
    stream = c.newStream()
    vol.download(stream, offset, length)
    pieces = []
    while True:
        pieces.append(stream.recv(262144))
        if not pieces[-1]:
            break
    stream.finish()
    return b"".join(pieces)


def test_pools(d):
    """Folders that clients define so as to name disks in them; the store stays as it is."""
    c = libvirt.open(uri(d))
    for name in ("default", "images"):
        pool = c.storagePoolLookupByName(name)
        assert pool.isActive() and pool.autostart() and pool.listAllVolumes() == []
        refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, pool.destroy)
    folder = os.path.join(d.top, "disks")
    os.mkdir(folder)
    with open(os.path.join(folder, "a.raw"), "wb") as f:
        f.truncate(3 << 20)
    os.symlink("/etc/passwd", os.path.join(folder, "link"))
    pool_xml = "<pool type='%s'><name>disks</name><target><path>%s</path></target></pool>"
    refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, c.storagePoolDefineXML,
            pool_xml % ("logical", folder))
    refused(libvirt.VIR_ERR_OPERATION_FAILED, c.storagePoolDefineXML,
            pool_xml % ("dir", "/etc/hostname"))
    pool = c.storagePoolDefineXML(pool_xml % ("dir", folder))
    assert not pool.isActive() and c.listDefinedStoragePools() == ["disks"]
    refused(libvirt.VIR_ERR_OPERATION_INVALID, pool.listAllVolumes)
    pool.create()
    pool.setAutostart(True)
    assert [vol.name() for vol in pool.listAllVolumes()] == ["a.raw"]
    vol = c.storageVolLookupByPath(os.path.join(folder, "a.raw"))
    assert vol.info()[1] == 3 << 20 and vol.storagePoolLookupByVolume().name() == "disks"
    assert c.storagePoolLookupByTargetPath(folder).UUID() == pool.UUID()
    refused(libvirt.VIR_ERR_INVALID_ARG, c.storagePoolDefineXML, pool_xml.replace(
        "<name>", "<uuid>11111111-1111-1111-1111-111111111111</uuid><name>") % ("dir", folder))
    dom = c.defineXML(xml(d, "vol").replace("type='file'", "type='volume'").replace(
        "file='%s/vol.raw'" % d.top, "pool='disks' volume='a.raw'"))
    assert os.path.join(folder, "a.raw") in dom.XMLDesc()
    d.kill()
    d.start()
    c = libvirt.open(uri(d))
    pool = c.storagePoolLookupByName("disks")
    assert pool.isActive() and pool.autostart()
    refused(libvirt.VIR_ERR_OPERATION_INVALID, pool.undefine)
    pool.destroy()
    pool.undefine()
    assert [p.name() for p in c.listAllStoragePools()] == ["default", "images"]
    # Defined before its folder is there; with a UUID of the client's.
    uuid = "22222222-2222-2222-2222-222222222222"
    pool = c.storagePoolDefineXML(("<pool type='dir'><uuid>%s</uuid><name>new</name><target>"
                                   "<path>%s/new/er</path></target></pool>") % (uuid, d.top))
    assert pool.UUIDString() == uuid
    refused(libvirt.VIR_ERR_SYSTEM_ERROR, pool.create)
    pool.build()
    pool.create()
    refused(libvirt.VIR_ERR_OPERATION_INVALID, pool.build)
    d.kill()
    d.start()
    c = libvirt.open(uri(d))
    assert c.storagePoolLookupByUUIDString(uuid).name() == "new"
    c.close()


def test_pool_delete(d):
    """An empty folder goes, of a pool that is defined and not active."""
    c = libvirt.open(uri(d))
    path = os.path.join(d.top, "pool")
    pool = c.storagePoolDefineXML("<pool type='dir'><name>p</name><target><path>%s</path>"
                                  "</target></pool>" % path)
    pool.build()
    pool.create()
    vol = pool.createXML(volume("a.img", 4))
    refused(libvirt.VIR_ERR_OPERATION_INVALID, pool.delete)
    pool.destroy()
    refused(libvirt.VIR_ERR_SYSTEM_ERROR, pool.delete)
    assert os.listdir(path) == ["a.img"]
    refused(libvirt.VIR_ERR_INVALID_ARG, pool.delete, 1)
    pool.create()
    vol.delete()
    pool.destroy()
    pool.delete()
    assert not os.path.exists(path)
    pool.undefine()
    for name in ("default", "images"):
        refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, c.storagePoolLookupByName(name).delete)
    c.close()


def test_gone(d):
    """A client's volume that has gone since: each call says so."""
    c = libvirt.open(uri(d))
    vol = c.storagePoolLookupByName("default").createXML(volume("gone.img", 64))
    os.unlink(vol.path())
    for fn, args in ((vol.info, []), (vol.XMLDesc, []), (vol.delete, []), (vol.resize, [1 << 20]),
                     (vol.upload, [c.newStream(), 0, 0]), (vol.download, [c.newStream(), 0, 0])):
        refused(libvirt.VIR_ERR_NO_STORAGE_VOL, fn, *args)
    c.close()


def test_pools_file(d):
    """A list of pools that cannot be used holds nobody up, and is not written over."""
    path = d.path("libvirt-pools.conf")
    folder = os.path.join(d.top, "p")
    pool_xml = "<pool type='dir'><name>p</name><target><path>%s</path></target></pool>" % folder
    d.kill()
    os.mkfifo(path)
    d.start()
    c = libvirt.open(uri(d))
    assert [p.name() for p in c.listAllStoragePools()] == ["default", "images"]
    assert path in refused(libvirt.VIR_ERR_INVALID_ARG, c.storagePoolDefineXML, pool_xml)
    d.kill()
    os.unlink(path)
    with open(path, "w", encoding="ascii") as f:
        f.write("[p\npath=/x\n")
    d.start()
    c = libvirt.open(uri(d))
    refused(libvirt.VIR_ERR_INVALID_ARG, c.storagePoolDefineXML, pool_xml)
    with open(path, encoding="ascii") as f:
        assert f.read() == "[p\npath=/x\n"
    d.kill()
    with open(path, "wb") as f:
        f.truncate(1 << 34)
    d.start()
    assert libvirt.open(uri(d)).listAllDomains() == []
    d.kill()
    os.unlink(path)
    d.start()
    c = libvirt.open(uri(d))
    c.storagePoolDefineXML(pool_xml).undefine()
    assert "folder" in refused(libvirt.VIR_ERR_OPERATION_FAILED, c.storagePoolDefineXML,
                               pool_xml.replace(folder, "/etc/hostname"))
    c.close()


def test_volumes(d):
    """Made, larger, gone; and what cannot be."""
    c = libvirt.open(uri(d))
    pool = c.storagePoolLookupByName("default")
    folder = os.path.join(d.top, "data", "baton", "disks")
    assert "<path>%s</path>" % folder in pool.XMLDesc()
    raw = pool.createXML(volume("a.img", 1000))
    assert raw.info() == [0, 1024000, 0] and os.path.getsize(raw.path()) == 1024000
    assert raw.infoFlags(libvirt.VIR_STORAGE_VOL_GET_PHYSICAL) == [0, 1024000, 1024000]
    assert raw.path() == raw.key() == os.path.join(folder, "a.img")
    assert "<format type='raw'/>" in raw.XMLDesc()
    full = pool.createXML(volume("full.img", 256, more=""))
    assert full.info()[2] == 256 << 10, full.info()
    qcow2 = pool.createXML(volume("b.qcow2", 3, "qcow2", "GiB"),
                           libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA)
    with open(qcow2.path(), "rb") as file:
        assert file.read(4) == b"QFI\xfb"
    assert qcow2.info()[1] == 3 << 30 and "<format type='qcow2'/>" in qcow2.XMLDesc()
    more = "<backingStore><path>%s</path><format type='%s'/></backingStore>"
    top = pool.createXML("<volume><name>top.qcow2</name>%s<target><format type='qcow2'/>"
                         "</target></volume>" % more % (qcow2.path(), "qcow2"))
    assert top.info()[1] == 3 << 30 and "<path>%s</path>\n    <format type='qcow2'/>" % (
        qcow2.path()) in top.XMLDesc()
    assert [vol.name() for vol in pool.listAllVolumes()] == [
        "a.img", "b.qcow2", "full.img", "top.qcow2"]
    refused(libvirt.VIR_ERR_STORAGE_VOL_EXIST, pool.createXML, volume("a.img", 1000))
    for name in ("", "../x", ".x", "a/b", "x" * 300, "a&#10;b"):
        refused(libvirt.VIR_ERR_INVALID_ARG, pool.createXML, volume(name, 1000))
    for bad in (volume("x", 1, "vmdk"), volume("x", 1, more="<encryption format='luks'/>"),
                volume("x", 1, more=more % (qcow2.path(), "qcow2")),
                volume("x", 1, "qcow2", more=more % (qcow2.path(), "vmdk")),
                volume("x", 1, "qcow2", more="<backingStore><path>/x</path></backingStore>")):
        refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, pool.createXML, bad)
    for bad in ("", "<volume/>", "<pool><name>x</name></pool>", volume("x", -1),
                "<volume><name>x</name></volume>", volume("x", 1, unit="furlong"),
                volume("x", 1, "qcow2", more=more % ("relative", "raw"))):
        refused(libvirt.VIR_ERR_XML_ERROR, pool.createXML, bad)
    refused(libvirt.VIR_ERR_INVALID_ARG, pool.createXML, volume("x", 0))
    assert len(pool.listAllVolumes()) == 4
    refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
            c.storagePoolLookupByName("images").createXML, volume("x", 1))
    raw.resize(2 << 20)
    raw.resize(100, libvirt.VIR_STORAGE_VOL_RESIZE_DELTA)
    assert raw.info()[1] == (2 << 20) + 512
    raw.resize(3 << 20, libvirt.VIR_STORAGE_VOL_RESIZE_ALLOCATE)
    assert raw.info()[1:] == [3 << 20, 3 << 20], raw.info()
    qcow2.resize(4 << 30)
    assert qcow2.info()[1] == 4 << 30
    refused(libvirt.VIR_ERR_INVALID_ARG, raw.resize, 1 << 20)
    refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, raw.resize, 1 << 20,
            libvirt.VIR_STORAGE_VOL_RESIZE_SHRINK)
    for size, flags in (((1 << 63) - 1, 0), ((1 << 63) - 600, libvirt.VIR_STORAGE_VOL_RESIZE_DELTA)):
        refused(libvirt.VIR_ERR_INVALID_ARG, raw.resize, size, flags)
    refused(libvirt.VIR_ERR_NO_SUPPORT, raw.wipe)
    refused(libvirt.VIR_ERR_NO_SUPPORT, raw.wipePattern, libvirt.VIR_STORAGE_VOL_WIPE_ALG_ZERO)
    refused(libvirt.VIR_ERR_INVALID_ARG, raw.delete, libvirt.VIR_STORAGE_VOL_DELETE_ZEROED)
    # As a VM has it: seen, and not touched.
    with hold(qcow2.path()):
        assert qcow2.info()[1] == 4 << 30 and "'qcow2'" in qcow2.XMLDesc()
        assert "in use" in refused(libvirt.VIR_ERR_OPERATION_INVALID, qcow2.delete)
        refused(libvirt.VIR_ERR_OPERATION_INVALID, qcow2.resize, 5 << 30)
        refused(libvirt.VIR_ERR_OPERATION_INVALID, qcow2.upload, c.newStream(), 0, 0)
        refused(libvirt.VIR_ERR_OPERATION_INVALID, qcow2.download, c.newStream(), 0, 0)
    readonly = libvirt.openReadOnly(uri(d))
    assert readonly.storageVolLookupByPath(raw.path()).info()[1] == 3 << 20
    readonly.close()
    os.chmod(full.path(), 0o400)
    for vol in (raw, qcow2, top, full):
        vol.delete()
    refused(libvirt.VIR_ERR_NO_STORAGE_VOL, raw.delete)
    assert pool.listAllVolumes() == [] and os.listdir(folder) == []
    c.close()


def test_copies(d):
    c = libvirt.open(uri(d))
    pool = c.storagePoolLookupByName("default")
    vol = pool.createXML(volume("a.img", 9 << 10))
    send(c, vol, b"abc" * 1000, offset=5 << 20)
    copy = pool.createXMLFrom(vol.XMLDesc().replace("a.img", "b.img"), vol)
    assert copy.path() == vol.path().replace("a.img", "b.img")
    assert fetch(c, copy) == fetch(c, vol) and copy.info()[2] < 1 << 20, copy.info()
    larger = pool.createXMLFrom(volume("c.img", 10 << 10), vol)
    assert larger.info()[1] == 10 << 20 and fetch(c, larger, 0, 9 << 20) == fetch(c, vol)
    refused(libvirt.VIR_ERR_STORAGE_VOL_EXIST, pool.createXMLFrom, volume("b.img", 1), vol)
    refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, pool.createXMLFrom, volume("d", 1, "qcow2"), vol)
    with hold(vol.path()):
        refused(libvirt.VIR_ERR_OPERATION_INVALID, pool.createXMLFrom, volume("d", 1), vol)
    base = pool.createXML(volume("base.qcow2", 1, "qcow2", "GiB"))
    more = "<backingStore><path>%s</path><format type='qcow2'/></backingStore>"
    top = pool.createXML("<volume><name>top.qcow2</name>%s<target><format type='qcow2'/>"
                         "</target></volume>" % more % base.path())
    # What is said of a volume can be said of its copy.
    twin = pool.createXMLFrom(top.XMLDesc().replace("top.qcow2", "twin.qcow2"), top)
    assert base.path() in twin.XMLDesc() and twin.info()[1] == 1 << 30
    folder = os.path.dirname(vol.path())
    assert all(not name.startswith(".") for name in os.listdir(folder))
    # What a crash leaves of a copy is gone with the next daemon.
    with open(os.path.join(folder, ".copy-abcdef"), "w"):
        pass
    d.kill()
    d.start()
    assert all(not name.startswith(".") for name in os.listdir(folder))


def test_readonly_volumes(d):
    """The library keeps to it; the daemon has to by itself, too."""
    c = libvirt.open(uri(d))
    vol = c.storagePoolLookupByName("default").createXML(volume("a.img", 4))
    raw = Raw(d)
    raw.call(1, struct.pack(">I", 1) + text("baton:///session") + struct.pack(">I", 1))
    name = text("default") + text("a.img") + text(vol.key())
    status, payload = raw.call(125, text("default") + bytes(16) + text("<volume/>") + name +
                               bytes(4))
    assert status == 1 and struct.unpack(">i", payload[:4])[0] == 29, payload
    for number, rest in ((94, ">I"), (208, ">QQI"), (209, ">QQI"), (260, ">QI")):
        size = struct.calcsize(rest)
        status, payload = raw.call(number, name + b"\0" * size)
        assert status == 1 and struct.unpack(">i", payload[:4])[0] == 29, (number, payload)
    assert vol.info()[1] == 4096
    c.close()


def test_read_only_file(d):
    """One that may not be written goes, unless a VM reads it."""
    if os.geteuid() != 0:
        print("    (needs root, for a user whom modes of files stop: not run)")
        return
    other = Daemon(user=65534)
    try:
        other.start()
        path = other.path("disks", "ro.img")
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        os.chmod(path, 0o444)
        c = libvirt.open(uri(other))
        vol = c.storagePoolLookupByName("default").storageVolLookupByName("ro.img")
        with open(path, "rb") as file:
            for byte in (100, 201, 203):
                fcntl.fcntl(file, F_OFD_SETLK,
                            struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, byte, 1, 0))
            refused(libvirt.VIR_ERR_OPERATION_INVALID, vol.delete)
            assert os.path.exists(path)
        vol.delete()
        assert not os.path.exists(path)
        c.close()
    finally:
        other.clean()


def test_hostile_headers(d):
    """What a volume's file says of itself is not believed."""
    c = libvirt.open(uri(d))
    pool = c.storagePoolLookupByName("default")
    folder = os.path.join(d.top, "data", "baton", "disks")
    head = b"QFI\xfb" + struct.pack(">IQII", 3, 0x7fffffffffffffff, 1023, 16) + b"\xff" * 8
    for number, data in enumerate([b"", b"QFI", head, head[:31], head[:8] + struct.pack(
            ">QI", 32, 5) + head[20:] + b"a\0b/c", head[:8] + struct.pack(">QI", 32, 5) +
            head[20:] + b"\xff" * 5, b"QFI\xfb" + struct.pack(">I", 9) + head[8:]]):
        with open(os.path.join(folder, "v%d" % number), "wb") as file:
            file.write(data)
    os.symlink("/etc/passwd", os.path.join(folder, "link"))
    os.mkfifo(os.path.join(folder, "fifo"))
    vols = pool.listAllVolumes()
    assert [vol.name() for vol in vols] == ["v%d" % number for number in range(7)]
    for vol in vols:
        assert "backingStore" not in vol.XMLDesc() and vol.info()[0] == 0
    refused(libvirt.VIR_ERR_NO_STORAGE_VOL, pool.storageVolLookupByName, "link")
    c.close()


def test_streams(d):
    c = libvirt.open(uri(d))
    pool = c.storagePoolLookupByName("default")
    vol = pool.createXML(volume("data.img", 9 << 10))
    data = os.urandom(1 << 20) * 9
    send(c, vol, data)
    assert fetch(c, vol) == data
    assert fetch(c, vol, 1000, 5000) == data[1000:6000]
    assert fetch(c, vol, len(data)) == b"" and fetch(c, vol, len(data) - 7) == data[-7:]
    refused(libvirt.VIR_ERR_INVALID_ARG, vol.download, c.newStream(), len(data) + 1, 0)
    refused(libvirt.VIR_ERR_INVALID_ARG, vol.upload, c.newStream(), len(data) + 1, 0)
    refused(libvirt.VIR_ERR_INVALID_ARG, vol.download, c.newStream(), 0, 0,
            libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
    send(c, vol, b"x" * 10, 10, 100)
    assert fetch(c, vol, 99, 12) == data[99:100] + b"x" * 10 + data[110:111]
    # More than was said: it ends with an error, and not with the rest of the data.
    stream = c.newStream()
    vol.upload(stream, 0, 10)
    stream.send(b"y" * 10)
    stream.send(b"z")
    refused(libvirt.VIR_ERR_OPERATION_FAILED, stream.finish)
    assert fetch(c, vol, 0, 11) == b"y" * 10 + data[10:11]
    # Its lock is held meanwhile, and let go of with the stream, and with the client.
    stream = c.newStream()
    vol.upload(stream, 0, 0)
    refused(libvirt.VIR_ERR_OPERATION_INVALID, vol.delete)
    stream.abort()
    other = libvirt.open(uri(d))
    stream = other.newStream()
    other.storageVolLookupByPath(vol.path()).upload(stream, 0, 0)
    stream.send(b"abc")
    refused(libvirt.VIR_ERR_OPERATION_INVALID, vol.delete)
    other.close()
    del stream, other
    wait_for(lambda: is_free(vol.path()), "the lock")
    # Two at once, and calls between them.
    wrong = []

    def read():
        try:
            assert fetch(c, vol)[10:] == fetch(c, vol, 10)
        except Exception as e:
            wrong.append(e)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        assert vol.info()[1] == len(data)
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong
    # An unfinished download that nobody reads does not keep others waiting.
    stream = c.newStream()
    vol.download(stream, 0, 0)
    assert libvirt.open(uri(d)).getType() == "Baton"
    stream.abort()
    vol.delete()
    c.close()


def test_sizes_of_running(d):
    """A disk that a VM has the lock of has its size all the same."""
    c = libvirt.open(uri(d))
    vol = c.storagePoolLookupByName("default").createXML(volume("a.qcow2", 1 << 20, "qcow2"))
    raw = os.path.join(d.top, "sizes.raw")
    text = xml(d, "sizes")
    disk = text[text.index("<disk"):text.index("</disk>") + 7]
    text = text.replace(disk, disk + disk.replace("'raw'", "'qcow2'").replace(
        raw, vol.path()).replace("vda", "vdb"))
    dom = c.defineXML(text)
    with open(raw, "r+b") as file, open(vol.path(), "rb") as other:
        file.write(other.read(4096))
    dom.create()
    with hold(raw), hold(vol.path()):
        assert dom.blockInfo("vda")[0] == 1 << 20, dom.blockInfo("vda")
        assert dom.blockInfo("vdb")[0] == 1 << 30, dom.blockInfo("vdb")
        stats, = c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BLOCK)
        assert stats[1]["block.1.capacity"] == 1 << 30, stats
    dom.destroy()
    c.close()


def test_unfinished(d):
    """A download that has been read to its end, but not finished, holds no lock."""
    c = libvirt.open(uri(d))
    vol = c.storagePoolLookupByName("default").createXML(volume("a.img", 64))
    stream = c.newStream()
    vol.download(stream, 0, 0)
    while stream.recv(262144):
        pass
    assert is_free(vol.path())
    stream.finish()
    c.close()


def test_readers_die(d):
    """Clients that go in the middle of a download leave nothing, and cost nothing."""
    c = libvirt.open(uri(d))
    vol = c.storagePoolLookupByName("default").createXML(volume("big.img", 8192))
    fds = lambda: len(os.listdir("/proc/%d/fd" % d.process.pid))
    before = fds()
    for _ in range(8):
        raw = Raw(d)
        raw.call(66)
        raw.call(1, struct.pack(">I", 1) + text("baton:///session") + struct.pack(">I", 0))
        raw.send(209, text("default") + text("big.img") + text(vol.path()) +
                 struct.pack(">QQI", 0, 0, 0))
        raw.socket.recv(28)
        raw.socket.close()
    wait_for(lambda: fds() == before, "their end", 5)
    c.close()


def test_pool_events(d):
    c = libvirt.open(uri(d))
    c.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE,
                                  lambda conn, pool, event, detail, opaque:
                                  happened.append((pool.name(), event)), None)
    c.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH,
                                  lambda conn, pool, opaque:
                                  happened.append((pool.name(), "refresh")), None)
    pool = c.storagePoolDefineXML("<pool type='dir'><name>p</name><target><path>%s</path>"
                                  "</target></pool>" % d.top)
    pool.create()
    pool.refresh()
    pool.destroy()
    pool.undefine()
    wait_for(lambda: len(happened) == 5, "events: %s" % happened)
    assert happened == [("p", 0), ("p", 2), ("p", "refresh"), ("p", 3), ("p", 1)], happened
    vol = c.storagePoolLookupByName("default").createXML(volume("v", 4))
    send(c, vol, b"abc")
    vol.delete()
    wait_for(lambda: happened[5:] == [("default", "refresh")] * 3, "events of volumes")
    c.close()


def test_virt_install(d):
    """With a new disk, as people type it; the stub's VM is as good as installed at once."""
    program = ["virt-install", "--connect", uri(d), "--memory", "256", "--osinfo", "linux2022",
               "--import", "--noautoconsole", "--network", "network=default"]
    try:
        subprocess.run(["virt-install", "--version"], capture_output=True, check=True)
    except FileNotFoundError:
        print("skip: no virt-install (package virtinst)")
        return
    c = libvirt.open(uri(d))
    pool = c.storagePoolLookupByName("default")
    for name, disk, form in (("one", "size=1", "raw"), ("two", "size=1,format=qcow2", "qcow2"),
                             ("three", "size=1,bus=virtio,pool=default", "raw")):
        done = subprocess.run([*program, "--name", name, "--disk", disk], env=d.env, timeout=120,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done
        dom = c.lookupByName(name)
        assert dom.isActive() and dom.isPersistent()
        vol, = [vol for vol in pool.listAllVolumes() if vol.name().startswith(name + ".")]
        live = dom.XMLDesc()
        assert vol.info()[1] == 1 << 30 and "<source file='%s'/>" % vol.path() in live, live
        assert "<driver name='baton' type='%s'/>" % form in live, live
        assert "<format type='%s'/>" % form in vol.XMLDesc()
    iso = os.path.join(d.top, "cd.iso")
    with open(iso, "wb") as file:
        file.truncate(1 << 20)
    program.remove("--import")
    done = subprocess.run([*program, "--name", "four", "--disk", "size=1", "--cdrom", iso,
                           "--wait", "0"], env=d.env, timeout=120, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    dom = c.lookupByName("four")
    assert iso in dom.XMLDesc() and "<on_reboot>destroy" in dom.XMLDesc()
    assert "<on_reboot>destroy" not in dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    for dom in c.listAllDomains():
        dom.destroy()
    done = subprocess.run(["virt-clone", "--connect", uri(d), "--original", "two",
                           "--auto-clone"], env=d.env, timeout=120, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    clone = c.lookupByName("two-clone").XMLDesc()
    vol, = [vol for vol in pool.listAllVolumes() if vol.name().startswith("two-clone.")]
    assert "<source file='%s'/>" % vol.path() in clone and "type='qcow2'" in clone, clone
    c.close()


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(globals()))
