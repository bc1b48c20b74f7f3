# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's unmodified kernels to userland, disks, reboot.

# Half of a boot are the kernel's self-tests of its ciphers, and half of the rest is
# unpacking itself. Each kernel unpacks itself when it boots with little memory, and does
# the tests then, too, but for the larger one in the slower host. All other guests leave
# the tests out and start the ELF file that is packed in the bzImage.
quick='console=ttyS0 cryptomgr.notests'

kernel_reaches_userland() { # KERNEL MEMORY LEAST-KiB
	case $2 in
	128M) file=kernel-$1 ;;
	*) file=vmlinux-$1 ;;
	esac
	case $BATON_TESTHOST-$engine-$1-$2 in
	svm-baton-*-128M | vmx-baton-cloud-128M) console=console=ttyS0 ;;
	*) console=$quick ;;
	esac
	boot "$here/$file" --initrd "$here/initrd" --memory "$2" --append \
		"$console \"baton.cmd=uname -a; lscpu; grep MemTotal /proc/meminfo; cat /proc/interrupts\""
	expect '^baton-guest: exit 0'
	expect 'Hypervisor vendor: *KVM'
	total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB.*/\1/p' /tmp/out)
	[ "$total" -ge "$3" ]
	# The guest's kernel has nothing to complain of. (Under KVM it has, on the svm
	# host: QEMU's AMD-V executes XSETBV without an exit, and KVM relies on one.)
	[ "$engine" = kvm ] || ! grep -E '\] WARNING:|BUG:|Oops|Call Trace|unchecked MSR|soft lockup' /tmp/out
}

t_boot_amd64_small() { kernel_reaches_userland amd64 128M 70000; }
t_boot_amd64_large() { kernel_reaches_userland amd64 2G 1900000; }
t_boot_cloud_small() { kernel_reaches_userland cloud 128M 80000; }
t_boot_cloud_large() { kernel_reaches_userland cloud 2G 1900000; }

# More vCPUs than the host has CPUs: start-up IPIs, IPIs to halted and waiting ones.
t_boot_smp() {
	boot "$here/vmlinux-cloud" --initrd "$here/initrd" --memory 256M --cpus 4 --append \
		"$quick"' "baton.cmd=echo cpus: $(nproc); grep RES: /proc/interrupts"'
	expect '^cpus: 4'
	expect '^baton-guest: exit 0'
	! grep -E '\] WARNING:|BUG:|Oops|Call Trace|soft lockup' /tmp/out
}

# What the module offers a guest of several CPUs is taken up; and vCPUs that have to
# share a CPU of the host get to know how long they have waited for it.
t_boot_pv() {
	boot "$here/vmlinux-cloud" --initrd "$here/initrd" --memory 256M --cpus 4 --append \
		"$quick"' "baton.cmd=yes >/dev/null & yes >/dev/null & yes >/dev/null & timeout 3 yes >/dev/null; kill %1 %2 %3; head -1 /proc/stat; grep -e TLB -e RES -e LOC -e CAL /proc/interrupts"'
	for line in 'setup PV IPIs' 'KVM setup pv remote TLB flush' 'setup PV sched yield' \
		'PV spinlocks enabled'; do
		expect "$line"
	done
	expect '^baton-guest: exit 0'
	# Field 9, in ticks of 10 ms: four that spin on two CPUs at most.
	[ "$(sed -n 's/^cpu  \([0-9 ]*\).*/\1/p' /tmp/out | cut -d ' ' -f 8)" -ge 100 ]
	! grep -E '\] WARNING:|BUG:|Oops|Call Trace|soft lockup|unchecked MSR' /tmp/out
}

# The guest's watchdogs do not take a pause for a CPU that hangs.
t_pause_watchdog() {
	rm -f $control
	baton-vm --engine "$engine" --kernel "$here/vmlinux-cloud" --initrd "$here/initrd" \
		--memory 128M --control $control --append "$quick watchdog_thresh=1 \
\"baton.cmd=grep . /proc/sys/kernel/soft_watchdog; echo begun; timeout 15 yes >/dev/null\"" \
		</dev/null >/tmp/out 2>&1 &
	vm=$!
	trap 'kill $vm 2>/dev/null || true' EXIT
	until grep -q '^begun' /tmp/out; do sleep 0.1; done
	sleep 1
	tell_vm pause
	sleep 6
	tell_vm resume
	wait $vm || true
	expect '^1'
	expect '^baton-guest: exit'
	! grep -E 'BUG:|Oops|soft lockup|stall' /tmp/out
}

# sum_on IMAGE: of the file "data" on it, as the host finds it there.
sum_on() {
	modprobe -a loop ext4
	mkdir -p /tmp/mnt
	mount -o loop,ro "$1" /tmp/mnt
	sha256sum </tmp/mnt/data | cut -c 1-64
	umount /tmp/mnt
}

# 32-bit paging with PAE, and strings that the emulator reads through it.
t_pae() {
	boot "$here/pae.elf" --memory 32M
	expect '^guest: by the first tables'
	expect '^guest: by the second tables'
}

# The local APIC's page by other instructions than MOV.
t_apic_page() {
	boot "$here/apic_page.elf" --memory 32M
	expect '^guest: apic page well'
}

# A disk as root; what was written before a restart is there after it, and in the image
# once the VM is gone.
t_disk_root() {
	cp "$here/disk.img" /tmp/disk.img
	command='if [ -e /sum ]; then sha256sum -c /sum; cat /sum; else mount;'
	command="$command dd if=/dev/urandom of=/data bs=64k count=64; sha256sum /data >/sum;"
	command="$command sync; reboot -f; sleep 60; fi"
	boot "$here/vmlinux-cloud" --initrd "$here/initrd-virtio" --memory 256M --disk /tmp/disk.img \
		--append "$quick root=/dev/vda rw \"baton.cmd=$command\""
	[ "$(grep -c '^baton-guest: disk init' /tmp/out)" = 2 ]
	expect '^/dev/vda on / type ext4'
	expect 'reboot: Restarting system'
	expect '^/data: OK'
	expect '^baton-guest: exit 0'
	expect 'reboot: Power down'
	e2fsck -fn /tmp/disk.img
	sum=$(sed -n 's/^\([0-9a-f]\{64\}\)  .data.*/\1/p' /tmp/out)
	[ "$(sum_on /tmp/disk.img)" = "$sum" ]
}

t_rng_console() {
	boot "$here/vmlinux-cloud" --initrd "$here/initrd-virtio" --memory 128M --append \
		"$quick"' "baton.cmd=cat /sys/class/misc/hw_random/rng_current; dd if=/dev/hwrng bs=512 count=4 | wc -c"'
	expect 'virtio_rng'
	expect '^2048'
}
