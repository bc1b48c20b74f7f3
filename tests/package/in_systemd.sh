# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# On a Debian that systemd has started, as root: the package, and a user who logs in (by
# ssh, for PAM's sake). /packages has the package, the module, and a guest. See test_systemd.
set -eu

begin=$(cut -d. -f1 /proc/uptime)
step() {
	echo "# $(($(cut -d. -f1 /proc/uptime) - begin)) s: $*"
}

fail() {
	echo "in_systemd: $*"
	as_tester 'systemctl --user status --no-pager -l batond.socket batond.service;
		journalctl --user -n 40 --no-pager' || :
	journalctl -n 60 --no-pager
	exit 1
}

has() { # TEXT...: in what came last
	for text; do
		grep -qF -- "$text" /tmp/out || fail "not found: \"$text\" in: $(cat /tmp/out)"
	done
}

until_true() { # WHAT COMMAND...
	what=$1 tries=0
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || fail "not within time: $what"
		sleep 0.2
	done
}

# One login, in which commands follow each other; a command's output is in /tmp/out.
login=/run/tester.ssh
ssh_quietly='ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR -o BatchMode=yes'
log_in() {
	$ssh_quietly -M -S $login -f -N tester@127.0.0.1
}
as_tester() {
	ssh -n -S $login tester@127.0.0.1 "$@"
}
# With all that is the user's.
log_in_anew() {
	loginctl terminate-user tester
	until_true "the end of tester's processes" logged_out
	log_in
}
tester() {
	ssh -n -o StrictHostKeyChecking=no -o LogLevel=ERROR -o BatchMode=yes tester@127.0.0.1 "$@"
}
tester() { as_tester "$@" >/tmp/out 2>&1 || fail "$*: $(cat /tmp/out)"; }
tester_fails() { # STATUS COMMAND
	want=$1 status=0
	shift
	as_tester "$@" >/tmp/out 2>&1 || status=$?
	[ $status = "$want" ] || fail "$*: $status: $(cat /tmp/out)"
}
unit() { # UNIT STATE
	[ "$(as_tester systemctl --user is-active "$1")" = "$2" ] ||
		fail "$1 is $(as_tester systemctl --user is-active "$1"), not $2"
}
monitor_pid() {
	as_tester vmctl show one --format csv --no-headers --fields pid
}
logged_out() { ! pgrep -u tester >/dev/null; }

dpkg -i /packages/baton_*.deb >/tmp/out 2>&1 || fail "dpkg: $(cat /tmp/out)"
useradd --create-home --shell /bin/bash tester
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 2>/dev/null || {
	mkdir -m 700 /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
}
mkdir -m 700 /home/tester/.ssh
cp /root/.ssh/id_ed25519.pub /home/tester/.ssh/authorized_keys
chown -R tester: /home/tester/.ssh
until_true "ssh" log_in
step "the package is installed, and a user logs in"

# ---- systemd starts the daemon when somebody asks ----

unit batond.socket active
unit batond.service inactive
tester_fails 6 vmctl doctor
cat /tmp/out
has 'kernel module is not loaded (BTN-3002)' 'the next command starts it' \
	'VMs end when tester logs out' 'fix: loginctl enable-linger'
unit batond.service inactive
tester vmctl list
unit batond.service active
tester 'systemctl --user show -p MainPID --value batond.service'
daemon=$(cat /tmp/out)
[ "$(readlink "/proc/$daemon/exe")" = /usr/bin/batond ] || fail "MainPID is $daemon"
grep -q 'user@.*/batond.service$' "/proc/$daemon/cgroup" || fail "$(cat "/proc/$daemon/cgroup")"
tester 'vmctl create one --set board=micro --set kernel.file=/packages/vmlinux \
	--set kernel.initrd=/packages/initrd --memory 128M --engine baton --net none \
	--set "kernel.append=\"baton.cmd=while sleep 1; do cat /proc/uptime; done\""'
tester_fails 6 vmctl start one
cat /tmp/out
has "kernel module is not loaded (BTN-3002)"
step "the daemon starts with the first command"

# ---- the module, and who may use it ----

install -D /packages/baton.ko "/lib/modules/$(uname -r)/updates/dkms/baton.ko"
depmod 2>/dev/null
tester_fails 6 vmctl doctor
has 'fix: sudo modprobe baton'
modprobe baton
udevadm settle
[ "$(stat -c '%a %U %G' /dev/baton)" = '660 root baton' ] || fail "$(ls -l /dev/baton)"
tester_fails 6 vmctl doctor
cat /tmp/out
has 'this user may not use /dev/baton' 'usermod -aG baton'
tester_fails 5 vmctl start one
cat /tmp/out
usermod -aG baton tester
# A second login has the group, and the daemon is of the first.
$ssh_quietly -n -S none tester@127.0.0.1 vmctl doctor >/tmp/out 2>&1 || fail "$(cat /tmp/out)"
has 'batond began before tester was in the group baton' 'fix: loginctl terminate-user'
tester_fails 5 vmctl start one
log_in_anew
tester vmctl doctor
tester vmctl start one
step "the module is loaded, and the user may use it"

# ---- VMs outlive the daemon ----

pid=$(monitor_pid)
for how in 'restart batond' 'stop batond.service' 'kill -s KILL --kill-who=main batond'; do
	tester "systemctl --user $how"
	tester vmctl list --format csv --no-headers --fields name,state
	has 'one,running'
	[ "$(monitor_pid)" = "$pid" ] || fail "after $how the VM is $(monitor_pid), not $pid"
	unit batond.service active
	unit batond.socket active
done
lines=$(as_tester vmctl console one --log | wc -l)
more() { [ "$(as_tester vmctl console one --log | wc -l)" -gt "$lines" ]; }
until_true "the guest goes on" more
tester vmctl doctor
cat /tmp/out
step "the VM goes on while the daemon is restarted, stopped and killed"
tester 'journalctl --user -u batond --no-pager -o cat || true'
cat /tmp/out

# Without systemd's sockets vmctl starts it.
tester systemctl --user stop batond.socket batond.service
tester vmctl list
has one
unit batond.service inactive
# and systemd leaves that daemon its sockets.
tester_fails 1 systemctl --user start batond.socket
cat /tmp/out
tester 'pkill -u tester -x batond; sleep 1; systemctl --user reset-failed; systemctl --user start batond.socket'
tester vmctl list
unit batond.service active
[ "$(monitor_pid)" = "$pid" ] || fail "the VM is $(monitor_pid), not $pid"
step "systemd's sockets and vmctl's own daemon do not meet"

# ---- logging out, and in ----

log_in_anew
tester vmctl list --format csv --no-headers --fields name,state
has one,stopped
tester 'vmctl set one autostart=on && systemctl --user enable batond.service'
cat /tmp/out
log_in_anew
running() { as_tester vmctl list --format csv --no-headers --fields name,state | grep -q one,running; }
until_true "autostart" running
step "at login, the VM with autostart=on is started"
tester loginctl enable-linger
tester vmctl doctor
has 'VMs run on when tester logs out'
pid=$(monitor_pid)
ssh -S $login -O exit tester@127.0.0.1 2>/dev/null
sleep 15 # more than logind leaves a user's processes after the last session
[ -d "/proc/$pid" ] || fail "the VM has ended with the session, in spite of linger"
log_in
[ "$(monitor_pid)" = "$pid" ] || fail "another process is the VM's"
tester vmctl kill one
step "with linger, the VM goes on without a login"

systemctl --failed --no-legend --plain
