// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety tests A7 and A8: what a thread of the host has in its registers is the same
 * after guests that change all they can; what a guest has is the same after other guests
 * and on other processors.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"

/* --- A7: the host ---------------------------------------------------------------- */

/* XMM, DR, MSRs that a backend loads, LDT, CR2, CR4, PKRU by XCR0: all of them changed. */
ABI_CODE(hostile,
	 "	mov $0x5a5a5a5a5a5a5a5a, %rax\n"
	 "	movq %rax, %xmm0\n	movq %rax, %xmm1\n	movq %rax, %xmm2\n"
	 "	movq %rax, %xmm3\n	movq %rax, %xmm4\n	movq %rax, %xmm5\n"
	 "	movq %rax, %xmm6\n	movq %rax, %xmm7\n	movq %rax, %xmm8\n"
	 "	movq %rax, %xmm9\n	movq %rax, %xmm10\n	movq %rax, %xmm11\n"
	 "	movq %rax, %xmm12\n	movq %rax, %xmm13\n	movq %rax, %xmm14\n"
	 "	movq %rax, %xmm15\n"
	 "	fldpi\n"
	 "	mov $0x4ff00, %eax\n"
	 "	mov %rax, %db0\n	mov %rax, %db1\n	mov %rax, %db2\n"
	 "	mov %rax, %db3\n"
	 "	mov $0xf0ff, %eax\n"
	 "	mov %rax, %db7\n"
	 "	mov $0x12345678, %eax\n"
	 "	mov %rax, %cr2\n"
	 "	xor %edx, %edx\n"
	 "	mov $0x77, %eax\n"
	 "	mov $0xc0000100, %ecx\n	wrmsr\n"	/* FS, GS, kernel GS base */
	 "	inc %ecx\n	wrmsr\n"
	 "	inc %ecx\n	wrmsr\n"
	 "	inc %ecx\n	wrmsr\n"			/* TSC_AUX */
	 "	mov $0xc0000082, %ecx\n	wrmsr\n"	/* LSTAR, CSTAR, mask, STAR */
	 "	inc %ecx\n	wrmsr\n"
	 "	inc %ecx\n	wrmsr\n"
	 "	mov $0xc0000081, %ecx\n	wrmsr\n"
	 "	mov $0x174, %ecx\n	wrmsr\n"		/* SYSENTER */
	 "	inc %ecx\n	wrmsr\n"
	 "	inc %ecx\n	wrmsr\n"
	 "	mov $0x277, %ecx\n"				/* PAT: all uncached */
	 "	xor %eax, %eax\n	wrmsr\n"
	 "	xor %eax, %eax\n"
	 "	lldt %ax\n"
	 "	mov %ax, %fs\n"
	 "	mov %ax, %gs\n"
	 "	mov %cr4, %rax\n"
	 "	or $0x40084, %eax\n"			/* TSD, PGE, OSXSAVE */
	 "	mov %rax, %cr4\n"
	 "	mov $7, %eax\n"
	 "	xor %edx, %edx\n"
	 "	xor %ecx, %ecx\n"
	 "	xsetbv\n"
	 "	mov $0x100, %edx\n"
	 "	out %al, %dx\n");

static sigjmp_buf fault_return;

static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(fault_return, 1);
}

#define FAULTS(code)								\
	({									\
		bool faulted = sigsetjmp(fault_return, 1);			\
		if (!faulted) {							\
			code;							\
		}								\
		faulted;							\
	})

static uint32_t read_aux(void)
{
	uint32_t a, c, d;

	asm volatile("rdtscp" : "=a"(a), "=c"(c), "=d"(d));
	return c;
}

/* XMM0-15 and the GPRs that a system call leaves alone, over RUN. */
static void check_registers(int vcpu)
{
	static unsigned char in[256] __attribute__((aligned(16)));
	static unsigned char out[256] __attribute__((aligned(16)));
	long r = 16, bad = 1;
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = 7 * i + 3;
#define EACH(op, array) op(0, array) op(1, array) op(2, array) op(3, array) op(4, array) \
	op(5, array) op(6, array) op(7, array) op(8, array) op(9, array) op(10, array)	\
	op(11, array) op(12, array) op(13, array) op(14, array) op(15, array)
#define LOAD(n, array) "movdqa " #n "*16(%[" array "]), %%xmm" #n "\n"
#define STORE(n, array) "movdqa %%xmm" #n ", " #n "*16(%[" array "])\n"
	asm volatile(EACH(LOAD, "in")
		     "mov $0x1111, %%r12\n	mov $0x2222, %%r13\n"
		     "mov $0x3333, %%r14\n	mov $0x4444, %%rbx\n"
		     "xor %%edx, %%edx\n"
		     "syscall\n"
		     "cmp $0x1111, %%r12\n	jne 1f\n"
		     "cmp $0x2222, %%r13\n	jne 1f\n"
		     "cmp $0x3333, %%r14\n	jne 1f\n"
		     "cmp $0x4444, %%rbx\n	jne 1f\n"
		     "movq $0, %[bad]\n"
		     "1:\n"
		     EACH(STORE, "out")
		     : "+a"(r), [bad] "+m"(bad)
		     : "D"((long)vcpu), "S"((long)BATON_RUN), [in] "r"(in), [out] "r"(out)
		     : "rcx", "r11", "rdx", "r12", "r13", "r14", "rbx", "memory", "xmm0", "xmm1",
		       "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
		       "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	EXPECT(!r && !bad);
	EXPECT(!memcmp(in, out, sizeof(in)));
}

static volatile uint32_t watched, in_ldt = 0x1d71d7;

static int watch(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr), .bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched, .bp_len = HW_BREAKPOINT_LEN_4,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t watch_count(int fd)
{
	uint64_t count = 0;

	EXPECT(read(fd, &count, 8) == 8);
	return count;
}

static uint32_t read_gs(void)
{
	uint32_t value;

	asm volatile("movl %%gs:0, %0" : "=r"(value));
	return value;
}

/* All that a thread can have set up for itself, besides registers. */
static void check_thread(int breakpoint, uint32_t aux, unsigned int *watch_hits)
{
	EXPECT(read_aux() == aux);
	EXPECT(!FAULTS(EXPECT(read_gs() == in_ldt)));
	EXPECT(!FAULTS(outb(0, 0x80)));
	EXPECT(FAULTS(outb(0, 0x81)));
	watched++;
	if (breakpoint >= 0)
		EXPECT(watch_count(breakpoint) == ++*watch_hits);
	EXPECT(!prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
}

static void test_host_canary(void)
{
	static struct abi_host_msrs before, after;
	struct user_desc ldt = {
		.entry_number = 3, .base_addr = 0, .limit = 0xfff, .seg_32bit = 1, .useable = 1,
	};
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct sigaction old;
	uint32_t *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	bool readable, has_ldt, has_ports;
	unsigned int i, hits = 0;
	uint32_t aux;
	int breakpoint;

	abi_pin(0);
	*low = in_ldt;
	ldt.base_addr = (uintptr_t)low;
	has_ldt = !syscall(SYS_modify_ldt, 1, &ldt, sizeof(ldt));
	sigaction(SIGSEGV, &action, &old);
	aux = read_aux();
	breakpoint = watch();
	has_ports = !ioperm(0x80, 1, 1);
	readable = abi_read_host_msrs(&before);
	for (i = 0; i < 5 && has_ldt && has_ports; i++) {
		struct abi_guest g = ABI_LONG_GUEST(hostile);

		asm volatile("mov %0, %%gs" : : "r"(3 << 3 | 7));
		prctl(PR_SET_TSC, PR_TSC_ENABLE);
		check_registers(g.vcpu);
		/* All of it has been executed. */
		while (g.run->exit_reason == BATON_EXIT_NONE && !ioctl(g.vcpu, BATON_RUN, 0))
			;
		EXPECT(g.run->exit_reason == BATON_EXIT_PIO && g.run->pio.port == 0x100);
		check_thread(breakpoint, aux, &hits);
		EXPECT(FAULTS(__builtin_ia32_rdtsc()));
		check_registers(g.vcpu);
		EXPECT(FAULTS(__builtin_ia32_rdtsc()));
		prctl(PR_SET_TSC, PR_TSC_ENABLE);
		abi_guest_end(&g);
	}
	asm volatile("mov %0, %%gs" : : "r"(0));
	if (readable && abi_read_host_msrs(&after))
		abi_compare_host_msrs(&before, &after);
	ioperm(0x80, 1, 0);
	close(breakpoint);
	sigaction(SIGSEGV, &old, NULL);
	NEEDS(readable && has_ldt && has_ports && breakpoint >= 0,
	      "the msr module, LDTs, ports and breakpoints");
}

/*
 * Of two threads that share a processor and are taken off it in the middle of RUN: the
 * kernel has put their registers away by then, which another path has to notice.
 */
ABI_CODE(churn,
	 "0:	mov $150000, %ebp\n"
	 "1:	movq %rbp, %xmm0\n	movq %rbp, %xmm1\n	movq %rbp, %xmm7\n"
	 "	movq %rbp, %xmm8\n	movq %rbp, %xmm14\n	movq %rbp, %xmm15\n"
	 "	fninit\n	fldpi\n	fldcw 8f(%rip)\n"
	 "	ldmxcsr 8f(%rip)\n"
	 "	dec %ebp\n"
	 "	jnz 1b\n"
	 "	mov $0x100, %edx\n"
	 "	out %al, %dx\n"
	 "	jmp 0b\n"
	 "8:	.long 0x1d80\n");

struct fpu {
	unsigned char vector[16][32];	/* XMM or YMM, one behind the other */
	double st0;
	uint32_t mxcsr;
	uint16_t fcw;
};

#define RUN_WITH_FPU(name, reg)						\
static long name(int vcpu, const struct fpu *in, struct fpu *out)			\
{											\
	const uint32_t usual = 0x1f80;							\
	long r = 16;									\
											\
	asm volatile("fninit\n	fldl %[st_in]\n	fldcw %[fcw_in]\n"		\
		     "ldmxcsr %[mxcsr_in]\n"						\
		     EACH(LOAD_##reg, "in")						\
		     "xor %%edx, %%edx\n"						\
		     "syscall\n"							\
		     EACH(STORE_##reg, "out")						\
		     "stmxcsr %[mxcsr]\n	fnstcw %[fcw]\n	fstpl %[st]\n"	\
		     "fninit\n	ldmxcsr %[usual]\n"					\
		     : "+a"(r), [mxcsr] "=m"(out->mxcsr), [fcw] "=m"(out->fcw),		\
		       [st] "=m"(out->st0)						\
		     : "D"((long)vcpu), "S"((long)BATON_RUN), [in] "r"(in->vector),	\
		       [out] "r"(out->vector), [st_in] "m"(in->st0),			\
		       [fcw_in] "m"(in->fcw), [mxcsr_in] "m"(in->mxcsr),		\
		       [usual] "m"(usual)						\
		     : "rcx", "r11", "rdx", "memory", "xmm0", "xmm1", "xmm2", "xmm3",	\
		       "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",		\
		       "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");			\
	return r;									\
}
#define LOAD_xmm(n, array) LOAD(n, array)
#define STORE_xmm(n, array) STORE(n, array)
#define LOAD_ymm(n, array) "vmovdqu " #n "*32(%[" array "]), %%ymm" #n "\n"
#define STORE_ymm(n, array) "vmovdqu %%ymm" #n ", " #n "*32(%[" array "])\n"
RUN_WITH_FPU(run_with_xmm, xmm)
RUN_WITH_FPU(run_with_ymm, ymm)

static atomic_uint fpu_taken_off;	/* times that a thread lost its processor */

static void *use_fpu(void *seed)
{
	long (*run)(int, const struct fpu *, struct fpu *) =
		__builtin_cpu_supports("avx") ? run_with_ymm : run_with_xmm;
	struct fpu in __attribute__((aligned(16))), out __attribute__((aligned(16)));
	struct abi_guest g = ABI_LONG_GUEST(churn);
	struct rusage usage;
	unsigned int i;

	abi_pin(0);
	memset(&in, (int)(uintptr_t)seed, sizeof(in));
	in.st0 = (double)(uintptr_t)seed;
	in.fcw = 0x27f;
	in.mxcsr = 0x1f80 | (uint32_t)(uintptr_t)seed << 13;
	out = in;
	for (i = 0; i < 20; i++) {
		memset(out.vector, 0, sizeof(out.vector));
		do
			EXPECT(!run(g.vcpu, &in, &out));
		while (g.run->exit_reason == BATON_EXIT_NONE);
		if (run == run_with_xmm)
			memcpy((unsigned char *)out.vector + 256,
			       (unsigned char *)in.vector + 256, 256);
		EXPECT(!memcmp(in.vector, out.vector, sizeof(in.vector)));
		EXPECT(out.st0 == in.st0 && out.fcw == in.fcw && out.mxcsr == in.mxcsr);
	}
	EXPECT(g.run->exit_reason == BATON_EXIT_PIO);
	getrusage(RUSAGE_THREAD, &usage);
	fpu_taken_off += (unsigned int)usage.ru_nivcsw;
	abi_guest_end(&g);
	return NULL;
}

static void test_host_fpu(void)
{
	pthread_t thread[2];
	uintptr_t i;

	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, use_fpu, (void *)(i + 1));
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	printf("  taken off %u times\n", fpu_taken_off);
	NEEDS(fpu_taken_off, "a scheduler that takes a processor away");
}

/* --- A8: the guest ----------------------------------------------------------------- */

/*
 * R15 is what this guest is known by: it is in all registers and behind all bases, which
 * are at R14. Compares as long as all is as it was, EBP times; then OUT 0x100, or 0x101.
 */
ABI_CODE(canary,
	 "	mov $0xc0000100, %ecx\n"
	 "	mov %r14d, %eax\n"
	 "	xor %edx, %edx\n"
	 "	wrmsr\n"
	 "	inc %ecx\n	add $8, %eax\n	wrmsr\n"
	 "	inc %ecx\n	add $8, %eax\n	wrmsr\n"
	 "	inc %ecx\n	mov %r15d, %eax\n	wrmsr\n"
	 "	mov $0xc0000082, %ecx\n"
	 "	lea 2f(%rip), %rax\n"
	 "	wrmsr\n"
	 "	mov $0xc0000081, %ecx\n"
	 "	xor %eax, %eax\n"
	 "	mov $0x00100008, %edx\n"
	 "	wrmsr\n"
	 "	mov %r15, (%r14)\n"
	 "	mov %r15, 8(%r14)\n"
	 "	not %r15\n	mov %r15, 16(%r14)\n	not %r15\n"
	 "	mov %r15, %cr2\n"
	 "	mov %r15d, %eax\n"
	 "	mov %rax, %db0\n	mov %rax, %db3\n"
	 "	movq %r15, %xmm0\n	movq %r15, %xmm7\n	movq %r15, %xmm15\n"
	 "	mov %r15, %r8\n	mov %r15, %r9\n	mov %r15, %r10\n"
	 "	mov %r15, %r12\n	mov %r15, %r13\n	mov %r15, %rbx\n"
	 "	mov %r15, %rsi\n	mov %r15, %rdi\n"
	 "1:	cmp %r15, %r8\n	jne 9f\n"
	 "	cmp %r15, %r9\n	jne 9f\n"
	 "	cmp %r15, %r10\n	jne 9f\n"
	 "	cmp %r15, %r12\n	jne 9f\n"
	 "	cmp %r15, %r13\n	jne 9f\n"
	 "	cmp %r15, %rbx\n	jne 9f\n"
	 "	cmp %r15, %rsi\n	jne 9f\n"
	 "	cmp %r15, %rdi\n	jne 9f\n"
	 "	movq %xmm0, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	movq %xmm7, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	movq %xmm15, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	mov %cr2, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	mov %fs:0, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	mov %gs:0, %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	swapgs\n"
	 "	mov %gs:0, %rax\n"
	 "	swapgs\n"
	 "	not %rax\n	cmp %r15, %rax\n	jne 9f\n"
	 "	rdtscp\n		cmp %r15d, %ecx\n	jne 9f\n"
	 "	mov %db0, %rax\n	cmp %r15d, %eax\n	jne 9f\n"
	 "	mov %db3, %rax\n	cmp %r15d, %eax\n	jne 9f\n"
	 "	syscall\n"		/* by LSTAR, to here: */
	 "	jmp 9f\n"
	 "2:	dec %ebp\n"
	 "	jnz 1b\n"
	 "	mov $0x100, %edx\n"
	 "	out %al, %dx\n"
	 "9:	mov $0x101, %edx\n"
	 "	out %al, %dx\n");

struct bearer {
	struct abi_guest guest;
	pthread_t thread;
	atomic_bool over;
};

static void *bear(void *ctx)
{
	struct bearer *b = ctx;

	EXPECT(!abi_run_on(b->guest.vcpu, b->guest.run));
	b->over = true;
	return NULL;
}

static void start_bearer(struct bearer *b, uint64_t mark)
{
	struct baton_regs regs;

	b->guest = ABI_LONG_GUEST(canary);
	EXPECT(!ioctl(b->guest.vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_R15] = mark;
	regs.gpr[BATON_R14] = ABI_LONG_DATA;
	regs.gpr[BATON_RBP] = 20000;
	EXPECT(!ioctl(b->guest.vcpu, BATON_SET_REGS, &regs));
	pthread_create(&b->thread, NULL, bear, b);
}

/* Where a guest ended that did not end as it should. */
static void tell_bearer(const struct bearer *b)
{
	const struct baton_run *run = b->guest.run;
	struct baton_regs regs;

	if (run->exit_reason == BATON_EXIT_PIO && run->pio.port == 0x100)
		return;
	EXPECT(!ioctl(b->guest.vcpu, BATON_GET_REGS, &regs));
	printf("  guest %llx: exit %u, port 0x%x, RIP 0x%llx, %llu turns left, RAX 0x%llx\n",
	       (unsigned long long)regs.gpr[BATON_R15], run->exit_reason, run->pio.port,
	       (unsigned long long)regs.rip, (unsigned long long)regs.gpr[BATON_RBP],
	       (unsigned long long)regs.gpr[BATON_RAX]);
}

/* Three guests on whatever processors there are, each moved on all the time. */
static void test_guest_canary(void)
{
	static struct bearer bearers[3];
	unsigned int i, cpus = abi_cpus(), moves = 0, done = 0;
	cpu_set_t set;

	for (i = 0; i < 3; i++) {
		bearers[i].over = false;
		start_bearer(&bearers[i], 0x0101010101010101ull * (i + 0x11));
	}
	while (done < 3) {
		for (i = done = 0; i < 3; i++) {
			done += bearers[i].over;
			CPU_ZERO(&set);
			CPU_SET(abi_cpu((moves + i) / 2 % cpus), &set);
			if (!bearers[i].over)
				pthread_setaffinity_np(bearers[i].thread, sizeof(set), &set);
		}
		moves++;
		usleep(1000);
	}
	for (i = 0; i < 3; i++) {
		pthread_join(bearers[i].thread, NULL);
		EXPECT(bearers[i].guest.run->exit_reason == BATON_EXIT_PIO);
		EXPECT(bearers[i].guest.run->pio.port == 0x100);
		tell_bearer(&bearers[i]);
		abi_guest_end(&bearers[i].guest);
	}
	printf("  moved %u times over %u processors\n", moves, cpus);
}

const struct abi_test abi_canary_tests[] = {
	{ "A7: host-state canary", test_host_canary },
	{ "A7: the FPU of threads that share a processor", test_host_fpu },
	{ "A8: guest-state canary, other VMs and processors", test_guest_canary },
	{ NULL, NULL },
};
