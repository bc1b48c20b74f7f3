#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the guest of the rows of whole machines does: an address if there is a card, then
# what is asked for (load.c). udhcpc runs this script, too, with what it was told.
if [ "$1" = bound ]; then
	ip addr add "$ip/$mask" dev "$interface"
	[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
	ip route add default via "$router"
fi
[ -z "$interface" ] || exit 0

if [ -e /sys/class/net/eth0 ]; then
	ip link set eth0 up
	udhcpc -i eth0 -s "$0" -n -q -t 10 -T 1 -O mtu >/dev/null 2>&1 || echo "bench: failed DHCP"
fi
exec bench-load
