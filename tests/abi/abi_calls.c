// SPDX-License-Identifier: GPL-2.0-or-later
/* Safety test A1: arguments that no call may take. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

struct call {
	unsigned int cmd;
	const char *name;
};
#define CALL(c) { c, #c }

static const struct call sys_calls[] = {
	CALL(BATON_GET_INFO), CALL(BATON_CREATE_VM), CALL(BATON_GET_CPUID),
	CALL(BATON_GET_MSR_LIST), { 0, NULL },
};
static const struct call vm_calls[] = {
	CALL(BATON_CREATE_VCPU), CALL(BATON_SET_SLOT), CALL(BATON_SET_IRQFD),
	CALL(BATON_SET_IOEVENTFD), CALL(BATON_GET_CLOCK), CALL(BATON_SET_CLOCK),
	CALL(BATON_SEND_MSI), CALL(BATON_GET_DIRTY_LOG), CALL(BATON_CLEAR_DIRTY_LOG),
	CALL(BATON_SET_RESAMPLEFD), CALL(BATON_GET_ACCESSED), CALL(BATON_GET_VM_STATS),
	{ 0, NULL },
};
static const struct call vcpu_calls[] = {
	CALL(BATON_GET_REGS), CALL(BATON_SET_REGS), CALL(BATON_GET_SREGS),
	CALL(BATON_SET_SREGS), CALL(BATON_GET_DEBUGREGS), CALL(BATON_SET_DEBUGREGS),
	CALL(BATON_GET_EVENTS), CALL(BATON_SET_EVENTS), CALL(BATON_GET_XSAVE),
	CALL(BATON_SET_XSAVE), CALL(BATON_GET_LAPIC), CALL(BATON_SET_LAPIC),
	CALL(BATON_GET_MSRS), CALL(BATON_SET_MSRS), CALL(BATON_SET_CPUID),
	CALL(BATON_GET_STATS), CALL(BATON_SET_INTR), CALL(BATON_SET_GUEST_DEBUG),
	CALL(BATON_APIC_ACCESS), { 0, NULL },
};

static void bad_pointers(int fd, const struct call *call)
{
	void *readonly = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long r;

	for (; call->name; call++) {
		FAILS(ioctl(fd, call->cmd, NULL), EFAULT);
		FAILS(ioctl(fd, call->cmd, (void *)-4096L), EFAULT);
		FAILS(ioctl(fd, call->cmd, (void *)0xffff800000000000), EFAULT);
		r = ioctl(fd, call->cmd, readonly);
		if (_IOC_DIR(call->cmd) & _IOC_READ && r >= 0) {
			printf("  %s wrote to read-only memory\n", call->name);
			abi_failures++;
		}
		if (call->cmd == BATON_CREATE_VM && r >= 0)
			close(r);
	}
	munmap(readonly, 8192);
}

static void wrong_kind(int fd, const struct call *call)
{
	static char buffer[8192];

	for (; call->name; call++)
		FAILS(ioctl(fd, call->cmd, buffer), ENOTTY);
}

static void wrong_sizes(int fd, const struct call *call)
{
	static char buffer[16384];
	unsigned int cmd;

	for (; call->name; call++) {
		cmd = _IOC(_IOC_DIR(call->cmd), BATON_IOCTL_MAGIC, _IOC_NR(call->cmd),
			   _IOC_SIZE(call->cmd) + 8);
		FAILS(ioctl(fd, cmd, buffer), ENOTTY);
		cmd = _IOC(_IOC_DIR(call->cmd), BATON_IOCTL_MAGIC, _IOC_NR(call->cmd), 0);
		FAILS(ioctl(fd, cmd, buffer), ENOTTY);
	}
}

static void test_arguments(void)
{
	int sys = abi_open(), vm = abi_vm(sys), vcpu = abi_vcpu(vm, 0);

	bad_pointers(sys, sys_calls);
	bad_pointers(vm, vm_calls);
	bad_pointers(vcpu, vcpu_calls);
	wrong_kind(sys, vm_calls);
	wrong_kind(sys, vcpu_calls);
	wrong_kind(vm, sys_calls);
	wrong_kind(vm, vcpu_calls);
	wrong_kind(vcpu, sys_calls);
	wrong_kind(vcpu, vm_calls);
	wrong_sizes(sys, sys_calls);
	wrong_sizes(vm, vm_calls);
	wrong_sizes(vcpu, vcpu_calls);
	close(vcpu);
	close(vm);
	close(sys);
}

static void test_unknown_numbers(void)
{
	int sys = abi_open(), vm = abi_vm(sys), vcpu = abi_vcpu(vm, 0), nr;
	static char buffer[16384];
	const int known[] = { 0, 1, 2, 3, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
			      0x38 };

	for (nr = 0; nr < 256; nr++) {
		bool listed = (nr >= 0x40 && nr <= 0x4f) || (nr >= 0x60 && nr <= 0x63);

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			listed |= known[i] == nr;
		if (listed)
			continue;
		FAILS(ioctl(sys, _IO(BATON_IOCTL_MAGIC, nr), buffer), ENOTTY);
		FAILS(ioctl(vm, _IOWR(BATON_IOCTL_MAGIC, nr, char[64]), buffer), ENOTTY);
		FAILS(ioctl(vcpu, _IOW(BATON_IOCTL_MAGIC, nr, char[64]), buffer), ENOTTY);
	}
	close(vcpu);
	close(vm);
	close(sys);
}

static void test_info(void)
{
	struct baton_info info;
	int sys = abi_open();

	memset(&info, 0xff, sizeof(info));
	EXPECT(!ioctl(sys, BATON_GET_INFO, &info));
	EXPECT(info.abi_major == BATON_ABI_MAJOR && info.abi_minor == BATON_ABI_MINOR);
	EXPECT(info.features & BATON_FEAT_EXTINT);
	EXPECT(info.features & BATON_FEAT_DIRTY_LOG);
	EXPECT(info.refusal == BATON_REFUSED_NOT);
	EXPECT(info.vendor == BATON_VENDOR_INTEL || info.vendor == BATON_VENDOR_AMD);
	EXPECT(info.run_size == 4096 && info.max_vcpus == BATON_MAX_VCPUS);
	EXPECT(info.phys_bits >= 36 && info.phys_bits <= 52 && info.tsc_khz);
	for (size_t i = 0; i < sizeof(info.reserved) / 8; i++)
		EXPECT(!info.reserved[i]);
	close(sys);
}

static void test_reserved(void)
{
	int sys = abi_open(), vm = abi_vm(sys), quiet;
	struct baton_create_vm create = { .flags = 2 };
	struct baton_create_vcpu vcpu = { .flags = 1 };
	struct baton_clock clock = { .flags = 2 };
	struct baton_msi msi = { .address = 0xfee00000, .data = 0x40, .reserved = 1 };

	FAILS(ioctl(sys, BATON_CREATE_VM, &create), EINVAL);
	create.flags = 0;
	create.reserved[6] = 1;
	FAILS(ioctl(sys, BATON_CREATE_VM, &create), EINVAL);
	create.reserved[6] = 0;
	create.flags = ~BATON_VM_NO_HALT_POLL;
	FAILS(ioctl(sys, BATON_CREATE_VM, &create), EINVAL);
	create.flags = BATON_VM_NO_HALT_POLL;
	quiet = ioctl(sys, BATON_CREATE_VM, &create);
	EXPECT(quiet >= 0);
	close(quiet);
	FAILS(ioctl(vm, BATON_CREATE_VCPU, &vcpu), EINVAL);
	vcpu = (struct baton_create_vcpu) { .id = BATON_MAX_VCPUS };
	FAILS(ioctl(vm, BATON_CREATE_VCPU, &vcpu), EINVAL);
	vcpu.id = UINT32_MAX;
	FAILS(ioctl(vm, BATON_CREATE_VCPU, &vcpu), EINVAL);
	FAILS(ioctl(vm, BATON_SET_CLOCK, &clock), EINVAL);
	clock = (struct baton_clock) { .guest_ns = UINT64_MAX };
	FAILS(ioctl(vm, BATON_SET_CLOCK, &clock), EINVAL);
	clock = (struct baton_clock) { .guest_ns = 1, .flags = BATON_CLOCK_STOPPED };
	FAILS(ioctl(vm, BATON_SET_CLOCK, &clock), EINVAL);
	clock.guest_ns = 0;
	EXPECT(!ioctl(vm, BATON_SET_CLOCK, &clock));
	EXPECT(!ioctl(vm, BATON_GET_CLOCK, &clock) && clock.guest_ns && !clock.flags);
	FAILS(ioctl(vm, BATON_SEND_MSI, &msi), EINVAL);
	close(vm);
	close(sys);
}

static void test_lists(void)
{
	static struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
	static struct baton_msr msrs[BATON_MAX_MSRS];
	int sys = abi_open(), vm = abi_vm(sys), vcpu = abi_vcpu(vm, 0);
	struct baton_cpuid list = { .count = 1, .entries = (uintptr_t)cpuid };
	struct baton_msrs io = { .count = BATON_MAX_MSRS, .entries = (uintptr_t)msrs };

	FAILS(ioctl(sys, BATON_GET_CPUID, &list), E2BIG);
	list.count = BATON_MAX_CPUID;
	list.entries = 0;
	FAILS(ioctl(sys, BATON_GET_CPUID, &list), EFAULT);
	list.entries = (uintptr_t)cpuid;
	list.count = BATON_MAX_CPUID + 1;
	FAILS(ioctl(vcpu, BATON_SET_CPUID, &list), E2BIG);
	list.count = 0;
	FAILS(ioctl(vcpu, BATON_SET_CPUID, &list), EINVAL);
	EXPECT(!ioctl(sys, BATON_GET_MSR_LIST, &io));
	EXPECT(io.count > 10);
	EXPECT(!ioctl(vcpu, BATON_GET_MSRS, &io));
	io.done = 1;
	FAILS(ioctl(vcpu, BATON_GET_MSRS, &io), EINVAL);
	io.done = 0;
	io.count = UINT32_MAX;
	FAILS(ioctl(vcpu, BATON_SET_MSRS, &io), E2BIG);
	close(vcpu);
	close(vm);
	close(sys);
}

static void test_eventfds(void)
{
	int sys = abi_open(), vm = abi_vm(sys), fd = eventfd(0, 0);
	struct baton_irqfd irq = { .fd = fd, .msi = { 0xfee00000, 0x40, 0 } };
	struct baton_ioeventfd io = { .address = 0x10, .fd = fd, .size = 2,
				      .flags = BATON_IOEVENTFD_PIO };

	EXPECT(!ioctl(vm, BATON_SET_IRQFD, &irq));
	irq.flags = 0x80;
	FAILS(ioctl(vm, BATON_SET_IRQFD, &irq), EINVAL);
	irq.flags = BATON_EVENTFD_OFF;
	EXPECT(!ioctl(vm, BATON_SET_IRQFD, &irq));
	FAILS(ioctl(vm, BATON_SET_IRQFD, &irq), ENOENT);
	irq = (struct baton_irqfd) { .fd = -1, .msi = { 0xfee00000, 0x40, 0 } };
	FAILS(ioctl(vm, BATON_SET_IRQFD, &irq), EBADF);
	irq.fd = sys;
	FAILS(ioctl(vm, BATON_SET_IRQFD, &irq), EINVAL);

	EXPECT(!ioctl(vm, BATON_SET_IOEVENTFD, &io));
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EEXIST);
	io.size = 3;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io.size = 2;
	io.address = 0x10000;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io.address = 0x10;
	io.flags |= BATON_EVENTFD_OFF;
	EXPECT(!ioctl(vm, BATON_SET_IOEVENTFD, &io));
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), ENOENT);
	io.flags = 0x8000;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io = (struct baton_ioeventfd) { .address = 0x10, .fd = fd, .size = 8,
					.flags = BATON_IOEVENTFD_PIO };
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	/* Memory. Its address 0x10 is not port 0x10. */
	io.flags = 0;
	EXPECT(!ioctl(vm, BATON_SET_IOEVENTFD, &io));
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EEXIST);
	io.address = 1ull << 52;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io.address = 1ull << 63 | 0x10;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io = (struct baton_ioeventfd) { .address = 0x10, .fd = fd, .size = 1, .match = 1 };
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io.flags = BATON_IOEVENTFD_MATCH;
	EXPECT(!ioctl(vm, BATON_SET_IOEVENTFD, &io));
	io.match = 0x100;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), EINVAL);
	io.flags = BATON_EVENTFD_OFF | BATON_IOEVENTFD_PIO;
	io.match = 0;
	FAILS(ioctl(vm, BATON_SET_IOEVENTFD, &io), ENOENT);
	close(fd);
	close(vm);
	close(sys);
}

static void test_resamplefd(void)
{
	int sys = abi_open(), vm = abi_vm(sys), fd = eventfd(0, 0), resample = eventfd(0, 0);
	struct baton_irqfd irq = { .fd = fd, .msi = { 0xfee00000, 0x40, 0 } };
	struct baton_resamplefd arg = { .fd = fd, .resample_fd = resample };

	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), ENOENT);
	EXPECT(!ioctl(vm, BATON_SET_IRQFD, &irq));
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EINVAL);
	irq.msi.data |= 0xc000;
	EXPECT(!ioctl(vm, BATON_SET_IRQFD, &irq));
	arg.flags = 2;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EINVAL);
	arg.flags = 0;
	arg.reserved = 1;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EINVAL);
	arg.reserved = 0;
	arg.fd = -1;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EBADF);
	arg.fd = sys;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EINVAL);
	arg.fd = resample;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), ENOENT);
	arg.fd = fd;
	arg.resample_fd = -1;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EBADF);
	arg.resample_fd = sys;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EINVAL);
	arg.flags = BATON_EVENTFD_OFF;
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), ENOENT);
	arg = (struct baton_resamplefd) { .fd = fd, .resample_fd = resample };
	EXPECT(!ioctl(vm, BATON_SET_RESAMPLEFD, &arg));
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), EEXIST);
	arg.flags = BATON_EVENTFD_OFF;
	EXPECT(!ioctl(vm, BATON_SET_RESAMPLEFD, &arg));
	FAILS(ioctl(vm, BATON_SET_RESAMPLEFD, &arg), ENOENT);
	/* Left there for the VM's end to find. */
	arg.flags = 0;
	EXPECT(!ioctl(vm, BATON_SET_RESAMPLEFD, &arg));
	close(fd);
	close(resample);
	close(vm);
	close(sys);
}

/* A child has another address space: it may hold the descriptors, not use them. */
static void test_other_process(void)
{
	int sys = abi_open(), vm = abi_vm(sys), vcpu = abi_vcpu(vm, 0), status;
	struct baton_run *run = abi_map_run(vcpu);
	struct baton_regs regs;
	pid_t child;

	EXPECT(run->commit == 0);
	child = fork();
	if (!child) {
		struct baton_intr intr = { .level = 1 };
		struct baton_clock clock;
		struct baton_dirty_log log = { .count = 64 };
		int r = ioctl(vm, BATON_GET_CLOCK, &clock) == -1 && errno == EPERM &&
			ioctl(vm, BATON_CLEAR_DIRTY_LOG, &log) == -1 && errno == EPERM &&
			ioctl(vcpu, BATON_GET_REGS, &regs) == -1 && errno == EPERM &&
			ioctl(vcpu, BATON_RUN, 0) == -1 && errno == EPERM &&
			ioctl(vcpu, BATON_SET_INTR, &intr) == -1 && errno == EPERM &&
			mmap(NULL, 4096, PROT_READ, MAP_SHARED, vcpu, 0) == MAP_FAILED;

		_exit(r ? 0 : 1);
	}
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	EXPECT(!ioctl(vcpu, BATON_GET_REGS, &regs));
	munmap(run, 4096);
	close(vcpu);
	close(vm);
	close(sys);
}

/* A descriptor that came through a socket is as useless as one that came through fork. */
static int receive(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void send_to(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	EXPECT(sendmsg(socket, &message, 0) == 1);
}

static void test_sent_descriptor(void)
{
	int pair[2], sys = abi_open(), vm, status;
	struct baton_create_vcpu create = { 0 };
	struct baton_info before, after;
	struct baton_clock clock;
	pid_t child;

	EXPECT(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	EXPECT(!ioctl(sys, BATON_GET_INFO, &before));
	child = fork();
	if (!child) {
		send_to(pair[1], abi_vm(abi_open()));
		_exit(0);
	}
	vm = receive(pair[0]);
	EXPECT(waitpid(child, &status, 0) == child && !status);
	/* Its address space has gone, the descriptor is here. */
	EXPECT(!ioctl(sys, BATON_GET_INFO, &after) && after.vm_count == before.vm_count + 1);
	FAILS(ioctl(vm, BATON_GET_CLOCK, &clock), EPERM);
	FAILS(ioctl(vm, BATON_CREATE_VCPU, &create), EPERM);
	close(vm);
	EXPECT(!ioctl(sys, BATON_GET_INFO, &after) && after.vm_count == before.vm_count);
	close(pair[0]);
	close(pair[1]);
	close(sys);
}

/* ioctl by the gate of 32-bit programs: its number is 54 there. */
static long ioctl_32(int fd, unsigned int cmd, void *arg)
{
	long r;

	asm volatile("int $0x80" : "=a"(r)
		     : "a"(54l), "b"((long)fd), "c"((long)cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	errno = r < 0 ? -r : 0;
	return r < 0 ? -1 : r;
}

static sigjmp_buf no_gate;

static void on_no_gate(int signal)
{
	(void)signal;
	siglongjmp(no_gate, 1);
}

static void test_32_bit(void)
{
	struct sigaction action = { .sa_handler = on_no_gate, .sa_flags = SA_NODEFER }, old;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int sys = abi_open(), vm = abi_vm(sys), vcpu = abi_vcpu(vm, 0);
	struct baton_regs *regs = (void *)page, wide;
	bool gate;

	sigaction(SIGSEGV, &action, &old);
	gate = !sigsetjmp(no_gate, 1);
	if (gate) {
		EXPECT(!ioctl_32(sys, BATON_GET_INFO, page));
		EXPECT(((struct baton_info *)page)->max_vcpus == BATON_MAX_VCPUS);
		EXPECT(!ioctl_32(vcpu, BATON_GET_REGS, page));
		EXPECT(!ioctl(vcpu, BATON_GET_REGS, &wide) && !memcmp(&wide, page, sizeof(wide)));
		regs->rip = 0x123456789ab;
		EXPECT(!ioctl_32(vcpu, BATON_SET_REGS, page));
		EXPECT(!ioctl(vcpu, BATON_GET_REGS, &wide) && wide.rip == regs->rip);
		FAILS(ioctl_32(vcpu, BATON_SET_REGS, NULL), EFAULT);
		FAILS(ioctl_32(vm, BATON_GET_REGS, page), ENOTTY);
	}
	sigaction(SIGSEGV, &old, NULL);
	munmap(page, 8192);
	close(vcpu);
	close(vm);
	close(sys);
	NEEDS(gate, "a kernel with 32-bit system calls");
}

const struct abi_test abi_call_tests[] = {
	{ "A1: info", test_info },
	{ "A1: pointers, kinds and sizes", test_arguments },
	{ "A1: unknown numbers", test_unknown_numbers },
	{ "A1: reserved fields and flags", test_reserved },
	{ "A1: lists", test_lists },
	{ "A1: eventfds", test_eventfds },
	{ "A1: resamplefd refused", test_resamplefd },
	{ "A1: other process", test_other_process },
	{ "A1: descriptor through a socket", test_sent_descriptor },
	{ "A1: 32-bit caller", test_32_bit },
	{ NULL, NULL },
};
