# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input and bad guests: a clear error with code, cause and fix; never a hang,
# never a kernel warning (testhost looks for those).

t_abi() { baton-abi-test; }

# What the monitor relies on, whatever the engine.
t_hv() { baton-hv-test "$engine"; }
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

t_triple_fault() {
	fails boot "$here/triple.elf" --memory 32M
	expect 'about to triple-fault'
	expect_error 'triple fault'
}

t_jump_into_void() {
	fails boot "$here/void.elf" --memory 32M
	expect 'about to jump'
	expect_error 'memory|instruction'
}

t_no_module() {
	rmmod baton 2>/dev/null || true
	[ ! -e /dev/baton ]
	fails boot "$here/kernel-cloud" --engine baton
	expect_error 'module|/dev/baton'
	! vmctl doctor --format json >/tmp/out || [ $? = 0 ]
	grep -q baton /tmp/out
}

# AMD: two hypervisors cannot share. With a KVM guest running, ours says why.
t_busy_owner() {
	modprobe kvm_amd
	vmctl boot "$here/spin.elf" --memory 32M --engine kvm </dev/null >/tmp/spin.out 2>&1 &
	pid=$!
	sleep 3
	result=0
	fails boot "$here/kernel-cloud" || result=$?
	kill $pid
	wait $pid || true
	[ $result = 0 ]
	expect_error 'owns|another hypervisor'
	rmmod kvm_amd
}
