# SPDX-License-Identifier: GPL-2.0-or-later
# Stress: a guest that is busy on all its CPUs and knows when something was lost
# (stress_guest.c), while the host does to it what a host can do (storm.c). By name only:
# "make test-stress STRESS_SECONDS=3600"; or, to compare with KVM,
# seconds=600 ./suite kvm-stress-shared. only="unmap log" has these parts of the storm alone
# (storm.c), workers="compile pages" these workers of the guest's.

# swap_on_zram: pages that are sent out have somewhere to go.
swap_on_zram() {
	grep -q zram /proc/swaps && return
	modprobe zram
	echo 512M >/sys/block/zram0/disksize
	mkswap /dev/zram0
	swapon /dev/zram0
}

# A line of the guest's and one of the storm's, where whoever waits can see them.
tell_stress() {
	{
		tail -n 1 /tmp/out
		grep '^stress: ' /tmp/out | tail -n 1
		tail -n 1 /tmp/storm.log
		tell_vm memory | cut -c 1-300
	} >/dev/ttyS1 2>&1 || true
}

# While the guest runs its memory shrinks and grows.
move_balloon() {
	targets='340 420 512 380 512 330 460'
	while kill -0 $vmctl 2>/dev/null; do
		for mib in $targets; do
			tell_vm memory-target bytes=$((mib * 1048576)) || true
			sleep 15
			tell_stress
			# One that has panicked would stay there for ever.
			! grep -q '\] Kernel panic' /tmp/out || kill $vmctl
			kill -0 $vmctl 2>/dev/null || break
		done
	done
}

storm_blew() {
	for part in disturbed slots logs moves; do
		grep -q "[1-9][0-9]* $part" /tmp/storm.log
	done
}

stress() { # KSM
	rm -f $control
	swap_on_zram
	echo 1000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 1 >/sys/kernel/mm/ksm/run
	LD_PRELOAD=$here/storm.so STORM_LOG=/tmp/storm.log STORM_SEED=${seed:-1} \
		STORM_PACE=${pace:-1} STORM_ONLY="${only:-}" \
		vmctl boot "$here/vmlinux-cloud" --initrd "$here/initrd-stress" --engine "$engine" \
		--memory 320M..512M --cpus "${cpus:-4}" --ksm "$1" --control $control \
		--append "$quick sysrq_always_enabled \"baton.cmd=stress-guest ${seconds:-300} ${workers:-}\"" \
		</dev/null >/tmp/out 2>&1 &
	vmctl=$!
	trap 'kill $vmctl 2>/dev/null || true; tail -n 120 /tmp/out' EXIT
	until_answers $vmctl
	move_balloon
	wait $vmctl
	trap - EXIT
	echo 0 >/sys/kernel/mm/ksm/run
	cat /tmp/out /tmp/storm.log
	grep -E '^stress: (FAIL|line|/|[0-9]+ of)' /tmp/out || true
	expect '^stress: pass'
	expect '^baton-guest: exit 0'
	# Up to its end: a guest that powers off breaks its balloon's queues, and Linux's free
	# page reporting warns that it cannot use them.
	! sed '/^stress: pass/q' /tmp/out |
		grep -B 12 -A 25 -E \
		'stress: FAIL|\] WARNING:|BUG:|Oops|Call Trace|soft lockup|self-detected stall' ||
		return 1
	[ -n "${only:-}" ] || storm_blew
	[ "$engine" = kvm ] || [ "$(cat /sys/module/baton/refcnt)" = 0 ]
}

t_stress_shared() { stress off; }
t_stress_private() { stress on; }
