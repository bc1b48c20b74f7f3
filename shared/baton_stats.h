/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the counters, for programs that show them: as of baton_ioctl.h. Those that
 * end in _ns are times in ns; "halted", "pages_..." and "tables" are what is now; all
 * others count since the vCPU or the VM was made. Exits by reason begin with "exit_".
 */
#ifndef BATON_STATS_H
#define BATON_STATS_H

#include "baton_ioctl.h"

static const char *const baton_stat_names[BATON_STAT_COUNT] = {
	[BATON_STAT_EXITS] = "exits",
	[BATON_STAT_EXIT_INTR] = "exit_interrupt",
	[BATON_STAT_EXIT_NMI] = "exit_nmi",
	[BATON_STAT_EXIT_PIO] = "exit_pio",
	[BATON_STAT_EXIT_FAULT] = "exit_fault",
	[BATON_STAT_EXIT_CPUID] = "exit_cpuid",
	[BATON_STAT_EXIT_MSR] = "exit_msr",
	[BATON_STAT_EXIT_HLT] = "exit_hlt",
	[BATON_STAT_EXIT_CR] = "exit_cr",
	[BATON_STAT_EXIT_WINDOW] = "exit_window",
	[BATON_STAT_EXIT_OTHER] = "exit_other",
	[BATON_STAT_TO_MONITOR] = "to_monitor",
	[BATON_STAT_WINDOWS] = "windows",
	[BATON_STAT_IRQ_INJECTED] = "interrupts",
	[BATON_STAT_TLB_FLUSHES] = "tlb_flushes",
	[BATON_STAT_EXIT_HYPERCALL] = "exit_hypercall",
	[BATON_STAT_APIC_PAGE] = "apic_page",
	[BATON_STAT_EMULATE] = "emulate",
	[BATON_STAT_IOEVENTFD] = "ioeventfd",
	[BATON_STAT_EOI] = "eoi",
	[BATON_STAT_INTA] = "inta",
	[BATON_STAT_IPIS] = "ipis",
	[BATON_STAT_FAULTS] = "faults",
	[BATON_STAT_GUEST_NS] = "guest_ns",
	[BATON_STAT_HALTED_NS] = "halted_ns",
	[BATON_STAT_READY_NS] = "ready_ns",
	[BATON_STAT_HALTED] = "halted",
};

static const char *const baton_vm_stat_names[BATON_VM_STAT_COUNT] = {
	[BATON_VM_STAT_PAGES_4K] = "pages_4k",
	[BATON_VM_STAT_PAGES_2M] = "pages_2m",
	[BATON_VM_STAT_TABLES] = "tables",
	[BATON_VM_STAT_INVALIDATIONS] = "invalidations",
	[BATON_VM_STAT_FLUSHES] = "flushes",
	[BATON_VM_STAT_IRQFDS] = "irqfds",
	[BATON_VM_STAT_MSIS] = "msis",
};

#endif
