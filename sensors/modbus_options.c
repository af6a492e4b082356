/* What may be said of a Modbus device in the configuration. */
#include <string.h>

#include "sensors/modbus.h"

static const char *const type_names[] = { "int16", "uint16", "int32", "uint32", "float32",
	NULL };
static const char *const order_names[] = { "ABCD", "CDAB", "BADC", "DCBA", NULL };

static const struct option register_table[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct modbus_register, metric),
		.required = true,
		.help = "What the register measures.",
	},
	{
		.name = "address",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_register, address),
		.required = true,
		.max = 65535,
		.help = "Address on the wire: 40001 in a manual is often 0 here.",
	},
	{
		.name = "type",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct modbus_register, type),
		.fallback = "uint16",
		.choices = type_names,
		.help = "Type of the number; 32 bits take two registers.",
	},
	{
		.name = "order",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct modbus_register, order),
		.fallback = "ABCD",
		.choices = order_names,
		.help = "Order of the bytes, A being the most significant.",
	},
	{
		.name = "scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct modbus_register, scale),
		.fallback = "1.0",
		.help = "The number is multiplied by this to get the metric's unit.",
	},
	{
		.name = "offset",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct modbus_register, offset),
		.fallback = "0.0",
		.help = "Added after scaling.",
	},
	{
		.name = "invalid",
		.type = OPTION_NUMBERS,
		.offset = offsetof(struct modbus_register, invalid),
		.help = "Numbers, before scaling, by which the device says that it has no value.",
	},
	{
		.name = "function",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_register, function),
		.fallback = "0",
		.max = 4,
		.help = "Function code of this register, 3 or 4; 0: the sensor's.",
	},
	{
		.name = "clear_on_read",
		.type = OPTION_BOOL,
		.offset = offsetof(struct modbus_register, clear_on_read),
		.fallback = "false",
		.help = "Reading sets it to 0: what it held is lost with a lost answer, so "
			"prefer a total; it is never asked for twice.",
	},
	{ .name = NULL },
};

static void check_register(const void *values, const struct config_place *place)
{
	const struct modbus_register *reg = values;

	if (reg->function != 0 && reg->function != 3 && reg->function != 4)
		config_error(place, "function", "registers are read by function 3 or 4");
	if (reg->clear_on_read && reg->metric != NULL && reg->metric->id != METRIC_RAIN)
		config_error(place, "clear_on_read",
			"what is cleared by reading is an increment: the metric \"rain\"");
	if (reg->scale == 0.0)
		config_error(place, "scale", "0 would make every value the same");
	if ((unsigned)reg->address + modbus_words(reg) > 65536)
		config_error(
			place, "address", "the value would end beyond register 65535");
}

static const struct option_group register_group = {
	.name = "register",
	.options = register_table,
	.size = sizeof(struct modbus_register),
	.check = check_register,
};

static const struct option wish_table[] = {
	{
		.name = "address",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_wish, address),
		.required = true,
		.max = 65535,
		.help = "Address of the first register on the wire.",
	},
	{
		.name = "count",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_wish, count),
		.required = true,
		.min = 1,
		.max = RTU_REGISTERS_MAX,
		.help = "How many registers.",
	},
	{
		.name = "function",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_wish, function),
		.fallback = "0",
		.max = 4,
		.help = "Function code of this request, 3 or 4; 0: the sensor's.",
	},
	{ .name = NULL },
};

static void check_wish(const void *values, const struct config_place *place)
{
	const struct modbus_wish *wish = values;

	if (wish->function != 0 && wish->function != 3 && wish->function != 4)
		config_error(place, "function", "registers are read by function 3 or 4");
	if (wish->address + wish->count > 65536)
		config_error(
			place, "count", "the request would end beyond register 65535");
}

static const struct option_group wish_group = {
	.name = "block",
	.options = wish_table,
	.size = sizeof(struct modbus_wish),
	.check = check_wish,
};

static const char *const schemes[] = { "modbus", NULL };

const struct option modbus_table[] = {
	{
		.name = "port",
		.type = OPTION_PATH,
		.offset = offsetof(struct modbus_options, serial.port),
		.fallback = "",
		.help = "The serial port; names under /dev/serial/by-path survive "
			"replugging. Instead of url.",
	},
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct modbus_options, url),
		.fallback = "",
		.choices = schemes,
		.help = "modbus://HOST:PORT, a device or gateway that speaks Modbus TCP. "
			"Instead of port.",
	},
	SERIAL_LINE_OPTIONS(struct modbus_options, serial, "9600", "none"),
	{
		.name = "rs485",
		.type = OPTION_BOOL,
		.offset = offsetof(struct modbus_options, rs485),
		.fallback = "false",
		.help = "The kernel turns the line around (RTS); adapters do it themselves.",
	},
	{
		.name = "unit_id",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_options, unit_id),
		.fallback = "1",
		.min = 1,
		.max = 255,
		.help = "Address of the device on the bus; above 247 is outside the "
			"standard, but sold.",
	},
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct modbus_options, every),
		.fallback = "10s",
		.min = 100,
		.max = 24.0 * 3600 * 1000,
		.help = "How often the device is asked.",
	},
	{
		.name = "timeout",
		.type = OPTION_DURATION,
		.offset = offsetof(struct modbus_options, timeout),
		.fallback = "1s",
		.min = 20,
		.max = 30 * 1000,
		.help = "How long to wait for an answer.",
	},
	{
		.name = "pause",
		.type = OPTION_DURATION,
		.offset = offsetof(struct modbus_options, pause),
		.fallback = "20ms",
		.max = 10 * 1000,
		.help = "Silence before each request, never less than 3.5 characters.",
	},
	{
		.name = "function",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_options, function),
		.fallback = "3",
		.min = 3,
		.max = 4,
		.help = "Function code: 3 reads holding registers, 4 input registers.",
	},
	{
		.name = "max_gap",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct modbus_options, max_gap),
		.fallback = "0",
		.max = RTU_REGISTERS_MAX,
		.help = "Unused registers that one request may span to fetch both sides.",
	},
	{
		.name = "registers",
		.type = OPTION_LIST,
		.offset = offsetof(struct modbus_options, registers),
		.required = true,
		.group = &register_group,
		.help = "The registers to read.",
	},
	{
		.name = "blocks",
		.type = OPTION_LIST,
		.offset = offsetof(struct modbus_options, blocks),
		.group = &wish_group,
		.help = "The requests to make, for devices that refuse others; without it "
			"max_gap decides.",
	},
	{ .name = NULL },
};

static void check_address(
	const struct modbus_options *options, const struct config_place *place)
{
	const char *port = options->serial.port;
	const char *host;

	if (!modbus_is_tcp(options)) {
		if (port[0] == '\0')
			config_error(place, NULL, "a port or a url is needed");
		return;
	}
	if (port[0] != '\0')
		config_error(place, "url", "there is a port already");
	if (options->rs485)
		config_error(place, "rs485", "only a serial port can do that");
	host = strstr(options->url, "://");
	if (host != NULL && strpbrk(host + 3, "/?#") != NULL)
		config_error(place, "url", "nothing may follow modbus://HOST:PORT");
}

static void check_blocks(
	const struct modbus_options *options, const struct config_place *place)
{
	const struct modbus_register *registers = options->registers.items;
	struct modbus_block blocks[READINGS_MAX];
	size_t count = modbus_plan(options, blocks);

	if (options->blocks.count > READINGS_MAX)
		config_error(place, "blocks", "at most %d in one sensor", READINGS_MAX);
	for (size_t i = 0; i < options->registers.count; i++) {
		bool held = false;

		for (size_t b = 0; b < count && !held; b++)
			held = modbus_holds(options, &blocks[b], &registers[i]);
		if (!held)
			config_error(place, "blocks", "no block holds register %d",
				registers[i].address);
	}
}

static void check_metrics(
	const struct modbus_options *options, const struct config_place *place)
{
	const struct modbus_register *registers = options->registers.items;

	for (size_t i = 0; i < options->registers.count; i++) {
		for (size_t j = 0; j < i; j++) {
			/* NULL: the metric was wrong and has been complained of. */
			if (registers[i].metric == NULL ||
				registers[i].metric != registers[j].metric)
				continue;
			config_error(place, "registers",
				"the metric %s stands there twice",
				registers[i].metric->name);
			break;
		}
	}
}

void modbus_check(const void *values, const struct config_place *place)
{
	const struct modbus_options *options = values;

	serial_check(values, place);
	check_address(options, place);
	if (options->registers.count == 0)
		config_error(place, "registers", "at least one is needed");
	if (options->registers.count > READINGS_MAX)
		config_error(
			place, "registers", "at most %d in one sensor", READINGS_MAX);
	else if (options->blocks.count > 0)
		check_blocks(options, place);
	check_metrics(options, place);
}
