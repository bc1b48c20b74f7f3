# SPDX-License-Identifier: GPL-2.0-or-later
# The CD drive of board pc: booted from, mounted, ejected; beside a disk.

# cd_boots OPTION...: the test CD boots, and the guest finds all of it right.
cd_boots() {
	boot --cdrom "$here/cd.iso" --memory 512M "$@"
	expect 'GRUB on (cd|hd96)' # the BIOS's first CD drive is 0xe0
	expect '^drive: BATON DVD-ROM'
	expect "^sectors: $(($(stat -c %s "$here/cd.iso") / 512))"
	expect "^image: $(sha256sum <"$here/cd.iso" | cut -c 1-64)"
	[ "$(grep -c '^\./.*: OK' /tmp/out)" -ge 4 ]
	expect '^tray: fine'
	expect 'PCI-MSI.*ahci'
	expect '^baton-guest: exit 0'
	# As in boot.sh: KVM's guest has something to complain of on the svm host.
	[ "$engine" = kvm ] || ! grep -E '\] WARNING:|BUG:|Oops|Call Trace|soft lockup' /tmp/out
}

# No disk.
t_pc_cd_boot() { cd_boots; }

# A new disk, which firmware looks at first, and a second drive.
t_pc_cd_install() {
	rm -f /tmp/new.qcow2
	vmctl disk create /tmp/new.qcow2 1G
	cd_boots --disk /tmp/new.qcow2 --cdrom "$here/cd.iso" --cpus 2
	expect '^drives: 2'
}

# Debian from its disk, which comes first; the CD is mounted there.
t_pc_cd() {
	rm -f /tmp/pc.qcow2
	pc_start --memory 512M --cdrom "$here/cd.iso"
	pc_log_in
	type_at '~# ' 'mount -r /dev/cdrom /mnt || mount -r /dev/sr0 /mnt; cd /mnt && sha256sum -c sums; cd; ls -l /mnt; sha256sum /dev/sr0; umount /mnt; dmesg | grep -E "ata[0-9.]+:"; poweroff'
	pc_end
	[ "$(grep -ac '^\./.*: OK' /tmp/out)" -ge 4 ]
	grep -aq "^$(sha256sum <"$here/cd.iso" | cut -c 1-64)" /tmp/out
	! grep -aE 'ata[0-9.]+:.*(exception|failed|timeout|error|limiting)' /tmp/out
	rm -f /tmp/pc.qcow2
}

# guest_says PATTERN SECONDS: waits for it, as long as vmctl runs.
guest_says() {
	tries=0
	until grep -aqs "$1" /tmp/out; do
		tries=$((tries + 1))
		[ $tries -lt $(($2 * 10)) ]
		kill -0 $vmctl
		sleep 0.1
	done
}

# ask_boot "MORE OPTIONS" OPTION...: the CD that asks for more of the kernel's command line.
ask_boot() {
	more=$1
	shift
	rm -f /tmp/console
	mkfifo /tmp/console
	vmctl boot --cdrom "$here/cd-ask.iso" --memory 512M --engine "$engine" "$@" \
		</tmp/console >/tmp/out 2>&1 &
	vmctl=$!
	exec 9>/tmp/console
	trap 'kill $vmctl 2>/dev/null || true; tail -n 30 /tmp/out' EXIT
	guest_says 'more options:' 120
	printf '%s\r' "$more" >&9
	# Without ACPI it has no way to power itself off.
	guest_says '^baton-guest: exit' 280
	kill $vmctl
	wait $vmctl || true
	exec 9>&-
	trap - EXIT
	sed -i "s/$(printf '\r')//g" /tmp/out
	expect '^baton-guest: exit 0'
	! grep -aE '\] WARNING:|BUG:|Oops|Call Trace|soft lockup|nobody cared' /tmp/out
}

# Without ACPI a system goes by the BIOS's MP table: the timer is where that says, and a
# drive's pin, which it has there as the ISA interrupt that the BIOS chose, is heard.
t_pc_mptable() {
	ask_boot 'acpi=off pci=nomsi'
	expect '^ *1[01]: .*[1-9].*IO-APIC +1[01]-.*ahci'
	expect '^8\+0 records in'
	! grep -a 'MP-BIOS bug' /tmp/out
}

t_cd_bad() {
	fails boot --cdrom /no/such.iso
	expect_error 'the CD "/no/such.iso" does not exist'
	fails boot --cdrom /tmp
	expect_error 'is a directory'
	: >/tmp/empty.iso
	fails boot --cdrom /tmp/empty.iso
	expect_error 'has a size that does not work'
	head -c 5000 "$here/cd.iso" >/tmp/cut.iso
	fails boot --cdrom /tmp/cut.iso
	expect_error 'has a size that does not work'
	fails boot "$here/kernel-cloud" --cdrom "$here/cd.iso"
	expect_error 'cdrom is for board pc'
	fails boot --cdrom "$here/cd.iso" --cdrom "$here/cd.iso" --cdrom "$here/cd.iso"
	expect_error 'at most 2 CD drives'
}
