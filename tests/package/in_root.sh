# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# In the clean root, as its root: install, use, remove. /packages has the packages.
set -eu

fail() {
	echo "in_root: $*" >&2
	exit 1
}

# has FILE TEXT...: each text is in the file.
has() {
	file=$1
	shift
	for text; do
		grep -qF -- "$text" "$file" || fail "not found: \"$text\" in: $(cat "$file")"
	done
}

processes_of() { # PROGRAM
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/exe")" != "$1" ] || echo "${process#/proc/}"
	done
}

end() { # PID
	tries=0
	kill "$1"
	# Of all its threads: the first one is a zombie before the others have let go of its files.
	while grep -qs '^State:.[^Z]' "/proc/$1/task/"*/status; do
		[ $((tries += 1)) -lt 300 ] || fail "process $1 does not end when told to"
		sleep 0.1
	done
}

# Every file with type, mode and owner, but for what apt and dpkg write down of their
# work. And what the files in /etc say, other than copies of an older state.
state() {
	find / -xdev \( -path /proc -o -path /packages -o -path /dev -o -path /tmp -o \
		-path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt -o \
		-path /var/cache -o -path '/etc/*-' \) -prune -o -printf '%y %m %u %g %p %l\n'
	find /etc -type f ! -name '*-' ! -name ld.so.cache -exec md5sum {} +
}

# There is no network in here: packages come from apt's cache.
quietly='-o Acquire::Retries=0 --yes -qq'
state | sort >/tmp/before

# ---- install: what the package says it needs is enough ----

# shellcheck disable=SC2086 # options
apt-get $quietly install /packages/baton_*.deb >/tmp/apt 2>&1 || fail "install: $(cat /tmp/apt)"
! grep -iE 'warning|error|not found|cannot' /tmp/apt || fail "installing is not quiet"
dpkg -V baton >/tmp/verify 2>&1 || fail "dpkg -V: $(cat /tmp/verify)"
[ ! -s /tmp/verify ] || fail "dpkg -V: $(cat /tmp/verify)"
[ "$(stat -c '%a %U %G' /usr/bin/vmctl)" = '755 root root' ] || fail "vmctl: mode"
[ -z "$(dpkg -L baton | while read -r path; do
	find "$path" -maxdepth 0 ! -type l \( -perm /6022 -o ! -user root -o ! -group root \)
done)" ] || fail "files that are not root's alone to write"
getent group baton >/dev/null || fail "no group baton"
link=/etc/systemd/user/sockets.target.wants/batond.socket
[ "$(readlink -f $link)" = /usr/lib/systemd/user/batond.socket ] ||
	fail "the socket unit is not enabled: $(ls -l $link)"
for program in /usr/bin/vmctl /usr/bin/batond /usr/libexec/baton/*; do
	! ldd "$program" | grep 'not found' || fail "$program: libraries are missing"
done

# A second time over it is no change: an administrator's choice stays.
rm $link # as systemctl --global disable does
dpkg -i /packages/baton_*.deb >/dev/null
[ ! -e $link ] || fail "an upgrade enables what was disabled"

# ---- doctor: what is missing, and what to do ----

status=0
vmctl doctor >/tmp/doctor || status=$?
[ $status = 6 ] || fail "vmctl doctor ended with $status: $(cat /tmp/doctor)"
has /tmp/doctor 'kernel module is not loaded (BTN-3002)' \
	"fix: sudo apt install ./baton-dkms_*.deb linux-headers-$(uname -r) && sudo modprobe baton" \
	'/dev/kvm is not there (BTN-3006)' 'This host cannot run VMs yet'

# ---- a user, the daemon, a VM that is made and removed ----

useradd --create-home tester
run=/run/user/$(id -u tester)
mkdir -p "$run"
chown tester "$run"
chmod 700 "$run"
as_tester() {
	setpriv --reuid tester --regid tester --init-groups env -i PATH="$PATH" LC_ALL=C.UTF-8 \
		HOME=/home/tester XDG_RUNTIME_DIR="$run" "$@"
}
as_tester vmctl list >/tmp/list 2>&1 || fail "vmctl list: $(cat /tmp/list)"
[ "$(stat -c '%a %U' "$run/baton/batond.sock")" = '600 tester' ] || fail "the API's socket: mode"
[ "$(stat -c '%a %U' "$run/libvirt/virtbatond-sock")" = '600 tester' ] || fail "libvirt's: mode"
as_tester vmctl create web1 --disk-size 64M >/tmp/out 2>&1 || fail "vmctl create: $(cat /tmp/out)"
as_tester vmctl list --format json >/tmp/list
has /tmp/list '"web1"' '"stopped"'
# No engine: an error that says so, of a monitor that was found.
status=0
as_tester vmctl start web1 >/tmp/start 2>&1 || status=$?
[ $status = 6 ] || fail "vmctl start ended with $status: $(cat /tmp/start)"
has /tmp/start 'BTN-' 'cause: ' 'fix: '
as_tester vmctl image list >/dev/null 2>&1 || fail "vmctl image list"
as_tester vmctl net list >/dev/null 2>&1 || fail "vmctl net list"
# Another user sees neither.
status=0
setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/nonexistent \
	XDG_RUNTIME_DIR="$run" BATON_AUTOSTART=0 vmctl list >/tmp/other 2>&1 || status=$?
[ $status != 0 ] || fail "another user sees: $(cat /tmp/other)"

# There is one daemon, of the package. It ends when told.
daemon=$(processes_of /usr/bin/batond)
[ "$(echo "$daemon" | wc -w)" = 1 ] || fail "batond has these processes: $daemon"
end "$daemon"

# The name that the libvirt client starts: it ends by itself.
as_tester /usr/sbin/virtbatond --timeout=1 || fail "virtbatond"
# Networks live on without the daemon.
for process in $(processes_of /usr/libexec/baton/baton-net); do
	end "$process"
done
rm -rf /run/user
userdel -r tester >/tmp/userdel 2>&1 || fail "userdel: $(cat /tmp/userdel)"

# ---- the other packages: all that they depend on exists ----

for deb in /packages/*.deb; do
	apt-get -s -qq -o APT::Install-Recommends=true install /packages/baton_*.deb "$deb" \
		>/tmp/apt 2>&1 || fail "$deb cannot be installed: $(cat /tmp/apt)"
done
for name in $(dpkg-deb -f /packages/baton_*.deb Recommends | tr -d ,); do
	case $name in
	baton-*) [ -e "$(echo /packages/"$name"_*.deb)" ] || fail "there is no $name" ;;
	*) apt-cache show "$name" >/dev/null 2>&1 || fail "Debian has no $name" ;;
	esac
done

# ---- removal ----

# shellcheck disable=SC2086 # options
apt-get $quietly purge --autoremove baton >/tmp/apt 2>&1 || fail "purge: $(cat /tmp/apt)"
state | sort >/tmp/after
diff /tmp/before /tmp/after >/tmp/diff || fail "a purge leaves: $(cat /tmp/diff)"
! dpkg-query -W baton >/dev/null 2>&1 || fail "dpkg still knows baton"
