# SPDX-License-Identifier: GPL-2.0-or-later
# batond, vmctl and libvirt's clients with real VMs.

daemon_key="-i $here/ssh/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
-o LogLevel=ERROR -o ConnectTimeout=30 -o BatchMode=yes"

# A place for root's VMs, as a login would have it; batond comes with the first vmctl.
daemon_place() {
	unset XDG_RUNTIME_DIR
	export HOME=/tmp/home
	rm -rf /tmp/home
	mkdir -p /tmp/home /var
	[ -e /var/run ] || ln -s /run /var/run
	trap 'daemon_end' EXIT
}

daemon_end() {
	for vm in $(vmctl list -q); do
		echo "$vm:"
		vmctl log "$vm" --serial | tail -n 5
	done
	vmctl kill --all 2>/dev/null || true
	for pid in $(pidof batond); do
		kill "$pid"
		# Who comes next has to start another one.
		tries=0
		while kill -0 "$pid" 2>/dev/null && [ $tries -lt 200 ]; do
			tries=$((tries + 1))
			usleep 50000
		done
	done
	tail -n 40 /tmp/home/.local/share/baton/vms/*/monitor.log 2>/dev/null || true
}

# in_vm PORT COMMAND...: over ssh, as the user that the seed made.
in_vm() {
	port=$1
	shift
	# shellcheck disable=SC2086 # options
	timeout 120 ssh $daemon_key -p "$port" dev@127.0.0.1 "$@"
}

# state NAME WORD: what vmctl and virsh say it is.
state() {
	vmctl list --format csv --no-headers --fields name,state | grep -qx "$1,$2" ||
		{ vmctl list; echo "expected: $1 $2"; return 1; }
}

# Types what is written to /tmp/keys to COMMAND and keeps its output in /tmp/NAME.
on_console() { # NAME COMMAND...
	name=$1
	shift
	rm -f /tmp/keys
	mkfifo /tmp/keys
	"$@" <>/tmp/keys >"/tmp/$name" 2>&1 &
	console=$!
}

console_log_in() { # NAME
	echo >/tmp/keys
	said "$1" 'login:'
	echo root >/tmp/keys
	said "$1" 'Password:'
	echo debian >/tmp/keys
	said "$1" '~# '
	echo 'echo it is $((40 + 2))' >/tmp/keys
	said "$1" 'it is 42'
}

said() { # NAME PATTERN
	tries=0
	until grep -aq "$2" "/tmp/$1"; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || { echo "not on the console: $2"; tail "/tmp/$1"; return 1; }
		sleep 0.1
	done
}

# reach PORT NAME: ping by name, from a guest that may know its name server a moment after
# its sshd is up.
reach() {
	in_vm "$1" "for i in \$(seq 60); do getent hosts $2 && break; sleep 1; done; sudo ping -c 1 $2"
}

# Two Debian VMs from an image: names, ssh, consoles, screen, and every verb of a life.
t_daemon_debian() {
	daemon_place
	vmctl launch "$here/debian.qcow2" web1 --user dev --ssh-key "$here/ssh/key.pub" \
		--engine "$engine" --port 2201:22 --timeout 600
	vmctl launch debian web2 --user dev --ssh-key "$here/ssh/key.pub" \
		--engine "$engine" --port 2202:22 --timeout 600
	state web1 running
	state web2 running
	reach 2201 web2
	reach 2202 web1
	[ "$(in_vm 2201 hostname)" = web1 ]
	[ "$(in_vm 2202 sudo id -u)" = 0 ]
	on_console serial vmctl console web1
	console_log_in serial
	kill $console
	on_console virsh script -qec 'virsh -c baton:///session console web2' /dev/null
	said virsh 'Escape character'
	console_log_in virsh
	printf '\035' >/tmp/keys # ^] leaves
	wait $console
	vmctl screenshot web2 /tmp/web2.png
	screen-text /tmp/web2.png /usr/share/seabios/vgabios-stdvga.bin >/tmp/web2.txt
	grep -q '.eb2 login:' /tmp/web2.txt || { cat /tmp/web2.txt; return 1; }
	virsh -c baton:///session list --all >/tmp/out
	expect ' web1 +running'
	virsh -c baton:///session domstats web1 >/tmp/out
	expect 'block.0.rd.reqs=[1-9]'
	expect 'net.0.rx.bytes=[1-9]'
	expect 'vcpu.0.delay=[0-9]'
	expect 'vcpu.0.halted=(yes|no)'
	vmctl stats web1 --fields name,guest_percent,halted_percent,exits_per_s --format csv >/tmp/out
	expect '^web1,[0-9.]+,[0-9.]+,[1-9][0-9]*$'
	daemon_verbs
	trap - EXIT
	daemon_end
}

# Graceful shutdown, kill, restart, rename, delete, restore.
daemon_verbs() {
	vmctl stop web1 --timeout 300
	state web1 stopped
	vmctl kill web2
	state web2 stopped
	vmctl rename web2 db
	vmctl delete db
	fails vmctl show db
	vmctl list --trash --format csv --no-headers --fields name | grep -qx db
	vmctl restore db
	vmctl start db
	vmctl wait db --for ssh --timeout 300
	vmctl restart db --timeout 300
	vmctl wait db --for ssh --timeout 300
	in_vm 2202 uptime # the guest keeps its own host name
	vmctl pause db
	state db paused
	vmctl resume db
	virsh -c baton:///session destroy db
	state db stopped
}

# What can be waited for, from the start to the end.
t_daemon_wait() {
	daemon_place
	vmctl image add debian "$here/debian.qcow2" --user dev
	vmctl create web1 --image debian --ssh-key "$here/ssh/key.pub" --engine "$engine" \
		--port 2201:22
	vmctl start web1 --verbose 2>/tmp/err
	grep -q '^vmctl: > {"op":"vm-start"' /tmp/err
	vmctl wait web1 --timeout 10
	vmctl wait web1 --for boot --timeout 900
	vmctl wait web1 --for ssh --timeout 900
	[ "$(vmctl net forward list web1 -q | wc -l)" = 1 ]
	vmctl stop web1 --no-wait
	vmctl wait web1 --for off --timeout 300
	trap - EXIT
	daemon_end
}

# A VM for one command, whose exit status is ours; nothing of it is left.
t_daemon_run() {
	daemon_place
	status=0
	vmctl run "$here/debian.qcow2" --user dev --engine "$engine" --timeout 900 -- \
		sh -c 'echo it is $((40 + 2)); exit 7' >/tmp/out || status=$?
	[ $status = 7 ] || { echo "status $status"; return 1; }
	expect '^it is 42'
	[ -z "$(vmctl list -q)" ]
	[ -z "$(vmctl list --trash -q)" ]
	[ -z "$(ls -A /tmp/home/.local/share/baton/vms)" ]
	trap - EXIT
	daemon_end
}

# start_fails STATUS SENTENCE: as vmctl says it, and what is left of it for whoever asks later.
start_fails() {
	status=0
	vmctl start one 2>/tmp/err || status=$?
	cat /tmp/err
	[ $status = "$1" ] || { echo "status $status"; return 1; }
	expect_error "$2"
	state one stopped
}

# Neither engine, no module, no right to use it: and it works as soon as it is there.
t_daemon_no_engine() {
	daemon_place
	daemon_small_vm one
	rmmod baton
	[ ! -e /dev/baton ] && [ ! -e /dev/kvm ]
	start_fails 6 "Baton's kernel module is not loaded"
	vmctl set one engine=auto
	start_fails 6 'no engine works on this host'
	grep -q '^fix: .*vmctl doctor' /tmp/err
	virsh -c baton:///session start one >/tmp/out 2>&1 && return 1
	expect 'no engine works on this host \(BTN-3001\)'
	load_baton
	vmctl set one "engine=$engine"
	vmctl start one
	state one running
	vmctl kill one
	daemon_end
	daemon_as_nobody
	trap - EXIT
}

# As a user who may not use /dev/baton, in a place of that user's.
daemon_as_nobody() {
	chmod 755 /tmp
	rm -rf /tmp/nobody
	mkdir -m 700 -p /tmp/nobody/run
	chown -R 65534:65534 /tmp/nobody
	cat >/tmp/nobody.sh <<-END
		export HOME=/tmp/nobody XDG_RUNTIME_DIR=/tmp/nobody/run
		vmctl create one --set board=micro --set "kernel.file=$here/vmlinux-cloud" \
			--memory 128M --engine baton --net none
		vmctl start one 2>/tmp/nobody/err
		echo "status \$?"
		kill \$(pidof batond)
	END
	# By its path: the shell has one built in, which knows none of this.
	/opt/baton/bin/setpriv --reuid 65534 --regid 65534 --clear-groups sh /tmp/nobody.sh \
		>/tmp/out 2>&1 || true
	cat /tmp/out
	cp /tmp/nobody/err /tmp/err
	cat /tmp/err
	expect '^status 5'
	expect_error 'may not use /dev/baton'
}

# Small VMs that boot a kernel, to have some quickly.
daemon_small_vm() { # NAME
	vmctl create "$1" --set board=micro --set "kernel.file=$here/vmlinux-cloud" \
		--set "kernel.initrd=$here/initrd" --memory 128M --engine "$engine" --net none \
		--set "kernel.append=$quick \"baton.cmd=while sleep 1; do cat /proc/uptime; done\""
}

daemon_pid() {
	vmctl show "$1" --format csv --no-headers --fields pid
}

# The daemon is killed a hundred times in the middle of what it does; the VMs do not care.
t_daemon_kills() {
	daemon_place
	for vm in one two; do
		daemon_small_vm $vm
		vmctl start $vm
	done
	one=$(daemon_pid one) two=$(daemon_pid two)
	for turn in $(seq 100); do
		{
			vmctl create v$turn --disk-size 1M
			vmctl rename v$((turn - 1)) w$turn
			vmctl delete w$((turn - 1))
		} >/dev/null 2>&1 &
		jobs=$!
		usleep $(((turn * 7919) % 200000))
		kill -9 $(pidof batond) || true
		wait $jobs || true
		[ "$(daemon_pid one) $(daemon_pid two)" = "$one $two" ]
	done
	state one running
	state two running
	vmctl list --format csv --no-headers --fields name,state >/tmp/list
	! grep -qv ',\(running\|stopped\)$' /tmp/list
	vms=/tmp/home/.local/share/baton/vms
	[ "$(ls -A $vms | sort)" = "$(cut -d, -f1 /tmp/list | sort)" ]
	for folder in "$vms"/[vw]*; do
		[ -s "$folder/vm.conf" ] && [ -s "$folder/disk0.qcow2" ] ||
			{ ls -l "$folder"; return 1; }
	done
	[ -z "$(ls -A /tmp/home/.local/share/baton/journal)" ]
	# They have run all the time, and can still be reached and ended.
	said_before=$(vmctl console one --log | wc -l)
	sleep 3
	[ "$(vmctl console one --log | wc -l)" -gt "$said_before" ]
	vmctl kill one two
	trap - EXIT
	daemon_end
}
