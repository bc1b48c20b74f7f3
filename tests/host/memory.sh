# SPDX-License-Identifier: GPL-2.0-or-later
# Memory that comes back to the host: free pages that a guest reports, pages
# that are merged.

# KiB of guest RAM that the host holds, by the memfd's blocks.
held_kib() {
	pid=$(pidof baton-vm)
	for fd in /proc/"$pid"/fd/*; do
		case $(readlink "$fd") in
		*memfd:baton-guest-ram*) echo $(($(stat -L -c %b "$fd") / 2)) ;;
		esac
	done
}

# until_output PATTERN SECONDS
until_output() {
	tries=0
	until grep -qs "$1" /tmp/out; do
		tries=$((tries + 1))
		[ $tries -lt $((10 * $2)) ] || { echo "not in the output: $1"; return 1; }
		sleep 0.1
	done
}

# start_guest COMMAND OPTION...: in the background, pid in $vmctl, its console's
# input at descriptor 9. A kernel's command line is one line.
start_guest() {
	command=$(echo "$1" | tr -s '\n\t' ' ')
	shift
	rm -f /tmp/console
	mkfifo /tmp/console
	vmctl boot "$here/vmlinux-cloud" --initrd "$here/initrd-balloon" --engine "$engine" "$@" \
		--append "$quick \"baton.cmd=$command\"" </tmp/console >/tmp/out 2>&1 &
	vmctl=$!
	exec 9>/tmp/console
	# A test that fails leaves none behind; each test is a shell of its own.
	trap 'kill $vmctl 2>/dev/null || true' EXIT
}

# What the guest's "read" waits for.
go_on() {
	echo >&9
}

end_guest() {
	until_output '^baton-guest: exit 0' 120
	wait $vmctl
	cat /tmp/out
	! grep -E '\] WARNING:|BUG:|Oops|Call Trace|soft lockup' /tmp/out
}

# A guest frees more than 1 GiB: nobody gives a command, and the host has 1000 MiB in 10 s.
# Linux reports 64 blocks of 4 MiB every two seconds, which makes it four times 256 MiB; the
# rest is there so that none of these four is cut short by blocks that lie in pieces.
t_memory_back() {
	start_guest 'mount -o remount,size=90% /tmp; dd if=/dev/zero of=/tmp/big bs=1M count=1152;
		echo filled; read go; rm /tmp/big; echo freed; read go' --memory 1536M
	until_output '^filled' 200
	sleep 2
	full=$(held_kib)
	go_on
	until_output '^freed' 30
	begin=$(date +%s)
	now=$full
	while [ $((full - now)) -lt $((1000 * 1024)) ]; do
		echo "held: $full KiB, now $now KiB after $(($(date +%s) - begin)) s"
		[ $(($(date +%s) - begin)) -le 10 ]
		sleep 0.5
		now=$(held_kib)
	done
	go_on
	end_guest
}

# As installed (scripts/package/tmpfiles.conf): guest RAM in huge pages, which the host
# has to take apart for what comes back.
huge_pages=/sys/kernel/mm/transparent_hugepage/shmem_enabled

t_memory_back_huge() {
	echo advise >$huge_pages
	t_memory_back
	echo never >$huge_pages
	[ "$(sed -n 's/^thp_file_alloc //p' /proc/vmstat)" -ge 512 ]
}

t_memory_balloon_huge() {
	echo advise >$huge_pages
	t_memory_balloon
	echo never >$huge_pages
}

# until_actual TEST BYTES: until the guest has come to that (-le, -ge).
until_actual() {
	tries=0
	until [ "$(tell_vm memory | number actual)" "$1" "$2" ]; do
		tries=$((tries + 1))
		[ $tries -lt 240 ] || { tell_vm memory; return 1; }
		sleep 0.5
	done
}

# To the minimum and back while the guest uses what it has: nothing of it is killed.
t_memory_balloon() {
	mib=1048576
	rm -f $control
	start_guest 'echo begun; while :; do
		dd if=/dev/zero of=/tmp/f bs=1M count=40 2>/dev/null; rm /tmp/f; done' \
		--memory 160M..512M --control $control
	until_output '^begun' 200
	until tell_vm memory | grep -q '"driver":true'; do sleep 0.5; done
	tell_vm memory-target bytes=$((160 * mib))
	until_actual -le $((200 * mib))
	tell_vm memory
	[ "$(held_kib)" -le $((230 * 1024)) ]
	tell_vm memory-target bytes=$((512 * mib))
	until_actual -ge $((512 * mib))
	vmctl control $control memory-target bytes=1 && return 1
	tell_vm quit
	wait $vmctl || true
	cat /tmp/out
	! grep -E 'Out of memory|oom-kill|\] WARNING:|BUG:|Call Trace' /tmp/out
}

# Merged pages: a guest reads what it wrote, and what it writes now is its own.
t_memory_merge() {
	start_guest 'mount -o remount,size=90% /tmp; dd if=/dev/zero of=/tmp/a bs=1M count=64;
		echo filled; read go;
		yes baton | dd of=/tmp/a bs=4k count=2048 iflag=fullblock conv=notrunc;
		dd if=/tmp/a bs=4k count=2048 | sha256sum; yes baton | head -c 8388608 | sha256sum;
		dd if=/tmp/a bs=4k skip=2048 | sha256sum; head -c 58720256 /dev/zero | sha256sum' \
		--memory 256M --ksm on
	until_output '^filled' 200
	[ -z "$(held_kib)" ]
	echo 20000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 1 >/sys/kernel/mm/ksm/run
	tries=0
	until [ "$(cat /proc/"$(pidof baton-vm)"/ksm_merging_pages)" -gt 15000 ]; do
		tries=$((tries + 1))
		[ $tries -lt 60 ]
		sleep 1
	done
	echo 0 >/sys/kernel/mm/ksm/run
	go_on
	end_guest
	sums=$(grep -oE '^[0-9a-f]{64}' /tmp/out)
	[ "$(echo "$sums" | wc -l)" = 4 ]
	[ "$(echo "$sums" | uniq | wc -l)" = 2 ]
}
