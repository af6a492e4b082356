/* Which requests fetch the registers of a device. */
#include "sensors/modbus.h"

bool modbus_is_tcp(const struct modbus_options *options)
{
	return options->url != NULL && options->url[0] != '\0';
}

unsigned modbus_words(const struct modbus_register *reg)
{
	return reg->type == MODBUS_INT16 || reg->type == MODBUS_UINT16 ? 1 : 2;
}

/* The function code that fetches REG. */
static uint8_t function_of(
	const struct modbus_options *options, const struct modbus_register *reg)
{
	return (uint8_t)(reg->function != 0 ? reg->function : options->function);
}

static uint32_t place_of(
	const struct modbus_options *options, const struct modbus_register *reg)
{
	return (uint32_t)function_of(options, reg) << 16 | (uint32_t)reg->address;
}

static size_t sort_registers(const struct modbus_options *options,
	const struct modbus_register *sorted[static READINGS_MAX])
{
	const struct modbus_register *registers = options->registers.items;
	size_t count = 0;

	for (size_t i = 0; i < options->registers.count && count < READINGS_MAX; i++) {
		size_t at = count++;

		for (; at > 0 &&
			place_of(options, sorted[at - 1]) >
				place_of(options, &registers[i]);
			at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &registers[i];
	}
	return count;
}

/* Stretches BLOCK to hold REG, if one request may fetch both. */
static bool join(const struct modbus_options *options, struct modbus_block *block,
	const struct modbus_register *reg)
{
	unsigned end = block->address + block->count;
	unsigned new_end = (unsigned)reg->address + modbus_words(reg);

	if (block->function != function_of(options, reg))
		return false;
	if ((unsigned)reg->address > end + (unsigned)options->max_gap)
		return false;
	if (new_end < end)
		new_end = end;
	if (new_end - block->address > RTU_REGISTERS_MAX)
		return false;
	block->count = (uint16_t)(new_end - block->address);
	return true;
}

/* The user's own requests. */
static size_t take_wishes(const struct modbus_options *options,
	struct modbus_block blocks[static READINGS_MAX])
{
	const struct modbus_wish *wishes = options->blocks.items;
	size_t count = 0;

	for (; count < options->blocks.count && count < READINGS_MAX; count++)
		blocks[count] = (struct modbus_block){
			.function = (uint8_t)(wishes[count].function != 0
					? wishes[count].function
					: options->function),
			.address = (uint16_t)wishes[count].address,
			.count = (uint16_t)wishes[count].count,
		};
	return count;
}

size_t modbus_plan(const struct modbus_options *options,
	struct modbus_block blocks[static READINGS_MAX])
{
	const struct modbus_register *sorted[READINGS_MAX];
	size_t registers, count = 0;

	if (options->blocks.count > 0)
		return take_wishes(options, blocks);
	registers = sort_registers(options, sorted);
	for (size_t i = 0; i < registers; i++) {
		if (count > 0 && join(options, &blocks[count - 1], sorted[i]))
			continue;
		blocks[count++] = (struct modbus_block){
			.function = function_of(options, sorted[i]),
			.address = (uint16_t)sorted[i]->address,
			.count = (uint16_t)modbus_words(sorted[i]),
		};
	}
	return count;
}

bool modbus_holds(const struct modbus_options *options, const struct modbus_block *block,
	const struct modbus_register *reg)
{
	return block->function == function_of(options, reg) &&
		reg->address >= block->address &&
		(unsigned)reg->address + modbus_words(reg) <=
		(unsigned)block->address + block->count;
}

bool modbus_clears(const struct modbus_options *options, const struct modbus_block *block)
{
	const struct modbus_register *registers = options->registers.items;

	for (size_t i = 0; i < options->registers.count; i++)
		if (registers[i].clear_on_read &&
			modbus_holds(options, block, &registers[i]))
			return true;
	return false;
}
