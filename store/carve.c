#include "store/carve.h"

enum { LEAF_TABLE = 0x0d, LEAF_HEADER = 8, OVERFLOW_BYTES = 35 };

struct span {
	const uint8_t *at, *end;
};

static bool take_varint(struct span *span, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < 9; i++) {
		if (span->at >= span->end)
			return false;
		uint8_t byte = *span->at++;
		if (i == 8) {
			*value = *value << 8 | byte;
			return true;
		}
		*value = *value << 7 | (byte & 0x7f);
		if (!(byte & 0x80))
			return true;
	}
	return true;
}

/* What a value's serial type says: the bytes it takes, or -1. */
static int64_t value_length(uint64_t serial, enum carve_type *type)
{
	static const uint8_t lengths[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0 };

	if (serial == 10 || serial == 11 || serial > INT32_MAX)
		return -1;
	if (serial >= 12) {
		*type = serial % 2 ? CARVE_TEXT : CARVE_BLOB;
		return (int64_t)(serial - 12) / 2;
	}
	*type = serial == 0 ? CARVE_NULL : serial == 7 ? CARVE_REAL : CARVE_INTEGER;
	return lengths[serial];
}

static int64_t read_integer(uint64_t serial, const uint8_t *bytes, size_t length)
{
	uint64_t value = length > 0 && bytes[0] & 0x80 ? UINT64_MAX : 0;

	if (serial >= 8)
		return (int64_t)serial - 8;
	for (size_t i = 0; i < length; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

static bool take_record(struct span record, struct carve_row *row)
{
	const uint8_t *start = record.at;
	uint64_t header, serial;

	if (!take_varint(&record, &header) || header > (uint64_t)(record.end - start))
		return false;
	struct span types = { record.at, start + header };
	const uint8_t *at = start + header;
	row->count = 0;
	while (types.at < types.end) {
		struct carve_value *value = &row->values[row->count];
		if (row->count == CARVE_COLUMNS || !take_varint(&types, &serial))
			return false;
		int64_t length = value_length(serial, &value->type);
		if (length < 0 || length > record.end - at)
			return false;
		value->bytes = at;
		value->length = (size_t)length;
		value->integer = value->type == CARVE_INTEGER
			? read_integer(serial, at, value->length)
			: 0;
		at += length;
		row->count++;
	}
	return types.at == types.end && row->count > 0;
}

static bool take_cell(struct span cell, size_t page_size, struct carve_row *row)
{
	uint64_t payload, rowid;

	if (!take_varint(&cell, &payload) || !take_varint(&cell, &rowid) ||
		payload > page_size - OVERFLOW_BYTES ||
		payload > (uint64_t)(cell.end - cell.at))
		return false;
	row->rowid = (int64_t)rowid;
	cell.end = cell.at + payload;
	return take_record(cell, row);
}

void carve_page(const uint8_t *page, size_t size, size_t header,
	void (*each)(void *arg, const struct carve_row *row), void *arg)
{
	const uint8_t *head = page + header;

	if (size < header + LEAF_HEADER || size <= OVERFLOW_BYTES ||
		head[0] != LEAF_TABLE)
		return;
	size_t count = (size_t)head[3] << 8 | head[4];
	for (size_t i = 0; i < count; i++) {
		size_t pointer = header + LEAF_HEADER + 2 * i;
		struct carve_row row;

		if (pointer + 2 > size)
			return;
		size_t at = (size_t)page[pointer] << 8 | page[pointer + 1];
		if (at < size &&
			take_cell((struct span){ page + at, page + size }, size, &row))
			each(arg, &row);
	}
}
