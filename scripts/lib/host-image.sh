# SPDX-License-Identifier: GPL-2.0-or-later
#
# What an emulated test host boots from. Two archives: the base (busybox, init,
# the disk's modules), which is the initramfs where loading costs much, and the
# payload (more modules, our programs and module, the command), which is made
# anew for each run. Sourced by testhost after image.sh.

# Modules that are there for a command to load, besides those of --modules.
HOST_MODULES="kvm_amd kvm_intel ext4 virtio_pci virtio_blk virtio_net loop
	tun tap vhost_net vhost_vsock msr cpuid uio userio crc32c_generic"

# make_base PATH KERNEL: the base's archive, compressed fast.
make_base() {
	local stage=$1.stage

	rm -rf "$stage"
	stage_busybox "$stage"
	stage_modules "$2" "$stage" ata_piix sd_mod
	install -m 755 "$lib/host-init" "$stage/init"
	# Before /init can mount anything, the kernel wants to open a console.
	mkdir "$stage/dev" "$stage/proc"
	stage_cpio "$stage" >"$1"
	rm -rf "$stage"
}

make_module_tree() {
	local stage=$1.stage

	note "picking the test host's modules"
	rm -rf "$stage"
	# shellcheck disable=SC2086 # a list
	stage_modules "$2" "$stage" ata_piix sd_mod $3
	mv "$stage" "$1"
}

# A name that changes with what the thing is made from.
digest() {
	sha256sum | cut -c 1-12
}

# host_base: path of the base's archive in $base.
host_base() {
	local key

	key=$(cat "$lib/host-init" "$lib/image.sh" "$lib/host-image.sh" "$(command -v busybox)" | digest)
	cached "testhost/base-$release-$key.cpio" make_base "$kernel"
	base=$cached_path
}

host_vmlinux() {
	cached "testhost/vmlinux-$release" make_vmlinux "$kernel"
	vmlinux=$cached_path
}

# quote WORD...: the words as a shell reads them back, each byte for byte.
quote() {
	local word

	for word; do
		printf " '%s'" "${word//\'/\'\\\'\'}"
	done
	echo
}

# make_payload PATH: the archive of everything that this run has of its own.
make_payload() {
	local stage=$work/payload modules key file to programs=()

	modules="$HOST_MODULES $extra_modules $load"
	key=$({ cat "$lib/image.sh"; echo "$modules"; } | digest)
	cached "testhost/modules-$release-$key" make_module_tree "$kernel" "$modules"

	mkdir -p "$stage/baton" "$stage/opt/baton/bin"
	cp -rs "$cached_path/lib" "$stage/"
	# The desktop app is not among them: it brings 60 MiB of libraries.
	for file in "$BATON_BUILD"/bin/* "${extra_programs[@]}"; do
		[ "$file" = "$BATON_BUILD/bin/baton" ] || [ ! -f "$file" ] || programs+=("$file")
	done
	[ ${#programs[@]} -eq 0 ] || stage_programs "$stage" /opt/baton/bin "${programs[@]}"
	# The C library has this one locale in files, too.
	mkdir -p "$stage/usr/lib/locale"
	[ ! -d /usr/lib/locale/C.utf8 ] || cp -rs /usr/lib/locale/C.utf8 "$stage/usr/lib/locale/"
	for file in "${extra_files[@]}"; do
		to=${file#*=} file=$(realpath "${file%%=*}")
		to=$(realpath -sm "$to")
		mkdir -p "$stage${to%/*}"
		ln -sfn "$file" "$stage$to"
	done
	[ -z "$module" ] || ln -s "$module" "$stage/baton/baton.ko"
	{
		echo "exec$(quote "${command[@]}")"
	} >"$stage/baton/command"
	cat >"$stage/baton/conf" <<-END
		kind=$kind
		load='$load'
		share=$share_device
		interactive='${interactive:+${TERM:-linux}}'
		size='$tty_size'
		dmesg=$dmesg
		heartbeat=$heartbeat
	END
	stage_cpio "$stage" -L >"$1"
}

# make_share IMAGE FOLDER: a read-only ext4 file system with the folder's files.
make_share() {
	local kib

	# Room for the files, the inodes and the rounding up of each file.
	kib=$(du -sk --apparent-size "$2" | cut -f 1)
	kib=$((kib + kib / 16 + $(find "$2" | wc -l) * 5 + 4096))
	make_ext4 "$1" "$2" "${kib}k" -O ^has_journal,^resize_inode -m 0
}
