// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry's rows, and errors as text. See errors.h.
 */
#include "errors.h"
#include "printable.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define ROW(code, status, title, cause, fix) \
	{ code, #code, BTN_EXIT_##status, title, cause, fix }

#define ASK_HELP	"Run \"vmctl help\" for what there is."
#define ASK_DOCTOR	"Run \"vmctl doctor\": it looks at this host and says what to do."
#define REPORT							\
	"Please report this with the lines above, the output of \"vmctl doctor\" and " \
	"the kernel log (sudo dmesg | grep baton)."
#define FIRMWARE_SETUP \
	"Restart into the firmware setup (systemctl reboot --firmware-setup) and turn on "
#define FROM_SOURCE \
	"From the source tree: make kmod KERNEL=host && " \
	"sudo insmod build/kmod/$(uname -r)/baton.ko"
#define OTHER_ENGINE "Use the other engine (--engine kvm)."

/* Sorted by code: btn_lookup() relies on it. */
static const struct btn_row rows[] = {
	ROW(BTN_UNKNOWN_VERB, USAGE, "there is no such command",
	    "The first argument is not one of the commands of this program.", ASK_HELP),
	ROW(BTN_UNKNOWN_OPTION, USAGE, "there is no such option",
	    "This command does not know the option.",
	    "Run \"vmctl help COMMAND\" for its options."),
	ROW(BTN_BAD_VALUE, USAGE, "the value of an option cannot be used",
	    "The value has a form or a size that the option does not take.",
	    "Run \"vmctl help COMMAND\" for the values that the option takes."),
	ROW(BTN_MISSING_ARGUMENT, USAGE, "an argument is missing",
	    "The command, or one of its options, needs a value that was not given.",
	    "Run \"vmctl help COMMAND\" for its arguments, examples first."),
	ROW(BTN_EXTRA_ARGUMENT, USAGE, "there is an argument too many",
	    "The command takes fewer arguments. A value with spaces needs quotes.",
	    "Run \"vmctl help COMMAND\" for its arguments, examples first."),
	ROW(BTN_UNKNOWN_BOARD, USAGE, "there is no such board",
	    "Boards are \"micro\" (starts a kernel, virtio devices) and \"pc\" (boots a disk).",
	    "Leave --board out, or use --board micro or --board pc."),
	ROW(BTN_UNKNOWN_ENGINE, USAGE, "there is no such engine",
	    "Engines are \"baton\" (Baton's kernel module), \"kvm\" (/dev/kvm) and \"auto\".",
	    "Leave --engine out, or use --engine auto."),
	ROW(BTN_TOO_MANY_CPUS, USAGE, "the VM cannot have that many CPUs",
	    "The engine has a limit for the CPUs of one VM.",
	    "Ask for fewer CPUs with --cpus."),

	ROW(BTN_FILE_MISSING, NOT_FOUND, "a file is missing",
	    "There is no file of this name.",
	    "Check the path. Relative paths start at the current directory."),
	ROW(BTN_FILE_UNREADABLE, NOT_PERMITTED, "a file may not be read",
	    "The file's permissions, or those of a folder above it, keep this user out.",
	    "Look at them with \"ls -l\" and allow reading with \"chmod u+r FILE\", "
	    "or copy the file to a place of yours."),
	ROW(BTN_FILE_NOT_REGULAR, USAGE, "something else than a file was given",
	    "The path leads to a directory or to a special file.",
	    "Give the path of the file itself."),
	ROW(BTN_FILE_READ_FAILED, FAILED, "a file could not be read",
	    "The host's file system reported an error.",
	    "Read the host's kernel log (sudo dmesg) for errors of the disk or network."),

	ROW(BTN_KERNEL_FORMAT, FAILED, "the file is no kernel that can be booted",
	    "It is neither a Linux bzImage nor an ELF kernel with a PVH entry point nor multiboot.",
	    "Give a file like /boot/vmlinuz-$(uname -r), or a vmlinux built with CONFIG_PVH=y."),
	ROW(BTN_KERNEL_DAMAGED, FAILED, "the kernel file is damaged",
	    "Its header contradicts its contents: the file is cut off or was changed.",
	    "Compare its size with the original's, and copy or build it again."),
	ROW(BTN_KERNEL_TOO_BIG, NO_RESOURCES, "the kernel does not fit into the VM's memory",
	    "The VM's memory is smaller than what the kernel needs to unpack itself.",
	    "Give the VM more memory, for example --memory 512M."),
	ROW(BTN_INITRD_TOO_BIG, NO_RESOURCES, "the initrd does not fit into the VM's memory",
	    "Kernel and initrd together need more memory than the VM has.",
	    "Give the VM more memory with --memory, or use a smaller initrd."),
	ROW(BTN_CMDLINE_TOO_LONG, USAGE, "the kernel command line is too long",
	    "The kernel reserves less room for it than the text takes.",
	    "Shorten the text of --append."),

	ROW(BTN_FIRMWARE, FAILED, "the file is no firmware for this board",
	    "Board pc starts with a BIOS image such as SeaBIOS.",
	    "Leave --firmware out to use that of Debian: apt install seabios"),
	ROW(BTN_DISPLAY, FAILED, "the screen cannot be shown there",
	    "The socket could not be made.",
	    "Name a file that is not there yet, in a folder of your own: --display vnc:unix:PATH"),
	ROW(BTN_CONTROL, FAILED, "the control socket cannot be made",
	    "The socket could not be made.",
	    "Name a file that is not there yet, in a folder of your own: --control PATH"),
	ROW(BTN_NO_SCREEN, USAGE, "the VM has no screen",
	    "Board micro has a serial console only.",
	    "Boot it with --board pc, or use its console."),
	ROW(BTN_NO_POWER_BUTTON, USAGE, "the VM has no power button",
	    "Board micro has none.",
	    "Shut the guest down from inside, or end the VM with \"vmctl control PATH quit\"."),
	ROW(BTN_KEYBOARD_BUSY, CONFLICT, "something else is being typed",
	    "Another request types a text or holds keys down, and is not done yet.",
	    "Try again in a moment."),
	ROW(BTN_NOT_RUNNING, NOT_FOUND, "no VM answers there",
	    "The VM has ended, or was started without --control.",
	    "Start it with \"vmctl boot --control PATH ...\", and name the same PATH here."),
	ROW(BTN_SERIAL_BUSY, CONFLICT, "the serial port is in use",
	    "Somebody else is attached to the VM's serial console.",
	    "Detach them, or attach by force, which does."),
	ROW(BTN_NO_CONSOLE_HUB, USAGE, "nobody can be attached to the VM's serial port",
	    "It was given to whoever started the VM.",
	    "Start the VM so that the port stays with it: \"baton-vm --console-hub\"."),
	ROW(BTN_MEMORY_ABOVE_HOST, NO_RESOURCES, "the VM's memory is larger than the host's",
	    "A VM cannot have more memory than the host has at all.",
	    "Ask for less with --memory; \"free -h\" shows what the host has."),
	ROW(BTN_NO_MEMORY, NO_RESOURCES, "the host did not provide the VM's memory",
	    "The host is short of memory, or a limit (ulimit -v, a cgroup) forbids that much.",
	    "Close programs, or ask for less with --memory; \"free -h\" shows what is available."),
	ROW(BTN_GUEST_MEMORY_LOST, NO_RESOURCES, "the host ran out of memory for the VM",
	    "A page of the guest's memory could not be provided while the VM ran.",
	    "Close programs or give the VM less memory; \"free -h\" shows what is available."),
	ROW(BTN_NO_FDS, NO_RESOURCES, "the limit for open files was reached",
	    "Each VM needs a few dozen file descriptors.",
	    "Raise the limit for this shell: ulimit -n 4096"),
	ROW(BTN_NO_THREADS, NO_RESOURCES, "the host did not let the VM start a thread",
	    "The limit for processes of this user or of its cgroup was reached.",
	    "Raise the limit for this shell: ulimit -u unlimited"),
	ROW(BTN_HOST_CALL_FAILED, FAILED, "a system call of the host failed",
	    "The host's kernel refused something a VM needs.", ASK_DOCTOR),
	ROW(BTN_NO_MONITOR, FAILED, "the program baton-vm cannot be started",
	    "It belongs next to vmctl, or into ../libexec/baton from there.",
	    "Build it with \"make\", or install the package again."),

	ROW(BTN_MEMORY_TARGET, USAGE, "the VM cannot have that amount of memory now",
	    "The amount is outside the range that the VM was started with.",
	    "Ask for an amount within the range, or start the VM with another one: "
	    "--memory MIN..MAX."),
	ROW(BTN_NO_KSM, HOST_CANNOT, "the host cannot merge equal pages of VMs",
	    "Its kernel was built without KSM (CONFIG_KSM).",
	    "Leave out --ksm, or use a kernel that has it."),

	ROW(BTN_NO_ENGINE, HOST_CANNOT, "no engine works on this host",
	    "Neither Baton's kernel module nor KVM can run a VM here.", ASK_DOCTOR),
	ROW(BTN_NO_MODULE, HOST_CANNOT, "Baton's kernel module is not loaded",
	    "/dev/baton does not exist.",
	    "Load the module: sudo modprobe baton. " FROM_SOURCE),
	ROW(BTN_MODULE_NO_ACCESS, NOT_PERMITTED, "this user may not use /dev/baton",
	    "The device is open to root and to the group that it was given to.",
	    "\"vmctl doctor\" names the group to join, if there is one. Until the module is loaded "
	    "again: sudo setfacl -m \"u:$USER:rw\" /dev/baton"),
	ROW(BTN_ABI_MISMATCH, HOST_CANNOT, "the module does not fit this program",
	    "The module (baton.ko) and baton-vm come from different versions.",
	    "Unload the module and load this version's: "
	    "sudo modprobe -r baton && sudo modprobe baton. " FROM_SOURCE),
	ROW(BTN_MODULE_FAILED, HOST_CANNOT, "Baton's kernel module cannot be used",
	    "Opening /dev/baton failed.",
	    "Read what the module says: sudo dmesg | grep baton"),
	ROW(BTN_NO_KVM, HOST_CANNOT, "KVM is not there",
	    "/dev/kvm does not exist: its module is not loaded, or the CPU has no "
	    "virtualization, or the firmware turned it off.",
	    "Load it: sudo modprobe -a kvm_intel kvm_amd; if that fails, run \"vmctl doctor\"."),
	ROW(BTN_KVM_NO_ACCESS, NOT_PERMITTED, "this user may not use /dev/kvm",
	    "The device belongs to the group kvm.",
	    "Join the group, then log in again: sudo usermod -aG kvm \"$USER\""),
	ROW(BTN_KVM_TOO_OLD, HOST_CANNOT, "KVM of this host lacks something Baton needs",
	    "The host's kernel is too old, or KVM is itself emulated.",
	    "Use a kernel of version 6.1 or later, or engine baton."),
	ROW(BTN_KVM_BUSY, CONFLICT, "KVM cannot have the processor's virtualization",
	    "Another hypervisor (baton.ko or VirtualBox, say) uses it now.",
	    "Stop the VMs of the other one, or use its engine."),
	ROW(BTN_KVM_FAILED, HOST_CANNOT, "KVM cannot be used",
	    "Opening /dev/kvm failed.", "Read what it says: sudo dmesg | grep kvm"),
	ROW(BTN_TOO_MANY_VMS, CONFLICT, "this user runs as many VMs as are allowed",
	    "The module has a limit for the VMs of one user.",
	    "Stop a VM that is not needed."),

	ROW(BTN_NO_VIRT, HOST_CANNOT, "the CPU has neither VT-x nor AMD-V",
	    "The CPU lacks hardware virtualization. If this host is itself a VM, "
	    "its hypervisor hides it.",
	    "On a VM: turn on nested virtualization in its settings. "
	    "Else: \"make run\" boots an emulated host that has it."),
	ROW(BTN_FIRMWARE_LOCK, HOST_CANNOT, "the firmware has turned virtualization off",
	    "The CPU can, but a setting of the BIOS or UEFI locks VT-x or AMD-V.",
	    FIRMWARE_SETUP "\"Intel Virtualization Technology\" or \"SVM Mode\"."),
	ROW(BTN_NO_NESTED_PAGING, HOST_CANNOT, "the CPU has no nested paging",
	    "Baton needs EPT (Intel, since 2008) or NPT (AMD, since 2007).",
	    "Use another machine. If this host is itself a VM, turn on nested EPT or NPT for it."),
	ROW(BTN_NO_UNRESTRICTED, HOST_CANNOT, "the CPU cannot run a guest in real mode",
	    "Its EPT lacks \"unrestricted guest\" (Intel, since 2010).", OTHER_ENGINE),
	ROW(BTN_CPU_FEATURE, HOST_CANNOT, "the CPU lacks a feature that the module needs",
	    "The module names the feature in the kernel log.",
	    "Read it: sudo dmesg | grep baton. " OTHER_ENGINE),
	ROW(BTN_VIRT_OWNED, CONFLICT, "VT-x or AMD-V belongs to another hypervisor",
	    "On AMD hosts only one hypervisor at a time can use the processor, and since "
	    "Linux 6.12 KVM takes it as soon as it is loaded.",
	    "Unload KVM (sudo modprobe -r kvm_amd kvm_intel), or stop it from taking the "
	    "CPU: echo options kvm enable_virt_at_load=0 | sudo tee "
	    "/etc/modprobe.d/baton.conf, then restart. Or use --engine kvm."),
	ROW(BTN_FRED, HOST_CANNOT, "the host uses FRED",
	    "The kernel delivers events by FRED, which the module cannot switch yet.",
	    "Start the host's kernel with fred=off, or use --engine kvm."),
	ROW(BTN_INTEL_PT, CONFLICT, "Intel Processor Trace is running",
	    "A trace (perf record -e intel_pt) is on, and this CPU cannot go on tracing "
	    "while it runs VMs.",
	    "End the trace, then try again."),
	ROW(BTN_HOST_SUSPENDED, CONFLICT, "the host is going to sleep or restarting",
	    "No VM can be started in this state.",
	    "Try again when the host is awake."),
	ROW(BTN_REFUSED_OTHER, HOST_CANNOT, "the module declines to run VMs",
	    "Its reason is newer than this program.",
	    "Read it in the kernel log (sudo dmesg | grep baton), and update Baton."),

	ROW(BTN_TRIPLE_FAULT, FAILED, "the guest crashed with a triple fault",
	    "The guest met an exception while it could not handle any: usually a kernel "
	    "that fails very early, or one for another CPU.",
	    "Add \"earlyprintk=ttyS0\" with --append to see its last words, or try another "
	    "kernel."),
	ROW(BTN_GUEST_FETCH, FAILED, "the guest executes where no memory is",
	    "It jumped to an address that is neither memory nor ROM.",
	    "Check that the kernel is complete and made for this board, "
	    "and that --memory is large enough."),
	ROW(BTN_GUEST_INSTRUCTION, FAILED, "the guest uses an instruction that Baton lacks",
	    "It accessed a device with an instruction that is not emulated.", REPORT),
	ROW(BTN_ENTRY_FAILED, FAILED, "the processor refused to run the guest",
	    "The guest's state breaks a rule of the processor.", REPORT),
	ROW(BTN_ENGINE_INTERNAL, FAILED, "the engine stopped the VM",
	    "Something happened that the engine does not expect from any guest.", REPORT),
	ROW(BTN_VCPU_RUN_FAILED, FAILED, "a CPU of the VM cannot go on",
	    "The engine returned an error while the guest ran.", REPORT),
	ROW(BTN_CONSOLE_LOST, FAILED, "the VM's console was lost",
	    "The terminal was closed, or the program that read the output ended.",
	    "Start the VM again, with its output in a file if nobody watches it."),
	ROW(BTN_MONITOR_DIED, FAILED, "the VM's process ended unexpectedly",
	    "The program baton-vm crashed, or something on the host killed it.",
	    "See if the host ran out of memory (sudo dmesg | grep -i oom). " REPORT),
	ROW(BTN_GUEST_EVENT, FAILED, "the guest's interrupts lead to where no memory is",
	    "An interrupt or an exception came while its stack, or a table that the processor "
	    "needs for it (IDT, GDT, TSS), was not in memory.",
	    "Check that the kernel is complete and made for this board, "
	    "and that --memory is large enough."),

	ROW(BTN_DISK_BUSY, CONFLICT, "a disk is in use",
	    "Another VM has the disk open, and writing from two sides would destroy it.",
	    "Stop the other VM, or attach the disk to both with \",readonly\"."),
	ROW(BTN_DISK_FAILED, FAILED, "a disk cannot be used",
	    "The host's file system reported an error.",
	    "Read the host's kernel log: sudo dmesg"),
	ROW(BTN_DISK_READONLY, NOT_PERMITTED, "a disk may not be written",
	    "The file, or its file system, is read-only for this user.",
	    "Add \",readonly\" to --disk, or allow writing: chmod u+w FILE"),
	ROW(BTN_DISK_SIZE, FAILED, "a disk has a size that does not work",
	    "A raw disk is a multiple of 512 bytes and not empty.",
	    "Round it up: truncate -s %512 FILE"),
	ROW(BTN_TOO_MANY_DEVICES, USAGE, "the board has no place for that many devices",
	    "Each disk takes one place on the board.",
	    "Attach fewer disks."),
	ROW(BTN_CDROM_SIZE, FAILED, "a CD's image has a size that does not work",
	    "An image of a CD or DVD is a multiple of 2048 bytes and not empty.",
	    "Perhaps it was not copied completely: compare its checksum with its maker's."),
	ROW(BTN_DISK_FORMAT, FAILED, "a disk uses a feature that Baton does not have",
	    "The image was made by a program that can more, or for another purpose.",
	    "Make a plain copy of it: qemu-img convert -O qcow2 OLD NEW"),
	ROW(BTN_DISK_DAMAGED, FAILED, "a disk image is damaged",
	    "What the image says of itself cannot be true.",
	    "See what a check finds: vmctl disk check FILE. Or take a backup."),
	ROW(BTN_DISK_BACKING, NOT_FOUND, "a file that a disk is based on is missing",
	    "The image holds only what differs from that file.",
	    "Put the file back where it was."),
	ROW(BTN_DISK_NO_SPACE, NO_RESOURCES, "there is no room for the disk",
	    "The host's file system is full, or a quota is reached.",
	    "See how full it is: df -h"),
	ROW(BTN_DISK_EXISTS, CONFLICT, "there is such a file already",
	    "A disk is never made in the place of another file.",
	    "Choose another name, or remove the file first."),
	ROW(BTN_DISK_SHRINK, USAGE, "a disk cannot be made smaller",
	    "What lies behind the new end would be lost.",
	    "Make a new, smaller disk and copy what it is to hold inside a VM."),
	ROW(BTN_DISK_UNCLEAN, FAILED, "a disk image has faults",
	    "The check has found contradictions between the image's tables.",
	    "Leaks cost only space: vmctl disk check --repair FILE. For corruptions take a backup, "
	    "or try: qemu-img check -r all FILE"),

	ROW(BTN_FORWARD_BUSY, CONFLICT, "the host's port is taken",
	    "Another program listens on it.",
	    "Take another port, or find the program with: ss -ltunp"),
	ROW(BTN_FORWARD_FAILED, FAILED, "the port cannot be forwarded",
	    "The host does not let this user listen there; ports below 1024 are root's.",
	    "Take a port of 1024 or above, and an address that the host has."),
	ROW(BTN_NET_FAILED, FAILED, "the network's process does not work",
	    "The program baton-net, which belongs next to vmctl, did not start or did not answer.",
	    "Build it with \"make\", or install the package again."),
	ROW(BTN_NET_NO_GUEST, NOT_FOUND, "there is no such VM on the network",
	    "No VM has had an address under this name.",
	    "Start the VM first, or give its address."),
	ROW(BTN_NET_FULL, NO_RESOURCES, "the network is full",
	    "It has no room for another VM, address or forward.",
	    "Stop VMs or remove forwards, or use another network."),

	ROW(BTN_NO_FORWARDS, USAGE, "the VM has no network with forwards",
	    "It has no network card.",
	    "Give it one: vmctl set NAME net.0.network=default; with vmctl boot: --net user."),
	ROW(BTN_NO_DAEMON, NO_DAEMON, "Baton's daemon does not answer",
	    "The program batond is not running, or its socket cannot be reached.",
	    "Start it: systemctl --user start batond.socket, or run \"batond\"."),
	ROW(BTN_DAEMON_FAILED, FAILED, "Baton's daemon cannot start",
	    "A folder or a socket that it needs cannot be made.",
	    "Check that your home folder and $XDG_RUNTIME_DIR can be written."),
	ROW(BTN_DAEMON_RUNNING, CONFLICT, "Baton's daemon is running already",
	    "One batond serves all VMs of a user.",
	    "Use the one that runs: vmctl list. To end it: pkill -u \"$USER\" batond"),
	ROW(BTN_NO_SUCH_VM, NOT_FOUND, "there is no such VM",
	    "No VM of yours has this name or UUID.",
	    "\"vmctl list\" shows those that are there."),
	ROW(BTN_VM_EXISTS, CONFLICT, "there is a VM of this name",
	    "Names are unique among the VMs of a user.",
	    "Choose another name, or delete the other VM: vmctl delete NAME"),
	ROW(BTN_VM_NAME, USAGE, "a VM cannot have this name",
	    "A name has at most 63 letters, digits and inner hyphens: guests use it as host name.",
	    "Choose a name such as web-1."),
	ROW(BTN_VM_OFF, CONFLICT, "the VM is not running",
	    "Only a VM that runs can do this.", "Start it: vmctl start NAME"),
	ROW(BTN_VM_ON, CONFLICT, "the VM is running",
	    "This can be done only while the VM is off.",
	    "Shut it down first: vmctl stop NAME. To cut its power: vmctl kill NAME"),
	ROW(BTN_VM_BUSY, CONFLICT, "the VM is busy",
	    "Another job changes it at this moment.",
	    "Try again when the job has ended."),
	ROW(BTN_VM_CONFIG, FAILED, "the VM's definition cannot be used",
	    "Its file vm.conf contradicts itself or was damaged.",
	    "Correct vm.conf in the VM's folder; \"vmctl show NAME\" names the folder."),
	ROW(BTN_VM_NOT_STOPPED, TIMEOUT, "the guest did not shut down in time",
	    "It was asked to by its power button. It may be busy, or ignore the button.",
	    "Look at its console, or cut its power: vmctl kill NAME"),
	ROW(BTN_VM_STATE, CONFLICT, "the VM is in another state",
	    "What was asked for does not fit the state it is in.",
	    "\"vmctl list\" shows the state."),
	ROW(BTN_NO_SUCH_TRASH, NOT_FOUND, "the trash has no such VM",
	    "It was restored or removed for good, or never was there.",
	    "\"vmctl list --trash\" shows what can be restored."),
	ROW(BTN_NO_SUCH_IMAGE, NOT_FOUND, "there is no such image",
	    "The store of images has none of this name.",
	    "\"vmctl image list\" shows those that are there; add one: vmctl image add NAME FILE"),
	ROW(BTN_IMAGE_EXISTS, CONFLICT, "there is an image of this name",
	    "Names of images are unique.",
	    "Choose another name, or remove the old one: vmctl image remove NAME"),
	ROW(BTN_IMAGE_CHANGED, FAILED, "the image is not what it should be",
	    "The SHA-256 of its contents is another one than was recorded or asked for.",
	    "Get the file again from where it came, and add it anew."),
	ROW(BTN_IMAGE_IN_USE, CONFLICT, "the image is in use",
	    "Disks of VMs are made on top of it and would be lost.",
	    "Delete these VMs first (also from the trash: vmctl purge)."),
	ROW(BTN_IMAGE_CONVERT, FAILED, "the file could not be converted",
	    "Foreign formats are converted by qemu-img.",
	    "Install it: sudo apt install qemu-utils"),
	ROW(BTN_NO_SUCH_NETWORK, NOT_FOUND, "there is no such network",
	    "No network of yours has this name.",
	    "\"vmctl net list\" shows those that are there; make one: vmctl net create NAME"),
	ROW(BTN_NETWORK_EXISTS, CONFLICT, "there is a network of this name",
	    "Names of networks are unique.", "Choose another name."),
	ROW(BTN_NETWORK_IN_USE, CONFLICT, "the network is in use",
	    "VMs are connected to it.",
	    "Stop them, or give them another network, first."),
	ROW(BTN_NOT_ENOUGH_MEMORY, NO_RESOURCES, "the host has not enough memory for the VM now",
	    "Starting the VM would leave the host without memory.",
	    "Stop another VM, close programs, or give this one less: vmctl set NAME memory=SIZE"),
	ROW(BTN_NOT_ENOUGH_DISK, NO_RESOURCES, "the host's disk has not enough space",
	    "The file system that holds the VMs is nearly full.",
	    "Make room: empty the trash (vmctl purge --all), remove images, delete files."),
	ROW(BTN_NO_SUCH_JOB, NOT_FOUND, "there is no such job",
	    "The job has ended a while ago, or never was.",
	    "Ask for the state of the VM instead: vmctl list"),
	ROW(BTN_JOB_CANCELLED, FAILED, "the job was cancelled",
	    "Somebody asked for it to end early; what it had done was undone.",
	    "Start it again if this was not meant."),
	ROW(BTN_WAIT_TIMEOUT, TIMEOUT, "it did not happen in time",
	    "What was waited for has not come within --timeout.",
	    "Wait longer (--timeout SECONDS), or look at the VM: vmctl console NAME"),
	ROW(BTN_WAIT_NEVER, CONFLICT, "it cannot happen any more",
	    "The VM has reached a state from which it cannot get there.",
	    "\"vmctl list\" shows the state, \"vmctl log NAME\" why."),
	ROW(BTN_SOME_FAILED, SOME_FAILED, "it did not work for some of the VMs",
	    "The errors above name them.", "Look at each of them, and repeat for these."),
	ROW(BTN_SEED, USAGE, "the guest's first settings cannot be used",
	    "User names, host names and SSH keys have to be of the form that guests accept.",
	    "Give a public key (a file like ~/.ssh/id_ed25519.pub), and names of small letters."),
	ROW(BTN_NOT_CONFIRMED, USAGE, "this cannot be undone and was not confirmed",
	    "Without a terminal nobody can be asked.", "Add --yes."),
	ROW(BTN_NO_CONSOLE, CONFLICT, "the VM's console cannot be attached",
	    "Somebody else is attached, and only one was allowed.",
	    "Close the other console, or take it over with --force."),

	ROW(BTN_INTERNAL, FAILED, "Baton made a mistake",
	    "A state was reached that should be impossible.", REPORT),
};

const struct btn_row *btn_rows(size_t *ret_count)
{
	*ret_count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

const struct btn_row *btn_lookup(enum btn_code code)
{
	size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows[middle].code == code)
			return &rows[middle];
		if (rows[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void set_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

static void set_defaults(struct btn_error *e, enum btn_code code)
{
	const struct btn_row *row = btn_lookup(code);

	e->code = code;
	set_text(e->message, sizeof(e->message), row ? row->title : "");
	set_text(e->cause, sizeof(e->cause), row ? row->cause : "");
	set_text(e->fix, sizeof(e->fix), row ? row->fix : "");
}

void btn_set(struct btn_error *e, enum btn_code code, const char *fmt, ...)
{
	char message[sizeof(e->message)];
	va_list args;

	/* The arguments may point into *e. */
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	set_defaults(e, code);
	set_text(e->message, sizeof(e->message), message);
}

void btn_set_default(struct btn_error *e, enum btn_code code)
{
	set_defaults(e, code);
}

void btn_set_cause(struct btn_error *e, const char *fmt, ...)
{
	char cause[sizeof(e->cause)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(cause, sizeof(cause), fmt, args);
	va_end(args);
	set_text(e->cause, sizeof(e->cause), cause);
}

void btn_set_fix(struct btn_error *e, const char *fmt, ...)
{
	char fix[sizeof(e->fix)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(fix, sizeof(fix), fmt, args);
	va_end(args);
	set_text(e->fix, sizeof(e->fix), fix);
}

void btn_set_file(struct btn_error *e, const char *what, const char *path, int error)
{
	if (error < 0)
		error = -error;
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		btn_set(e, BTN_FILE_MISSING, "the %s \"%s\" does not exist", what, path);
		break;
	case EACCES:
	case EPERM:
		btn_set(e, BTN_FILE_UNREADABLE, "the %s \"%s\" may not be read", what, path);
		break;
	case EISDIR:
		btn_set(e, BTN_FILE_NOT_REGULAR, "the %s \"%s\" is a directory", what, path);
		break;
	default:
		btn_set(e, BTN_FILE_READ_FAILED, "the %s \"%s\" cannot be read", what, path);
		btn_set_cause(e, "The host says: %s.", strerror(error));
		break;
	}
}

void btn_print(FILE *to, const char *program, const char *verb, const struct btn_error *e)
{
	/* One write, so that lines of several processes do not mix. */
	char text[sizeof(*e) + 256];
	struct btn_error own = *e;
	int length;

	/* Names in it are other people's: of files, in images, of guests. */
	make_printable(own.message);
	make_printable(own.cause);
	make_printable(own.fix);
	length = snprintf(text, sizeof(text), "%s: %s%s%s (BTN-%04d)\n", program,
			  verb ? verb : "", verb ? ": " : "", own.message, (int)own.code);
	if (own.cause[0] && length < (int)sizeof(text))
		length += snprintf(text + length, sizeof(text) - length, "cause: %s\n", own.cause);
	if (own.fix[0] && length < (int)sizeof(text))
		length += snprintf(text + length, sizeof(text) - length, "fix: %s\n", own.fix);
	if (length >= (int)sizeof(text))
		text[sizeof(text) - 2] = '\n';
	fflush(to);
	fputs(text, to);
	fflush(to);
}

int btn_code_exit_status(enum btn_code code)
{
	const struct btn_row *row = btn_lookup(code);

	if (code == BTN_OK)
		return BTN_EXIT_DONE;
	return row ? row->exit_status : BTN_EXIT_FAILED;
}

int btn_exit_status(const struct btn_error *e)
{
	return btn_code_exit_status(e->code);
}

enum btn_code btn_code_of_refusal(enum baton_refusal refusal)
{
	enum btn_code code = (enum btn_code)(3100 + refusal);

	if (refusal == BATON_REFUSED_NOT)
		return BTN_OK;
	return refusal < 99 && btn_lookup(code) ? code : BTN_REFUSED_OTHER;
}
