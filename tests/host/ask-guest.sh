# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in a guest whose kernel got options: what it made of its machine. Lines for cd.sh.
echo "cpus: $(nproc)"
echo "clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
before=$(date +%s)
up=$(cut -d . -f 1 /proc/uptime)
clock=$(cat /sys/class/rtc/rtc0/since_epoch)
sleep 3
# Three clocks of their own, which have to agree on how long that was.
echo "slept: date $(($(date +%s) - before)) uptime $(($(cut -d . -f 1 /proc/uptime) - up))" \
	"rtc $(($(cat /sys/class/rtc/rtc0/since_epoch) - clock))"
tries=0
until [ -b /dev/sr0 ] || [ $tries -ge 100 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
dd if=/dev/sr0 of=/dev/null bs=1M count=8
cat /proc/interrupts
