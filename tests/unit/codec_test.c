/* Reports as bytes: round trips, and what is not ours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "core/number.h"
#include "store/codec.h"
#include "tests/unit/chance.h"

static struct report empty(void)
{
	struct report report;

	report_init(&report);
	return report;
}

static void expect_equal(const struct report *a, const struct report *b)
{
	assert_int_equal(a->marks, b->marks);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct reading *x = &a->readings[i], *y = &b->readings[i];
		assert_int_equal(x->metric, y->metric);
		assert_int_equal(x->flag, y->flag);
		assert_int_equal(x->calibration, y->calibration);
		assert_memory_equal(&x->value, &y->value, sizeof x->value);
		assert_memory_equal(&x->raw, &y->raw, sizeof x->raw);
	}
}

static size_t expect_round_trip(const struct report *report)
{
	uint8_t bytes[CODEC_MAX];
	size_t length = codec_pack(report, bytes);
	struct report back;

	/* In memory of its own size, where AddressSanitizer sees one byte more. */
	assert_in_range(length, 4, CODEC_MAX);
	uint8_t *exact = malloc(length);
	memcpy(exact, bytes, length);
	memset(&back, 0xa5, sizeof back);
	back.time_ms = 7;
	memcpy(back.station, "S", 2);
	memcpy(back.sensor, "d", 2);
	bool good = codec_unpack(&back, exact, length);
	free(exact);
	assert_true(good);
	expect_equal(&back, report);
	assert_int_equal(back.time_ms, 7); /* not the codec's business */
	assert_string_equal(back.station, "S");
	assert_string_equal(back.sensor, "d");
	return length;
}

static void an_empty_report(void **state)
{
	(void)state;
	struct report report = empty();

	assert_int_equal(expect_round_trip(&report), 4);
	report.marks = REPORT_RETAINED | REPORT_DEVICE_TIME;
	report.status = STATUS_FAULT;
	expect_round_trip(&report);
	report.marks = UINT16_MAX;
	report.status = UINT8_MAX;
	expect_round_trip(&report);
}

static void decimals_are_small(void **state)
{
	(void)state;
	struct report report = empty();

	report_add(&report, METRIC_PM25, 35.2);
	report_add(&report, METRIC_PM10, 60.1);
	report_add(&report, METRIC_TEMPERATURE, 28.4);
	report_add(&report, METRIC_HUMIDITY, 71.2);
	report_add(&report, METRIC_RAIN, 0.2);
	/* Head and 5 of metric, flag, one or two bytes of mantissa. */
	assert_in_range(expect_round_trip(&report), 4 + 5 * 3, 4 + 5 * 4);
}

static void values_of_every_kind(void **state)
{
	(void)state;
	static const double values[] = { 0, -0.0, 1, -1, 63, 64, -64, -65, 0.1, -0.1,
		0.000001, 1e-7, 0.1 + 0.2, 1.0 / 3, 9007199254740991.0,
		9007199254740992.0, -9007199254740991.0, 1e300, -1e-300, 5e-324, INFINITY,
		-INFINITY, NAN };
	struct report report = empty();

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		assert_true(report_add(&report, (uint16_t)(i + 1), values[i]));
	expect_round_trip(&report);
	for (size_t i = 0; i < report.count; i++)
		report.readings[i].raw = values[report.count - 1 - i];
	expect_round_trip(&report);
	/* 0 and -0 are equal and yet two. */
	report = empty();
	report_add(&report, METRIC_PM1, 0);
	report.readings[0].raw = -0.0;
	expect_round_trip(&report);
}

static void the_largest_report(void **state)
{
	(void)state;
	struct report report = empty();

	for (int i = 0; i < READINGS_MAX; i++) {
		report_add(&report, (uint16_t)(UINT16_MAX - i), 1.0 / (i + 3));
		report.readings[i].raw = -1.0 / (i + 5);
		report.readings[i].flag = (uint8_t)(i % 16);
		report.readings[i].calibration = UINT32_MAX;
	}
	report.marks = UINT16_MAX;
	expect_round_trip(&report);
}

static struct report any_report(struct chance *chance)
{
	struct report report = empty();
	size_t count = chance_below(chance, READINGS_MAX + 1);

	report.marks = (uint16_t)chance_bits(chance);
	report.status = (uint8_t)chance_below(chance, 4);
	for (size_t i = 0; i < count; i++) {
		uint64_t bits = chance_bits(chance);
		double value = number_from_decimal(
			(int64_t)(bits >> 11) >> chance_below(chance, 50),
			(int)chance_below(chance, NUMBER_DIGITS_MAX + 1));
		if (chance_below(chance, 8) == 0)
			memcpy(&value, &bits, sizeof value);
		report_add(&report, (uint16_t)chance_bits(chance), value);
		report.readings[i].flag = (uint8_t)chance_below(chance, 10);
		if (chance_below(chance, 4) == 0)
			report.readings[i].raw = value * 1.1;
		if (chance_below(chance, 4) == 0)
			report.readings[i].calibration = (uint32_t)chance_bits(chance);
	}
	return report;
}

static void any_report_round_trips(void **state)
{
	(void)state;
	struct chance chance = chance_begin();

	for (int i = 0; i < 5000; i++) {
		struct report report = any_report(&chance);
		expect_round_trip(&report);
	}
}

/* Unpacks a copy that ends where memory ends; false must leave nothing to stumble over.
 */
static bool unpacks(const uint8_t *bytes, size_t length)
{
	struct report report;
	uint8_t *exact = malloc(length > 0 ? length : 1);

	memcpy(exact, bytes, length);
	memset(&report, 0, sizeof report);
	bool good = codec_unpack(&report, exact, length);
	free(exact);
	assert_true(report.count <= READINGS_MAX);
	for (size_t i = 0; good && i < report.count; i++)
		assert_true(report.readings[i].flag < 16);
	return good;
}

static void no_part_of_a_report_is_one(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	uint8_t bytes[CODEC_MAX + 1];

	for (int i = 0; i < 200; i++) {
		struct report report = any_report(&chance);
		size_t length = codec_pack(&report, bytes);
		for (size_t cut = 0; cut < length; cut++)
			assert_false(unpacks(bytes, cut));
		bytes[length] = 0;
		assert_false(unpacks(bytes, length + 1)); /* nor is more */
	}
}

static void changed_bytes_do_no_harm(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	struct report report = any_report(&chance);
	uint8_t bytes[CODEC_MAX];
	int taken = 0;

	for (int i = 0; i < 100000; i++) {
		if (i % 100 == 0)
			do
				report = any_report(&chance);
			while (report.count == 0 || report.count > 12);
		size_t length = codec_pack(&report, bytes);
		for (size_t n = 1 + chance_below(&chance, 3); n > 0; n--)
			bytes[chance_below(&chance, length)] =
				(uint8_t)chance_bits(&chance);
		taken += unpacks(bytes, length - chance_below(&chance, 2));
	}
	/* A changed mantissa is a value like others; much else is noticed. */
	assert_in_range(taken, 1000, 90000);
}

static void strange_bytes_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{ "", 0 }, { "\x00\x00\x00\x00", 4 }, /* no format */
		{ "\x03\x00\x00\x00", 4 },            /* a later one */
		{ "\x01\x00\x00\x31", 4 },            /* 49 readings */
		{ "\x01\x00\x00\xff", 4 },
		{ "\x01\x80\x80\x04\x00\x00", 6 },                  /* marks of 65536 */
		{ "\x01\x80\x80\x80\x80\x80\x80\x80\x80", 9 },      /* endless marks */
		{ "\x01\x00\x00\x01\x80\x80\x04\x11\x02", 9 },      /* metric 65536 */
		{ "\x01\x00\x00\x01\x02\x91\x02\x08\x02", 9 },      /* raw of kind 8 */
		{ "\x01\x00\x00\x01\x02\x91\x02", 7 },              /* raw is not there */
		{ "\x01\x00\x00\x01\x02\x91\x02\x80\x02\x07", 10 }, /* of format 2 */
		{ "\x02\x00\x00\x01\x02\x91\x02\x80\x02", 9 },      /* no number of it */
		{ "\x02\x00\x00\x01\x02\x91\x02\x80\x02\x00", 10 }, /* or 0 */
		{ "\x02\x00\x00\x01\x02\x91\x02\x80\x02\x80\x80\x80\x80\x10", 14 },
		{ "\x02\x00\x00\x01\x02\x91\x02\x88\x02\x07", 10 }, /* kind 8 */
		{ "\x01\x00\x00\x01\x02\x71\x00\x00\x00\x00\x00\x00\x00", 13 },
		{ "\x01\x00\x00\x01\x02\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
			17 }, /* a mantissa of more than 64 bits */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (unpacks((const uint8_t *)cases[i].bytes, cases[i].length))
			fail_msg("case %zu is taken", i);
	/* The same, whole. */
	assert_true(unpacks((const uint8_t *)"\x01\x00\x00\x01\x02\x91\x02\x07"
					     "\x00\x00\x00\x00\x00\x00\xf8\x7f",
		16));
	assert_true(
		unpacks((const uint8_t *)"\x02\x00\x00\x01\x02\x91\x02\x80\x02\x07", 10));
}

/* What was stored before there were calibrations is read as ever. */
static void the_format_before(void **state)
{
	(void)state;
	/* pm25 35.2 of raw 39.1, flag 3, and humidity 71, flag 1. */
	static const uint8_t old[] = { 1, 0, 0, 2, 2, 0x93, 0xc0, 0x05, 1, 0x8e, 0x06, 31,
		0x01, 0x8e, 0x01 };
	struct report report = empty();
	uint8_t bytes[CODEC_MAX];

	memset(&report.readings, 0xa5, sizeof report.readings);
	assert_true(codec_unpack(&report, old, sizeof old));
	assert_int_equal(report.count, 2);
	assert_true(report.readings[0].value == 35.2 && report.readings[0].raw == 39.1);
	assert_int_equal(report.readings[0].calibration, 0);
	assert_int_equal(report.readings[0].flag, FLAG_SUSPECT);
	assert_true(report.readings[1].value == 71 && report.readings[1].raw == 71);
	assert_int_equal(report.readings[1].calibration, 0);
	/* And what has none is written as ever. */
	assert_int_equal(codec_pack(&report, bytes), sizeof old);
	assert_memory_equal(bytes, old, sizeof old);
}

static void calibrations_cost_little(void **state)
{
	(void)state;
	struct report report = empty();

	report_add(&report, METRIC_PM25, 35.2);
	report_add(&report, METRIC_HUMIDITY, 71);
	size_t plain = expect_round_trip(&report);
	report.readings[0].raw = 39.1;
	size_t corrected = expect_round_trip(&report);
	report.readings[0].calibration = 100;
	assert_int_equal(expect_round_trip(&report), corrected + 1);
	report.readings[0].calibration = UINT32_MAX;
	assert_int_equal(expect_round_trip(&report), corrected + 5);
	/* One that changes nothing is known all the same. */
	report.readings[0].raw = 35.2;
	report.readings[0].calibration = 3;
	assert_int_equal(expect_round_trip(&report), corrected + 1);
	assert_in_range(corrected, plain + 1, plain + 3);
}

static void hashes_are_what_they_were(void **state)
{
	(void)state;
	assert_true(codec_hash(0, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(codec_hash(0, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(codec_hash(0, "foobar", 6) == UINT64_C(0x85944171f73967e8));
	/* In pieces as at once. */
	assert_true(codec_hash(codec_hash(0, "foo", 3), "bar", 3) ==
		UINT64_C(0x85944171f73967e8));
	/* The one that would be 0 is 1: 0 stands for none. */
	assert_true(codec_hash(0, "\xd5\x6b\xb9\x53\x42\x87\x08\x36", 8) == 1);
}

/* Each byte of a piece counts, and how many there are. */
static void mixes_all_bytes(void **state)
{
	uint8_t bytes[40] = { 0 };

	(void)state;
	for (size_t length = 0; length < sizeof bytes; length++) {
		uint64_t plain = codec_mix(7, bytes, length);
		assert_true(plain != codec_mix(8, bytes, length));
		assert_true(plain != codec_mix(7, bytes, length + 1));
		for (size_t i = 0; i < length; i++) {
			bytes[i] ^= 0x10;
			assert_true(plain != codec_mix(7, bytes, length));
			bytes[i] ^= 0x10;
		}
	}
	assert_true(codec_mix(7, NULL, 0) == codec_mix(7, bytes, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mixes_all_bytes),
		cmocka_unit_test(an_empty_report),
		cmocka_unit_test(decimals_are_small),
		cmocka_unit_test(values_of_every_kind),
		cmocka_unit_test(the_largest_report),
		cmocka_unit_test(any_report_round_trips),
		cmocka_unit_test(no_part_of_a_report_is_one),
		cmocka_unit_test(changed_bytes_do_no_harm),
		cmocka_unit_test(strange_bytes_are_refused),
		cmocka_unit_test(the_format_before),
		cmocka_unit_test(calibrations_cost_little),
		cmocka_unit_test(hashes_are_what_they_were),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
