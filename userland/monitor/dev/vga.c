// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VGA as a whole: its life, its state as data, its ports. What the
 * registers do is in vga_regs.c and vga_dispi.c, memory in vga_mem.c, drawing
 * in vga_draw.c. Handlers run on vCPU threads under vga.lock, a leaf; drawing
 * works on a copy of the registers, so the guest never waits for a viewer.
 */
#define _GNU_SOURCE
#include "vga_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

const struct state_field vga_fields[] = {
	STATE_FIELD(struct vga, r.misc),
	STATE_FIELD(struct vga, r.feature),
	STATE_FIELD(struct vga, r.seq_index),
	STATE_ARRAY(struct vga, r.seq),
	STATE_FIELD(struct vga, r.crtc_index),
	STATE_ARRAY(struct vga, r.crtc),
	STATE_FIELD(struct vga, r.gfx_index),
	STATE_ARRAY(struct vga, r.gfx),
	STATE_FIELD(struct vga, r.attr_index),
	STATE_FIELD(struct vga, r.attr_data),
	STATE_ARRAY(struct vga, r.attr),
	STATE_FIELD(struct vga, r.dac_mask),
	STATE_FIELD(struct vga, r.dac_state),
	STATE_FIELD(struct vga, r.dac_read),
	STATE_FIELD(struct vga, r.dac_write),
	STATE_FIELD(struct vga, r.dac_part),
	STATE_ARRAY(struct vga, r.dac_latch),
	STATE_ARRAY(struct vga, r.dac),
	STATE_ARRAY(struct vga, r.latch),
	STATE_FIELD(struct vga, r.retrace),
	STATE_FIELD(struct vga, r.big_endian),
	STATE_FIELD(struct vga, r.dispi_index),
	STATE_ARRAY(struct vga, r.dispi),
};
const size_t vga_field_count = sizeof(vga_fields) / sizeof(vga_fields[0]);

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t vga_now(const struct vga *vga)
{
	return vga->config.clock_ns();
}

static int map_vram(struct vga *vga)
{
	void *at;

	vga->vram_fd = memfd_create("baton-vram", MFD_CLOEXEC);
	if (vga->vram_fd < 0 || ftruncate(vga->vram_fd, VGA_VRAM_SIZE))
		return -errno;
	at = mmap(NULL, VGA_VRAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vga->vram_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	vga->vram = at;
	return 0;
}

int vga_create(const struct vga_config *config, struct vga **ret_vga)
{
	struct vga *vga = calloc(1, sizeof(*vga));
	int error;

	if (!vga)
		return -ENOMEM;
	pthread_mutex_init(&vga->lock, NULL);
	vga->config = *config;
	if (!vga->config.clock_ns)
		vga->config.clock_ns = monotonic_ns;
	error = map_vram(vga);
	if (error) {
		vga_destroy(vga);
		return error;
	}
	vga_reset(vga);
	*ret_vga = vga;
	return 0;
}

void vga_destroy(struct vga *vga)
{
	if (!vga)
		return;
	if (vga->vram)
		munmap(vga->vram, VGA_VRAM_SIZE);
	if (vga->vram_fd >= 0)
		close(vga->vram_fd);
	pthread_mutex_destroy(&vga->lock);
	free(vga);
}

void vga_reset(struct vga *vga)
{
	pthread_mutex_lock(&vga->lock);
	vga_regs_reset(&vga->r);
	vga->changed = true;
	pthread_mutex_unlock(&vga->lock);
}

/* Registers from a saved state may be anything: indices and sizes must hold. */
void vga_refresh(struct vga *vga)
{
	struct vga_regs *r = &vga->r;

	pthread_mutex_lock(&vga->lock);
	r->dac_part %= 3;
	if (r->dispi[DISPI_ENABLE] & DISPI_ENABLED) {
		r->dispi_index = DISPI_ENABLE;
		vga_dispi_write_locked(vga, r->dispi[DISPI_ENABLE] | DISPI_NOCLEAR);
	}
	vga->changed = true;
	pthread_mutex_unlock(&vga->lock);
}

void *vga_vram(struct vga *vga)
{
	return vga->vram;
}

int vga_vram_fd(struct vga *vga)
{
	return vga->vram_fd;
}

/* ---- ports ---- */

static uint64_t port_read(void *dev, uint64_t offset, unsigned int size)
{
	struct vga *vga = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&vga->lock);
	for (unsigned int i = 0; i < size; i++) {
		unsigned int port = VGA_PORT_BASE + (unsigned int)offset + i;

		value |= (uint64_t)vga_port_read_locked(vga, port) << (8 * i);
	}
	pthread_mutex_unlock(&vga->lock);
	return value;
}

/* Index and data are often written as one word. */
static void port_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct vga *vga = dev;

	pthread_mutex_lock(&vga->lock);
	for (unsigned int i = 0; i < size; i++)
		vga_port_write_locked(vga, VGA_PORT_BASE + (unsigned int)offset + i,
				      (uint8_t)(value >> (8 * i)));
	pthread_mutex_unlock(&vga->lock);
}

const struct bus_ops vga_port_ops = {
	.read = port_read,
	.write = port_write,
};

/* Words at 0x1ce and 0x1cf; a guest that reads bytes gets the low one. */
static uint64_t dispi_read(void *dev, uint64_t offset, unsigned int size)
{
	struct vga *vga = dev;
	uint16_t value;

	(void)size;
	pthread_mutex_lock(&vga->lock);
	value = offset ? vga_dispi_read_locked(vga) : vga->r.dispi_index;
	pthread_mutex_unlock(&vga->lock);
	return value;
}

static void dispi_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct vga *vga = dev;

	(void)size;
	pthread_mutex_lock(&vga->lock);
	if (offset)
		vga_dispi_write_locked(vga, (uint16_t)value);
	else
		vga->r.dispi_index = (uint16_t)value;
	pthread_mutex_unlock(&vga->lock);
}

const struct bus_ops vga_dispi_ops = {
	.read = dispi_read,
	.write = dispi_write,
};
