# SPDX-License-Identifier: GPL-2.0-or-later
# Two VMs on a named network and the way in from the host, all of it without root.

lab=/tmp/lab

as_nobody() {
	(exec_as_nobody "$@")
}

# In the shell's place, so that its process id is the command's.
exec_as_nobody() {
	exec /opt/baton/bin/setpriv --reuid 65534 --regid 65534 --clear-groups \
		--bounding-set=-all --inh-caps=-all --no-new-privs "$@"
}

# What a network must leave alone: links, addresses, routes, filters.
host_network() {
	ip link
	ip addr
	ip route show table all
	cat /proc/net/route /proc/net/dev_mcast
	cut -d ' ' -f 1 /proc/modules | sort
	ls /proc/net
	! command -v nft || nft list ruleset
	! command -v iptables-save || iptables-save
}

lab_up() {
	rm -rf $lab
	mkdir $lab $lab/run $lab/state
	chown 65534:65534 $lab/run $lab/state
	export XDG_RUNTIME_DIR=$lab/run XDG_STATE_HOME=$lab/state
	device=/dev/$engine
	mode=$(stat -c %a "$device")
	trap 'lab_down' EXIT
	chmod 666 "$device"
	cp "$here"/ssh/* $lab/
	chmod 600 $lab/key
	mkfifo $lab/a.in $lab/b.in
	exec 8<>$lab/a.in 9<>$lab/b.in
}

lab_down() {
	chmod "$mode" "$device"
	# shellcheck disable=SC2046,SC2086 # lists
	kill $a $b 2>/dev/null || true
	# The next test may want another engine, and no VM in its way.
	# shellcheck disable=SC2046,SC2086 # lists
	[ -z "$a" ] || wait $a $b || true
	tail -n 15 $lab/a.out $lab/b.out
}

# lab_guest NAME PEER OPTION...: in the background, its pid in $!.
lab_guest() {
	local name=$1 peer=$2
	shift 2
	exec_as_nobody vmctl boot "$here/vmlinux-cloud" --initrd "$here/initrd-net" --engine "$engine" \
		--memory 128M --net lab --name "$name" "$@" \
		--append "console=ttyS0 quiet baton.peer=$peer" \
		<$lab/"$name".in >$lab/"$name".out 2>&1 8>&- 9>&- &
}

# says NAME PATTERN: that guest, within a minute.
says() {
	tries=0
	until grep -q "$2" $lab/"$1".out; do
		tries=$((tries + 1))
		if [ $tries -gt 600 ] || grep -qE '^(net|baton)-guest: (failed|exit)' $lab/"$1".out; then
			echo "$1 never said: $2"
			return 1
		fi
		sleep 0.1
	done
}

# ask REQUEST...: of the network; its answers in /tmp/out.
ask() {
	baton-netpeer ask $lab/run/baton/net/lab.ctl "$@" >/tmp/out
	cat /tmp/out
}

# log_in PORT COMMAND: by key, to a guest whose own key is known.
log_in() {
	local port=$1
	shift
	ssh -F none -p "$port" -i $lab/key -o BatchMode=yes -o HostKeyAlias=net-guest \
		-o UserKnownHostsFile=$lab/known_hosts -o StrictHostKeyChecking=yes \
		root@127.0.0.1 "$@"
}

# The guests test what is between them (net-guest), the host its way in.
t_net_pair() {
	lab_up
	host_network >$lab/before
	lab_guest a b
	a=$!
	lab_guest b a --forward 2201:22
	b=$!
	says a '^net-guest: done'
	says b '^net-guest: done'
	for guest in a b; do
		grep -qE '^net-guest: address 10\.0\.2\.[0-9]+/24 name '$guest $lab/$guest.out
		grep -q '^net-guest: names a=10' $lab/$guest.out
		grep -q '^net-guest: names b=10' $lab/$guest.out
	done
	# Both know the same two addresses, and these are two.
	[ "$(cat $lab/[ab].out | grep '^net-guest: names' | sort -u | wc -l)" = 2 ]
	[ "$(sed -n 's/^net-guest: address \([^ ]*\) .*/\1/p' $lab/[ab].out | sort -u | wc -l)" = 2 ]

	# In, by a forward from the start and by live ones.
	[ "$(log_in 2201 hostname)" = b ]
	ask '{"op":"forward-add","host_port":2202,"guest":"a","guest_port":22,"keep":true}' \
		'{"op":"forward-add","host_port":2207,"guest":"a","guest_port":7,"keep":true}'
	[ "$(grep -c '"ok":true' /tmp/out)" = 2 ]
	head -c 1000000 /dev/urandom >$lab/data
	[ "$(log_in 2202 'hostname; sha256sum' <$lab/data)" = "$(echo a; sha256sum <$lab/data)" ]
	# Under KVM the network is the same one: fewer will do.
	[ "$engine" = baton ] && many=1000 || many=100
	baton-netpeer echo 127.0.0.1 2207 $many 1 2000
	baton-netpeer echo 127.0.0.1 2207 50 50 20000

	# A port that is taken, by a forward or by somebody else; live and at the start.
	ask '{"op":"forward-add","host_port":2201,"guest":"a","guest_port":22}'
	grep -q '"ok":false,"code":"BTN-5101".*"cause":"..*"fix":".' /tmp/out
	baton-netpeer serve 2208 >/dev/null &
	other=$!
	until baton-netpeer echo 127.0.0.1 2208 1 1 1; do sleep 0.1; done
	ask '{"op":"forward-add","host_port":2208,"guest":"a","guest_port":22}'
	grep -q '"ok":false,"code":"BTN-5101".*"cause":"..*"fix":".' /tmp/out
	for port in 2201 2208; do
		status=0
		boot "$here/kernel-cloud" --net lab --name c --forward $port:22 || status=$?
		[ $status = 4 ]
		expect_error "port $port of the host .*is taken"
	done
	# What the host serves on 127.0.0.1 is not for guests.
	fails log_in 2201 'netpeer echo 10.0.2.2 2208 1 1 1'
	kill $other

	# One that is removed is gone.
	ask '{"op":"forward-remove","host_port":2207}'
	grep -q '"ok":true' /tmp/out
	fails baton-netpeer echo 127.0.0.1 2207 1 1 1

	host_network >$lab/after
	diff $lab/before $lab/after
	echo end >&8
	echo end >&9
	wait $a
	wait $b
	! grep -E '\] WARNING:|BUG:|Oops|Call Trace|soft lockup' $lab/[ab].out
	ask '{"op":"leases"}' '{"op":"quit"}'
	trap - EXIT
	chmod "$mode" "$device"
}
