#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: test_libvirt.sh [BIN-FOLDER]
#
# A walk through virsh against the daemon with the stub monitor: what people type, and
# what they see. BIN-FOLDER has batond, baton-net and baton-vm. Exit status 77: no virsh.
set -uo pipefail
bin=${1:-build/test/daemon/bin}
command -v virsh >/dev/null || { echo "skip: no virsh (libvirt-clients)"; exit 77; }

top=$(mktemp -d)
export XDG_RUNTIME_DIR=$top/run XDG_DATA_HOME=$top/data XDG_STATE_HOME=$top/state HOME=$top
export XDG_CONFIG_HOME=$top/config XDG_CACHE_HOME=$top/cache LIBVIRT_AUTOSTART=0
mkdir -m 700 "$XDG_RUNTIME_DIR"
uri="baton:///session?socket=$XDG_RUNTIME_DIR/baton/libvirt.sock"
daemon=
failed=0

clean() {
	for vm in $(virsh -c "$uri" list --name 2>/dev/null); do
		virsh -c "$uri" destroy "$vm" >/dev/null 2>&1
	done
	[ -z "$daemon" ] || { kill "$daemon" && wait "$daemon"; }
	rm -rf "$top"
}
trap clean EXIT

v() {
	timeout 60 virsh -c "$uri" "$@"
}

# until_true COMMAND...: waits for it to come true, 20 s at most.
until_true() {
	local end=$((SECONDS + 20))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# ok WHAT STATUS: counts.
ok() {
	if [ "$2" = 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		failed=$((failed + 1))
	fi
}

# says WHAT PATTERN COMMAND...: exit status 0, and the pattern in what it prints.
says() {
	local what=$1 pattern=$2 out status
	shift 2
	out=$("$@" 2>&1) && grep -qE -- "$pattern" <<<"$out"
	status=$?
	ok "$what" $status
	[ $status = 0 ] || echo "$out" | sed 's/^/    /'
}

# refuses WHAT PATTERN COMMAND...: exit status 1, and why; the daemon lives on.
refuses() {
	local what=$1 pattern=$2 out status
	shift 2
	out=$("$@" 2>&1)
	status=$?
	[ $status = 1 ] && grep -qE -- "$pattern" <<<"$out" && v hostname >/dev/null
	status=$?
	ok "$what" $status
	[ $status = 0 ] || echo "$out" | sed 's/^/    /'
}

mkfifo "$top/ready"
G_MESSAGES_DEBUG=all "$bin/batond" --ready-fd 3 3>"$top/ready" 2>"$top/log" >&2 &
daemon=$!
read -r -n 1 -t 20 <"$top/ready"

truncate -s 1M "$top/disk.raw"
cat >"$top/vm.xml" <<END
<domain type='kvm'>
  <name>web1</name>
  <metadata><n:note xmlns:n="urn:n" >kept  as it is</n:note></metadata>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><driver name='x' type='raw'/>
      <source file='$top/disk.raw'/><target dev='sda' bus='sata'/></disk>
    <interface type='network'><source network='default'/><model type='e1000e'/></interface>
    <graphics type='vnc' port='-1'/>
  </devices>
</domain>
END

says "the empty list" "Id +Name" v list --all
says "version" "Running hypervisor: Baton" v version
says "define" "Domain 'web1' defined" v define "$top/vm.xml"
says "the list" "web1 +shut off" v list --all
v dumpxml web1 >"$top/1.xml"
says "the disk became virtio" "dev='vda' bus='virtio'" cat "$top/1.xml"
says "metadata is kept" "<n:note xmlns:n=\"urn:n\" >kept  as it is</n:note>" cat "$top/1.xml"
says "what was dumped can be defined" defined v define "$top/1.xml"
v dumpxml web1 | cmp -s - "$top/1.xml"
ok "and is the same then" $?
says "passwords only if asked for" "passwd=" v dumpxml --security-info web1
grep -q passwd= "$top/1.xml"
ok "and not otherwise" $((! $?))

v event web1 lifecycle --loop --timeout 60 >"$top/events" 2>&1 &
watcher=$!
until_true grep -q "procedure 316: done" "$top/log"
ok "event is registered" $?
says "start" "started" v start web1
says "domstate" "^running \(booted\)" v domstate --reason web1
says "dominfo" "CPU\(s\): +2" v dominfo web1
says "domid" "^[1-9]" v domid web1
v dumpxml web1 >"$top/2.xml"
v dumpxml web1 | cmp -s - "$top/2.xml"
ok "live XML is the same twice" $?
says "domstats" "vcpu.current=2" v domstats web1
says "domblkstat" "rd_bytes" v domblkstat web1 vda
says "domblklist" "vda +$top/disk.raw" v domblklist web1
says "domiflist" "network +default +virtio" v domiflist web1
says "domifaddr" "ipv4 +10\.0\.2\." v domifaddr web1
says "dommemstat" "actual 262144" v dommemstat web1
says "vncdisplay" "127.0.0.1:[0-9]" v vncdisplay web1
says "screenshot" "Screenshot saved" v screenshot web1 "$top/screen.ppm"
[ "$(head -c 2 "$top/screen.ppm")" = P6 ] && [ "$(stat -c %s "$top/screen.ppm")" = 768015 ]
ok "and it is a picture" $?
says "send-key" "" v send-key web1 KEY_LEFTCTRL KEY_LEFTALT KEY_DELETE
# The console needs a terminal; ^] ends it.
mkfifo "$top/keys"
script -qec "virsh -c '$uri' console web1" /dev/null <"$top/keys" >"$top/console" 2>&1 &
console=$!
exec 4>"$top/keys"
until_true grep -q "web1 login: " "$top/console"
ok "console: what the guest says" $?
refuses "a second console" "Active console session exists" \
	script -qec "virsh -c '$uri' console web1" /dev/null
printf 'root' >&4
until_true grep -q "login: root" "$top/console"
ok "console: what is typed" $?
printf '\035' >&4
wait $console
ok "console: ^] ends it" $?
exec 4>&-
says "suspend" "suspended" v suspend web1
says "it is paused" "^paused" v domstate web1
says "resume" "resumed" v resume web1
says "reset" "reset" v reset web1
refuses "start again" "already active" v start web1
refuses "hot plug" "--config" v attach-disk web1 "$top/disk.raw" vdb --live
refuses "save" "not supported by the connection driver: virDomainSave" v save web1 "$top/saved"
refuses "managed save" "virDomainManagedSave" v managedsave web1
refuses "snapshot" "virDomainSnapshotCreateXML" v snapshot-create web1
refuses "migrate" "not supported|no host|same host|hostname" v migrate --live web1 "$uri"
refuses "block jobs" "not supported" v blockpull web1 vda
refuses "CPUs while it runs" "cannot be changed" v setvcpus web1 1 --live
says "shutdown" "being shutdown" v shutdown web1
is_off() {
	[ "$(v domstate web1)" = "shut off" ]
}
until_true is_off
says "it is off" "^shut off \(shutdown\)" v domstate --reason web1
says "CPUs when it is off" "" v setvcpus web1 1 --config
says "and they are so" "CPU\(s\): +1" v dominfo web1
truncate -s 1M "$top/a.iso" "$top/b.iso" "$top/more.raw"
says "another disk" "attached" v attach-disk web1 "$top/more.raw" vdb --config
says "is there" "vdb +$top/more.raw" v domblklist web1
says "and gone" "detached" v detach-disk web1 vdb --config
says "a CD" "attached" v attach-disk web1 "$top/a.iso" sda --type cdrom --config
says "another one" "updated" v change-media web1 sda "$top/b.iso" --update --config
says "is in the drive" "sda +$top/b.iso" v domblklist web1
says "eject" "ejected" v change-media web1 sda --eject --config
says "an empty drive" "sda +-" v domblklist web1
says "insert" "inserted" v change-media web1 sda "$top/a.iso" --insert --config
says "is in the drive again" "sda +$top/a.iso" v domblklist web1
says "another card" "attached" v attach-interface web1 network default --config
refuses "a card of a kind that we lack" "unsupported configuration" \
	v attach-interface web1 bridge br0 --config
says "start paused" "started" v start web1 --paused
says "destroy" "destroyed" v destroy web1
refuses "destroy again" "domain is not running" v destroy web1
refuses "console of a VM that is off" "not running" v console web1
says "rename" "renamed" v domrename web1 web2
refuses "no such VM" "failed to get domain 'web1'" v start web1
until_true grep -q "Stopped Destroyed" "$top/events"
kill -INT "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
for event in "Started Booted" "Suspended Paused" "Resumed Unpaused" \
	"Shutdown Finished after host request" "Stopped Shutdown" \
	"Stopped Destroyed"; do
	says "event: $event" "web1'?: $event" cat "$top/events"
done

for old in "machine='pc'|machine='arm'" "type='kvm'|type='xen'" "<vcpu>|<cputune/><vcpu>" \
	"<devices>|<devices><tpm model='x'/>" "type='network'|type='bridge'"; do
	sed "s#${old%%|*}#${old##*|}#" "$top/vm.xml" >"$top/bad.xml"
	refuses "refused: ${old##*|}" "unsupported configuration" v define "$top/bad.xml"
done
refuses "no XML" "XML error" v define /etc/hostname
says "networks" "default +active" v net-list --all
says "the network's XML" "10.0.2.2" v net-dumpxml default
refuses "no such network" "Network not found" v net-dumpxml lab
says "the pools" "default +active" v pool-list --all
says "the store of images" "images +active" v pool-list --all
says "a volume" "Vol new.qcow2 created" v vol-create-as default new.qcow2 1G --format qcow2
says "a raw one" "Vol new.img created" v vol-create-as default new.img 1M --allocation 0
says "volumes" "new.qcow2 +$XDG_DATA_HOME/baton/disks/new.qcow2" v vol-list default
says "what it is" "Capacity: +1.00 GiB" v vol-info new.qcow2 default
says "what format it has" "format type='qcow2'" v vol-dumpxml new.qcow2 default
says "it grows" "changed to 2G" v vol-resize new.qcow2 2G default
says "by so much" "changed by 1M" v vol-resize new.img 1M default --delta
refuses "it does not shrink" "smaller" v vol-resize new.qcow2 1G default --shrink
refuses "a name that is taken" "exists already" v vol-create-as default new.img 1M
refuses "a format that we lack" "unsupported configuration" \
	v vol-create-as default x.vmdk 1M --format vmdk
head -c 3000000 /dev/urandom >"$top/up.bin"
refuses "wiping" "not supported by the connection driver: virStorageVolWipe" \
	v vol-wipe new.img default
says "upload" "" v vol-upload new.img "$top/up.bin" default
says "download" "" v vol-download new.img "$top/down.bin" default
cmp -s -n 3000000 "$top/up.bin" "$top/down.bin"
ok "and it is the same" $?
says "delete" "Vol new.img deleted" v vol-delete new.img default
refuses "delete again" "failed to get vol" v vol-delete new.img default
refuses "into the store of images" "Operation not supported" v vol-create-as images x 1M
says "a folder as a pool" "Pool more defined" v pool-define-as more dir --target "$top/more"
refuses "that is not there" "cannot open directory" v pool-start more
says "is made" "Pool more built" v pool-build more
says "and started" "Pool more started" v pool-start more
says "attach a volume" "attached" v attach-disk web2 \
	"$XDG_DATA_HOME/baton/disks/new.qcow2" vdb --config
says "and it is qcow2" "name='baton' type='qcow2'" v dumpxml web2
refuses "a command of QEMU's" "not supported by the connection driver: it is for QEMU" \
	v qemu-monitor-command web2 info
refuses "no such pool" "Storage pool not found" v pool-info other
says "undefine" "undefined" v undefine web2
refuses "a read-only connection" "read.only" virsh -r -c "$uri" define "$top/vm.xml"
says "read-only lists" "Id" virsh -r -c "$uri" list --all
if [ "$(id -u)" != 0 ]; then
	says "without any parameter" "Id" virsh -c baton:///session list --all
fi

kill "$daemon" && wait "$daemon"
ok "the daemon ends well" $?
daemon=
grep -E "ERROR: AddressSanitizer|runtime error|CRITICAL|WARNING" "$top/log"
ok "and has nothing to complain of" $((! $?))
exit $((failed > 0))
