// SPDX-License-Identifier: GPL-2.0-or-later
/* Safety test A13: the pages of a guest that runs come by userfaultfd, or do not come. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_arena.h"

struct pager {
	struct arena *arena;
	int uffd;
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong missing, protected;
};

static int open_uffd(struct pager *p, struct arena *a, uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)a->area, AREA_SIZE }, .mode = mode,
	};

	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0 || ioctl(p->uffd, UFFDIO_API, &api))
		return -1;
	return ioctl(p->uffd, UFFDIO_REGISTER, &reg);
}

static void supply(struct pager *p, uint64_t page)
{
	static unsigned char fresh[PAGE];
	struct uffdio_copy copy = { .dst = page, .src = (uintptr_t)fresh, .len = PAGE };
	const uint32_t mark = MARK_VALUE;

	memcpy(fresh + MARK, &mark, sizeof(mark));
	if (ioctl(p->uffd, UFFDIO_COPY, &copy))
		EXPECT(errno == EEXIST);
	p->missing++;
}

static int protect(const struct pager *p, uint64_t start, uint64_t size, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { start, size }, .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(p->uffd, UFFDIO_WRITEPROTECT, &wp);
}

static void *page_in(void *ctx)
{
	struct pager *p = ctx;
	struct uffd_msg msg;

	while (!p->stop) {
		uint64_t page;

		if (read(p->uffd, &msg, sizeof(msg)) != sizeof(msg)) {
			usleep(100);
			continue;
		}
		page = msg.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
		if (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
			EXPECT(!protect(p, page, PAGE, false));
			p->protected++;
		} else {
			supply(p, page);
		}
	}
	return NULL;
}

static void pager_start(struct pager *p)
{
	pthread_create(&p->thread, NULL, page_in, p);
}

static void pager_end(struct pager *p)
{
	p->stop = true;
	pthread_join(p->thread, NULL);
	if (p->uffd >= 0)
		close(p->uffd);
}

/* Four vCPUs in missing pages, kicked all the time. */
static void test_uffd_missing(void)
{
	struct arena a;
	struct pager p;

	arena_start(&a, WORKERS, false);
	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING)) {
		abi_needs("userfaultfd");
		arena_end(&a);
		return;
	}
	pager_start(&p);
	arena_go(&a);
	for (int i = 0; i < 500; i++) {
		EXPECT(!ioctl(a.worker[i % WORKERS].vcpu, BATON_KICK));
		usleep(200);
	}
	arena_halt(&a);
	EXPECT(arena_proceed(&a, 1));
	EXPECT(p.missing >= PAGES);
	arena_expect_counts(&a);
	arena_expect_marks(&a);
	/* Once more, as post-copy does it. */
	EXPECT(!madvise(a.area, AREA_SIZE, MADV_DONTNEED));
	p.missing = 0;
	EXPECT(arena_proceed(&a, 1));
	EXPECT(p.missing >= PAGES);
	arena_expect_marks(&a);
	pager_end(&p);
	arena_end(&a);
}

/* Nobody supplies pages; then the descriptor is closed, and they are zero. */
static int close_uffd(void)
{
	struct arena a;
	struct pager p;

	arena_start(&a, WORKERS, false);
	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING))
		return 3;
	arena_go(&a);
	usleep(20000);
	close(p.uffd);
	usleep(20000);
	arena_halt(&a);
	EXPECT(arena_proceed(&a, 1));
	arena_expect_counts(&a);
	arena_end(&a);
	return abi_failures ? 1 : 0;
}

/*
 * In a process of its own. Before Linux 6.14 ("mm/userfaultfd: fix release hang over
 * concurrent GUP") a thread that faults for the kernel can go round for ever while
 * another one closes the descriptor; a fatal signal ends that.
 */
static void test_uffd_closed(void)
{
	int status = 0, waited;
	pid_t child = fork();

	if (!child) {
		abi_failures = 0;
		_exit(close_uffd());
	}
	for (waited = 0; waited < 100 && !waitpid(child, &status, WNOHANG); waited++)
		usleep(100000);
	if (waited == 100) {
		kill(child, SIGKILL);
		EXPECT(waitpid(child, &status, 0) == child);
		abi_needs("a kernel that closes a userfaultfd under page faults of its own");
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
		abi_needs("userfaultfd");
	} else {
		EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
	}
}

/* A process whose vCPUs wait for ever can be killed, and its VM is gone with it. */
static void test_uffd_killed(void)
{
	struct baton_info info = { 0 }, after = { 0 };
	int sys = abi_open(), status = 0;
	pid_t child;

	EXPECT(!ioctl(sys, BATON_GET_INFO, &info));
	child = fork();
	if (!child) {
		struct arena a;
		struct pager p;

		arena_start(&a, WORKERS, false);
		if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING))
			_exit(3);
		arena_go(&a);
		pause();
	}
	usleep(300000);
	if (waitpid(child, &status, WNOHANG) == child) {
		abi_needs("userfaultfd");
	} else {
		kill(child, SIGKILL);
		EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
		for (int i = 0; i < 100; i++) {
			EXPECT(!ioctl(sys, BATON_GET_INFO, &after));
			if (after.vm_count == info.vm_count)
				break;
			usleep(10000);
		}
		EXPECT(after.vm_count == info.vm_count);
	}
	close(sys);
}

/* At 1 MiB, which the long guest's first large page has, there is memory for a while. */
ABI_CODE(reader, "	mov $0x100000, %ebx\n	mov (%rbx), %eax\n	hlt\n");

static void *run_reader(void *ctx)
{
	struct abi_guest *g = ctx;

	EXPECT(!abi_run_on(g->vcpu, g->run));
	return NULL;
}

/* The page that a vCPU waits for goes, and before it its slot: that is no memory then. */
static void test_uffd_slot_gone(void)
{
	struct baton_slot slot = { .id = 7, .gpa = 0x100000, .size = AREA_SIZE };
	struct abi_guest g = ABI_LONG_GUEST(reader);
	struct arena a = { .area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
	struct uffdio_range range = { (uintptr_t)a.area, AREA_SIZE };
	struct uffd_msg msg;
	struct pager p;
	pthread_t thread;

	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_MISSING)) {
		abi_needs("userfaultfd");
		abi_guest_end(&g);
		return;
	}
	slot.hva = (uintptr_t)a.area;
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	pthread_create(&thread, NULL, run_reader, &g);
	while (read(p.uffd, &msg, sizeof(msg)) != sizeof(msg))
		usleep(100);
	slot.size = 0;
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	EXPECT(!munmap(a.area, AREA_SIZE));
	EXPECT(!ioctl(p.uffd, UFFDIO_WAKE, &range));
	pthread_join(thread, NULL);
	EXPECT(g.run->exit_reason == BATON_EXIT_EMULATE);
	EXPECT(g.run->emulate.kind == BATON_EMULATE_MMIO && g.run->emulate.gpa == 0x100000);
	close(p.uffd);
	abi_guest_end(&g);
}

static struct pager *protector;

static void op_writeprotect(struct arena *a, unsigned int i)
{
	EXPECT(!protect(protector, (uintptr_t)(i % 8 ? arena_piece(a, i) : a->area),
			i % 8 ? PIECE : AREA_SIZE, true));
}

static void test_uffd_protect(void)
{
	struct arena a;
	struct pager p;

	arena_start(&a, 2, false);
	arena_mark(&a);
	if (open_uffd(&p, &a, UFFDIO_REGISTER_MODE_WP)) {
		abi_needs("userfaultfd with write protection");
		arena_end(&a);
		return;
	}
	protector = &p;
	pager_start(&p);
	arena_storm(&a, op_writeprotect, 200);
	EXPECT(p.protected > 100);
	arena_expect_marks(&a);
	pager_end(&p);
	arena_end(&a);
}

const struct abi_test abi_uffd_tests[] = {
	{ "A13: missing pages", test_uffd_missing },
	{ "A13: userfaultfd closed", test_uffd_closed },
	{ "A13: killed in missing pages", test_uffd_killed },
	{ "A13: a slot that goes under a missing page", test_uffd_slot_gone },
	{ "A13: write protection", test_uffd_protect },
	{ NULL, NULL },
};
