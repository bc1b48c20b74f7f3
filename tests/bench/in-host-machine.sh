# SPDX-License-Identifier: GPL-2.0-or-later
# usage: sh in-host-machine.sh [start|memory|disk|tcp|idle]...
# Runs in the emulated host: whole machines, QEMU's with KVM and then Baton's, in the same
# boot, from the same files, with the same guests. In the tables QEMU is the engine "kvm".

grub=automatically # "The highlighted entry will be executed automatically in 2s."
init='baton-guest: init'
arguments='console=ttyS0 quiet panic=-1 cryptomgr.notests'
load="-kernel /share/kernel -initrd /share/initrd-load"
export XDG_RUNTIME_DIR=/tmp/run

# qemu MiB MACHINE OPTION...: what QEMU's options are in each row.
qemu() {
	local memory=$1 machine=$2
	shift 2
	echo qemu-system-x86_64 -L /usr/share/qemu -L /usr/share/seabios -nodefaults -no-user-config -no-reboot \
		-enable-kvm -cpu host \
		-object memory-backend-memfd,id=ram,size="$memory"M -m "$memory" \
		-machine "$machine",memory-backend=ram -serial stdio "$@"
}

# attempt ENGINE ROWS OPTION...: of baton-bench, which has a limit on time for each step. Now
# and then a guest hangs for good (see README.md); the next of four tries then counts, and
# the table tells how many it took.
attempt() {
	local engine=$1 rows=$2 row tries
	shift 2
	for tries in 1 2 3 4; do
		if baton-bench --engine "$engine" "$@" >/tmp/rows; then
			[ $tries = 1 ] || sed -i "/^#/!s/\$/try $tries: in those before, the guest hung or failed/" /tmp/rows
			cat /tmp/rows
			return
		fi
		# The plugin has counted these, too.
		sed -n 's/^# marked/# dropped/p' /tmp/rows
		sleep 2
	done
	for row in $rows; do
		printf '%s\t%s\t-\tthe guest hung or failed four times\n' "$engine" "$row"
	done
}

# both GROUP...: of rows, under QEMU and under Baton.
both() {
	for group; do
		for engine in ${BENCH_ENGINES:-kvm baton}; do
			"${engine}_$group"
		done
	done
}

# One disk for both: an overlay of Debian's, new for each.
overlay() {
	rm -f /tmp/pc.qcow2
	vmctl disk create /tmp/pc.qcow2 --backing /share/debian.qcow2,qcow2 >/dev/null
}

qemu_pc="-vga std -drive file=/tmp/pc.qcow2,if=virtio"

kvm_start() {
	overlay
	# shellcheck disable=SC2046,SC2086 # lists
	attempt kvm grub-kilo --start grub-kilo $grub \
		$(qemu 512 q35 $qemu_pc -display none)
}

baton_start() {
	overlay
	attempt baton grub-kilo --start grub-kilo $grub \
		baton-vm --engine baton --board pc --memory 512M --disk /tmp/pc.qcow2
}

kvm_memory() {
	# shellcheck disable=SC2046 # a list
	attempt kvm micro-kib --memory micro-kib "$init" \
		$(qemu 128 q35 -display none -kernel /share/kernel -initrd /share/initrd) \
		-append "$arguments"
}

baton_memory() {
	attempt baton micro-kib --memory micro-kib "$init" \
		baton-vm --engine baton --memory 128M --kernel /share/kernel \
		--initrd /share/initrd --append "$arguments"
}

# In memory all of it, so that the host's disk has no part.
[ -e /tmp/disk ] || dd if=/dev/zero of=/tmp/disk bs=1M count=64 2>/dev/null

kvm_disk() {
	# shellcheck disable=SC2046,SC2086 # lists
	attempt kvm "disk-qd1 disk-qd32" --disk $(qemu 128 q35 -display none $load) -append "$arguments" \
		-drive file=/tmp/disk,format=raw,if=virtio,aio=io_uring
}

baton_disk() {
	attempt baton "disk-qd1 disk-qd32" --disk baton-vm --engine baton --memory 128M \
		--kernel /share/kernel --initrd /share/initrd-load --append "$arguments" \
		--disk /tmp/disk,format=raw
}

kvm_tcp() {
	# shellcheck disable=SC2046,SC2086 # lists
	attempt kvm "tcp-out tcp-in" --tcp 5002 $(qemu 128 q35 -display none $load) \
		-append "$arguments" -netdev user,id=net,hostfwd=tcp:127.0.0.1:5002-:5001 \
		-device virtio-net-pci,netdev=net,romfile=
}

baton_tcp() {
	mkdir -p $XDG_RUNTIME_DIR
	attempt baton "tcp-out tcp-in" --tcp 5003 vmctl boot /share/kernel --engine baton \
		--memory 128M --initrd /share/initrd-load --append "$arguments" \
		--net user --forward 5003:5001
}

kvm_idle() {
	overlay
	# shellcheck disable=SC2046,SC2086 # lists
	attempt kvm "pc-kib idle-exits" --idle 'cat /sys/kernel/debug/kvm/exits' \
		$(qemu 512 q35 $qemu_pc -vnc unix:/tmp/vnc)
}

baton_idle() {
	overlay
	attempt baton "pc-kib idle-exits" --idle \
		'vmctl control /tmp/control stats | sed "s/.*\"exits\":\([0-9]*\).*/\1/"' \
		baton-vm --engine baton --board pc --memory 512M --disk /tmp/pc.qcow2 \
		--display vnc:unix:/tmp/vnc --control /tmp/control
}

# Whoever starts first must not pay for reading the files.
cat /share/* >/dev/null 2>&1
[ $# -gt 0 ] || set -- start memory disk tcp idle
both "$@"
