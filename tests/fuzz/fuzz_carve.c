/* A page of a damaged store, with libFuzzer: whatever it says, its rows lie within it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/carve.h"
#include "store/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
	const uint8_t *begin, *end;
};

static void see(void *arg, const struct carve_row *row)
{
	const struct bounds *bounds = arg;
	struct report report;

	if (row->count > CARVE_COLUMNS)
		abort();
	for (size_t i = 0; i < row->count; i++) {
		const struct carve_value *value = &row->values[i];
		if (value->bytes < bounds->begin || value->length > 65536 ||
			value->bytes + value->length > bounds->end)
			abort();
		report_init(&report);
		codec_unpack(&report, value->bytes, value->length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bounds bounds = { data, data + size };

	carve_page(data, size, 0, see, &bounds);
	carve_page(data, size, 100, see, &bounds);
	return 0;
}
