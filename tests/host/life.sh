# SPDX-License-Identifier: GPL-2.0-or-later
# Life and death of many VMs: nothing is left behind.

used_kib() {
	echo 3 >/proc/sys/vm/drop_caches
	# KASAN holds back what was freed; SLUB's files are there in its kernel.
	for cache in /sys/kernel/slab/*/shrink; do
		[ ! -e "$cache" ] || echo 1 >"$cache"
	done
	sleep 1
	awk '/^(Slab|KernelStack|PageTables|Percpu|Shmem):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# A guest that spins with interrupts off goes away on SIGTERM like any other.
t_shutdown_of_spinner() {
	vmctl boot "$here/spin.elf" --memory 32M --engine "$engine" </dev/null >/tmp/out 2>&1 &
	pid=$!
	tries=0
	until grep -qs 'guest: spinning' /tmp/out; do
		tries=$((tries + 1))
		[ $tries -lt 100 ]
		sleep 0.1
	done
	sleep 1
	kill $pid
	wait $pid || status=$?
	[ "$status" -lt 255 ]
	[ -z "$(pidof baton-vm)" ]
}

start_and_kill() { # MILLISECONDS
	baton-vm --engine baton --kernel "$here/kernel-cloud" --initrd "$here/initrd" \
		--memory 128M --append 'console=ttyS0' </dev/null >/tmp/killed 2>&1 &
	pid=$!
	usleep $(($1 * 1000))
	kill -9 $pid
	wait $pid 2>/dev/null || true
}

t_kill_200() {
	# Seeded, so that a failure repeats; most while the VM is made, some well into its boot.
	moments=$(awk 'BEGIN { srand(4711); for (i = 0; i < 202; i++) { r = rand(); print int(600 * r * r * r * r) } }')
	count=0
	before=
	for moment in $moments; do
		start_and_kill "$moment"
		count=$((count + 1))
		# The first two fill caches that stay.
		[ $count != 2 ] || before=$(used_kib)
	done
	after=$(used_kib)
	echo "kernel memory: $before KiB before, $after KiB after 200 VMs"
	[ $((after - before)) -lt 2048 ]
	[ "$(cat /sys/module/baton/refcnt)" = 0 ]
	rmmod baton
	load_baton
}
