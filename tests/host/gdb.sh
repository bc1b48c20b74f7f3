# SPDX-License-Identifier: GPL-2.0-or-later
# gdb's side of a guest that boots: gdb-client (gdb_client.c) says what gdb would say.

gdb_socket=/tmp/gdb.sock

# A number as its bytes in memory, in pairs of digits.
little_endian() {
	echo "$1" | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/'
}

# symbol NAME: its address, of the kernel that wrote /tmp/symbols.
symbol() {
	sed -n "s/^\([0-9a-f]\{16\}\) . $1\r*$/\1/p" /tmp/symbols
}

# debug STEP...: as gdb; if that goes wrong, with what the VM said.
debug() {
	gdb-client $gdb_socket "$@" || { tail -n 20 /tmp/out /tmp/err; return 1; }
}

# start_debugged OPTION...: a guest that waits for gdb.
start_debugged() {
	rm -f $gdb_socket
	timeout -s KILL 400 vmctl boot "$@" --control $control --gdb unix:$gdb_socket,wait \
		--engine "$engine" </dev/null >/tmp/out 2>/tmp/err &
	vm=$!
	until_answers $vm
}

# debug STEP...: as gdb; if that goes wrong, with what the VM said.
debug() {
	gdb-client $gdb_socket "$@" || { tail -n 20 /tmp/out /tmp/err; return 1; }
}

# The guest's kernel has nothing to complain of: a warning it has under KVM alone, as in
# boot.sh.
expect_unnoticed() {
	fails grep -E 'BUG:|Oops|int3:|soft lockup' /tmp/out
	[ "$engine" = kvm ] || fails grep -E '\] WARNING:|Call Trace' /tmp/out
}

# A guest that ends up in a loop of one instruction: stepped, interrupted, stopped by
# breakpoints, let go by a gdb that breaks off, and killed by the next one.
t_gdb_spin() {
	start_debugged "$here/spin.elf" --memory 64M
	[ "$(stat -c %a $gdb_socket)" = 600 ]
	tell_vm status | grep '"state":"paused"'
	debug 'qSupported:swbreak+;hwbreak+ -> PacketSize=' '? -> T05thread:1;' \
		'10*vCont;s:1 -> T05thread:1;' g '!vCont;c' sleep '^C -> T02thread:1;' p10 \
		'm%,2 -> ebfe' '3*vCont;s -> T05thread:1;' 'm%,2 -> ebfe'
	# QEMU's AMD-V has neither: it takes INT3 for INT n, and VMRUN arms no breakpoint.
	[ "$BATON_TESTHOST" = svm ] || debug 'qSupported:swbreak+;hwbreak+ -> PacketSize=' \
		p10 'Z0,%,1 -> OK' 'm%,2 -> ebfe' 'vCont;c -> T05swbreak:;thread:1;' \
		'z0,%,1 -> OK' 'vCont;s -> T05thread:1;' 'Z1,%,1 -> OK' \
		'vCont;c -> T05hwbreak:;thread:1;' 'z1,%,1 -> OK' 'vCont;s -> T05thread:1;'
	# The end of the connection is the end of the debugging.
	until tell_vm status | grep '"state":"running"'; do sleep 0.2; done
	# "info"; "reset", after which it stands at its first instruction again
	debug '? -> T05thread:1;' 'qRcmd,696e666f -> ' p10 'qRcmd,7265736574 -> OK' sleep \
		'? -> T05thread:1;' p10 '5*vCont;s:1 -> T05thread:1;' 'k -> W00'
	# as after SIGTERM
	status=0
	wait $vm || status=$?
	[ $status = 143 ]
	expect '^guest: spinning'
}

# To whom gdb's target is an i386 once it pages, by single steps: eip is register 8 then.
t_gdb_pae() {
	start_debugged "$here/pae.elf" --memory 32M
	xml='qXfer:features:read:target.xml:0,80'
	head='m<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>'
	debug '? -> T05thread:1;' "$xml -> ${head}i386:x86-64<" '8*vCont;s:1 -> T05thread:1;' \
		"$xml -> ${head}i386<" p8 'm%,1' 'D -> OK'
	wait $vm
	expect '^guest: by the first tables'
}

# A kernel that boots on two CPUs, stopped wherever it is, stepped there, and let go.
t_gdb_boot() {
	# However fast it boots, it is still there for the second ^C.
	start_debugged "$here/vmlinux-cloud" --initrd "$here/initrd" --memory 256M --cpus 2 \
		--append "$quick \"baton.cmd=echo cpus: \$(nproc); sleep 10\""
	debug 'qSupported:swbreak+;hwbreak+ -> PacketSize=' '? -> T05thread:1;' \
		'qfThreadInfo -> m1,2' '20*vCont;s:1 -> T05thread:1;' '!vCont;c' sleep \
		'^C -> T02' '200*vCont;s:1 -> T05thread:1;' p10 'm%,8' 'Hg2 -> OK' g \
		'qThreadExtraInfo,1' 'qThreadExtraInfo,2' '!vCont;c' sleep '^C -> T02' \
		'100*vCont;s:1;c -> T05' '100*vCont;s:1 -> T05thread:1;' 'D -> OK'
	wait $vm
	cat /tmp/out
	expect '^cpus: 2'
	expect '^baton-guest: exit 0'
	expect_unnoticed
}

# From the first instruction to start_kernel and on by breakpoints in hardware, then to
# where init is executed by one in software: not before, because the kernel looks at its
# own code while it starts. Addresses are those of the file: it is not unpacked, so nothing
# moves it.
t_gdb_kernel() {
	boot "$here/vmlinux-cloud" --initrd "$here/initrd" --memory 256M --append \
		"$quick nokaslr \"baton.cmd=grep -E ' (start_kernel|kernel_init|kernel_execve|linux_banner)\$' /proc/kallsyms\""
	cp /tmp/out /tmp/symbols
	start=$(symbol start_kernel) init=$(symbol kernel_init) execve=$(symbol kernel_execve)
	banner=$(symbol linux_banner)
	[ "$start" ] && [ "$init" ] && [ "$execve" ] && [ "$banner" ]
	start_debugged "$here/vmlinux-cloud" --initrd "$here/initrd" --memory 256M --append \
		"$quick nokaslr \"baton.cmd=echo here\""
	debug 'qSupported:swbreak+;hwbreak+ -> PacketSize=' '? -> T05thread:1;' \
		"Z1,$start,1 -> OK" 'vCont;c -> T05hwbreak:;thread:1;' "z1,$start,1 -> OK" \
		"p10 -> $(little_endian "$start")" '20*vCont;s:1 -> T05thread:1;' g \
		"m$banner,d -> 4c696e75782076657273696f6e" 'm1,1 -> E0e' \
		"Z1,$init,1 -> OK" 'vCont;c -> T05hwbreak:;thread:1;' "z1,$init,1 -> OK" \
		"Z0,$execve,1 -> OK" 'vCont;c -> T05swbreak:;thread:1;' "z0,$execve,1 -> OK" \
		"p10 -> $(little_endian "$execve")" '50*vCont;s:1 -> T05thread:1;' 'D -> OK'
	wait $vm
	cat /tmp/out
	expect '^here'
	expect '^baton-guest: exit 0'
	expect_unnoticed
}
