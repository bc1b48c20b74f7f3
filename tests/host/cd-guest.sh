# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in a guest that was booted from the CD: what the drive is, what is on the CD, and
# the tray. Lines for the test in cd.sh; each step ends the script if it fails.
set -e
tries=0
until [ -b /dev/sr0 ]; do
	tries=$((tries + 1))
	[ $tries -lt 100 ]
	sleep 0.1
done
echo "drive: $(cat /sys/block/sr0/device/vendor /sys/block/sr0/device/model | tr -s ' \n' ' ')"
echo "drives: $(ls -d /sys/block/sr* | wc -l)"
echo "sectors: $(cat /sys/block/sr0/size)"
mkdir -p /mnt
mount -t iso9660 -o ro /dev/sr0 /mnt
(cd /mnt && sha256sum -c sums)
umount /mnt
echo "image: $(sha256sum </dev/sr0 | cut -c 1-64)"

# tray NUMBER: CDROMEJECT or CDROMCLOSETRAY; Linux opens the device without a disc so.
tray() {
	perl -e 'sysopen(F, "/dev/sr0", 2048) && ioctl(F, hex shift, 0) or die "tray: $!\n"' "$1"
}

# out of the drive, and in again; opening it alone does not close the tray
echo 0 >/proc/sys/dev/cdrom/autoclose
tray 5309
! dd if=/dev/sr0 of=/dev/null count=1 2>/tmp/error
grep -q 'No medium found' /tmp/error
tray 5319
dd if=/dev/sr0 of=/dev/null bs=2048 count=1
echo "tray: fine"
# beyond the end
! dd if=/dev/sr0 of=/dev/null bs=2048 count=1 skip=$(($(cat /sys/block/sr0/size) / 4)) | grep .
grep ahci /proc/interrupts
# an error of the kernel's about the controller would be one of ours
! dmesg | grep -E 'ata[0-9.]+:.*(exception|failed|timeout|error|limiting)'
