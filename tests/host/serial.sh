# SPDX-License-Identifier: GPL-2.0-or-later
# A VM that nobody is at: its serial console stays in the monitor, and who comes later
# sees what was, types, and goes.

# attach NAME [MEMBER]...: a client in the background, pid in $client; it types what is
# written to /tmp/NAME.keys and shows the console in /tmp/NAME.
attach() {
	name=$1
	shift
	rm -f "/tmp/$name.keys"
	mkfifo "/tmp/$name.keys"
	# open for both: its end does not come with the first who writes
	serial-client $control "$@" <>"/tmp/$name.keys" >"/tmp/$name" 2>/tmp/err &
	client=$!
}

# seen FILE PATTERN COUNT: until that many lines of it match.
seen() {
	tries=0
	until [ "$(tr -d '\r' <"$1" | grep -cE "$2")" -ge "$3" ]; do
		tries=$((tries + 1))
		[ $tries -lt 2400 ] || { echo "not in $1 $3 times: $2"; cat "$1"; return 1; }
		sleep 0.1
	done
}

# How often the main thread of the VM has slept.
sleeps() {
	sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' /proc/$vm/task/$vm/status
}

t_serial_hub() {
	rm -f $control /tmp/serial.log /tmp/lock
	exec 8>/tmp/lock
	flock 8
	baton-vm --engine "$engine" --kernel "$here/vmlinux-cloud" --initrd "$here/initrd" \
		--memory 128M --append "$quick \"baton.cmd=echo begun; sh\"" --name test \
		--uuid 6ba7b810-9dad-11d1-80b4-00c04fd430c8 --control $control --console-hub \
		--serial-log /tmp/serial.log --lock-fd 8 </dev/null >/tmp/out 2>&1 &
	vm=$!
	trap 'kill $vm 2>/dev/null || true' EXIT
	exec 8>&-
	until_answers $vm
	# the lock lives with the VM
	fails flock -n /tmp/lock true
	attach first
	first=$client
	seen /tmp/first '^begun' 1
	attach second
	second=$client
	seen /tmp/second '^begun' 1 # from before it came
	tell_vm status >/tmp/status
	cat /tmp/status
	grep -q '"serial_clients":2' /tmp/status
	grep -q '"name":"test","uuid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"' /tmp/status
	echo 'echo one $((6 * 7))' >/tmp/first.keys
	echo 'echo two $((6 * 8))' >/tmp/second.keys
	for place in /tmp/first /tmp/second /tmp/serial.log; do
		seen $place '^one 42' 1
		seen $place '^two 48' 1
	done
	fails serial-client $control exclusive </dev/null 2>/tmp/err
	expect_error 'serial port is in use'
	# a reset keeps who is attached
	echo 'reboot -f' >/tmp/second.keys
	seen /tmp/first '^begun' 2
	kill $second
	wait $second || true
	tell_vm status | grep -q '"serial_clients":1'
	# and with a guest that is quiet it costs nothing
	sleep 2
	before=$(sleeps)
	sleep 5
	after=$(sleeps)
	echo "the main thread slept $((after - before)) times in 5 s"
	[ $((after - before)) -le 5 ]
	attach third force
	third=$client
	wait $first # it sees the end
	seen /tmp/third '^two 48' 1
	echo exit >/tmp/third.keys
	wait $vm
	wait $third
	for place in /tmp/third /tmp/serial.log; do
		seen $place '^baton-guest: exit 0' 1
		seen $place 'reboot: Power down' 1
	done
	[ ! -s /tmp/out ] # nothing goes to who started it
	flock -n /tmp/lock true
}
