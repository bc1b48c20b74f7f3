# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input and bad guests: a clear error with code, cause and fix; never a hang,
# never a kernel warning (testhost looks for those).

t_abi() {
	local status=0

	# What the host's MSRs are is part of some tests; with swap for one of A11, which
	# says what it needs where the host has no zram.
	modprobe msr
	if modprobe zram 2>/dev/null && echo 64M >/sys/block/zram0/disksize; then
		mkswap /dev/zram0 >/dev/null
		swapon /dev/zram0
	fi
	baton-abi-test >/tmp/abi || status=$?
	! grep -q zram0 /proc/swaps || swapoff /dev/zram0
	# They are many: what there is to see is what is not well.
	[ $status = 0 ] || grep -v "^pass" /tmp/abi
	return $status
}

# What the monitor relies on, whatever the engine.
t_hv() { baton-hv-test "$engine"; }

# Intel: KVM's guest and ours on the same processor at once; and KVM comes and goes under
# ours. From 6.12 on it has VT-x on for as long as it is loaded.
t_both_engines() {
	setting=/sys/module/kvm/parameters/enable_virt_at_load
	modprobe kvm enable_virt_at_load=1
	modprobe kvm_intel
	[ ! -e $setting ] || [ "$(cat $setting)" = Y ]
	baton-both-engines "${rounds:-300}"
	spinners 1
	for round in 1 2 3; do
		rmmod kvm_intel
		rmmod kvm
		still_spin
		modprobe kvm enable_virt_at_load=1
		modprobe kvm_intel
		still_spin
	done
	end_spinners
	rmmod kvm_intel
	rmmod kvm
	baton-smoke
}

# The emulator against the processor, in all modes.
t_emul_native() { baton-emul-test "$engine" 2; }

# What doctor says of the engine comes from a guest that ran.
t_doctor() {
	vmctl doctor >/tmp/out
	cat /tmp/out
	expect "^ok +engine-$engine +works"
}

t_kernel_missing() {
	fails boot /no/such/kernel
	expect_error 'no such|not found|does not exist|cannot'
}

t_kernel_unknown_format() {
	fails boot "$here/suite"
	expect_error 'kernel'
}

t_kernel_truncated() {
	head -c 100000 "$here/kernel-cloud" >/tmp/half
	fails boot /tmp/half
	expect_error 'kernel'
}

t_memory_too_large() {
	fails boot "$here/kernel-cloud" --memory 900G
	expect_error 'memory'
}

t_no_permission() {
	chmod 755 /tmp
	status=0
	/opt/baton/bin/setpriv --reuid 65534 --regid 65534 --clear-groups \
		vmctl boot "$here/kernel-cloud" --engine baton </dev/null >/tmp/out 2>/tmp/err ||
		status=$?
	cat /tmp/err
	[ $status -gt 0 ] && [ $status -lt 124 ]
	expect_error 'may not use /dev/baton'
}

# The first one is a reset, as on a PC; a second one at once is an error.
t_triple_fault() {
	fails boot "$here/triple.elf" --memory 32M
	[ "$(grep -c 'about to triple-fault' /tmp/out)" = 2 ]
	grep -q 'triple fault, and is reset' /tmp/err
	expect_error 'triple fault'
}

t_jump_into_void() {
	fails boot "$here/void.elf" --memory 32M
	expect 'about to jump'
	expect_error 'memory|instruction'
}

t_interrupt_into_void() {
	fails boot "$here/void_idt.elf" --memory 32M
	expect 'about to need'
	expect_error 'interrupts lead to where no memory is .*address 0xd0000030'
}

t_no_module() {
	rmmod baton 2>/dev/null || true
	[ ! -e /dev/baton ]
	fails boot "$here/kernel-cloud" --engine baton
	expect_error 'module|/dev/baton'
	! vmctl doctor --format json >/tmp/out || [ $? = 0 ]
	grep -q baton /tmp/out
}

# until_spins FILE: until the guest whose output that is has begun to.
until_spins() {
	tries=0
	until grep -qs 'guest: spinning' "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ]
		sleep 0.1
	done
}

# AMD: two hypervisors cannot share. With a KVM guest running, ours says who it is and what
# to do, so does the doctor, and a VM that leaves the engine open runs on KVM. When KVM's
# guests are gone, ours is there again.
t_busy_owner() {
	modprobe kvm_amd
	vmctl boot "$here/spin.elf" --memory 32M --engine kvm </dev/null >/tmp/spin.out 2>&1 &
	pid=$!
	trap 'kill $pid $auto 2>/dev/null || true' EXIT
	until_spins /tmp/spin.out
	fails boot "$here/kernel-cloud"
	expect_error 'another hypervisor'
	grep -E '^cause: .*(KVM|kvm)' /tmp/err
	grep -E '^fix: .*modprobe -r kvm_amd' /tmp/err
	vmctl doctor >/tmp/out
	cat /tmp/out
	expect '^warning +owner +AMD-V belongs to another hypervisor now: kvm_amd'
	grep -A 1 '^warning *owner' /tmp/out | grep 'fix: .*/dev/kvm.*modprobe -r kvm_amd'
	expect '^ok +engine-kvm'
	expect 'This host can run VMs, under engine kvm'
	rm -f $control
	vmctl boot "$here/spin.elf" --memory 32M --engine auto --control $control </dev/null \
		>/tmp/auto.out 2>&1 &
	auto=$!
	until_spins /tmp/auto.out
	tell_vm status | grep -E '"engine": ?"kvm"'
	tell_vm quit
	wait $auto || true
	kill -0 $pid
	kill $pid
	wait $pid || true
	trap - EXIT
	# From Linux 6.12 on KVM keeps AMD-V for as long as it is loaded.
	setting=/sys/module/kvm/parameters/enable_virt_at_load
	if [ -e $setting ] && [ "$(cat $setting)" = Y ]; then
		fails boot "$here/kernel-cloud"
		expect_error 'another hypervisor'
		rmmod kvm_amd
		baton-smoke
	else
		baton-smoke
		rmmod kvm_amd
	fi
}

# Disks and sockets that cannot be had: each refused before the VM starts.
t_disk_refused() {
	rm -f /tmp/d*.qcow2 /tmp/taken
	fails boot "$here/kernel-cloud" --disk /no/such/disk
	expect_error 'no such|not found|does not exist'
	vmctl disk create /tmp/d.qcow2 8M
	head -c 100 /tmp/d.qcow2 >/tmp/d1.qcow2
	fails boot "$here/kernel-cloud" --disk /tmp/d1.qcow2,format=qcow2
	expect_error 'd1.qcow2'
	vmctl disk create /tmp/d2.qcow2 --backing /tmp/d.qcow2,qcow2
	rm /tmp/d.qcow2
	fails boot "$here/kernel-cloud" --disk /tmp/d2.qcow2
	expect_error 'is based on is missing'
	vmctl disk create /tmp/d3.qcow2 8M
	vmctl boot "$here/spin.elf" --memory 32M --disk /tmp/d3.qcow2 --engine "$engine" \
		--control $control </dev/null >/tmp/spin.out 2>&1 &
	pid=$!
	until_answers $pid
	fails boot "$here/kernel-cloud" --disk /tmp/d3.qcow2
	expect_error 'd3.qcow2.*(use|open)'
	fails boot "$here/spin.elf" --control $control
	expect_error 'control socket'
	tell_vm quit
	wait $pid || true
	touch /tmp/taken
	fails boot "$here/spin.elf" --control /tmp/taken
	expect_error 'control socket'
	fails boot --board pc --disk /tmp/d3.qcow2 --firmware /dev/null
	expect_error 'firmware'
}

# The host's file system is full: the guest sees an I/O error, goes on, reads what it had
# written, and the image is whole.
t_disk_full() {
	mkdir -p /tmp/small
	mount -t tmpfs -o size=12m small /tmp/small
	trap 'umount /tmp/small' EXIT
	vmctl disk create /tmp/small/d.qcow2 64M
	command=$(tr -s '\n\t' ' ' <<-'END'
		yes baton | head -c 4194304 >/tmp/a;
		dd if=/tmp/a of=/dev/vda bs=1M oflag=direct; echo first=$?;
		dd if=/tmp/a of=/dev/vda bs=1M seek=8 oflag=direct;
		dd if=/tmp/a of=/dev/vda bs=1M seek=16 oflag=direct; echo full=$?;
		dd if=/dev/vda bs=1M count=4 iflag=direct | cmp - /tmp/a && echo same=yes
	END
	)
	boot "$here/vmlinux-cloud" --initrd "$here/initrd-virtio" --memory 128M \
		--disk /tmp/small/d.qcow2 --append "console=ttyS0 \"baton.cmd=$command\""
	expect '^first=0'
	expect '^full=1'
	expect '^same=yes'
	grep -q 'No space left' /tmp/err
	vmctl disk check /tmp/small/d.qcow2
}
