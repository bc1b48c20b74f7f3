# SPDX-License-Identifier: GPL-2.0-or-later
# Board pc: Debian's disk from SeaBIOS over GRUB to login, power off, reboot.

# type_at PROMPT TEXT: once the guest has asked, since the last time.
type_at() {
	tries=0
	until [ "$(grep -ac "$1" /tmp/out)" -ge "${times:-1}" ]; do
		tries=$((tries + 1))
		[ $tries -lt 2400 ] || { echo "never asked: $1"; return 1; }
		kill -0 $vmctl || { echo "the VM ended before: $1"; return 1; }
		sleep 0.1
	done
	printf '%s\n' "$2" >&9
}

# In what is typed to a shell an "echo" is first, because the shell puts control characters
# in front of the first line of the output.

# pc_start OPTION...: a VM on an overlay, its console at descriptor 9 and /tmp/out.
pc_start() {
	[ -e /tmp/pc.qcow2 ] || vmctl disk create /tmp/pc.qcow2 --backing "$here/debian.qcow2,qcow2"
	rm -f /tmp/console
	mkfifo /tmp/console
	vmctl boot --board pc --disk /tmp/pc.qcow2 --engine "$engine" "$@" \
		</tmp/console >/tmp/out 2>&1 &
	vmctl=$!
	exec 9>/tmp/console
	trap 'kill $vmctl 2>/dev/null || true; tail -n 30 /tmp/out' EXIT
}

pc_log_in() {
	type_at 'debian login:' root
	type_at 'Password:' debian
}

# What the guest's shell tells its terminal about prompts is in front of the first line of
# a command's output; without it, that line begins where a test looks for it.
pc_end() {
	wait $vmctl
	exec 9>&-
	trap - EXIT
	sed -i "s/$(printf '\033')\[[?0-9;]*[A-Za-z]//g; s/$(printf '\r')//g" /tmp/out
	! grep -aE '\] WARNING:|BUG:|Oops|Call Trace|soft lockup' /tmp/out
}

# For the guest: devices and what the kernel says of them, once the mouse is there.
pc_show_input='echo; for i in $(seq 60); do grep -q PS/2 /proc/bus/input/devices && break; sleep 1; done; \
grep ^N: /proc/bus/input/devices; grep i8042 /proc/interrupts; \
dmesg | grep -E "i8042|atkbd|psmouse|serio" | sed "s/^/input: /"; echo input=shown'

# Keyboard and mouse are found for what they are, and by their interrupts.
pc_check_input() {
	for line in '^N: Name="AT Translated Set 2 keyboard"' \
		'^N: Name="ImExPS/2 Generic Explorer Mouse"' \
		'^ *1: .*[1-9].* 1-edge +i8042' '^ *12: .*[1-9].* 12-edge +i8042' \
		'^input: .*serio: i8042 AUX port at 0x60,0x64 irq 12'; do
		grep -aqE "$line" /tmp/out || { echo "expected in the output: $line"; return 1; }
	done
	! grep -aE '^input: .*(Unknown key|[Ss]purious|lost sync|bad data|[Ff]ailed|[Cc]an.t|[Nn]o .*found|no interrupt|without any data|probably not|Warning)' /tmp/out
}

# CPUS MEMORY LEAST-KiB
pc_to_login() {
	rm -f /tmp/pc.qcow2
	pc_start --cpus "$1" --memory "$2"
	pc_log_in
	type_at '~# ' "$pc_show_input"
	type_at '^input=shown' ''
	type_at '~# ' 'echo; echo cpus=$(nproc) $(grep MemTotal /proc/meminfo); cat /sys/class/dmi/id/sys_vendor; poweroff'
	pc_end
	grep -aq "GNU GRUB" /tmp/out
	# Not at the start of a line: bash writes a sequence of its own before it.
	grep -aq "cpus=$1 MemTotal" /tmp/out
	[ "$(sed -n 's/.*cpus=.*MemTotal: *\([0-9]*\) kB.*/\1/p' /tmp/out)" -ge "$3" ]
	pc_check_input
	rm -f /tmp/pc.qcow2
}

t_pc_1() { pc_to_login 1 512M 440000; }
t_pc_2() { pc_to_login 2 512M 440000; }
t_pc_4() { pc_to_login 4 4G 3800000; }

# What was written before a restart is there after it; the clock goes on.
t_pc_reboot() {
	rm -f /tmp/pc.qcow2
	pc_start --memory 512M
	pc_log_in
	type_at '~# ' 'date +%s > /stamp; sync; reboot; exec sleep 600'
	times=2 pc_log_in
	times=2 type_at '~# ' 'echo; echo went $(($(date +%s) - $(cat /stamp))) s; poweroff'
	pc_end
	[ "$(sed -n 's/.*went \([0-9]*\) s.*/\1/p' /tmp/out)" -lt 300 ]
	rm -f /tmp/pc.qcow2
}

# A kernel that is to do without messages: disk and network by their pins.
t_pc_pins() {
	rm -f /tmp/pc.qcow2
	pc_start --memory 512M --net user
	pc_log_in
	type_at '~# ' "sed -i 's/^[[:space:]]*linux.*/& pci=nomsi/' /boot/grub/grub.cfg; sync; reboot; exec sleep 600"
	times=2 pc_log_in
	times=2 type_at '~# ' 'echo; dd if=/dev/vda of=/dev/null bs=1M count=64 iflag=direct; \
until ip -4 addr | grep "inet 10"; do sleep 1; done; grep virtio /proc/interrupts; echo pins=shown; poweroff'
	pc_end
	grep -aq 'inet 10\.0\.2\.[0-9]*/24' /tmp/out
	grep -aqE '^ *[0-9]+: +[0-9]{3,} +IO-APIC +[0-9]+-fasteoi .*virtio' /tmp/out
	! grep -a MSI /tmp/out
	rm -f /tmp/pc.qcow2
}

# ssh_banner PORT: what answers there.
ssh_banner() {
	echo | timeout 10 nc 127.0.0.1 "$1" | head -n 1
}

# A network of the VM's own: address, names, the way in through a live forward.
t_pc_net() {
	rm -f /tmp/pc.qcow2
	ip link set lo up
	pc_start --memory 512M --net user --forward 2222:22 --name web1
	pc_log_in
	type_at '~# ' 'until ss -ltn | grep -q :22; do sleep 1; done; ip -4 addr show; getent hosts web1; echo net=up'
	type_at '^net=up' ''
	for _ in 1 2 3; do
		[ "$(ssh_banner 2222 | cut -c 1-8)" = SSH-2.0- ]
	done
	type_at '~# ' poweroff
	pc_end
	grep -aq 'inet 10\.0\.2\.[0-9]*/24' /tmp/out
	grep -aqE '^10\.0\.2\.[0-9]+ +web1' /tmp/out
	# With the VM goes its network.
	[ -z "$(ssh_banner 2222)" ]
	rm -f /tmp/pc.qcow2
}

# debian_vm NUMBER OPTION...: one of several, logged in by nobody, until its login is there.
debian_vm() {
	number=$1
	shift
	vmctl disk create /tmp/pc$number.qcow2 --backing "$here/debian.qcow2,qcow2"
	vmctl boot --disk /tmp/pc$number.qcow2 --engine "$engine" --memory 320M \
		--control /tmp/vm$number.sock "$@" </dev/null >/tmp/out$number 2>&1 &
	tries=0
	until grep -aqs 'debian login:' /tmp/out$number; do
		tries=$((tries + 1))
		[ $tries -lt 240 ] || { tail /tmp/out$number; return 1; }
		sleep 1
	done
}

# merged_pages PID...: that KSM has merged of these.
merged_pages() {
	for pid; do
		cat /proc/$pid/ksm_merging_pages
	done | awk '{ n += $1 } END { print n + 0 }'
}

# Something that KSM may merge, without which it would not scan at all: for those that
# it must leave alone.
mergeable_vm() {
	vmctl boot --board micro "$here/spin.elf" --engine "$engine" --memory 16M --ksm on \
		--control /tmp/vm3.sock </dev/null >/tmp/out3 2>&1 &
}

# Two idle guests of the same disk: most of what they have alike is there once, and
# nothing of it if they are not to be merged.
pc_ksm() {
	rm -f /tmp/pc?.qcow2
	trap 'for i in 1 2 3; do vmctl control /tmp/vm$i.sock quit; done >/dev/null 2>&1 || true' EXIT
	for i in 1 2; do debian_vm $i --ksm "$1"; done
	debians=$(for i in 1 2; do control=/tmp/vm$i.sock tell_vm status | number pid; done)
	mergeable_vm
	echo 20000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 1 >/sys/kernel/mm/ksm/run
	scans=$(cat /sys/kernel/mm/ksm/full_scans)
	tries=0
	until [ $(($(cat /sys/kernel/mm/ksm/full_scans) - scans)) -ge 3 ]; do
		tries=$((tries + 1))
		[ $tries -lt 120 ]
		sleep 1
	done
	echo 0 >/sys/kernel/mm/ksm/run
	merged=$(merged_pages $debians)
	control=/tmp/vm1.sock tell_vm memory
	for i in 1 2; do vmctl control /tmp/vm$i.sock pause; done
	twins=$(page-twins $debians)
	echo "ksm $1: merged $merged; $twins"
	echo "ksm $1: merged $merged; $twins" >/dev/console
	for i in 1 2 3; do vmctl control /tmp/vm$i.sock quit; done
	wait
	trap - EXIT
	rm -f /tmp/pc?.qcow2
}

t_pc_ksm() {
	pc_ksm on
	set -- $twins
	[ "$merged" -ge $(($4 * 7 / 10)) ]
	[ "$merged" -gt 10000 ]
}

t_pc_ksm_off() {
	pc_ksm off
	[ "$merged" = 0 ]
}
