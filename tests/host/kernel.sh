# SPDX-License-Identifier: GPL-2.0-or-later
# The module and its host: calls at random, calls whose allocations fail, processors that
# come and go, sleep, NMIs, unloading.

# By hand for longer: fuzz_calls=1000000 fuzz_seed=7 ./suite abi-fuzz
t_abi_fuzz() {
	case $BATON_TESTHOST in
	svm) calls=60000 ;;
	*) calls=20000 ;;
	esac
	baton-abi-fuzz --calls "${fuzz_calls:-$calls}" --seed "${fuzz_seed:-1}"
	[ "$(cat /sys/module/baton/refcnt)" = 0 ]
}

# Most of a minute on svm: a kick that is lost hangs there.
t_abi_many() { BATON_ABI_MANY=1000000 baton-abi-test 'A14: HLT and kick'; }

# Only a kernel of debug-kernel can inject faults.
t_fail_nth() {
	baton-fail-nth -v
	[ "$(cat /sys/module/baton/refcnt)" = 0 ]
}

# spinners COUNT: VMs that spin with interrupts off; their processes in $spinners.
spinners() {
	spinners=
	rm -f /tmp/spin*
	for number in $(seq "$1"); do
		vmctl boot "$here/spin.elf" --memory 32M --engine baton </dev/null >/tmp/spin$number 2>&1 &
		spinners="$spinners $!"
	done
	for number in $(seq "$1"); do
		tries=0
		until grep -qs 'guest: spinning' /tmp/spin$number; do
			tries=$((tries + 1))
			[ $tries -lt 200 ]
			sleep 0.1
		done
	done
}

# Each of them runs on: its threads use CPU time.
still_spin() {
	for pid in $(pidof baton-vm); do
		before=$(cpu_time $pid)
		tries=0
		until [ "$(cpu_time $pid)" -gt "$before" ]; do
			tries=$((tries + 1))
			[ $tries -lt 100 ]
			sleep 0.1
		done
	done
	[ "$(pidof baton-vm | wc -w)" = "$(echo $spinners | wc -w)" ]
}

cpu_time() { # PID
	awk '{ print $14 + $15 }' /proc/$1/stat
}

end_spinners() {
	for pid in $spinners; do
		kill $pid
		wait $pid || [ $? -lt 255 ]
	done
	[ "$(cat /sys/module/baton/refcnt)" = 0 ]
}

# A10: processors go offline and come back under running guests; without them, too: then
# nothing is left on. Needs a host with two.
t_hotplug() {
	cpu=/sys/devices/system/cpu/cpu1/online
	spinners 3
	for round in $(seq "${rounds:-4}"); do
		echo 0 >$cpu
		[ "$(cat $cpu)" = 0 ]
		still_spin
		echo 1 >$cpu
		[ "$(cat $cpu)" = 1 ]
		still_spin
	done
	# One that is new to VMs: brought up while they run.
	end_spinners
	echo 0 >$cpu
	spinners 1
	echo 1 >$cpu
	taskset -ap 2 "$(pidof baton-vm)"
	still_spin
	end_spinners
}

# A10: the way into sleep and back, as far as it can be had without sleeping, under guests.
t_sleep_test() {
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	spinners 2
	for level in freezer devices platform processors core; do
		echo $level >/sys/power/pm_test
		echo mem >/sys/power/state
		still_spin
	done
	echo none >/sys/power/pm_test
	end_spinners
	baton-smoke
}

# A10: not while there are VMs, and gone without a trace after.
t_unload() {
	spinners 2
	fails rmmod baton
	still_spin
	end_spinners
	rmmod baton
	! grep -q baton /proc/modules /proc/misc /proc/kallsyms || return 1
	[ ! -e /dev/baton ]
	[ ! -e /sys/module/baton ]
	load_baton
	baton-smoke
}

# A tracer's end waits until each task has been elsewhere: so must a vCPU that never halts,
# on a kernel whose tick preempts it (preempt=full, newer ones).
t_tracer_beside_spinner() {
	tracer=/sys/kernel/tracing/instances/beside
	spinners 1
	[ -d ${tracer%/*} ] || mount -t tracefs none /sys/kernel/tracing
	mkdir $tracer
	echo vfs_fsync >$tracer/set_ftrace_filter
	rm -f /tmp/traced
	(echo function >$tracer/current_tracer; echo nop >$tracer/current_tracer; : >/tmp/traced) &
	tries=0
	until [ -e /tmp/traced ]; do
		tries=$((tries + 1))
		if [ $tries = 60 ]; then
			end_spinners
			return 1
		fi
		sleep 1
	done
	rmdir $tracer
	still_spin
	end_spinners
}

# next_kernel HOW: another one takes over while guests run. It finds a processor whose AMD-V
# is off: EFER's bit 12, the page for the host's state. What it says last is this host's end.
next_kernel() {
	spinners 2
	echo 'efer=$(dd if=/dev/cpu/0/msr bs=8 count=1 skip=$((0xc0000080 / 8)) | od -An -tx8)
		if [ $((0x${efer# } & 0x1000)) = 0 ]; then status=0; else status=1; fi
		echo "<1>EFER $efer, $(grep -c ^processor /proc/cpuinfo) processors" >/dev/kmsg
		echo "<1>baton-testhost: exit $status" >/dev/kmsg
		poweroff -f' >/tmp/after
	kexec-now $1 "$here/kernel-cloud" "$here/initrd-msr" \
		"console=ttyS0 quiet cryptomgr.notests no_timer_check tsc=reliable $2 \"baton.cmd=$(base64 -w 0 /tmp/after | sed 's/.*/echo & | base64 -d | sh/')\""
}

# A10: kexec, and kdump: the way there is a panic. That one wants testhost --allow-warn
# --append crashkernel=320M.
t_kexec() { next_kernel '' ''; }
t_kdump() { next_kernel --crash 'nr_cpus=1'; }

# A10: a restart that asks nobody. The emulator ends there; what the kernel said on its way
# is looked at by who runs this by hand (testhost --log).
t_reboot() {
	spinners 2
	echo "<1>baton: restarting under two guests" >/dev/kmsg
	reboot -f
	sleep 60
	false
}

# A9: NMIs while guests run: each processor that is asked for its stack answers, once.
# Its answer looks like a crash: run it with testhost --allow-warn.
t_nmi() {
	spinners 2
	dmesg -c >/dev/null
	for round in $(seq "${rounds:-20}"); do
		echo l >/proc/sysrq-trigger
		# Each round's by itself: many would be more than the log holds.
		dmesg -c >/tmp/dmesg.$round
		answers=$(grep -c 'NMI backtrace for cpu' /tmp/dmesg.$round) || true
		echo "round $round: $answers answers"
		[ "$answers" = "$(nproc)" ]
	done
	cat /tmp/dmesg.* >/tmp/dmesg
	! grep -E 'WARNING:|BUG:|Oops|NMI received for unknown|Dazed and confused' /tmp/dmesg || return 1
	still_spin
	end_spinners
}

leaks=/sys/kernel/debug/kmemleak

# What was lost before the first test is not ours.
forget_leaks() {
	[ -e $leaks ] || return 0
	echo scan >$leaks
	echo clear >$leaks
}

# Nothing of the module's is lost when it is gone. Objects younger than five seconds are
# not looked at; what one scan suspects, a second has to confirm.
t_kmemleak() {
	[ "$(cat /sys/module/baton/refcnt)" = 0 ]
	rmmod baton
	sleep 6
	echo scan >$leaks
	echo scan >$leaks
	cat $leaks
	[ -z "$(cat $leaks)" ]
	load_baton
}
