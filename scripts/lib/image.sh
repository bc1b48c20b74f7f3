# SPDX-License-Identifier: GPL-2.0-or-later
#
# Pieces of root file systems and kernel images, for the emulated test hosts and
# for test guests: kernel modules with what they depend on, programs with their
# libraries, busybox, cpio archives, the kernel without its compression.
# Sourced after common.sh. A "stage" is a folder that becomes an archive.

kernel_release() {
	local dir

	for dir in "$1"/lib/modules/*/; do
		basename "$dir"
		return
	done
	return 1
}

# stage_busybox STAGE: the static busybox, with a link for each of its applets.
stage_busybox() {
	local stage=$1 busybox applet

	busybox=$(command -v busybox) || die "busybox is not installed (run scripts/setup)"
	if LC_ALL=C ldd "$busybox" >/dev/null 2>&1; then
		die "$busybox is not static: the package is busybox-static (run scripts/setup)"
	fi
	mkdir -p "$stage/bin"
	cp "$busybox" "$stage/bin/busybox"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$stage/bin/$applet"
	done
	# Scripts name these by path.
	mkdir -p "$stage/usr" "$stage/root" "$stage/etc"
	ln -sfn bin "$stage/sbin"
	ln -sfn ../bin "$stage/usr/bin"
	ln -sfn ../bin "$stage/usr/sbin"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$stage/etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$stage/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$stage/etc/group"
	echo '127.0.0.1 localhost' >"$stage/etc/hosts"
}

# kernel_depmod KERNEL: the package leaves the table of dependencies to its
# installation script, which never ran here.
kernel_depmod() {
	local release

	release=$(kernel_release "$1")
	[ -e "$1/lib/modules/$release/modules.dep" ] ||
		PATH=$PATH:/sbin:/usr/sbin depmod -b "$1" "$release"
}

# stage_modules KERNEL STAGE MODULE...: modules and what they need, uncompressed
# so that busybox can load them. One that the kernel has not is left out: it is
# built in, or of another time. Signature and type information go: checking them
# is four fifths of the instructions that loading a module takes, and where each
# instruction is interpreted that is seconds.
stage_modules() {
	local kernel=$1 stage=$2 release from to file module

	shift 2
	release=$(kernel_release "$kernel")
	from=$kernel/lib/modules/$release
	to=$stage/lib/modules/$release
	kernel_depmod "$kernel"
	mkdir -p "$to"
	for module; do
		modprobe_depends "$kernel" "$release" "$module"
	done | sort -u | while IFS= read -r file; do
		file=${file#"$from"/}
		mkdir -p "$to/${file%/*}"
		case $file in
		*.xz) xz -dc "$from/$file" >"$to/${file%.xz}" ;;
		*.zst) zstd -qdc "$from/$file" >"$to/${file%.zst}" ;;
		*) cp "$from/$file" "$to/$file" ;;
		esac
	done
	find "$to" -name '*.ko' -exec objcopy --strip-unneeded -R .BTF {} \;
	cp "$from"/modules.builtin* "$from/modules.order" "$to/"
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$stage" "$release"
	# The text tables do; busybox reads no other, and they halve the size.
	rm -f "$to"/modules.*.bin "$to"/modules.{devname,order,builtin.modinfo}
}

modprobe_depends() {
	{ PATH=$PATH:/sbin:/usr/sbin modprobe -C /dev/null -d "$1" -S "$2" \
		--show-depends "$3" 2>/dev/null || true; } |
		sed -n 's/^insmod \([^ ]*\).*/\1/p'
}

# stage_programs STAGE FOLDER PROGRAM...: links to programs in FOLDER, and to the
# libraries and the loader that ldd names, at their own paths. Links, because
# cpio follows them: nothing is copied twice.
stage_programs() {
	local stage=$1 folder=$2 file

	shift 2
	mkdir -p "$stage$folder"
	for file; do
		ln -sfn "$(realpath "$file")" "$stage$folder/${file##*/}"
	done
	# The loader's line has no arrow; vdso has no path. "not a dynamic
	# executable" is said of static programs and scripts: not an error here.
	{ LC_ALL=C ldd "$@" 2>/dev/null || true; } |
		sed -n 's,^[^/]*=> \(/[^ ]*\) (0x.*,\1,p; s,^[[:space:]]*\(/[^ ]*\) (0x.*,\1,p' |
		sort -u | while IFS= read -r file; do
			mkdir -p "$stage${file%/*}"
			ln -sfn "$(realpath "$file")" "$stage$file"
		done
}

# stage_cpio STAGE [-L]: the archive on stdout; the same stage gives the same
# bytes, but for times. -L writes the files that links point to.
stage_cpio() {
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --quiet --reproducible -o -H newc -R 0:0 ${2:+"$2"})
}

# number_at FILE OFFSET SIZE: an unsigned little-endian number.
number_at() {
	od -A n -t "u$3" -j "$2" -N "$3" --endian=little "$1" | tr -d ' '
}

# extract_vmlinux VMLINUZ: the ELF kernel inside a bzImage, on stdout. The boot
# protocol's header tells where it is; its first bytes tell how it is packed.
extract_vmlinux() {
	local image=$1 offset length magic

	offset=$((($(number_at "$image" $((0x1f1)) 1) + 1) * 512 +
		$(number_at "$image" $((0x248)) 4)))
	length=$(number_at "$image" $((0x24c)) 4)
	magic=$(od -A n -t x1 -j "$offset" -N 4 "$image" | tr -d ' ')
	# The unpacked size comes last, in four bytes: gzip's own, for no other unpacker.
	[[ $magic == 1f8b* ]] || length=$((length - 4))
	dd if="$image" bs=1M iflag=skip_bytes,count_bytes status=none \
		skip="$offset" count="$length" |
		case $magic in
		fd377a58) xz -dc ;;
		28b52ffd) zstd -dc ;;
		1f8b*) gzip -dc ;;
		02214c18) lz4 -dc ;;
		*) die "cannot unpack $image" ;;
		esac
}

# cached NAME FUNCTION ARGUMENT...: path of the cache's file or folder NAME in
# $cached_path; the function makes it, given a path to make, when it is not there.
cached() {
	local name=$1

	shift
	cached_path=$cache/$name
	if [ -e "$cached_path" ]; then
		touch -c "$cached_path"
		return
	fi
	lock_take images
	if [ ! -e "$cached_path" ]; then
		mkdir -p "${cached_path%/*}"
		rm -rf "$cached_path.new"
		"$1" "$cached_path.new" "${@:2}"
		mv "$cached_path.new" "$cached_path"
		# What an older state of the tree or of Debian made, and an interrupted
		# run: nobody asks for it any more.
		find "${cached_path%/*}" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
	fi
	lock_drop
}

make_vmlinux() {
	note "unpacking the kernel image"
	extract_vmlinux "$2"/boot/vmlinuz-* >"$1"
}

# make_ext4 IMAGE FOLDER SIZE [OPTION...]: an ext4 file system with the folder's
# files, in a sparse file. No mount, so no root needed.
make_ext4() {
	local image=$1 folder=$2 size=$3

	shift 3
	truncate -s "$size" "$image"
	PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 "$@" \
		-E lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0 \
		-d "$folder" "$image" >&2 || die "cannot make a file system of $folder"
}
