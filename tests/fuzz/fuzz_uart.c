// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Serial port: accesses of every size and bytes from the line, in any order.
 * Its interrupt line and its interrupt register always say the same.
 */
#include "fuzz.h"

#include "dev/uart16550.h"

#define IIR 2
#define IIR_NONE 1
#define IIR_ID 0xf
#define IIR_THRE 2
#define LSR 5
#define LSR_DR 1

static bool line;

static void set_line(void *chip, unsigned int pin, bool level)
{
	(void)chip, (void)pin;
	FUZZ_CHECK(level != line);
	line = level;
}

static uint8_t read_reg(struct uart *uart, unsigned int reg)
{
	return (uint8_t)uart_bus_ops.read(uart, reg, 1);
}

static void check_state(struct uart *uart)
{
	bool was = line;
	uint8_t id = read_reg(uart, IIR);

	FUZZ_CHECK(was == !(id & IIR_NONE));
	/* Only the read of a THRE interrupt takes it away. */
	if ((id & IIR_ID) != IIR_THRE)
		FUZZ_CHECK(line == was);
}

static void step(struct uart *uart, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
	unsigned int size = 1u << (what >> 2 & 3);

	switch (what & 3) {
	case 0:
		if (uart_receive(uart, arg))
			FUZZ_CHECK(read_reg(uart, LSR) & LSR_DR);
		break;
	case 1:
		uart_bus_ops.read(uart, arg % UART_PORTS, size);
		break;
	case 2:
		uart_bus_ops.write(uart, arg % UART_PORTS, size, fuzz_u64(f));
		break;
	default: /* a byte register, as drivers write it */
		uart_bus_ops.write(uart, arg % UART_PORTS, 1, fuzz_u8(f));
	}
	if (what & 0x80)
		check_state(uart);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct uart_config config = {
		.irq = { .set = set_line }, .in_fd = -1, .out_fd = -1,
	};
	struct uart *uart = uart_create(&config);
	struct fuzz f = { data, size };

	line = false;
	while (f.left)
		step(uart, &f);
	check_state(uart);
	uart_destroy(uart);
	return 0;
}
