# SPDX-License-Identifier: GPL-2.0-or-later
#
# The vmx host: Bochs with a Haswell processor, which has VT-x with EPT. Bochs
# interprets some 80 million instructions a second, so what counts here is how
# many of them the boot takes. Sourced by testhost.

vmx_default_timeout=1800
# Bochs registers each 128 KiB of it by a name that must be new: the time to start
# goes with the square. A guest of 2 GiB has room.
vmx_default_memory=2560
# Its BIOS leaves the last GiB below 4 to devices, and none lies above.
vmx_max_memory=3072
vmx_share_device=1:0:0:0

# Bochs derives a disk's cylinders from its size, which must come out even.
BOCHS_CYLINDER=$((512 * 16 * 63))

# One instruction is one tick of the TSC, and Bochs counts this many of them as
# a second. CPUID claims 3.4 GHz, so the kernel must be told.
BOCHS_IPS=100000000

# Bochs keeps at most this much of the memory (in MiB) in its own; what is touched
# beyond goes to a temporary file.
BOCHS_HOST_MAX=2048

pad_disk() {
	local size

	size=$(stat -c %s "$1")
	truncate -s $(((size + BOCHS_CYLINDER - 1) / BOCHS_CYLINDER * BOCHS_CYLINDER)) "$1"
}

# number_put FILE OFFSET SIZE VALUE: an unsigned little-endian number.
number_put() {
	local i text=''

	for ((i = 0; i < $3; i++)); do
		text+=$(printf '\\x%02x' $((($4 >> (8 * i)) & 255)))
	done
	# shellcheck disable=SC2059 # the text is the format
	printf "$text" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

# make_raw_bzimage PATH KERNEL, with $vmlinux there: a bzImage that syslinux loads as any other, but
# with the kernel as it is instead of compressed: unpacking it takes four fifths
# of the whole boot. The real-mode part is the kernel's own; lib/raw-boot.S takes
# the decompressor's place.
make_raw_bzimage() {
	local stage=$1.stage size

	note "making an uncompressed kernel image"
	rm -rf "$stage"
	mkdir -p "$stage"
	# What the kernel clears by itself need not be loaded.
	objcopy -O binary -R .bss -R .brk -R .init.scratch "$vmlinux" "$stage/flat"
	truncate -s %4096 "$stage/flat"
	size=$(stat -c %s "$stage/flat")
	cpp -P -DKERNEL_SIZE="$size" -DKERNEL_ENTRY="$(number_at "$vmlinux" 24 8)" \
		"$lib/raw-boot.S" | as --32 -o "$stage/boot.o" -
	ld -m elf_i386 -Ttext=0x100000 --build-id=none -z noexecstack -o "$stage/boot.elf" "$stage/boot.o"
	objcopy -O binary "$stage/boot.elf" "$stage/boot"

	# The setup header's fields, by their names in the boot protocol.
	head -c $((($(number_at "$2"/boot/vmlinuz-* $((0x1f1)) 1) + 1) * 512)) \
		"$2"/boot/vmlinuz-* >"$stage/setup"
	size=$((size + $(stat -c %s "$stage/boot")))
	number_put "$stage/setup" 0x1f4 4 $(((size + 15) / 16)) # syssize
	number_put "$stage/setup" 0x214 4 $((0x100000))         # code32_start
	number_put "$stage/setup" 0x234 1 0                     # relocatable_kernel
	number_put "$stage/setup" 0x236 2 0                     # xloadflags
	number_put "$stage/setup" 0x260 4 $((0x8000000))        # init_size
	number_put "$stage/setup" 0x264 4 0                     # handover_offset
	cat "$stage/setup" "$stage/boot" "$stage/flat" >"$1"
	rm -rf "$stage"
}

# make_boot_disk PATH KERNEL: a FAT file system that starts, with the kernel; a
# run adds its initramfs and its kernel arguments.
make_boot_disk() {
	local kib

	make_raw_bzimage "$1.kernel" "$2"
	kib=$(($(stat -c %s "$1.kernel") / 1024 + 8192))
	truncate -s "${kib}k" "$1"
	pad_disk "$1"
	mformat -i "$1" -h 16 -s 63 -t $(($(stat -c %s "$1") / BOCHS_CYLINDER)) ::
	syslinux --install "$1"
	mcopy -i "$1" "$1.kernel" ::/kernel
	rm -f "$1.kernel"
}

make_gzip() {
	gzip -9 <"$2" >"$1"
}

vmx_prepare() {
	local args="console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check"

	need bochs syslinux mformat mcopy objcopy cpp as ld gzip
	host_base
	cached "${base#"$cache"/}.gz" make_gzip "$base"
	make_boot "$cached_path"
	make_payload "$work/payload.cpio"
	pad_disk "$work/payload.cpio"
	[ -z "$share" ] || pad_disk "$work/share.img"

	# A triple fault is the one reset that ends Bochs (see reset_on_triple_fault
	# below) instead of booting again, so a panic ends the run at once.
	args+=" reboot=triple tsc_early_khz=$((BOCHS_IPS / 1000))"
	args+=" cryptomgr.notests printk.devkmsg=on"
	cat >"$work/syslinux.cfg" <<-END
		DEFAULT host
		PROMPT 0
		LABEL host
		LINUX /kernel
		INITRD /initrd
		APPEND $args $append
	END
	mcopy -i "$work/boot.img" "$work/syslinux.cfg" ::/syslinux.cfg
}

make_boot() {
	local key

	key=$(cat "$lib/raw-boot.S" "$lib/host-vmx.sh" | digest)
	host_vmlinux
	cached "testhost/boot-$release-$key.img" make_boot_disk "$kernel"
	cp --sparse=always "$cached_path" "$work/boot.img"
	mcopy -i "$work/boot.img" "$1" ::/initrd
}

vmx_command() {
	# No screen wanted, but Bochs has no display without one: a VNC server that
	# it does not wait for a client of. A network namespace keeps it to itself,
	# where that is allowed; else it takes the first free port from 5900.
	cat >"$work/bochsrc" <<-END
		display_library: rfb, options="timeout=0"
		romimage: file=/usr/share/bochs/BIOS-bochs-latest
		vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
		cpu: model=${BATON_VMX_CPU:-corei7_haswell_4770}, count=1, ips=$BOCHS_IPS, reset_on_triple_fault=0
		memory: guest=$memory, host=$((memory < BOCHS_HOST_MAX ? memory : BOCHS_HOST_MAX))
		clock: sync=none
		ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
		ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
		ata0-master: type=disk, path=$work/boot.img, mode=flat
		ata0-slave: type=disk, path=$work/payload.cpio, mode=flat
		${share:+ata1-master: type=disk, path=$work/share.img, mode=flat}
		boot: disk
		com1: enabled=1, mode=file, dev=$work/console
		com2: enabled=1, mode=file, dev=$work/output
		speaker: enabled=0
		sound: driver=dummy
		panic: action=fatal
		error: action=ignore
		info: action=ignore
		debug: action=ignore
		log: $work/bochs.log
	END
	# Debian's Bochs has the debugger built in: c is "continue".
	echo c >"$work/bochs.rc"
	# The host's memory is one block of malloc's: in huge pages, where the kernel
	# gives them on request only, a run takes 6 % less time.
	emulator=(env GLIBC_TUNABLES=glibc.malloc.hugetlb=1
		bochs -q -f "$work/bochsrc" -rc "$work/bochs.rc")
	! unshare --map-root-user --net true 2>/dev/null ||
		emulator=(unshare --map-root-user --net "${emulator[@]}")
}
