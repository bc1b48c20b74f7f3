# SPDX-License-Identifier: GPL-2.0-or-later
# A VM that nobody is at: its serial console stays in the monitor, and who comes later
# sees what was, types, and goes.

# attach NAME OPERATION [MEMBER]...: a client in the background, pid in $client; it sends
# what is written to /tmp/NAME.keys, and what it gets is in /tmp/NAME.
attach() {
	name=$1
	shift
	rm -f "/tmp/$name.keys"
	mkfifo "/tmp/$name.keys"
	# open for both: its end does not come with the first who writes
	attach-client $control "$@" <>"/tmp/$name.keys" >"/tmp/$name" 2>/tmp/err &
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
	attach first attach-serial
	first=$client
	seen /tmp/first '^begun' 1
	attach second attach-serial
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
	fails attach-client $control attach-serial exclusive </dev/null 2>/tmp/err
	expect_error 'serial port is in use'
	# a reset keeps who is attached
	echo 'reboot -f' >/tmp/second.keys
	seen /tmp/first '^begun' 2
	kill $second
	wait $second || true
	tell_vm status | grep -q '"serial_clients":1'
	# one that is paused stays so
	tell_vm pause
	tell_vm reset
	tell_vm status | grep '"state":"paused"'
	sleep 2
	[ "$(grep -c '^begun' /tmp/first)" = 2 ]
	tell_vm resume
	seen /tmp/first '^begun' 3
	# and with a guest that is quiet it costs nothing
	sleep 2
	before=$(sleeps)
	sleep 5
	after=$(sleeps)
	echo "the main thread slept $((after - before)) times in 5 s"
	[ $((after - before)) -le 5 ]
	attach third attach-serial force
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

# security_type NAME: what a viewer is asked for, of RFC 6143: 1 nothing, 2 a password.
security_type() {
	printf 'RFB 003.008\n' >"/tmp/$1.keys"
	tries=0
	until [ "$(wc -c <"/tmp/$1")" -ge 14 ]; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { echo "no RFB server"; return 1; }
		sleep 0.1
	done
	tail -c 1 "/tmp/$1" | od -An -tu1 | tr -d ' '
}

# Board pc without a listener: its screen is there for who asks, and costs nothing before;
# the guest knows its UUID.
t_detached_pc() {
	uuid=6ba7b810-9dad-11d1-80b4-00c04fd430c8
	rm -f /tmp/pc.qcow2 $control
	vmctl disk create /tmp/pc.qcow2 --backing "$here/debian.qcow2,qcow2"
	echo secret >/tmp/vnc.password
	baton-vm --engine "$engine" --board pc --disk /tmp/pc.qcow2 --memory 512M --uuid $uuid \
		--vnc-password /tmp/vnc.password --control $control --console-hub \
		</dev/null >/tmp/out 2>&1 &
	vm=$!
	trap 'kill $vm 2>/dev/null || true' EXIT
	until_answers $vm
	fails grep -q libvncserver /proc/$vm/maps
	attach viewer attach-vnc
	[ "$(security_type viewer)" = 2 ]
	grep -q libvncserver /proc/$vm/maps
	attach trusted attach-vnc skip_auth
	[ "$(security_type trusted)" = 1 ]
	attach serial attach-serial
	seen /tmp/serial 'debian login:' 1
	echo root >/tmp/serial.keys
	seen /tmp/serial 'Password:' 1
	echo debian >/tmp/serial.keys
	seen /tmp/serial '~# ' 1
	echo 'echo; cat /sys/class/dmi/id/product_uuid; poweroff' >/tmp/serial.keys
	wait $vm
	seen /tmp/serial "^$uuid" 1
	[ ! -s /tmp/out ]
	rm -f /tmp/pc.qcow2
}
