/*
 * What the files of a power cut may hold, with libFuzzer: packed reports, and rings. The
 * first byte chooses:
 *
 *   0  a packed report: refused, or the same again when packed anew
 *   1  a ring's file, filled up to its size with nothing; 4: as it is
 *   2  a ring: three numbers of two bytes for oldest, tail and head (in steps of eight
 *      bytes), then slots, whose checksums are made good
 *
 * Whatever a ring holds, it opens, hands over whole reports and comes to an end; what is
 * then pushed is there, also after the next opening.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "core/metric.h"
#include "store/codec.h"
#include "store/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 4096, AREA = 64 * 1024, SLOT_HEAD = 48, LAPS = 5 };

static void check_report(const struct report *report)
{
	if (report->count > READINGS_MAX ||
		strnlen(report->station, NAME_SIZE) == NAME_SIZE ||
		strnlen(report->sensor, NAME_SIZE) == NAME_SIZE)
		abort();
}

/* --- packed reports ---------------------------------------------------------- */

static void run_codec(const uint8_t *data, size_t size)
{
	uint8_t packed[CODEC_MAX], again[CODEC_MAX];
	struct report report, other;

	report_init(&report);
	report_init(&other);
	if (!codec_unpack(&report, data, size)) {
		if (report.count > 0)
			abort();
		return;
	}
	check_report(&report);
	size_t length = codec_pack(&report, packed);
	if (length > CODEC_MAX || !codec_unpack(&other, packed, length))
		abort();
	if (codec_pack(&other, again) != length || memcmp(packed, again, length) != 0)
		abort();
}

/* --- rings ------------------------------------------------------------------- */

static char path[64];
static int file = -1;

/* A file in memory that can be opened by name. */
static void make_file(void)
{
	if (file < 0) {
		file = memfd_create("ring", MFD_CLOEXEC);
		snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	}
	if (file < 0 || ftruncate(file, 0) < 0)
		abort();
}

static void write_at(off_t at, const void *bytes, size_t length)
{
	if (length > 0 && pwrite(file, bytes, length, at) != (ssize_t)length)
		abort();
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof value);
	return value;
}

/* Slots where they would be looked for get the checksum of what they hold. */
static void make_checksums_good(uint8_t *area, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t at = from % AREA, to_end = AREA - at;
		uint8_t *slot = area + at;
		uint32_t length = to_end >= SLOT_HEAD ? get32(slot) : 0;
		uint32_t used = to_end >= SLOT_HEAD ? get32(slot + 40) : 0;

		if (length < SLOT_HEAD || length > to_end || used > length - SLOT_HEAD ||
			length % 8 != 0) {
			from += to_end < SLOT_HEAD ? to_end : 8;
			continue;
		}
		uint32_t sum = (uint32_t)crc32(0, slot + 8, SLOT_HEAD - 8 + used);
		memcpy(slot + 4, &sum, sizeof sum);
		from += length;
	}
}

static bool make_ring(const uint8_t *data, size_t size)
{
	static uint8_t area[AREA];
	uint64_t steps[3];
	uint16_t numbers[3];
	struct {
		char magic[8];
		uint64_t size, oldest, tail, head, next_seq;
	} header = { .magic = "muabuiR1", .size = AREA, .next_seq = 7 };

	if (size < sizeof numbers || size - sizeof numbers > AREA)
		return false;
	memcpy(numbers, data, sizeof numbers);
	for (int i = 0; i < 3; i++)
		steps[i] = (uint64_t)numbers[i] * 8;
	header.oldest = steps[0];
	header.tail = steps[0] + steps[1] % (AREA + 1);
	header.head = header.tail + steps[2] % (AREA - (header.tail - steps[0]) + 1);
	memset(area, 0, sizeof area);
	/* From the oldest on, round the end. */
	for (size_t i = sizeof numbers; i < size; i++)
		area[(header.oldest + i - sizeof numbers) % AREA] = data[i];
	make_checksums_good(area, header.oldest, header.head);
	write_at(0, &header, sizeof header);
	write_at(HEADER, area, sizeof area);
	return true;
}

static struct ring *open_ring(void)
{
	char why[256];
	struct ring *ring = ring_open(path, AREA, why, sizeof why);

	if (!ring)
		abort();
	return ring;
}

/* Reads to the end. The highest number seen. */
static uint64_t read_all(struct ring *ring, struct report *last, size_t limit)
{
	struct report report;
	uint64_t seq, highest = 0;
	size_t count = 0;

	while (ring_next(ring, &report, &seq)) {
		check_report(&report);
		if (++count > limit)
			abort();
		highest = seq > highest ? seq : highest;
		*last = report;
	}
	return highest;
}

static struct report new_report(int number)
{
	struct report report;

	report_init(&report);
	memcpy(report.station, "S", 2);
	memcpy(report.sensor, "new", 4);
	report.time_ms = number;
	report_add(&report, METRIC_PM25, number);
	return report;
}

static void expect_last(const struct report *last, int number)
{
	if (last->time_ms != number || strcmp(last->sensor, "new") != 0 ||
		last->readings[0].value != number)
		abort();
}

static void run_ring(size_t file_size)
{
	struct ring *ring = open_ring();
	struct report report = { .time_ms = -1 };
	struct ring_status status;
	size_t limit = (file_size + AREA) / SLOT_HEAD;

	ring_get_status(ring, &status);
	if (status.used > status.size)
		abort();
	uint64_t highest = read_all(ring, &report, limit);
	ring_rewind(ring);
	if (read_all(ring, &report, limit) != highest)
		abort();
	/* Half of the time what was there is stored first. */
	if (highest % 2)
		ring_release(ring);
	int last = (int)(highest % 2000);
	for (int i = 0; i <= last; i++) {
		struct report pushed = new_report(i);
		if (!ring_push(ring, &pushed, 1000 + (uint64_t)i, RING_DROP_OLDEST))
			abort();
	}
	if (!ring_has_key(ring, 1000 + (uint64_t)last))
		abort();
	uint64_t now = read_all(ring, &report, limit + 2000);
	if (now <= highest)
		abort();
	expect_last(&report, last);
	ring_close(ring);

	ring = open_ring();
	ring_get_status(ring, &status);
	if (!ring_has_key(ring, 1000 + (uint64_t)last))
		abort();
	read_all(ring, &report, limit + 2000);
	expect_last(&report, last);
	ring_close(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		run_codec(data + 1, size - 1);
		break;
	case 1:
		make_file();
		write_at(0, data + 1, size - 1);
		if (data[0] / 3 % 2 == 0 && ftruncate(file, HEADER + AREA) < 0)
			abort();
		run_ring(size + HEADER + AREA);
		break;
	default:
		make_file();
		if (make_ring(data + 1, size - 1))
			run_ring(HEADER + AREA);
	}
	return 0;
}
