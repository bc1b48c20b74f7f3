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

pc_end() {
	wait $vmctl
	exec 9>&-
	trap - EXIT
	! grep -aE '\] WARNING:|BUG:|Oops|Call Trace|soft lockup' /tmp/out
}

# CPUS MEMORY LEAST-KiB
pc_to_login() {
	rm -f /tmp/pc.qcow2
	pc_start --cpus "$1" --memory "$2"
	pc_log_in
	type_at '~# ' 'echo cpus=$(nproc) $(grep MemTotal /proc/meminfo); cat /sys/class/dmi/id/sys_vendor; poweroff'
	pc_end
	grep -aq "GNU GRUB" /tmp/out
	# Not at the start of a line: bash writes a sequence of its own before it.
	grep -aq "cpus=$1 MemTotal" /tmp/out
	[ "$(sed -n 's/.*cpus=.*MemTotal: *\([0-9]*\) kB.*/\1/p' /tmp/out)" -ge "$3" ]
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
	type_at '~# ' 'date +%s > /stamp; sync; reboot'
	times=2 pc_log_in
	times=2 type_at '~# ' 'echo went $(($(date +%s) - $(cat /stamp))) s; poweroff'
	pc_end
	[ "$(sed -n 's/.*went \([0-9]*\) s.*/\1/p' /tmp/out)" -lt 300 ]
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
