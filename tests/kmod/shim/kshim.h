/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Just enough of the kernel for the module's pure parts to build unchanged in
 * userland, under sanitizers. Every <linux/...> and <asm/...> header beside
 * this file only includes it. Single-threaded: locks and RCU do nothing (they
 * count, so that a test can see an imbalance). Time, CPUID and MSRs of "the
 * host" are variables that a test sets (kshim.c).
 */
#ifndef BATON_KSHIM_H
#define BATON_KSHIM_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* --- types and annotations ------------------------------------------------ */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned __int128 u128;
typedef u64 phys_addr_t, dma_addr_t;
typedef unsigned int gfp_t;
typedef s64 ktime_t;
typedef struct { unsigned int val; } kuid_t;

#define __user
#define __rcu
#define __force
#define __iomem
#define __init
#define __read_mostly
#define __exit
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __maybe_unused
#define __maybe_unused __attribute__((unused))
#endif
#define noinline __attribute__((noinline))
#ifndef __packed
#define __packed __attribute__((packed))
#endif
#ifndef __aligned
#define __aligned(x) __attribute__((aligned(x)))
#endif
#ifndef fallthrough
#define fallthrough __attribute__((fallthrough))
#endif
#define __must_check
#define __releases(x)
#define __acquires(x)
#define __must_hold(x)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ volatile("" : : : "memory")
#define EXPORT_SYMBOL_GPL(x)
#define MODULE_LICENSE(x)
#define IS_ENABLED(x) 0

#define U8_MAX UINT8_MAX
#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define S32_MAX INT32_MAX
#define U64_MAX UINT64_MAX
#define S64_MAX INT64_MAX
#define ENOTSUPP 524

#define BITS_PER_LONG 64
#define BITS_PER_BYTE 8
#define BIT(n) (1ul << (n))
#define BIT_ULL(n) (1ull << (n))
#define GENMASK_ULL(h, l) ((~0ull << (l)) & (~0ull >> (63 - (h))))
#define GENMASK(h, l) ((~0ul << (l)) & (~0ul >> (63 - (h))))
#define BITS_TO_LONGS(n) (((n) + 63) / 64)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define sizeof_field(t, f) sizeof(((t *)0)->f)
#ifndef offsetofend
#define offsetofend(t, f) (offsetof(t, f) + sizeof_field(t, f))
#endif
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define BUILD_BUG_ON(c) _Static_assert(!(c), #c)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ALIGN(x, a) (((x) + (a) - 1) & ~((typeof(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((typeof(x))(a) - 1)) == 0)
#define round_up(x, a) ALIGN(x, a)
#define round_down(x, a) ALIGN_DOWN(x, a)
#define lower_32_bits(n) ((u32)((n) & 0xffffffffu))
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define min(a, b) ({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi) clamp((t)(v), (t)(lo), (t)(hi))
#define swap(a, b) do { typeof(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)
#define check_sub_overflow(a, b, d) __builtin_sub_overflow(a, b, d)
#define struct_size(p, member, count) (sizeof(*(p)) + sizeof(*(p)->member) * (size_t)(count))
#define array_index_nospec(i, n) ((i) < (n) ? (i) : 0)
#define barrier_nospec() barrier()
#define DECLARE_STATIC_CALL(name, fn) extern typeof(fn) name

/* --- messages ------------------------------------------------------------- */

#define pr_err(...) ((void)0)
#define pr_warn(...) ((void)0)
#define pr_info(...) ((void)0)
#define pr_debug(...) ((void)0)
#define pr_warn_ratelimited(...) ((void)0)
#define pr_info_ratelimited(...) ((void)0)
#define pr_err_ratelimited(...) ((void)0)
/* No guest or monitor may reach a warning: a test that does has failed. */
#define BUG() abort()
#define BUG_ON(c) do { if (c) abort(); } while (0)
#define WARN_ON(c) ({ bool c_ = !!(c); if (c_) abort(); c_; })
#define WARN_ON_ONCE(c) WARN_ON(c)
#define WARN(c, ...) WARN_ON(c)
#define WARN_ONCE(c, ...) WARN_ON(c)

/* --- atomics and bits ----------------------------------------------------- */

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define smp_mb() __sync_synchronize()
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_mb__before_atomic() barrier()
#define smp_mb__after_atomic() barrier()
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_store_mb(x, v) do { WRITE_ONCE(x, v); smp_mb(); } while (0)
#define xchg(p, v) ({ __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); })
#define cmpxchg(p, o, n) __sync_val_compare_and_swap(p, o, n)
#define try_cmpxchg(p, o, n) __atomic_compare_exchange_n(p, o, n, false, \
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
#define ATOMIC64_INIT(v) { (v) }
#define atomic_read(a) READ_ONCE((a)->counter)
#define atomic_set(a, v) WRITE_ONCE((a)->counter, v)
#define atomic_inc(a) ((void)__sync_add_and_fetch(&(a)->counter, 1))
#define atomic_dec(a) ((void)__sync_sub_and_fetch(&(a)->counter, 1))
#define atomic_inc_return(a) __sync_add_and_fetch(&(a)->counter, 1)
#define atomic64_read(a) READ_ONCE((a)->counter)
#define atomic64_set(a, v) WRITE_ONCE((a)->counter, v)
#define atomic64_andnot(v, a) ((void)__sync_and_and_fetch(&(a)->counter, ~(v)))
#define atomic64_inc(a) ((void)__sync_add_and_fetch(&(a)->counter, 1))
#define atomic64_inc_return(a) __sync_add_and_fetch(&(a)->counter, 1)

static inline bool test_bit(long n, const volatile unsigned long *p)
{
	return p[n / 64] >> (n % 64) & 1;
}
static inline void set_bit(long n, volatile unsigned long *p)
{
	__atomic_fetch_or(&p[n / 64], 1ul << (n % 64), __ATOMIC_SEQ_CST);
}
static inline void clear_bit(long n, volatile unsigned long *p)
{
	__atomic_fetch_and(&p[n / 64], ~(1ul << (n % 64)), __ATOMIC_SEQ_CST);
}
static inline bool test_and_set_bit(long n, volatile unsigned long *p)
{
	unsigned long bit = 1ul << (n % 64);

	return __atomic_fetch_or(&p[n / 64], bit, __ATOMIC_SEQ_CST) & bit;
}
static inline bool test_and_clear_bit(long n, volatile unsigned long *p)
{
	unsigned long bit = 1ul << (n % 64);

	return __atomic_fetch_and(&p[n / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}
#define __set_bit(n, p) ((void)((p)[(n) / 64] |= 1ul << ((n) % 64)))
#define __clear_bit(n, p) ((void)((p)[(n) / 64] &= ~(1ul << ((n) % 64))))
static inline unsigned long __ffs(unsigned long x) { return __builtin_ctzl(x); }
static inline unsigned long __fls(unsigned long x) { return 63 - __builtin_clzl(x); }
static inline unsigned int __ffs64(u64 x) { return __builtin_ctzll(x); }
static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static inline int ilog2(u64 x) { return fls64(x) - 1; }
#define hweight32(x) ((unsigned int)__builtin_popcount(x))
#define hweight64(x) ((unsigned int)__builtin_popcountll(x))
#define hweight_long(x) hweight64(x)
static inline unsigned long roundup_pow_of_two(unsigned long x)
{
	return x <= 1 ? 1 : 1ul << fls64(x - 1);
}
#define is_power_of_2(x) ((x) && !((x) & ((x) - 1)))

static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	return (u64)((u128)a * b >> shift);
}
static inline u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int shift)
{
	return (u64)((u128)a * b >> shift);
}
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 c)
{
	return (u64)((u128)a * b / c);
}
#define div64_u64(a, b) ((u64)(a) / (u64)(b))
#define div_u64(a, b) ((u64)(a) / (u32)(b))
#define div_u64_rem(a, b, rem) (*(rem) = (u64)(a) % (u32)(b), div_u64(a, b))

/* --- memory ---------------------------------------------------------------- */

#define GFP_KERNEL 0u
#define GFP_KERNEL_ACCOUNT 0u
#define GFP_ATOMIC 0u
#define GFP_NOWAIT 0u
#define __GFP_ZERO 0x100u
#define __GFP_ACCOUNT 0u
#define __GFP_NOWARN 0u
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PMD_SHIFT 21
#define PMD_SIZE (1ul << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PTRS_PER_PTE 512
#define TASK_SIZE_MAX ((1ul << 47) - PAGE_SIZE)

/* Counts down at each allocation when >= 0; the one that meets 0 fails. */
extern long kshim_fail_alloc;
void *kshim_alloc(size_t size, size_t align);
#define kmalloc(size, gfp) kshim_alloc(size, 64)
#define kzalloc(size, gfp) kshim_alloc(size, 64)
#define kcalloc(n, size, gfp) kshim_alloc((size_t)(n) * (size), 64)
#define kvmalloc(size, gfp) kshim_alloc(size, 64)
#define kvzalloc(size, gfp) kshim_alloc(size, 64)
#define kvcalloc(n, size, gfp) kshim_alloc((size_t)(n) * (size), 64)
#define kvmalloc_array(n, size, gfp) kshim_alloc((size_t)(n) * (size), 64)
#define kfree(p) free((void *)(p))
#define kvfree(p) free((void *)(p))
/* A page's struct page lies right behind it. */
struct page { unsigned long private; };
#define get_zeroed_page(gfp) \
	((unsigned long)kshim_alloc(PAGE_SIZE + sizeof(struct page), PAGE_SIZE))
#define virt_to_page(p) \
	((struct page *)(((uintptr_t)(p) & ~(uintptr_t)(PAGE_SIZE - 1)) + PAGE_SIZE))
#define page_private(page) ((page)->private)
#define set_page_private(page, v) ((void)((page)->private = (v)))
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)
#define __get_free_page(gfp) get_zeroed_page(gfp)
#define free_page(p) free((void *)(p))
#define __pa(p) ((u64)(uintptr_t)(p))
#define __va(pa) ((void *)(uintptr_t)(pa))
#define virt_to_phys(p) __pa(p)
#define phys_to_virt(pa) __va(pa)
/* Tests decide which user addresses fault; by default none does. */
extern bool (*kshim_user_fault)(unsigned long address, size_t size);
#define u64_to_user_ptr(address) ((void *)(uintptr_t)(address))
static inline size_t fault_in_readable(const char *from, size_t n)
{
	return from ? 0 : n;
}
#define copy_from_user(to, from, n) ((unsigned long)!!copy_from_user_nofault(to, from, n))
#define copy_to_user(to, from, n) \
	(kshim_user_fault && kshim_user_fault((unsigned long)(to), n) ? \
	 1ul : (memcpy((void *)(to), from, n), 0ul))
/* Pages of the host. */
extern unsigned long kshim_totalram;
#define totalram_pages() kshim_totalram
#define __get_user(x, p) \
	(kshim_user_fault && kshim_user_fault((unsigned long)(p), sizeof(*(p))) ? \
	 -EFAULT : (memcpy((void *)&(x), (const void *)(p), sizeof(*(p))), 0))
#define copy_from_user_nofault(to, from, n) \
	(kshim_user_fault && kshim_user_fault((unsigned long)(from), n) ? \
	 -EFAULT : (memcpy(to, (const void *)(from), n), 0))
#define __put_user(x, p) put_user(x, p)
#define __copy_to_user(to, from, n) copy_to_user(to, from, n)
/* 0: all of it is there now. */
#define fault_in_safe_writeable(p, n) \
	(kshim_user_fault && kshim_user_fault((unsigned long)(p), n) ? (n) : 0ul)
#define copy_to_user_nofault(to, from, n) (copy_to_user(to, from, n) ? -EFAULT : 0)
#define user_access_begin(p, size) ((void)(p), true)
#define user_access_end() barrier()
#define unsafe_try_cmpxchg_user(p, old, new, label) ({ \
	if (kshim_user_fault && kshim_user_fault((unsigned long)(p), sizeof(*(p)))) \
		goto label; \
	__atomic_compare_exchange_n(p, old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); })
#define get_user(x, p) __get_user(x, p)
#define put_user(x, p) \
	(kshim_user_fault && kshim_user_fault((unsigned long)(p), sizeof(*(p))) ? \
	 -EFAULT : (*(p) = (x), 0))
#define pagefault_disable() barrier()
#define pagefault_enable() barrier()
static inline void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}
struct vm_area_struct { unsigned long vm_flags; };
struct mm_struct { int unused; };

/* --- locks, RCU, lists, references ----------------------------------------- */

extern int kshim_locks_held, kshim_rcu_depth;
struct mutex { int held; };
typedef struct { int held; } spinlock_t;
typedef spinlock_t raw_spinlock_t;
#define DEFINE_MUTEX(m) struct mutex m
#define DEFINE_SPINLOCK(l) spinlock_t l
#define mutex_init(m) ((void)((m)->held = 0))
#define mutex_lock(m) ((void)((m)->held++, kshim_locks_held++))
#define mutex_unlock(m) ((void)((m)->held--, kshim_locks_held--))
#define spin_lock_init(l) ((void)((l)->held = 0))
#define spin_lock(l) ((void)((l)->held++, kshim_locks_held++))
#define spin_trylock(l) ((l)->held ? 0 : (spin_lock(l), 1))
#define spin_unlock(l) ((void)((l)->held--, kshim_locks_held--))
#define spin_lock_irqsave(l, f) ((void)(f), spin_lock(l))
#define spin_unlock_irqrestore(l, f) ((void)(f), spin_unlock(l))
#define raw_spin_lock_irqsave(l, f) spin_lock_irqsave(l, f)
#define raw_spin_unlock_irqrestore(l, f) spin_unlock_irqrestore(l, f)
#define lockdep_assert_held(l) ((void)(l))
#define lockdep_is_held(l) 1
#define spin_needbreak(l) (!(l)->held)
/* Who gives the CPU away is not asked again at once. */
#define cond_resched_lock(l) ((void)(kshim_lock_breaks += (l)->held, \
				     kshim_thread_info.flags &= ~_TIF_NEED_RESCHED))
extern unsigned int kshim_lock_breaks;
#define local_irq_save(f) ((void)((f) = 0))
#define local_irq_restore(f) ((void)(f))
#define preempt_disable() barrier()
extern bool kshim_irqs_off;	/* as in a window */
#define irqs_disabled() kshim_irqs_off
#define preempt_enable() barrier()
#define might_sleep() barrier()
#define cond_resched() barrier()

typedef struct { int held; } seqlock_t;
#define seqlock_init(l) ((void)((l)->held = 0))
#define read_seqbegin(l) ((unsigned int)(l)->held)
#define read_seqretry(l, seq) ((unsigned int)(l)->held != (seq))
#define write_seqlock_irqsave(l, f) ((void)(f), (l)->held++, (void)kshim_locks_held++)
#define write_sequnlock_irqrestore(l, f) ((void)(f), (l)->held--, (void)kshim_locks_held--)

struct rcu_head { void *unused; };
#define rcu_read_lock() ((void)kshim_rcu_depth++)
#define rcu_read_unlock() ((void)kshim_rcu_depth--)
#define rcu_read_lock_held() 1
#define rcu_dereference(p) READ_ONCE(p)
#define rcu_dereference_check(p, c) READ_ONCE(p)
#define rcu_dereference_sched(p) READ_ONCE(p)
#define rcu_dereference_protected(p, c) (p)
#define rcu_assign_pointer(p, v) smp_store_release(&(p), v)
#define RCU_INIT_POINTER(p, v) ((p) = (v))
#define rcu_access_pointer(p) READ_ONCE(p)
#define kfree_rcu(p, field) free(p)
#define kvfree_rcu(p, field) free(p)
#define synchronize_rcu() barrier()
#define synchronize_rcu_expedited() barrier()

struct hlist_head { void *first; };
struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
static inline void INIT_LIST_HEAD(struct list_head *l) { l->next = l->prev = l; }
static inline void list_add(struct list_head *n, struct list_head *h)
{
	n->next = h->next;
	n->prev = h;
	h->next->prev = n;
	h->next = n;
}
static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	list_add(n, h->prev);
}
static inline void list_del(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
}
static inline bool list_empty(const struct list_head *h) { return h->next == h; }
#define list_entry(p, t, m) container_of(p, t, m)
#define list_first_entry(h, t, m) list_entry((h)->next, t, m)
#define list_for_each_entry(p, h, m) \
	for (p = list_entry((h)->next, typeof(*p), m); &p->m != (h); \
	     p = list_entry(p->m.next, typeof(*p), m))
#define list_for_each_entry_safe(p, n, h, m) \
	for (p = list_entry((h)->next, typeof(*p), m), n = list_entry(p->m.next, typeof(*p), m); \
	     &p->m != (h); p = n, n = list_entry(n->m.next, typeof(*n), m))

struct kref { int count; };
struct mmu_notifier { int unused; };
struct rcuwait { int unused; };
#define rcuwait_init(w) ((void)(w))
#define rcuwait_wake_up(w) ((void)(w))

/* --- tasks ----------------------------------------------------------------- */

struct sched_info { unsigned long long run_delay; };
struct task_struct { struct mm_struct *mm; struct sched_info sched_info; };
#define CONFIG_SCHED_INFO 1
struct pid { int unused; };
enum pid_type { PIDTYPE_PID };
#define put_pid(pid) ((void)(pid))
#define get_task_pid(task, type) ((void)(task), (struct pid *)NULL)
#define get_pid_task(pid, type) ((void)(pid), (struct task_struct *)NULL)
#define put_task_struct(task) ((void)(task))
struct thread_info { unsigned long flags; };
extern struct task_struct *current;
extern struct thread_info kshim_thread_info;
#define current_thread_info() (&kshim_thread_info)
#define _TIF_SIGPENDING 1u
#define _TIF_NEED_RESCHED 2u
#define _TIF_NOTIFY_SIGNAL 4u
#define _TIF_NOTIFY_RESUME 8u
#define signal_pending(task) (!!(kshim_thread_info.flags & _TIF_SIGPENDING))
#define fatal_signal_pending(task) false
#define need_resched() (!!(kshim_thread_info.flags & _TIF_NEED_RESCHED))
#define smp_processor_id() 0
#define raw_smp_processor_id() 0
#define cpu_online(cpu) ((cpu) == 0)
/* Inter-processor interrupts: which of eight made-up CPUs were asked to answer. */
extern unsigned int kshim_ipi_cpus;
#define cpu_online_mask NULL
#define on_each_cpu_cond_mask(cond, fn, arg, wait, mask) \
	kshim_each_cpu_cond(cond, fn, arg)
void kshim_each_cpu_cond(bool (*cond)(int cpu, void *arg), void (*fn)(void *arg), void *arg);

/* --- sorting --------------------------------------------------------------- */

static inline void sort(void *base, size_t n, size_t size,
			int (*cmp)(const void *, const void *),
			void (*swap_fn)(void *, void *, int))
{
	(void)swap_fn;
	if (n)
		qsort(base, n, size, cmp);
}

/* --- time ------------------------------------------------------------------ */

#define NSEC_PER_SEC 1000000000ll
#define NSEC_PER_MSEC 1000000ll
#define KTIME_MAX INT64_MAX
enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };
enum hrtimer_mode { HRTIMER_MODE_ABS, HRTIMER_MODE_ABS_PINNED_HARD, HRTIMER_MODE_ABS_HARD };
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif
struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *);
	ktime_t expires;
	bool active;
	struct hrtimer *next;	/* all that are known, see kshim_advance() */
};
extern ktime_t kshim_now;	/* ns; the TSC goes with it */
extern unsigned int tsc_khz;
u64 rdtsc(void);
#define rdtsc_ordered() rdtsc()
#define ktime_get() kshim_now
/* Who waits for time lets it pass. */
#define cpu_relax() ((void)(kshim_now += 100))
#define ktime_get_ns() ((u64)kshim_now)
#define ktime_get_raw() kshim_now
#define TK_OFFS_BOOT 1
#define ktime_mono_to_any(ktime, offset) (ktime)
#define ktime_get_real_ns() ((u64)kshim_now)
struct timespec64 { s64 tv_sec; long tv_nsec; };
#define ns_to_timespec64(ns) \
	((struct timespec64) { (ns) / NSEC_PER_SEC, (ns) % NSEC_PER_SEC })
#define ktime_add_ns(t, n) ((t) + (s64)(n))
#define ktime_to_ns(t) (t)
#define ns_to_ktime(n) ((ktime_t)(n))
void hrtimer_init(struct hrtimer *timer, int clock, enum hrtimer_mode mode);
void hrtimer_start(struct hrtimer *timer, ktime_t when, enum hrtimer_mode mode);
int hrtimer_cancel(struct hrtimer *timer);
#define hrtimer_try_to_cancel(t) hrtimer_cancel(t)
/* Lets time pass and fires what falls due on the way. */
void kshim_advance(u64 ns);
/* Forgets all timers (a fuzzer's next run). */
void kshim_reset(void);

/* --- the host processor ---------------------------------------------------- */

/* asm/cpufeature.h: words of x86_capability that mirror a register of CPUID. */
enum {
	CPUID_1_EDX, CPUID_8000_0001_EDX, CPUID_1_ECX, CPUID_8000_0001_ECX, CPUID_7_0_EBX,
	CPUID_D_1_EAX, CPUID_8000_0008_EBX, CPUID_7_ECX, CPUID_7_EDX, KSHIM_CPUID_WORDS,
};
struct cpuinfo_x86 {
	u8 x86, x86_vendor, x86_model, x86_phys_bits, x86_virt_bits;
	u32 x86_capability[KSHIM_CPUID_WORDS];
};
extern struct cpuinfo_x86 boot_cpu_data;
#define X86_VENDOR_INTEL 0
#define X86_VENDOR_AMD 2
#define X86_VENDOR_CENTAUR 5
#define X86_VENDOR_HYGON 9
#define X86_VENDOR_ZHAOXIN 10
extern u64 kshim_cpu_features;	/* bit 1 << X86_FEATURE_*, numbers of the shim's own */
enum {
	X86_FEATURE_OSXSAVE, X86_FEATURE_CONSTANT_TSC, X86_FEATURE_NONSTOP_TSC,
	X86_FEATURE_XSAVE, X86_FEATURE_IBPB, X86_FEATURE_MSR_SPEC_CTRL,
	X86_FEATURE_ARCH_CAPABILITIES, X86_FEATURE_TSC, X86_FEATURE_NX, X86_FEATURE_GBPAGES,
	X86_FEATURE_SPEC_CTRL, X86_FEATURE_LFENCE_RDTSC, X86_FEATURE_IBRS, X86_FEATURE_STIBP,
	X86_FEATURE_SSBD, X86_FEATURE_SPEC_CTRL_SSBD, X86_FEATURE_AMD_SSBD,
};
#define boot_cpu_has(f) (kshim_cpu_features >> (f) & 1)
#define static_cpu_has(f) boot_cpu_has(f)
#define static_cpu_has_bug(f) false
#define check_tsc_unstable() 0
/* Leaves of the made-up host; ends with leaf ~0. Unlisted ones are zero. */
struct kshim_cpuid { u32 leaf, subleaf, eax, ebx, ecx, edx; };
extern const struct kshim_cpuid *kshim_host_cpuid;
extern const struct kshim_cpuid kshim_intel_cpuid[], kshim_amd_cpuid[];
void cpuid_count(u32 leaf, u32 subleaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
static inline void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	cpuid_count(leaf, 0, eax, ebx, ecx, edx);
}
static inline u32 cpuid_eax(u32 leaf)
{
	u32 r[4];

	cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3]);
	return r[0];
}
/* MSRs of the made-up host: kshim_host_msr(index, value) or #GP (false). */
extern bool (*kshim_host_rdmsr)(u32 index, u64 *value);
extern u64 kshim_wrmsr_count;
static inline int rdmsrl_safe(u32 index, u64 *value)
{
	*value = 0;
	return kshim_host_rdmsr && kshim_host_rdmsr(index, value) ? 0 : -EIO;
}
static inline int wrmsrl_safe(u32 index, u64 value)
{
	(void)index, (void)value;
	kshim_wrmsr_count++;
	return 0;
}
#define rdmsrl(index, value) ((void)rdmsrl_safe(index, &(value)))
#define wrmsrl(index, value) ((void)wrmsrl_safe(index, value))

/* FPU and debug registers: only XCR0 is one that a test can look at. */
extern u64 kshim_xcr0;
#define XCR_XFEATURE_ENABLED_MASK 0
#define MXCSR_DEFAULT 0x1f80u
#define xgetbv(i) kshim_xcr0
#define xsetbv(i, value) ((void)(kshim_xcr0 = (value)))
#define hw_breakpoint_active() false
#define native_get_debugreg(n) 0ul
#define native_set_debugreg(n, value) ((void)(value))

/* Architectural bits, as in uapi/asm/processor-flags.h and asm/msr-index.h. */
#define X86_CR0_PE (1ul << 0)
#define X86_CR0_MP (1ul << 1)
#define X86_CR0_EM (1ul << 2)
#define X86_CR0_TS (1ul << 3)
#define X86_CR0_ET (1ul << 4)
#define X86_CR0_NE (1ul << 5)
#define X86_CR0_WP (1ul << 16)
#define X86_CR0_AM (1ul << 18)
#define X86_CR0_NW (1ul << 29)
#define X86_CR0_CD (1ul << 30)
#define X86_CR0_PG (1ul << 31)
#define X86_CR4_VME (1ul << 0)
#define X86_CR4_PVI (1ul << 1)
#define X86_CR4_TSD (1ul << 2)
#define X86_CR4_DE (1ul << 3)
#define X86_CR4_PSE (1ul << 4)
#define X86_CR4_PAE (1ul << 5)
#define X86_CR4_MCE (1ul << 6)
#define X86_CR4_PGE (1ul << 7)
#define X86_CR4_PCE (1ul << 8)
#define X86_CR4_OSFXSR (1ul << 9)
#define X86_CR4_OSXMMEXCPT (1ul << 10)
#define X86_CR4_UMIP (1ul << 11)
#define X86_CR4_LA57 (1ul << 12)
#define X86_CR4_VMXE (1ul << 13)
#define X86_CR4_SMXE (1ul << 14)
#define X86_CR4_FSGSBASE (1ul << 16)
#define X86_CR4_PCIDE (1ul << 17)
#define X86_CR4_OSXSAVE (1ul << 18)
#define X86_CR4_SMEP (1ul << 20)
#define X86_CR4_SMAP (1ul << 21)
#define X86_CR4_PKE (1ul << 22)
#define X86_CR4_CET (1ul << 23)
#define X86_EFLAGS_FIXED (1ul << 1)
#define X86_EFLAGS_TF (1ul << 8)
#define X86_EFLAGS_IF (1ul << 9)
#define X86_EFLAGS_RF (1ul << 16)
#define X86_EFLAGS_AC (1ul << 18)
#define X86_EFLAGS_VM (1ul << 17)
#define DR6_RESERVED 0xffff0ff0u
#define DR_TRAP0 0x1
#define DR_TRAP1 0x2
#define DR_TRAP2 0x4
#define DR_TRAP3 0x8
#define DR_TRAP_BITS 0xf
#define DR_STEP 0x4000
#define DR_SWITCH 0x8000

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NX (1u << 11)
#define EFER_SVME (1u << 12)
#define EFER_FFXSR (1u << 14)
#define XFEATURE_MASK_FP 1u
#define XFEATURE_MASK_SSE 2u
#define XFEATURE_MASK_FPSSE 3u
#define XFEATURE_MASK_YMM 4u
#define XFEATURE_MASK_AVX512 0xe0u

/* asm/pvclock.h, asm/pvclock-abi.h */
struct pvclock_vcpu_time_info {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 tsc_to_system_mul;
	s8 tsc_shift;
	u8 flags, pad[2];
} __packed;
struct pvclock_wall_clock {
	u32 version, sec, nsec;
} __packed;
#define PVCLOCK_TSC_STABLE_BIT (1 << 0)
#define PVCLOCK_GUEST_STOPPED (1 << 1)
static inline u64 pvclock_scale_delta(u64 delta, u32 mul_frac, int shift)
{
	return mul_u64_u32_shr(shift < 0 ? delta >> -shift : delta << shift, mul_frac, 32);
}

/* uapi/asm/kvm_para.h, uapi/linux/kvm_para.h */
struct kvm_steal_time {
	u64 steal;
	u32 version, flags;
	u8 preempted, pad8[3];
	u32 pad[11];
};
#define KVM_VCPU_PREEMPTED (1 << 0)
#define KVM_VCPU_FLUSH_TLB (1 << 1)
#define KVM_ENOSYS 1000
#define KVM_HC_KICK_CPU 5
#define KVM_HC_SEND_IPI 10
#define KVM_HC_SCHED_YIELD 11
#define KVM_CPUID_SIGNATURE 0x40000000
#define KVM_CPUID_FEATURES 0x40000001
#define MSR_KVM_WALL_CLOCK_NEW 0x4b564d00
#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01
#define MSR_KVM_STEAL_TIME 0x4b564d03
#define MSR_KVM_PV_EOI_EN 0x4b564d04
#define MSR_KVM_POLL_CONTROL 0x4b564d05

/* asm/apicdef.h, asm/trapnr.h, asm/pgtable_types.h */
#define APIC_DEFAULT_PHYS_BASE 0xfee00000
#define APIC_BASE_MSR 0x800
#define X2APIC_ENABLE (1ul << 10)
#define X86_TRAP_DB 1
#define X86_TRAP_BP 3
#define _PAGE_PRESENT (1ul << 0)
#define _PAGE_RW (1ul << 1)
#define _PAGE_USER (1ul << 2)
#define _PAGE_PSE (1ul << 7)
#define _PAGE_NX (1ul << 63)

#include "kshim_msr.h"

/* --- what kmod/compat.h needs ---------------------------------------------- */

struct eventfd_ctx { u64 count; };
static inline void eventfd_signal(struct eventfd_ctx *ctx, u64 n) { ctx->count += n; }
#define smp_send_reschedule(cpu) ((void)(cpu))
#define xfer_to_guest_mode_handle_work(x) 0
struct syscore_ops { int (*suspend)(void); void (*resume)(void); void (*shutdown)(void); };
#define register_syscore_ops(ops) ((void)(ops))
#define unregister_syscore_ops(ops) ((void)(ops))

/* --- tracepoints, which are off ---------------------------------------------- */

#define TP_PROTO(...) __VA_ARGS__
#define TRACE_EVENT(name, proto, ...) static inline void trace_##name(proto) { }

#endif
