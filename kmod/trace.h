/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: /sys/kernel/tracing/events/baton. Off, each is one jump that is not
 * taken. The numbers of exits are the processor's own; of the rest, those of shared/.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM baton

#if !defined(BATON_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define BATON_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(baton_entry,
	TP_PROTO(u32 vcpu, u64 rip),
	TP_ARGS(vcpu, rip),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u64, rip)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->rip = rip;),
	TP_printk("vcpu %u rip 0x%llx", __entry->vcpu, __entry->rip)
);

TRACE_EVENT(baton_exit,
	TP_PROTO(u32 vcpu, u32 reason, u64 rip, u64 info1, u64 info2),
	TP_ARGS(vcpu, reason, rip, info1, info2),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u32, reason) __field(u64, rip)
			 __field(u64, info1) __field(u64, info2)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->reason = reason; __entry->rip = rip;
		       __entry->info1 = info1; __entry->info2 = info2;),
	TP_printk("vcpu %u reason 0x%x rip 0x%llx info 0x%llx 0x%llx", __entry->vcpu,
		  __entry->reason, __entry->rip, __entry->info1, __entry->info2)
);

/* type: 0 interrupt, 2 NMI, 3 exception. */
TRACE_EVENT(baton_inject,
	TP_PROTO(u32 vcpu, u8 type, u8 vector, u32 error),
	TP_ARGS(vcpu, type, vector, error),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u8, type) __field(u8, vector)
			 __field(u32, error)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->type = type; __entry->vector = vector;
		       __entry->error = error;),
	TP_printk("vcpu %u type %u vector 0x%02x error 0x%x", __entry->vcpu, __entry->type,
		  __entry->vector, __entry->error)
);

/* After it was dealt with; access: BATON_ACCESS_*; result: 0, 1 (MMIO or ROM), -errno. */
TRACE_EVENT(baton_fault,
	TP_PROTO(u32 vcpu, u64 gpa, u32 access, int result),
	TP_ARGS(vcpu, gpa, access, result),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u64, gpa) __field(u32, access)
			 __field(int, result)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->gpa = gpa; __entry->access = access;
		       __entry->result = result;),
	TP_printk("vcpu %u gpa 0x%llx access 0x%x result %d", __entry->vcpu, __entry->gpa,
		  __entry->access, __entry->result)
);

/* By whoever wants it to look at its requests. mode: enum baton_mode. */
TRACE_EVENT(baton_kick,
	TP_PROTO(u32 vcpu, u32 mode, u32 requests),
	TP_ARGS(vcpu, mode, requests),
	TP_STRUCT__entry(__field(u32, vcpu) __field(u32, mode) __field(u32, requests)),
	TP_fast_assign(__entry->vcpu = vcpu; __entry->mode = mode; __entry->requests = requests;),
	TP_printk("vcpu %u mode %u requests 0x%x", __entry->vcpu, __entry->mode,
		  __entry->requests)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
