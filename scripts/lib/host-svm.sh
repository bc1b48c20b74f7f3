# SPDX-License-Identifier: GPL-2.0-or-later
#
# The svm host: QEMU's own interpreter (TCG) with an EPYC processor, which has
# AMD-V with nested paging. Sourced by testhost.

svm_default_timeout=600
# Memory that is not touched costs nothing.
svm_default_memory=6144
svm_max_memory=1048576
svm_share_device=/dev/vda

# emulator_prepare: everything in $work that the emulator boots from.
svm_prepare() {
	need "${BATON_QEMU:-qemu-system-x86_64}"
	# Firmware is the distribution's, also for one that was built by hand.
	qemu=("${BATON_QEMU:-qemu-system-x86_64}" -L /usr/share/qemu -L /usr/share/seabios)
	if [ -z "${BATON_QEMU:-}" ] && [ -n "$icount" ] && [ "$smp" -gt 1 ]; then
		backports=$("$BATON_TOP/scripts/fetch-qemu") || exit 125
		qemu=("$backports/usr/bin/qemu-system-x86_64" -L "$backports/usr/share/qemu"
			-L /usr/share/seabios)
	fi
	host_base
	# The ELF kernel starts through its PVH entry, in half the time: nothing
	# is unpacked by the emulated processor. But with KASAN that entry's code looks at
	# shadow memory before there is any.
	case $release in
	*kasan*) vmlinux=$(echo "$kernel"/boot/vmlinuz-*) ;;
	*) host_vmlinux ;;
	esac
	make_payload "$work/payload.cpio"
	# The kernel reads archives that follow each other as one.
	cat "$base" "$work/payload.cpio" >"$work/initrd"
}

# A serial port on which something arrives several times a second. A timer that
# fires while the CPU executes sets its interrupt from another thread, and QEMU's
# #VMEXIT, which clears a bit of the same word, may overwrite that with what it read
# before. Such an interrupt waits in the APIC until the next one comes; an idle host,
# whichever hypervisor it runs, has none to come and sleeps for ever. With --icount
# timers fire between instructions.
svm_heartbeat() {
	# Two pipes, or what the host sends would come back to it.
	mkfifo "$work/heartbeat.in" "$work/heartbeat.out"
	# Open at both ends, so that neither waits for the other.
	exec {heartbeat_fd}<>"$work/heartbeat.in"
	emulator+=(-chardev "pipe,id=heartbeat,path=$work/heartbeat"
		-device pci-serial,chardev=heartbeat)
}

# How processors are executed: in turns, by one thread, unless there is one processor or
# --parallel is wanted. QEMU 7.2's XRSTOR changes a word of flags of processor 0
# (cpu_clear_ignne), whichever executes it, by a read and a write without a lock. VMRUN and
# #VMEXIT keep there whether nested paging is on: what one of them has written on processor 0
# may be undone by another processor's XRSTOR, and the guest's tables are then looked for in
# the host's memory, or the other way round. A guest ends by a triple fault or a fault at an
# address of the host's, one of 20 runs of the canary test did. Processors but 0 are safe.
svm_threads() {
	if [ "$smp" -eq 1 ] || [ -n "$parallel" ]; then
		echo multi
	else
		echo single
	fi
}

# svm_command: the emulator's command line in $emulator.
svm_command() {
	local args="console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check"

	# No self-tests of ciphers, no limit to what /dev/kmsg takes.
	args+=" cryptomgr.notests printk.devkmsg=on"
	emulator=("${qemu[@]}" -nodefaults -no-user-config -display none
		-no-reboot -cpu EPYC -m "$memory" -smp "$smp"
		-kernel "$vmlinux" -initrd "$work/initrd"
		-serial "file:$work/console")
	if [ -n "$icount" ]; then
		# Time is the number of instructions, and idle time is left out: a
		# run then takes the same time again. One thread, as QEMU wants it.
		emulator+=(-accel tcg,thread=single -icount "shift=0,sleep=off")
		args+=" clocksource=tsc nowatchdog lpj=4000000"
	else
		emulator+=(-accel "tcg,thread=$(svm_threads)")
		svm_heartbeat
	fi
	if [ -n "$interactive" ]; then
		# Ctrl-A X ends the emulator, whatever state the host is in.
		emulator+=(-chardev "stdio,id=tty,mux=on,signal=off" -serial chardev:tty)
	else
		emulator+=(-serial "file:$work/output")
	fi
	[ -z "$share" ] ||
		emulator+=(-drive "file=$work/share.img,format=raw,if=virtio,readonly=on")
	if [ -n "$gdb" ]; then
		emulator+=(-gdb "tcp:127.0.0.1:$gdb" -S)
		args+=" nokaslr"
		note "QEMU waits for gdb: target remote 127.0.0.1:$gdb (symbols: $vmlinux)"
	fi
	# Addresses are those of the symbol table.
	[ -z "$plugin" ] || { emulator+=(-plugin "$plugin"); args+=" nokaslr"; }
	emulator+=(-append "$args $append")
}
