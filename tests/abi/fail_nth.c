// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: baton-fail-nth [-v]
 *
 * Safety test F3: each call of /dev/baton with its first, second, ... allocation or copy
 * made to fail, until there is none left to fail. A call then fails with an errno of its
 * own or succeeds, and in any case works the next time: nothing is half done. Needs a
 * kernel with fault injection (scripts/debug-kernel); without one the exit status is 77.
 * Leaks and splats are for the kernel's own checkers to find.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "baton_ioctl.h"

#define MEMORY (8u << 20)
#define CODE 0x1000

/* What a case works on: made anew for each. */
struct stage {
	int sys, vm, vcpu, event, other_vm;
	struct baton_run *run;
	unsigned char *memory;
	int result;		/* descriptor or mapping to undo */
	void *mapping;
};

static struct baton_cpuid_entry cpuid[BATON_MAX_CPUID];
static struct baton_cpuid cpuid_list;
static struct baton_msr msrs[BATON_MAX_MSRS];
static uint32_t msr_count, listed;
static uint64_t bitmap[MEMORY / 4096 / 64];
static unsigned char buffer[8192] __attribute__((aligned(64)));
static int nth_fd, failures;

/* --- faults ----------------------------------------------------------------- */

static void arm(unsigned int n)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth_fd, text, size, 0) != size) {
		perror("fail-nth");
		exit(3);
	}
}

/*
 * Was there an nth to fail? What is left of the count says. Reading it is itself a copy
 * that counts: if that one fails, the call had none.
 */
static bool disarm(void)
{
	char text[16] = "";
	bool fired = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	/* So is this one; then there is nothing left. */
	while (pwrite(nth_fd, "0", 1, 0) != 1)
		;
	return fired;
}

/* Allocations that may sleep are not failed by default, and each failure is told. */
static void set_up_injection(const char *kind, const char *option, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, option);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		printf("(no %s)\n", path);
	close(fd);
}

static bool set_up(void)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	int i;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		return false;
	for (i = 0; i < 3; i++)
		set_up_injection(kinds[i], "verbose", "0");
	set_up_injection("failslab", "ignore-gfp-wait", "N");
	set_up_injection("fail_page_alloc", "ignore-gfp-wait", "N");
	set_up_injection("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_up_injection("fail_page_alloc", "min-order", "0");
	return true;
}

/* --- cases -------------------------------------------------------------------- */

static int set_slot(struct stage *s, uint32_t id, uint32_t flags, uint64_t size)
{
	struct baton_slot slot = {
		.id = id, .flags = flags, .gpa = (uint64_t)id * MEMORY, .size = size,
		.hva = (uintptr_t)s->memory,
	};

	return ioctl(s->vm, BATON_SET_SLOT, &slot);
}

static int open_device(struct stage *s)
{
	return s->result = open(BATON_DEVICE, O_RDWR | O_CLOEXEC);
}

static int create_vm(struct stage *s)
{
	struct baton_create_vm arg = { 0 };

	return s->result = ioctl(s->sys, BATON_CREATE_VM, &arg);
}

static void close_result(struct stage *s)
{
	close(s->result);
}

/* In a VM of its own: the id may stay taken. */
static int create_vcpu(struct stage *s)
{
	struct baton_create_vcpu arg = { .id = 1 };

	return s->result = ioctl(s->other_vm, BATON_CREATE_VCPU, &arg);
}

static void other_vm(struct stage *s)
{
	struct baton_create_vm arg = { 0 };

	close(s->other_vm);
	s->other_vm = ioctl(s->sys, BATON_CREATE_VM, &arg);
}

static int map_run(struct stage *s)
{
	s->mapping = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->vcpu, 0);
	return s->mapping == MAP_FAILED ? -1 : 0;
}

static void unmap_run(struct stage *s)
{
	munmap(s->mapping, 4096);
}

static int add_slot(struct stage *s) { return set_slot(s, 1, 0, MEMORY); }
static int add_logged(struct stage *s) { return set_slot(s, 1, BATON_SLOT_LOG_DIRTY, MEMORY); }
static int remove_slot(struct stage *s) { return set_slot(s, 1, 0, 0); }
static int log_on(struct stage *s) { return set_slot(s, 0, BATON_SLOT_LOG_DIRTY, MEMORY); }
static int log_off(struct stage *s) { return set_slot(s, 0, 0, MEMORY); }
static void with_slot(struct stage *s) { add_slot(s); }
static void without_slot(struct stage *s) { remove_slot(s); }
static void with_log(struct stage *s) { log_on(s); }
static void without_log(struct stage *s) { log_off(s); }

static int irqfd(struct stage *s, uint32_t flags)
{
	struct baton_irqfd arg = { .fd = s->event, .flags = flags, .msi = { 0xfee00000, 0x40, 0 } };

	return ioctl(s->vm, BATON_SET_IRQFD, &arg);
}

static int ioeventfd(struct stage *s, uint32_t flags)
{
	struct baton_ioeventfd arg = { .fd = s->event, .address = 0x10, .size = 1,
				       .flags = BATON_IOEVENTFD_PIO | flags };

	return ioctl(s->vm, BATON_SET_IOEVENTFD, &arg);
}

static int irqfd_on(struct stage *s) { return irqfd(s, 0); }
static int irqfd_off(struct stage *s) { return irqfd(s, BATON_EVENTFD_OFF); }
static int io_on(struct stage *s) { return ioeventfd(s, 0); }
static int io_off(struct stage *s) { return ioeventfd(s, BATON_EVENTFD_OFF); }
static void with_irqfd(struct stage *s) { irqfd_on(s); }
static void without_irqfd(struct stage *s) { irqfd_off(s); }
static void with_io(struct stage *s) { io_on(s); }
static void without_io(struct stage *s) { io_off(s); }

static int dirty(struct stage *s, unsigned int cmd)
{
	struct baton_dirty_log arg = { .count = MEMORY / 4096, .bitmap = (uintptr_t)bitmap };

	memset(bitmap, 0xff, sizeof(bitmap));
	return ioctl(s->vm, cmd, &arg);
}

static int dirty_get(struct stage *s) { return dirty(s, BATON_GET_DIRTY_LOG); }
static int dirty_clear(struct stage *s) { return dirty(s, BATON_CLEAR_DIRTY_LOG); }

static int lists(int fd, unsigned int cmd, void *entries, uint32_t count)
{
	/* Both lists look alike but for the entries. */
	struct baton_cpuid list = { .count = count, .entries = (uintptr_t)entries };
	int r = ioctl(fd, cmd, &list);

	listed = list.count;
	return r;
}

static int get_cpuid(struct stage *s)
{
	return lists(s->sys, BATON_GET_CPUID, cpuid, BATON_MAX_CPUID);
}
static int set_cpuid(struct stage *s) { return ioctl(s->vcpu, BATON_SET_CPUID, &cpuid_list); }
static int get_msr_list(struct stage *s)
{
	return lists(s->sys, BATON_GET_MSR_LIST, msrs, BATON_MAX_MSRS);
}
static int get_msrs(struct stage *s) { return lists(s->vcpu, BATON_GET_MSRS, msrs, msr_count); }
static int set_msrs(struct stage *s) { return lists(s->vcpu, BATON_SET_MSRS, msrs, msr_count); }

static int get_info(struct stage *s) { return ioctl(s->sys, BATON_GET_INFO, buffer); }
static int get_clock(struct stage *s) { return ioctl(s->vm, BATON_GET_CLOCK, buffer); }
static int set_clock(struct stage *s) { return ioctl(s->vm, BATON_SET_CLOCK, buffer); }
static void to_get_clock(struct stage *s) { get_clock(s); }

static int send_msi(struct stage *s)
{
	struct baton_msi msi = { 0xfee00000, 0x40, 0 };

	return ioctl(s->vm, BATON_SEND_MSI, &msi);
}

static int kick(struct stage *s) { return ioctl(s->vcpu, BATON_KICK); }
static int nmi(struct stage *s) { return ioctl(s->vcpu, BATON_NMI); }
static int get_stats(struct stage *s) { return ioctl(s->vcpu, BATON_GET_STATS, buffer); }

static int set_intr(struct stage *s)
{
	struct baton_intr intr = { 0 };

	return ioctl(s->vcpu, BATON_SET_INTR, &intr);
}

static int apic_access(struct stage *s)
{
	struct baton_apic_access io = { .offset = 0x80 };

	return ioctl(s->vcpu, BATON_APIC_ACCESS, &io);
}

#define STATE(name, NAME)							\
	static int get_##name(struct stage *s)					\
	{									\
		return ioctl(s->vcpu, BATON_GET_##NAME, buffer);		\
	}									\
	static int set_##name(struct stage *s)					\
	{									\
		return ioctl(s->vcpu, BATON_SET_##NAME, buffer);		\
	}									\
	static void to_get_##name(struct stage *s)				\
	{									\
		get_##name(s);							\
	}
STATE(regs, REGS)
STATE(sregs, SREGS)
STATE(debugregs, DEBUGREGS)
STATE(events, EVENTS)
STATE(xsave, XSAVE)
STATE(lapic, LAPIC)

/* The guest at its start, and all of its memory to be mapped anew. */
static void begin(struct stage *s)
{
	static const unsigned char code[] = {
		0xfe, 0x06, 0x00, 0x50,	/* inc byte [0x5000] */
		0xfe, 0x06, 0x00, 0x70,
		0x0f, 0xa2,		/* cpuid */
		0xe6, 0x10,		/* out 0x10,al */
	};
	struct baton_regs regs = { .rip = CODE, .rflags = 2 };
	struct baton_sregs sregs;

	memcpy(s->memory + CODE, code, sizeof(code));
	madvise(s->memory + 0x5000, 0x3000, MADV_DONTNEED);
	ioctl(s->vcpu, BATON_GET_SREGS, &sregs);
	sregs.seg[BATON_CS].selector = 0;
	sregs.seg[BATON_CS].base = 0;
	ioctl(s->vcpu, BATON_SET_SREGS, &sregs);
	ioctl(s->vcpu, BATON_SET_REGS, &regs);
	set_slot(s, 0, 0, 0);
	set_slot(s, 0, 0, MEMORY);
}

/* Until the OUT. That memory cannot be had is an exit, which counts as a failure. */
static int run(struct stage *s)
{
	int r;

	do
		r = ioctl(s->vcpu, BATON_RUN, 0);
	while (!r && s->run->exit_reason == BATON_EXIT_NONE);
	if (r || s->run->exit_reason == BATON_EXIT_PIO)
		return r;
	errno = s->run->exit_reason == BATON_EXIT_MEMORY ? -s->run->memory.error : EPROTO;
	return -1;
}

static const struct test_case {
	const char *name;
	int (*call)(struct stage *s);
	void (*before)(struct stage *s);	/* each time */
	void (*undo)(struct stage *s);		/* what a call that went well has done */
	unsigned int at_least;			/* faults that must have been there */
} cases[] = {
	{ "open", open_device, NULL, close_result, 2 },
	{ "BATON_GET_INFO", get_info, NULL, NULL, 1 },
	{ "BATON_CREATE_VM", create_vm, NULL, close_result, 6 },
	{ "BATON_GET_CPUID", get_cpuid, NULL, NULL, 4 },
	{ "BATON_GET_MSR_LIST", get_msr_list, NULL, NULL, 4 },
	{ "BATON_CREATE_VCPU", create_vcpu, other_vm, close_result, 5 },
	{ "BATON_SET_SLOT, new", add_slot, NULL, without_slot, 2 },
	{ "BATON_SET_SLOT, new with log", add_logged, NULL, without_slot, 3 },
	{ "BATON_SET_SLOT, remove", remove_slot, with_slot, NULL, 2 },
	{ "BATON_SET_SLOT, log on", log_on, NULL, without_log, 3 },
	{ "BATON_SET_SLOT, log off", log_off, with_log, NULL, 2 },
	{ "BATON_SET_IRQFD", irqfd_on, NULL, without_irqfd, 2 },
	{ "BATON_SET_IRQFD, off", irqfd_off, with_irqfd, NULL, 1 },
	{ "BATON_SET_IOEVENTFD", io_on, NULL, without_io, 2 },
	{ "BATON_SET_IOEVENTFD, off", io_off, with_io, NULL, 1 },
	{ "BATON_GET_CLOCK", get_clock, NULL, NULL, 1 },
	{ "BATON_SET_CLOCK", set_clock, to_get_clock, NULL, 1 },
	{ "BATON_GET_DIRTY_LOG", dirty_get, with_log, NULL, 2 },
	{ "BATON_CLEAR_DIRTY_LOG", dirty_clear, with_log, NULL, 3 },
	{ "BATON_SEND_MSI", send_msi, NULL, NULL, 1 },
	{ "BATON_SET_CPUID", set_cpuid, NULL, NULL, 3 },
	{ "mmap", map_run, NULL, unmap_run, 1 },
	{ "BATON_GET_REGS", get_regs, NULL, NULL, 2 },
	{ "BATON_SET_REGS", set_regs, to_get_regs, NULL, 2 },
	{ "BATON_GET_SREGS", get_sregs, NULL, NULL, 2 },
	{ "BATON_SET_SREGS", set_sregs, to_get_sregs, NULL, 2 },
	{ "BATON_GET_DEBUGREGS", get_debugregs, NULL, NULL, 1 },
	{ "BATON_SET_DEBUGREGS", set_debugregs, to_get_debugregs, NULL, 1 },
	{ "BATON_GET_EVENTS", get_events, NULL, NULL, 1 },
	{ "BATON_SET_EVENTS", set_events, to_get_events, NULL, 1 },
	{ "BATON_GET_XSAVE", get_xsave, NULL, NULL, 2 },
	{ "BATON_SET_XSAVE", set_xsave, to_get_xsave, NULL, 2 },
	{ "BATON_GET_LAPIC", get_lapic, NULL, NULL, 2 },
	{ "BATON_SET_LAPIC", set_lapic, to_get_lapic, NULL, 2 },
	{ "BATON_GET_MSRS", get_msrs, NULL, NULL, 3 },
	{ "BATON_SET_MSRS", set_msrs, NULL, NULL, 2 },
	{ "BATON_RUN", run, begin, NULL, 3 },
	{ "BATON_KICK", kick, NULL, NULL, 0 },
	{ "BATON_NMI", nmi, NULL, NULL, 0 },
	{ "BATON_GET_STATS", get_stats, NULL, NULL, 2 },
	{ "BATON_APIC_ACCESS", apic_access, NULL, NULL, 2 },
	{ "BATON_SET_INTR", set_intr, NULL, NULL, 1 },
};

/* --- the loop ------------------------------------------------------------------ */

static void raise_stage(struct stage *s)
{
	struct baton_create_vm vm = { 0 };
	struct baton_create_vcpu vcpu = { 0 };

	*s = (struct stage) {
		.sys = open(BATON_DEVICE, O_RDWR | O_CLOEXEC), .other_vm = -1,
	};
	s->vm = ioctl(s->sys, BATON_CREATE_VM, &vm);
	s->vcpu = ioctl(s->vm, BATON_CREATE_VCPU, &vcpu);
	s->event = eventfd(0, 0);
	s->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s->vcpu, 0);
	cpuid_list = (struct baton_cpuid) { .count = BATON_MAX_CPUID, .entries = (uintptr_t)cpuid };
	if (ioctl(s->sys, BATON_GET_CPUID, &cpuid_list) || s->run == MAP_FAILED ||
	    ioctl(s->vcpu, BATON_SET_CPUID, &cpuid_list) || set_slot(s, 0, 0, MEMORY)) {
		perror("set-up");
		exit(3);
	}
}

static void strike_stage(struct stage *s)
{
	munmap(s->run, 4096);
	munmap(s->memory, MEMORY);
	close(s->other_vm);
	close(s->event);
	close(s->vcpu);
	close(s->vm);
	close(s->sys);
}

static bool is_expected(int error)
{
	return error == ENOMEM || error == EFAULT || error == ENFILE || error == EINTR;
}

static void complain(const struct test_case *c, unsigned int n, const char *what, int error)
{
	printf("FAIL %s, fault %u: %s (%s)\n", c->name, n, what, strerror(error));
	failures++;
}

/* One call with its nth fault; false if there was no nth. */
static bool try_nth(struct stage *s, const struct test_case *c, unsigned int n)
{
	bool fired;
	int r, error;

	if (c->before)
		c->before(s);
	arm(n);
	r = c->call(s);
	error = errno;
	fired = disarm();
	if (r < 0 && !fired)
		complain(c, n, "fails without a fault", error);
	if (r < 0 && fired && !is_expected(error))
		complain(c, n, "another errno", error);
	if (r >= 0 && c->undo)
		c->undo(s);
	if (r >= 0)
		return fired;
	/* As if the call had not been made; what is there already is no matter. */
	if (c->before)
		c->before(s);
	if (c->call(s) < 0)
		complain(c, n, "does not work the next time", errno);
	else if (c->undo)
		c->undo(s);
	return fired;
}

static void try_case(const struct test_case *c, bool verbose)
{
	struct stage s;
	unsigned int n;

	raise_stage(&s);
	get_msr_list(&s);
	msr_count = listed;
	get_msrs(&s);
	for (n = 1; n < 2000 && try_nth(&s, c, n); n++)
		;
	if (n == 2000)
		complain(c, n, "no end of faults", 0);
	if (n - 1 < c->at_least)
		complain(c, n, "too few faults: does injection work?", 0);
	if (verbose)
		printf("%s: %u faults\n", c->name, n - 1);
	strike_stage(&s);
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!set_up()) {
		printf("this kernel injects no faults\n");
		return 77;
	}
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		try_case(&cases[i], verbose);
	printf("%s\n", failures ? "FAIL" : "all calls bear their faults");
	return failures ? 1 : 0;
}
