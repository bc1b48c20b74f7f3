# SPDX-License-Identifier: GPL-2.0-or-later
# Board pc's screen, keyboard and control socket: pictures are read as text, by rows. The
# dots in patterns are for letters that Linux' font draws otherwise than the BIOS.

font=/usr/share/seabios/vgabios-stdvga.bin

# see NAME PATTERN: until a row of the screen matches. The picture is /tmp/NAME.png then,
# its text /tmp/NAME.txt: "ROW COLOURS|TEXT".
see() {
	tries=0
	while :; do
		vmctl screenshot $control "/tmp/$1.png" &&
			screen-text "/tmp/$1.png" $font >"/tmp/$1.txt"
		grep -q "$2" "/tmp/$1.txt" && return
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { echo "never on the screen: $2"; cat "/tmp/$1.txt"; return 1; }
		kill -0 $vmctl || { echo "the VM ended before: $2"; return 1; }
		sleep 1
	done
}

# rows NAME FROM TO: the text of these rows of the screen.
rows() {
	sed -n 's/^ *\([0-9]*\) [^|]*|\(.*\)/\1 \2/p' "/tmp/$1.txt" |
		while read -r row text; do
			[ "$row" -lt "$2" ] || [ "$row" -gt "$3" ] || echo "$text"
		done
}

# key TEXT: typed at the screen's console, with enter.
key() {
	vmctl type $control "$1
"
}

# same_by_vnc PATTERN: another program's client sees the screen that vmctl sees.
same_by_vnc() {
	vnc-client /tmp/vm.vnc /tmp/client.png
	screen-text /tmp/client.png $font >/tmp/client.txt
	see same "$1"
	diff /tmp/client.txt /tmp/same.txt
}

# GRUB's menu, the kernel's text, a login by injected keys, a graphics mode, as regions
# of the screen; the same for a VNC client, which types, too; then the power button.
t_pc_screen() {
	rm -f /tmp/pc.qcow2 $control
	pc_start --memory 512M --control $control --display vnc:unix:/tmp/vm.vnc
	until_answers $vmctl
	see grub 'GNU GRUB'
	vmctl send-key $control down up # stops the countdown
	see grub '|..*Debian GNU/Linu'
	grep -q '^screen 720x400' /tmp/grub.txt
	rows grub 0 2 | grep -q 'GNU GRUB *version'
	rows grub 4 4 | grep -q '^.\*Debian GNU/Linux 12 '
	rows grub 18 22 | grep -q 'Press enter to boot the selected OS'
	vmctl send-key $control down enter # the entry with the kernel's messages
	see kernel '|\[ *[0-9.?]*\] '
	see login 'debian login:'
	grep -q '^screen 1024x768' /tmp/login.txt
	key root
	see password 'Pass.ord:'
	key debian
	see shell '@debian:.#'
	key 'echo screen=$((6*7)); setterm --cursor off; clear'
	key 'echo seen by all; echo $((40+2))'
	see answer '|42'
	same_by_vnc 'seen by all'
	vnc-client /tmp/vm.vnc -t 'echo typed by Vnc > /tmp/t; tr V v </tmp/t
' /tmp/client.png
	see typed '|typed by .nc'
	tell_vm pause
	tell_vm status | grep '"state":"paused"'
	tell_vm resume
	tell_vm power-button | grep '"heard":true'
	pc_end
	[ ! -e $control ]
	[ ! -e /tmp/vm.vnc ]
	rm -f /tmp/pc.qcow2
}

# foreign NAME PATTERN: a CD that others made comes to its screen.
foreign() {
	rm -f $control
	vmctl boot --cdrom "$here/$1.iso" --memory 128M --engine "$engine" --control $control \
		</dev/null >/tmp/out 2>&1 &
	vmctl=$!
	trap 'kill $vmctl 2>/dev/null || true; cat /tmp/out' EXIT
	until_answers $vmctl
	see "$1" "$2"
	tell_vm quit
	wait $vmctl || true
	trap - EXIT
}

t_pc_foreign() {
	foreign grub-rescue 'GNU GRUB'
	foreign memtest 'Memtest86+'
}
