# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian test disk, piece by piece: packages into a tar (mmdebstrap), the tar
# and our own files into a partition's file system, GRUB in front of it. No loop
# device, no mount: where the caller is not root, fakeroot remembers the owners.
# Sourced by mk-debian-disk after common.sh, image.sh and apt.sh.

DEBIAN_PACKAGES="systemd-sysv udev usr-is-merged kmod openssh-server iproute2 netbase
	acpid sudo less procps iputils-ping e2fsprogs"

# What a test machine's disk has no use for.
DEBIAN_EXCLUDE="usr/share/man/* usr/share/doc/* usr/share/info/* usr/share/locale/*
	usr/share/lintian/* usr/share/bug/* usr/lib/udev/hwdb.d/* usr/lib/systemd/catalog/*
	usr/share/i18n/* usr/lib/x86_64-linux-gnu/gconv/*"

# The initrd finds the disk with the first; the second are there for udev.
INITRD_MODULES="ext4 crc32c_generic virtio_pci virtio_blk virtio_mmio virtio_scsi ahci
	ata_piix nvme sd_mod"
ROOT_MODULES="$INITRD_MODULES virtio_net virtio_balloon virtio_console virtio-rng
	virtio_input virtio-gpu bochs e1000 e1000e r8169 sr_mod isofs vfat nls_ascii nls_utf8
	nls_cp437 nls_iso8859-1 9pnet_virtio 9p virtiofs button evdev psmouse xhci_pci
	uhci_hcd ehci_pci usbhid hid_generic usb_storage i6300esb pvpanic-pci loop fuse
	vmw_vsock_virtio_transport overlay autofs4"

# Units that only cost time in a machine that lives for minutes, or that need what is
# not there (systemd-logind: D-Bus).
DEBIAN_MASK="systemd-logind.service systemd-pstore.service systemd-binfmt.service
	systemd-hwdb-update.service systemd-update-utmp-runlevel.service
	systemd-ask-password-wall.path systemd-ask-password-console.path
	systemd-firstboot.service systemd-sysusers.service systemd-repart.service
	systemd-networkd-wait-online.service systemd-journal-catalog-update.service
	systemd-update-done.service ldconfig.service getty-static.service
	systemd-tmpfiles-clean.timer proc-sys-fs-binfmt_misc.automount
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount
	sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer
	e2scrub_all.timer e2scrub_reap.service"

# make_debian_tar PATH: the packages, installed.
make_debian_tar() {
	local out=$1 log=$1.log

	apt_prepare
	note "installing Debian's packages into an archive (1 to 2 minutes)"
	# The mirror's suites that an installed Debian 12 has, too: no backports.
	grep -v -- '-backports ' "$apt_dir/sources.list" |
		mmdebstrap --variant=minbase --format=tar \
			--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
			--aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
			--include="$(words_joined "$DEBIAN_PACKAGES")" \
			"$SUITE" - - 2>"$log" | zstd -q -T0 >"$out" || {
		tail -n 20 "$log" >&2
		die "mmdebstrap failed; its log: $log"
	}
	rm -f "$log"
}

words_joined() {
	# shellcheck disable=SC2086 # a list
	set -- $1
	local IFS=,
	echo "$*"
}

# debian_accounts ETC: root and the user "debian", both with the password "debian".
debian_accounts() {
	local etc=$1 hash

	hash=$(perl -e 'print crypt("debian", q($6$baton.image$))')
	sed -i "s,^root:[^:]*:,root:$hash:," "$etc/shadow"
	echo "debian:$hash:19000:0:99999:7:::" >>"$etc/shadow"
	echo 'debian:x:1000:1000:Debian:/home/debian:/bin/bash' >>"$etc/passwd"
	echo 'debian:x:1000:' >>"$etc/group"
	echo 'debian:!::' >>"$etc/gshadow"
	echo 'debian ALL=(ALL) NOPASSWD:ALL' >"$etc/sudoers.d/debian"
	chmod 440 "$etc/sudoers.d/debian"
	mkdir -p "$etc/../home/debian"
	cp "$etc"/skel/.[a-z]* "$etc/../home/debian/"
	chmod 700 "$etc/../home/debian"
	chown -R 1000:1000 "$etc/../home/debian"
}

debian_units() {
	local system=$1/etc/systemd/system unit wanted

	for unit in $DEBIAN_MASK; do
		ln -sfn /dev/null "$system/$unit"
		rm -f "$system"/*.wants/"$unit"
	done
	for unit in nocloud-seed.service nocloud-run.service ssh-host-key.service \
		resolv-conf.path resolv-conf.service systemd-networkd.service; do
		file=$system/$unit
		[ -f "$file" ] || file=$1/usr/lib/systemd/system/$unit
		for wanted in $(sed -n 's/^WantedBy=//p' "$file"); do
			mkdir -p "$system/$wanted.wants"
			ln -sfn "${file#"$1"}" "$system/$wanted.wants/$unit"
		done
	done
	ln -sfn /usr/lib/systemd/system/multi-user.target "$system/default.target"
}

# debian_kernel ROOT KERNEL RELEASE: the kernel, the modules, the initrd, GRUB's files.
debian_kernel() {
	local root=$1 kernel=$2 release=$3 folder

	# shellcheck disable=SC2086 # a list
	stage_modules "$kernel" "$root" $ROOT_MODULES
	# kmod, unlike busybox, wants the binary tables that were left out.
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$root" "$release" 2>/dev/null
	cp "$kernel/boot/vmlinuz-$release" "$kernel/boot/config-$release" "$root/boot/"
	ln -sfn "vmlinuz-$release" "$root/boot/vmlinuz"
	# shellcheck disable=SC2086 # a list
	BATON_QUIET=y "$scripts/mk-guest-initrd" "$root/boot/initrd.img-$release" --kernel "$kernel" \
		--modules "$(words_joined "$INITRD_MODULES")" --init "$scripts/lib/debian-initrd-init"
	ln -sfn "initrd.img-$release" "$root/boot/initrd.img"
	folder=$root/boot/grub/i386-pc
	mkdir -p "$folder"
	cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst "$folder/"
}

# debian_root ROOT TAR KERNEL: the root file system's files. Runs as root or fakeroot.
debian_root() {
	local root=$1 tar=$2 kernel=$3 release pattern exclude=()

	release=$(kernel_release "$kernel")
	mkdir -p "$root"
	# /dev is the kernel's; its nodes cannot be made everywhere.
	set -f
	for pattern in dev/* $DEBIAN_EXCLUDE; do
		exclude+=(--exclude="./$pattern")
	done
	set +f
	zstd -qdc "$tar" | tar -C "$root" -xp --numeric-owner "${exclude[@]}"
	# The files of ours are root's, whoever owns the source tree.
	tar -C "$scripts/lib/debian-root" -c --owner=0 --group=0 --mode=u=rwX,go=rX \
		--exclude=./README.md . |
		tar -C "$root" -xp --no-overwrite-dir
	ln -sfn /run/resolv.conf "$root/etc/resolv.conf"
	echo debian >"$root/etc/hostname"
	: >"$root/etc/machine-id"
	rm -rf "$root"/etc/ssh/ssh_host_* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* \
		"$root"/var/log/*.log "$root"/var/log/apt "$root"/etc/init.d/hwclock.sh
	debian_accounts "$root/etc"
	debian_units "$root"
	debian_kernel "$root" "$kernel" "$release"
}

# little_endian NUMBER: as four bytes, for printf's %b.
little_endian() {
	printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) \
		$(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# install_grub DISK: GRUB's first sector, its core image in the gap before the
# partition, which begins at 1 MiB, and the partition's entry. boot.img by itself
# looks for the core image in the second sector, and the core image's first sector
# for the rest in those that follow, so nothing has to be patched.
install_grub() {
	local disk=$1 work=$2 sectors

	grub-mkimage -O i386-pc -o "$work/core.img" -p '(,msdos1)/boot/grub' \
		biosdisk part_msdos ext2 normal configfile linux serial terminal echo test \
		search search_label ls cat reboot halt
	[ "$(stat -c %s "$work/core.img")" -le $((2047 * 512)) ] || die "GRUB's core image is too large"
	sectors=$(($(stat -c %s "$disk") / 512))
	# Up to the place of the disk's signature: the rest is the partition table's.
	dd if=/usr/lib/grub/i386-pc/boot.img of="$disk" bs=440 count=1 conv=notrunc status=none
	dd if="$work/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none
	# Signature; one bootable Linux partition without CHS addresses; end mark.
	printf '%b' '\x42\x61\x74\x6f\x00\x00' \
		'\x80\xfe\xff\xff\x83\xfe\xff\xff' "$(little_endian 2048)" \
		"$(little_endian $((sectors - 2048)))" |
		dd of="$disk" bs=1 seek=440 conv=notrunc status=none
	printf '\x55\xaa' | dd of="$disk" bs=1 seek=510 conv=notrunc status=none
}

# make_debian_disk PATH TAR KERNEL MEGABYTES: the disk as a compressed qcow2.
make_debian_disk() {
	local out=$1 tar=$2 kernel=$3 size=$4 work=$1.work as_root=()

	rm -rf "$work"
	mkdir "$work"
	note "making a disk of them"
	[ "$(id -u)" = 0 ] || as_root=(fakeroot)
	# One process from the files to the file system: fakeroot forgets at its end.
	"${as_root[@]}" "$scripts/mk-debian-disk" --partition "$work/partition" \
		"$tar" "$kernel" $((size - 1)) || die "the root file system could not be made"
	truncate -s "${size}M" "$work/disk"
	dd if="$work/partition" of="$work/disk" bs=1M seek=1 conv=notrunc,sparse status=none
	install_grub "$work/disk" "$work"
	qemu-img convert -q -c -O qcow2 "$work/disk" "$out"
	rm -rf "$work"
}
