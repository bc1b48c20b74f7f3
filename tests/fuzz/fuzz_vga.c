// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VGA: accesses to ports, dispi, window and both BARs in any order, drawn in
 * between. The surface stays within its bounds, and a shown VBE mode within
 * video memory (ASan watches the reads).
 */
#include "fuzz.h"

#include "core/pci.h"
#include "dev/vga.h"
#include "display/display.h"

static uint64_t now;

static uint64_t clock_ns(void)
{
	return now += 10000000;
}

struct rig {
	struct vga *vga;
	struct display *display;
	struct display_viewer *viewer;
	struct pci_function_config pci;
	unsigned int draws;
};

static void draw(struct rig *rig)
{
	struct display_info info;
	struct damage damage;

	if (rig->draws++ > 4)
		return; /* speed: large modes are slow under ASan */
	display_refresh_now(rig->display);
	display_take(rig->viewer, &damage, &info);
	FUZZ_CHECK(info.width && info.width <= DISPLAY_MAX_WIDTH);
	FUZZ_CHECK(info.height && info.height <= DISPLAY_MAX_HEIGHT);
	FUZZ_CHECK(damage.count <= DAMAGE_RECTS);
	for (unsigned int i = 0; i < damage.count; i++) {
		const struct display_rect *r = &damage.rect[i];

		FUZZ_CHECK(r->width && r->x + r->width <= info.width);
		FUZZ_CHECK(r->height && r->y + r->height <= info.height);
	}
}

static void access_range(struct fuzz *f, struct rig *rig, const struct bus_ops *ops,
			 uint64_t range)
{
	unsigned int size = 1u << (fuzz_u8(f) & 3);
	uint64_t offset = fuzz_u32(f) % (range - (range >= 8 ? size - 1 : 0));

	if (fuzz_bool(f))
		ops->read(rig->vga, offset, size);
	else
		ops->write(rig->vga, offset, size, fuzz_u32(f));
}

static void step(struct fuzz *f, struct rig *rig)
{
	uint8_t what = fuzz_u8(f);

	switch (what & 7) {
	case 0: /* index and data */
		vga_port_ops.write(rig->vga, (what >> 3) + 0x10, 2, fuzz_u16(f));
		break;
	case 1:
		access_range(f, rig, &vga_port_ops, VGA_PORT_COUNT);
		break;
	case 2: /* a dispi register */
		vga_dispi_ops.write(rig->vga, 0, 2, what >> 3);
		vga_dispi_ops.write(rig->vga, 1, 2, fuzz_u16(f));
		vga_dispi_ops.read(rig->vga, 1, 2);
		break;
	case 3:
		access_range(f, rig, &vga_window_ops, VGA_WINDOW_SIZE);
		break;
	case 4:
		access_range(f, rig, rig->pci.bar[0].ops, VGA_VRAM_SIZE);
		break;
	case 5:
		access_range(f, rig, rig->pci.bar[2].ops, VGA_REGISTERS_SIZE);
		break;
	case 6:
		draw(rig);
		break;
	case 7:
		if (what >> 3 == 31)
			vga_reset(rig->vga);
		else
			vga_refresh(rig->vga);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vga_config config = { .clock_ns = clock_ns };
	struct fuzz f = { data, size };
	struct rig rig = { 0 };
	struct display_source source;

	now = 0;
	FUZZ_CHECK(!vga_create(&config, &rig.vga) && !display_create(&rig.display));
	vga_pci_config(&rig.pci);
	source = vga_display_source(rig.vga);
	display_set_source(rig.display, &source);
	rig.viewer = display_attach(rig.display);
	while (f.left)
		step(&f, &rig);
	rig.draws = 0;
	draw(&rig);
	display_detach(rig.viewer);
	display_destroy(rig.display);
	vga_destroy(rig.vga);
	return 0;
}
