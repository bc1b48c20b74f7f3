# SPDX-License-Identifier: GPL-2.0-or-later
# The desktop app with real VMs: in a Debian of its own (scripts/mk-gui-root), which lies
# in the share as an image, under Xvfb. Pictures of it are in /tmp/pictures afterwards.

# gui_root: that Debian at /gui/root, writable, with this host's devices.
gui_root() {
	modprobe -a loop overlay ext4
	mkdir -p /gui/lower /gui/rw
	mount -t ext4 -o ro,loop "$here/gui-root.ext4" /gui/lower
	mount -t tmpfs rw /gui/rw
	mkdir -p /gui/rw/upper /gui/rw/work /gui/root
	mount -t overlay -o lowerdir=/gui/lower,upperdir=/gui/rw/upper,workdir=/gui/rw/work \
		overlay /gui/root
	mkdir -p /gui/root/baton/bin /gui/root/share /gui/root/pictures /tmp/pictures
	for file in baton batond baton-vm baton-net vmctl screen-text; do
		cp "/opt/baton/bin/$file" /gui/root/baton/bin/
	done
	for folder in dev proc sys; do
		mount -o rbind /$folder /gui/root/$folder
	done
	mount -o bind "$here" /gui/root/share
	mount -o bind /tmp/pictures /gui/root/pictures
	mount -t tmpfs -o mode=1777 tmp /gui/root/tmp
	mount -t tmpfs run /gui/root/run
}

# in_gui_root COMMAND...: with that as the root of all mounts, as sandboxes want it.
in_gui_root() {
	grep -q " /gui/root " /proc/mounts || gui_root
	unshare -m sh -c 'cd /gui/root && mount -o move . / && exec chroot . "$@"' sh \
		/usr/bin/env -i HOME=/root PATH=/baton/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LC_ALL=C.UTF-8 XVFB_SIZE=1366x1000 BATON_GUI_BIN=/baton/bin BATON_GUI_WAIT=120 \
		PYTHONUNBUFFERED=1 "$@"
}

# Other programs with a VM, and the app from outside.
t_gui_clients() {
	in_gui_root /share/gui/under-xvfb /usr/bin/python3 -W ignore /share/gui/test_clients.py \
		/share/debian.qcow2 /usr/share/seabios/vgabios-stdvga.bin /pictures
}

# A VM by the assistant, a login on its screen and one on its serial console, pause,
# shut-down, trash and back.
t_gui_debian() {
	in_gui_root /share/gui/under-xvfb /usr/bin/python3 -W ignore /share/gui/test_real_vm.py \
		/share/debian.qcow2 /usr/share/seabios/vgabios-stdvga.bin /pictures
}
