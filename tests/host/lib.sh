# SPDX-License-Identifier: GPL-2.0-or-later
# What the suite's tests use. A test is a function t_NAME (dashes as underscores);
# it fails with a non-zero status, and its output is shown only then.

# Tests named kvm-... run under KVM; all others with KVM's modules absent, so
# that what they show was done by baton.ko.
use_engine() {
	case $1 in
	kvm)
		rmmod baton 2>/dev/null
		modprobe kvm_amd 2>/dev/null || modprobe kvm_intel
		engine=kvm
		;;
	baton)
		# One by one: rmmod ends at the first that is not there.
		for module in kvm_amd kvm_intel kvm; do
			rmmod $module 2>/dev/null
		done
		! grep -q '^kvm' /proc/modules || return
		[ -e /sys/module/baton ] || load_baton
		engine=baton
		;;
	esac
}

# The host's own; one that was started without it has the share's.
load_baton() {
	if [ -e /baton/baton.ko ]; then
		insmod /baton/baton.ko
	else
		insmod "$here/module/baton.ko"
	fi
}

run_case() {
	local name=$1 test status begin end
	read -r begin _ </proc/uptime
	test=t_$(echo "${name#kvm-}" | tr - _)
	# What a command in the background will write is looked for at once, perhaps before it
	# has emptied the file: words of an earlier test's must not be there.
	rm -f /tmp/out* /tmp/err /tmp/*.out /tmp/spin*
	case $name in
	kvm-*) use_engine kvm ;;
	*) use_engine baton ;;
	esac >/tmp/case.log 2>&1
	status=$?
	if [ $status = 0 ]; then
		# By itself, not as a condition: in one, "set -e" is without effect.
		(set -e; "$test") >>/tmp/case.log 2>&1
		status=$?
	fi
	if [ $status = 0 ]; then
		read -r end _ </proc/uptime
		echo "ok $name ($((${end%.*} - ${begin%.*})) s)"
	else
		echo "not ok $name"
		failed=1
		tail -n 40 /tmp/case.log | sed 's/^/    | /'
	fi
}

# boot KERNEL OPTION...: vmctl boot with a limit on time; its status, output in
# /tmp/out and /tmp/err.
boot() {
	local status=0
	timeout -s KILL "${limit:-300}" vmctl boot "$@" --engine "$engine" \
		</dev/null >/tmp/out 2>/tmp/err || status=$?
	cat /tmp/out /tmp/err
	return $status
}

# The last command's output must have a line that matches.
expect() {
	grep -qE "$1" /tmp/out || { echo "expected in the output: $1"; return 1; }
}

# An error for people: code, cause and fix, and none of it a crash.
expect_error() {
	grep -qE "$1.*\(BTN-[0-9]{4}\)" /tmp/err || { echo "expected error: $1"; return 1; }
	grep -q '^cause: ..' /tmp/err && grep -q '^fix: ..' /tmp/err
}

# fails COMMAND...: it must end with a status of its own, no signal, no time-out.
fails() {
	local status=0
	"$@" || status=$?
	[ $status -gt 0 ] && [ $status -lt 124 ] || { echo "status $status"; return 1; }
}

# tell_vm OPERATION [NAME=VALUE]...: of the VM that was started with --control $control.
control=/tmp/vm.sock
tell_vm() {
	vmctl control $control "$@"
}

# until_answers PID: until that VM's socket answers; it must not end before.
until_answers() {
	until tell_vm status >/dev/null 2>&1; do
		kill -0 "$1" || { echo "the VM ended"; return 1; }
		sleep 0.2
	done
}

# number NAME: of a JSON line on standard input.
number() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
