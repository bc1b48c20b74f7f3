// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The virtio-pci transport with a device that records what is asked of it:
 * capabilities, negotiation, status machine, queue set-up, reset, bus
 * mastering, interrupts, and the way in through configuration space.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <poll.h>

#include "virtio/transport.h"
#include "virtio_driver.h"

#define TYPE 42
#define FEATURE (1ull << 5)
#define ACK VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK VIRTIO_CONFIG_S_DRIVER_OK
#define NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET

struct probe {
	struct virtio_device dev; /* first: the device is the probe */
	int running, starts, start_error;
};

static int probe_start(struct virtio_device *dev)
{
	struct probe *p = (struct probe *)dev;

	if (p->start_error)
		return p->start_error;
	p->running++;
	p->starts++;
	return 0;
}

static void probe_stop(struct virtio_device *dev)
{
	((struct probe *)dev)->running--;
}

static void probe_destroy(struct virtio_device *dev)
{
	virtio_device_fini(dev);
	free(dev);
}

static const struct virtio_class probe_class = {
	.name = "probe", .type = TYPE, .pci_class = 0x00ff00,
	.queue_count = 2, .queue_size = 64,
	.start = probe_start, .stop = probe_stop, .destroy = probe_destroy,
};

struct env {
	struct test_machine *t;
	struct probe *probe;
	struct driver d;
};

static int up(void **state)
{
	static const char config[12] = "configspace";
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->t = test_machine_create();
	e->probe = calloc(1, sizeof(*e->probe));
	assert_int_equal(virtio_device_init(&e->probe->dev, &e->t->m, &probe_class, FEATURE,
					    config, sizeof(config)), 0);
	*state = e;
	return 0;
}

static int down(void **state)
{
	struct env *e = *state;

	virtio_device_destroy(&e->probe->dev);
	test_machine_destroy(e->t);
	free(e);
	return 0;
}

static void test_capabilities(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_attach(d, e->t, TYPE);
	assert_int_equal(cfg_read(e->t, d->slot, 0, 4), (0x1040 + TYPE) << 16 | 0x1af4);
	assert_true(d->common && d->isr && d->device && d->notify && d->pci_cfg && d->msix);
	assert_true(d->notify >= TEST_PIO && d->notify < TEST_PIO + 0x1000); /* decision 9 */
	assert_int_equal(bus_read(e->t->m.mmio, d->device, 4),
			 'c' | 'o' << 8 | 'n' << 16 | 'f' << 24);
	assert_int_equal(bus_read(e->t->m.mmio, d->device + 4, 8), 0x00656361707367ull << 8 | 'i');
	/* part of it is past the end */
	assert_int_equal(bus_read(e->t->m.mmio, d->device + 8, 8), 0);
	assert_int_equal(bus_read(e->t->m.mmio, d->device + 0xdff, 1), 0);
	bus_write(e->t->m.mmio, d->device, 4, 0);
	assert_int_equal(bus_read(e->t->m.mmio, d->device, 1), 'c');
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_NUMQ, 2), 2);
}

static void test_negotiation(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_attach(d, e->t, TYPE);
	assert_int_equal(driver_offered(d), FEATURE | 1ull << VIRTIO_F_VERSION_1 |
			 1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_RING_F_INDIRECT_DESC);
	common_write(d, VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_DF, 4), 0);
	assert_false(driver_negotiate(d, FEATURE)); /* legacy */
	assert_false(driver_negotiate(d, DRIVER_FEATURES | 1)); /* not on offer */
	driver_set_status(d, DRIVER_OK);
	assert_int_equal(driver_status(d), ACK | DRIVER);
	assert_true(driver_negotiate(d, DRIVER_FEATURES | FEATURE));
	common_write(d, VIRTIO_PCI_COMMON_GF, 4, 0); /* too late */
	assert_true(virtio_has_feature(&e->probe->dev, VIRTIO_F_VERSION_1));
}

static void test_status(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_start(d, e->t, TYPE, 0, 2);
	assert_int_equal(e->probe->running, 1);
	common_write(d, VIRTIO_PCI_COMMON_STATUS, 1, ACK); /* bits do not go */
	assert_int_equal(driver_status(d), ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	driver_set_status(d, NEEDS_RESET); /* the device's */
	assert_int_equal(driver_status(d) & NEEDS_RESET, 0);
	assert_int_equal(e->probe->starts, 1);
	common_write(d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(e->probe->running, 0);
	assert_int_equal(driver_status(d), 0);
	assert_int_equal(e->probe->dev.features, 0);
}

static void test_queue_setup(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_attach(d, e->t, TYPE);
	assert_true(driver_negotiate(d, DRIVER_FEATURES));
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	common_write(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 128);
	common_write(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 0);
	common_write(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 33);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	common_write(d, VIRTIO_PCI_COMMON_Q_MSIX, 2, 3); /* there are 0, 1, 2 */
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	common_write(d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0x123456789abcdef0ull);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_DESCHI, 4), 0x12345678);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0x123456789abcdef0ull);
	driver_setup_queue(d, 1, 16);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	common_write(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, 8); /* enabled: settled */
	common_write(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 16);
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	common_write(d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
	for (unsigned int at = VIRTIO_PCI_COMMON_Q_SIZE; at < 64; at += 2) {
		common_write(d, at, 2, 0x1111);
		common_read(d, at, 4);
	}
	assert_int_equal(common_read(d, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
}

static void test_bad_ring(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_attach(d, e->t, TYPE);
	assert_true(driver_negotiate(d, DRIVER_FEATURES));
	common_write(d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, TEST_RAM);
	common_write(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	common_write(d, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	driver_set_status(d, DRIVER_OK);
	assert_true(driver_status(d) & NEEDS_RESET);
	assert_int_equal(e->probe->running, 0);
	assert_int_equal(e->t->msi_count[1], 1); /* configuration change */
	driver_start(d, e->t, TYPE, 0, 2);
	assert_int_equal(e->probe->running, 1);
}

static void test_start_fails(void **state)
{
	struct env *e = *state;

	e->probe->start_error = -ENOMEM;
	driver_start(&e->d, e->t, TYPE, 0, 2);
	assert_true(driver_status(&e->d) & NEEDS_RESET);
	assert_int_equal(e->probe->running, 0);
}

static void test_bus_master(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_start(d, e->t, TYPE, 0, 2);
	cfg_write(e->t, d->slot, PCI_COMMAND, 2, 3);
	assert_int_equal(e->probe->running, 0);
	assert_null(e->probe->dev.queue[0].ring.memory);
	cfg_write(e->t, d->slot, PCI_COMMAND, 2, 7);
	assert_int_equal(e->probe->running, 1);
	pci_host_reset(e->t->m.pci);
	assert_int_equal(e->probe->running, 0);
	cfg_write(e->t, d->slot, PCI_COMMAND, 2, 7);
	assert_int_equal(driver_status(d), 0);
	driver_start(d, e->t, TYPE, 0, 2); /* leave it running: destroy has to cope */
}

static bool kicked(struct env *e, unsigned int queue)
{
	struct pollfd p = { .fd = e->probe->dev.queue[queue].kick_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_kicks(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_start(d, e->t, TYPE, 0, 2);
	assert_true(d->q[0].notify != d->q[1].notify);
	assert_false(kicked(e, 0) || kicked(e, 1));
	driver_kick(d, 1);
	assert_true(!kicked(e, 0) && kicked(e, 1));
	bus_write(e->t->m.pio, d->notify + 4 * 2, 2, 2); /* no such queue */
	common_write(d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_false(kicked(e, 1)); /* forgotten */
}

static void push_one(struct env *e)
{
	virtq_push(&e->probe->dev.queue[0].ring, 0, 0);
	virtio_queue_flush(&e->probe->dev.queue[0]);
}

static void test_interrupts(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_start(d, e->t, TYPE, 0, 2);
	push_one(e);
	assert_int_equal(e->t->msi_count[2], 1);
	assert_int_equal(bus_read(e->t->m.mmio, d->isr, 1), 0);
	common_write(d, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	common_write(d, VIRTIO_PCI_COMMON_Q_MSIX, 2, VIRTIO_MSI_NO_VECTOR);
	push_one(e);
	assert_int_equal(e->t->msi_count[2], 1);
	virtio_device_fail(&e->probe->dev, "test");
	virtio_device_fail(&e->probe->dev, "test");
	assert_int_equal(e->t->msi_count[1], 1);
	assert_true(driver_status(d) & NEEDS_RESET);
}

static void set_msix(struct driver *d, uint16_t control)
{
	for (unsigned int at = cfg_read(d->t, d->slot, PCI_CAPABILITY_LIST, 1); at;
	     at = cfg_read(d->t, d->slot, at + 1, 1))
		if (cfg_read(d->t, d->slot, at, 1) == PCI_CAP_ID_MSIX)
			cfg_write(d->t, d->slot, at + 2, 2, control);
}

static void test_isr_without_msix(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;

	driver_start(d, e->t, TYPE, 0, 2);
	set_msix(d, 0);
	push_one(e);
	virtio_device_fail(&e->probe->dev, "test");
	assert_int_equal(e->t->msi_count[2], 0);
	assert_int_equal(bus_read(e->t->m.mmio, d->isr, 1), 3);
	assert_int_equal(bus_read(e->t->m.mmio, d->isr, 1), 0); /* reading clears */
}

/* INTA#: up while there is something in the ISR, and where the guest takes it at all. */
static void test_pin(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;
	atomic_bool *pin;

	driver_start(d, e->t, TYPE, 0, 2);
	pin = &e->t->intx[d->slot];
	assert_int_equal(cfg_read(e->t, d->slot, PCI_INTERRUPT_PIN, 1), 1);
	push_one(e); /* a message */
	assert_false(*pin);
	set_msix(d, 0);
	assert_false(*pin);
	push_one(e);
	push_one(e);
	assert_true(*pin);
	assert_true(cfg_read(e->t, d->slot, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT);
	set_msix(d, PCI_MSIX_FLAGS_ENABLE);
	assert_false(*pin);
	set_msix(d, 0);
	assert_true(*pin);
	cfg_write(e->t, d->slot, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY |
		  PCI_COMMAND_INTX_DISABLE);
	assert_false(*pin);
	cfg_write(e->t, d->slot, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	assert_true(*pin);
	assert_int_equal(bus_read(e->t->m.mmio, d->isr, 1), 1);
	assert_false(*pin);
	push_one(e);
	assert_true(*pin);
	common_write(d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_false(*pin);
	assert_int_equal(bus_read(e->t->m.mmio, d->isr, 1), 0);
}

static void window(struct driver *d, uint8_t bar, uint32_t offset, uint32_t length)
{
	cfg_write(d->t, d->slot, d->pci_cfg + VIRTIO_PCI_CAP_BAR, 1, bar);
	cfg_write(d->t, d->slot, d->pci_cfg + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	cfg_write(d->t, d->slot, d->pci_cfg + VIRTIO_PCI_CAP_LENGTH, 4, length);
}

static void test_pci_cfg_window(void **state)
{
	struct env *e = *state;
	struct driver *d = &e->d;
	unsigned int data;

	driver_attach(d, e->t, TYPE);
	data = d->pci_cfg + sizeof(struct virtio_pci_cap);
	window(d, 0, VIRTIO_PCI_COMMON_STATUS, 1);
	assert_int_equal(cfg_read(e->t, d->slot, d->pci_cfg + VIRTIO_PCI_CAP_OFFSET, 2),
			 VIRTIO_PCI_COMMON_STATUS);
	cfg_write(e->t, d->slot, data, 1, ACK);
	assert_int_equal(driver_status(d), ACK);
	assert_int_equal(cfg_read(e->t, d->slot, data, 4), ACK);
	window(d, 1, 4, 2);
	cfg_write(e->t, d->slot, data, 2, 1);
	assert_true(kicked(e, 1));
	/* nothing of these leads anywhere */
	window(d, 2, 0, 4);
	assert_int_equal(cfg_read(e->t, d->slot, data, 4), 0);
	window(d, 0, 0x1000, 4);
	cfg_write(e->t, d->slot, data, 4, 0);
	window(d, 0, UINT32_MAX, 1);
	cfg_write(e->t, d->slot, data, 1, 0);
	window(d, 0, 2, 4);
	cfg_write(e->t, d->slot, data, 4, 0);
	window(d, 0, 0, 3);
	assert_int_equal(cfg_read(e->t, d->slot, data, 4), 0);
	assert_int_equal(driver_status(d), ACK);
}

static void test_state_tables(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < virtio_device_state_count; i++)
		assert_true(virtio_device_state[i].offset +
			    (size_t)virtio_device_state[i].width * virtio_device_state[i].count <=
			    sizeof(struct virtio_device));
	for (unsigned int i = 0; i < virtio_queue_state_count; i++)
		assert_true(virtio_queue_state[i].width <= 8);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_capabilities), T(test_negotiation), T(test_status), T(test_queue_setup),
		T(test_bad_ring), T(test_start_fails), T(test_bus_master), T(test_kicks),
		T(test_interrupts), T(test_isr_without_msix), T(test_pin), T(test_pci_cfg_window),
		T(test_state_tables),
	};

	return cmocka_run_group_tests_name("virtio transport", tests, NULL, NULL);
}
