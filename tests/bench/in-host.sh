# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in the emulated host: KVM's rows, then Baton's, in the same boot. On AMD
# only one of them can hold SVM; KVM lets go of it with its last VM.

# Until the kernel has its final clock source, timers have the tick's resolution.
source=/sys/devices/system/clocksource/clocksource0/current_clocksource
tries=0
until [ "$(cat $source)" = tsc ] || [ $tries = 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
sleep 0.5
# Bochs' processor has L1TF and no instruction to empty the cache; the loop that
# does it in software would be most of each row. KVM's is off by l1tf=off.
if [ "$BATON_TESTHOST" = vmx ]; then
	rmmod baton
	insmod /baton/baton.ko l1d_flush=0
fi

# A host with two processors is there for the rows that need them. A vCPU that halts sleeps
# at once: what is measured is waking it.
if [ "$(nproc)" -gt 1 ]; then
	echo 0 >/sys/module/kvm/parameters/halt_poll_ns
	echo 0 >/sys/module/baton/parameters/halt_poll_ns
	baton-bench --engine kvm ipi-running ipi-halted
	baton-bench --engine baton ipi-running ipi-halted
	exit
fi

echo "# kernel $(uname -r), $(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)"
# Whoever starts first must not pay for reading the files: one start goes uncounted.
baton-bench --engine kvm --boot /share/kernel /share/initrd >/dev/null

for engine in kvm baton; do
	baton-bench --engine $engine
	baton-bench --engine $engine --boot /share/kernel /share/initrd
done

# Guest RAM in huge pages, as scripts/package/tmpfiles.conf sets it. Last, for it stays.
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled
for engine in kvm baton; do
	baton-bench --engine $engine --boot /share/kernel /share/initrd |
		sed -n 's/\tboot-kilo\t/\tboot-huge\t/p'
done
