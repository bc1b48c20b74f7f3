// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Eventfds with a guest: writes to memory that signal one, and what is left to the
 * monitor; level-triggered interrupts whose EOI signals a resampler.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi.h"

#define DEVICE	0x300000u	/* no slot */
#define APIC	0xfee00000u

static void set_segments(const struct abi_guest *g)
{
	struct baton_sregs sregs;

	EXPECT(!ioctl(g->vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_DS].base = DEVICE;
	sregs.seg[BATON_FS].base = APIC;
	EXPECT(!ioctl(g->vcpu, BATON_SET_SREGS, &sregs));
}

/* How often it was signalled since the last look. */
static uint64_t signals(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static int bind_write(const struct abi_guest *g, int fd, uint64_t gpa, uint32_t size,
		      uint32_t flags, uint64_t match)
{
	struct baton_ioeventfd arg = {
		.address = gpa, .match = match, .fd = fd, .size = size, .flags = flags,
	};

	return ioctl(g->vm, BATON_SET_IOEVENTFD, &arg);
}

static const unsigned char doorbells[] = {
	0xb8, 0x34, 0x12,					/* mov ax,0x1234 */
	0xa3, 0x10, 0x00,					/* mov [0x10],ax */
	0xa2, 0x10, 0x00,					/* mov [0x10],al */
	0x66, 0xc7, 0x06, 0x20, 0x00, 0x07, 0x00, 0x00, 0x00,	/* mov dword [0x20],7 */
	0xe6, 0x10,						/* out 0x10,al */
	0x66, 0xc7, 0x06, 0x20, 0x00, 0x08, 0x00, 0x00, 0x00,	/* mov dword [0x20],8 */
	0xff, 0x06, 0x10, 0x00,					/* inc word [0x10] */
	0xa1, 0x10, 0x00,					/* mov ax,[0x10] */
	0xe6, 0x11,						/* out 0x11,al */
};

static void expect_emulate(struct abi_guest *g, uint64_t gpa, unsigned int length)
{
	ABI_RUN(*g, BATON_EXIT_EMULATE);
	EXPECT(g->run->emulate.kind == BATON_EMULATE_MMIO && g->run->emulate.gpa == gpa);
	g->run->regs.rip += length;
	g->run->commit = BATON_CLASS_REGS;
}

static void test_writes(void)
{
	struct abi_guest g = abi_guest_start(doorbells, sizeof(doorbells));
	int any = eventfd(0, EFD_NONBLOCK), match = eventfd(0, EFD_NONBLOCK);

	set_segments(&g);
	EXPECT(!bind_write(&g, any, DEVICE + 0x10, 0, 0, 0));
	EXPECT(!bind_write(&g, match, DEVICE + 0x20, 4, BATON_IOEVENTFD_MATCH, 7));
	/* Neither these ports nor a slot's memory are meant. */
	EXPECT(!bind_write(&g, any, 0x10, 0, 0, 0));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x10);
	EXPECT(signals(any) == 2 && signals(match) == 1);
	expect_emulate(&g, DEVICE + 0x20, 9);	/* another value */
	expect_emulate(&g, DEVICE + 0x10, 4);	/* not a MOV */
	expect_emulate(&g, DEVICE + 0x10, 3);	/* a read */
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x11);
	EXPECT(!signals(any) && !signals(match));
	close(any);
	close(match);
	abi_guest_end(&g);
}

/* One that begins in memory and ends in the device is no write to the device's address. */
static void test_write_from_memory(void)
{
	static const unsigned char code[] = {
		0x66, 0xa3, 0xfe, 0xff,		/* mov [0xfffe],eax */
		0xe6, 0x10,			/* out 0x10,al */
	};
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	unsigned char *memory = abi_memory(g.vm, 1, DEVICE - 0x1000, 0x1000);
	int fd = eventfd(0, EFD_NONBLOCK);
	struct baton_sregs sregs;

	memset(memory, 0xa5, 0x1000);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_DS].base = DEVICE - 0x10000;
	sregs.seg[BATON_DS].limit = 0xfffff;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!bind_write(&g, fd, DEVICE, 0, 0, 0));
	expect_emulate(&g, DEVICE, 4);
	EXPECT(!signals(fd));
	ABI_RUN(g, BATON_EXIT_PIO);
	close(fd);
	abi_guest_end(&g);
}

ABI_CODE(page_start, "	mov %eax, (%rsi)\n	out %al, $0x10\n	mov %eax, (%rdi)\n"
		     "	out %al, $0x11\n");

/* At the first byte of a page a MOV to [register] is known to begin there. */
static void test_page_start(void)
{
	struct abi_guest g = ABI_LONG_GUEST(page_start);
	unsigned char *memory = abi_memory(g.vm, 1, DEVICE - 0x1000, 0x1000);
	const uint64_t entry = 0x200087;
	int fd = eventfd(0, EFD_NONBLOCK);
	struct baton_regs regs;

	memset(memory, 0xa5, 0x1000);
	memcpy(g.memory + 0x6008, &entry, 8); /* the second 2 MiB of its tables */
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.gpr[BATON_RSI] = DEVICE;
	regs.gpr[BATON_RDI] = DEVICE - 2;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	EXPECT(!bind_write(&g, fd, DEVICE, 4, 0, 0));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x10 && signals(fd) == 1);
	expect_emulate(&g, DEVICE, 2);
	EXPECT(!signals(fd));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x11);
	close(fd);
	abi_guest_end(&g);
}

/* A slot over the address: then it is memory. Gone again: a doorbell again. */
static void test_under_slot(void)
{
	static const unsigned char code[] = { 0xa3, 0x10, 0x00, 0xe6, 0x10, 0xeb, 0xf9 };
	struct abi_guest g = abi_guest_start(code, sizeof(code));
	int fd = eventfd(0, EFD_NONBLOCK);
	struct baton_slot slot = { .id = 1 };
	unsigned char *memory;

	set_segments(&g);
	EXPECT(!bind_write(&g, fd, DEVICE + 0x10, 2, 0, 0));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(signals(fd) == 1);
	memory = abi_memory(g.vm, 1, DEVICE, 0x10000);
	memset(memory, 0xff, 0x20);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!signals(fd) && !memory[0x10] && !memory[0x11]);
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(signals(fd) == 1);
	close(fd);
	abi_guest_end(&g);
}

#define VECTOR	0x40
#define HANDLER	0x3000

static const unsigned char wait_loop[] = { 0xfb, 0xf4, 0xeb, 0xfd }; /* sti; hlt; jmp hlt */
static const unsigned char handler[] = {
	0x64, 0x66, 0xc7, 0x06, 0xb0, 0x00, 0x00, 0x00, 0x00, 0x00, /* mov dword fs:[0xb0],0 */
	0xe6, 0x77, 0xcf,					    /* out 0x77,al; iret */
};

static struct abi_guest start_level(int fd)
{
	struct abi_guest g = abi_guest_start(wait_loop, sizeof(wait_loop));
	struct baton_irqfd irq = { .fd = fd, .msi = { APIC, 0xc000 | VECTOR, 0 } };
	const uint32_t to = HANDLER, svr = 0x1ff;
	struct baton_lapic_state lapic;

	set_segments(&g);
	memcpy(g.memory + HANDLER, handler, sizeof(handler));
	memcpy(g.memory + 4 * VECTOR, &to, 4);
	memcpy(g.memory + 4 * (VECTOR + 1), &to, 4);
	EXPECT(!ioctl(g.vcpu, BATON_GET_LAPIC, &lapic));
	memcpy(lapic.regs + 0xf0, &svr, 4);
	EXPECT(!ioctl(g.vcpu, BATON_SET_LAPIC, &lapic));
	EXPECT(!ioctl(g.vm, BATON_SET_IRQFD, &irq));
	return g;
}

/* One interrupt, with or without an exit for its EOI. */
static void interrupt(struct abi_guest *g, int fd, unsigned int eoi)
{
	EXPECT(!eventfd_write(fd, 1));
	if (eoi) {
		ABI_RUN(*g, BATON_EXIT_EOI);
		EXPECT(g->run->eoi.vector == eoi);
	}
	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(g->run->pio.port == 0x77);
}

static void test_resample(void)
{
	int fd = eventfd(0, 0), resample = eventfd(0, EFD_NONBLOCK);
	struct abi_guest g = start_level(fd);
	struct baton_resamplefd arg = { .fd = fd, .resample_fd = resample };
	struct baton_irqfd irq = { .fd = fd, .msi = { APIC, 0xc001 | VECTOR, 0 } };

	interrupt(&g, fd, VECTOR);
	EXPECT(!ioctl(g.vm, BATON_SET_RESAMPLEFD, &arg));
	EXPECT(!signals(resample));
	for (int i = 0; i < 3; i++) {
		interrupt(&g, fd, 0);
		EXPECT(signals(resample) == 1);
	}
	/* It goes with the message, to another vector; edges have no EOI. */
	EXPECT(!ioctl(g.vm, BATON_SET_IRQFD, &irq));
	interrupt(&g, fd, 0);
	EXPECT(signals(resample) == 1);
	irq.msi.data &= ~0xc000u;
	EXPECT(!ioctl(g.vm, BATON_SET_IRQFD, &irq));
	interrupt(&g, fd, 0);
	EXPECT(!signals(resample));
	irq.msi.data |= 0xc000u;
	EXPECT(!ioctl(g.vm, BATON_SET_IRQFD, &irq));
	arg.flags = BATON_EVENTFD_OFF;
	EXPECT(!ioctl(g.vm, BATON_SET_RESAMPLEFD, &arg));
	interrupt(&g, fd, VECTOR + 1);
	EXPECT(!signals(resample));
	close(fd);
	close(resample);
	abi_guest_end(&g);
}

/* The binding's eventfd is closed with an interrupt under way: the monitor's again. */
static void test_resample_closed(void)
{
	int fd = eventfd(0, 0), resample = eventfd(0, EFD_NONBLOCK);
	struct abi_guest g = start_level(fd);
	struct baton_resamplefd arg = { .fd = fd, .resample_fd = resample };

	EXPECT(!ioctl(g.vm, BATON_SET_RESAMPLEFD, &arg));
	EXPECT(!eventfd_write(fd, 1));
	close(fd);
	ABI_RUN(g, BATON_EXIT_EOI);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(!signals(resample));
	close(resample);
	abi_guest_end(&g);
}

/* More than lines can share a vector are not signalled with interrupts off. */
static void test_resample_many(void)
{
	int fds[40], resample = eventfd(0, EFD_NONBLOCK);
	struct abi_guest g;

	for (int i = 0; i < 40; i++) {
		struct baton_resamplefd arg = { .resample_fd = resample };
		struct baton_irqfd irq = { .msi = { APIC, 0xc000 | VECTOR, 0 } };

		irq.fd = arg.fd = fds[i] = eventfd(0, 0);
		if (!i)
			g = start_level(fds[0]);
		else
			EXPECT(!ioctl(g.vm, BATON_SET_IRQFD, &irq));
		EXPECT(!ioctl(g.vm, BATON_SET_RESAMPLEFD, &arg));
		if (i == 30) {
			interrupt(&g, fds[0], 0);
			EXPECT(signals(resample) == 31);
		}
	}
	interrupt(&g, fds[0], VECTOR);
	EXPECT(signals(resample) == 32);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	close(resample);
	abi_guest_end(&g);
}

const struct abi_test abi_eventfd_tests[] = {
	{ "A2: memory writes to eventfds", test_writes },
	{ "A2: a slot over an eventfd's address", test_under_slot },
	{ "A2: a write from memory to an eventfd's address", test_write_from_memory },
	{ "A2: an eventfd at the start of a page", test_page_start },
	{ "A14: resamplers", test_resample },
	{ "A14: many resamplers", test_resample_many },
	{ "A14: a resampler without its irqfd", test_resample_closed },
	{ NULL, NULL },
};
