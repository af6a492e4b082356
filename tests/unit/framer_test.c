/* The framer: resynchronisation, damage, expiry, and what is counted. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/framer.h"

static const uint8_t pms_good[32] = { 0x42, 0x4D, 0x00, 0x1C, 0x00, 0x05, 0x00, 0x0D,
	0x00, 0x16, 0x00, 0x05, 0x00, 0x0D, 0x00, 0x16, 0x02, 0xFD, 0x00, 0xFC, 0x00,
	0x1D, 0x00, 0x0F, 0x00, 0x06, 0x00, 0x06, 0x97, 0x00, 0x03, 0xC5 };
/* Its checksum ends in 42, so the wire shows 42 42 4D. */
static const uint8_t pms_idle[32] = { 0x42, 0x4D, 0x00, 0x1C, [28] = 0x97, [30] = 0x01,
	0x42 };
static const uint8_t sds_good[10] = { 0xAA, 0xC0, 0xD4, 0x04, 0x3A, 0x0A, 0xA1, 0x60,
	0x1D, 0xAB };

struct counts {
	unsigned results[SENSOR_RESULT_COUNT];
	double last_pm25;
};

static void start(struct framer *framer, const char *driver)
{
	struct framer_code code = framer_code_of(sensor_driver_find(driver), NULL);

	framer_init(framer, &code);
}

static void drain(struct framer *framer, struct counts *counts)
{
	struct report report;
	enum sensor_result result;

	report_init(&report);
	while (framer_next(framer, &report, &result)) {
		counts->results[result]++;
		if (result == SENSOR_OK)
			counts->last_pm25 = report_find(&report, METRIC_PM25)->value;
	}
}

static void feed(
	struct framer *framer, struct counts *counts, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t taken = framer_put(framer, bytes, length);

		assert_true(taken > 0);
		bytes += taken;
		length -= taken;
		drain(framer, counts);
	}
}

static void test_idle_frames_from_every_middle(void **state)
{
	(void)state;
	for (size_t begin = 1; begin < 32; begin++) {
		struct framer framer;
		struct counts counts = { 0 };

		start(&framer, "pms5003");
		feed(&framer, &counts, pms_idle + begin, 32 - begin);
		for (int i = 0; i < 5; i++)
			feed(&framer, &counts, pms_idle, 32);
		/* All five, at once: nothing swallows the header behind the 42. */
		assert_int_equal(counts.results[SENSOR_WARMING_UP], 5);
		assert_int_equal(counts.results[SENSOR_BAD_CHECKSUM], 0);
		assert_int_equal(framer.skipped, 32 - begin);
	}
}

static void test_byte_by_byte(void **state)
{
	struct framer framer;
	struct counts counts = { 0 };

	(void)state;
	start(&framer, "sds011");
	for (int i = 0; i < 3; i++)
		for (size_t j = 0; j < sizeof(sds_good); j++)
			feed(&framer, &counts, &sds_good[j], 1);
	assert_int_equal(counts.results[SENSOR_OK], 3);
	assert_true(counts.last_pm25 == 123.6);
	assert_int_equal(framer.skipped, 0);
	assert_false(framer_is_pending(&framer));
}

static void test_damaged_frame_counts_once(void **state)
{
	struct framer framer;
	struct counts counts = { 0 };
	uint8_t bad[32];

	(void)state;
	start(&framer, "pms5003");
	memcpy(bad, pms_good, sizeof(bad));
	bad[10] = 0x42; /* heads inside the damaged frame are no further faults */
	bad[11] = 0x4D;
	feed(&framer, &counts, bad, sizeof(bad));
	feed(&framer, &counts, pms_good, sizeof(pms_good));
	assert_int_equal(counts.results[SENSOR_BAD_CHECKSUM], 1);
	assert_int_equal(counts.results[SENSOR_BAD_LENGTH], 0);
	assert_int_equal(counts.results[SENSOR_OK], 1);
	assert_int_equal(framer.skipped, 32);
}

static void test_expired_head_counts_as_length(void **state)
{
	struct framer framer;
	struct counts counts = { 0 };

	(void)state;
	start(&framer, "pms5003");
	feed(&framer, &counts, pms_good, 20);
	assert_true(framer_is_pending(&framer));
	assert_int_equal(counts.results[SENSOR_BAD_LENGTH], 0);
	framer_expire(&framer);
	drain(&framer, &counts);
	assert_false(framer_is_pending(&framer));
	assert_int_equal(counts.results[SENSOR_BAD_LENGTH], 1);
	assert_int_equal(framer.skipped, 20);
	feed(&framer, &counts, pms_good, sizeof(pms_good));
	assert_int_equal(counts.results[SENSOR_OK], 1);
}

static void test_other_model_is_named_by_length(void **state)
{
	static const uint8_t pms3003[24] = { 0x42, 0x4D, 0x00, 0x14, 0x00, 0x51, 0x00,
		0x6A, 0x00, 0x77, 0x00, 0x35, 0x00, 0x46, 0x00, 0x4F, 0x33, 0xD2, 0x0F,
		0x28, 0x00, 0x3F, 0x04, 0x1A };
	struct framer framer;
	struct counts counts = { 0 };

	(void)state;
	start(&framer, "pms5003");
	for (int i = 0; i < 10; i++)
		feed(&framer, &counts, pms3003, sizeof(pms3003));
	assert_int_equal(counts.results[SENSOR_BAD_LENGTH], 10);
	assert_int_equal(counts.results[SENSOR_OK], 0);
}

static void test_long_junk_is_sync(void **state)
{
	struct framer framer;
	struct counts counts = { 0 };
	uint8_t junk[4096];

	(void)state;
	memset(junk, 0xE0, sizeof(junk));
	start(&framer, "sds011");
	feed(&framer, &counts, junk, sizeof(junk));
	assert_true(counts.results[SENSOR_BAD_SYNC] > 10);
	assert_true(counts.results[SENSOR_BAD_SYNC] < 100);
	assert_int_equal(framer.skipped, sizeof(junk));
	feed(&framer, &counts, sds_good, sizeof(sds_good));
	assert_int_equal(counts.results[SENSOR_OK], 1);
}

/* A frame without its last byte, which the next frame's first byte completes. */
static void test_shared_byte_is_given_back(void **state)
{
	struct framer framer;
	struct counts counts = { 0 };

	(void)state;
	start(&framer, "pms5003");
	feed(&framer, &counts, pms_idle, 31);
	feed(&framer, &counts, pms_good, 32);
	assert_int_equal(counts.results[SENSOR_WARMING_UP], 1);
	assert_int_equal(counts.results[SENSOR_OK], 1);
	assert_int_equal(framer.skipped, 0);
}

/* One byte in a hundred is wrong: nothing false comes out, nothing good is lost. */
/* The same, where the frames come with two reads: the byte is still there. */
static void test_shared_byte_across_reads(void **state)
{
	static const uint8_t first[7] = { 0xFE, 0x44, 0x02, 0x00, 0x00, 0xB8, 0xE4 };
	static const uint8_t junk[4] = { 0x04, 0x08, 0x00, 0x00 };
	struct counts counts = { 0 };
	struct framer framer;

	(void)state;
	/* A frame without its last byte, 42: the next one's 42 is taken for it. */
	start(&framer, "pms5003");
	feed(&framer, &counts, pms_idle, 31);
	feed(&framer, &counts, pms_good, 1);
	assert_int_equal(counts.results[SENSOR_WARMING_UP], 1);
	feed(&framer, &counts, pms_good + 1, 31);
	assert_int_equal(counts.results[SENSOR_OK], 1);
	assert_int_equal(framer.skipped, 0);

	/* Not a head, but one that might be: nothing is lost or counted twice. */
	start(&framer, "s8");
	framer_put(&framer, first, 7);
	drain(&framer, &counts);
	framer_put(&framer, junk, 4);
	drain(&framer, &counts);
	framer_expire(&framer);
	drain(&framer, &counts);
	assert_false(framer_is_pending(&framer));
	assert_int_equal(counts.results[SENSOR_WARMING_UP], 2);
	assert_int_equal(framer.skipped, sizeof(junk));
}

static void test_one_percent_damage(void **state)
{
	enum { FRAMES = 20000 };
	struct framer framer;
	struct counts counts = { 0 };
	unsigned undamaged = 0, damaged = 0, bad;

	(void)state;
	start(&framer, "pms5003");
	srand(7);
	for (int i = 0; i < FRAMES; i++) {
		uint8_t frame[32];
		unsigned errors = 0;

		memcpy(frame, pms_good, sizeof(frame));
		for (size_t j = 0; j < sizeof(frame); j++) {
			if (rand() % 100 != 0)
				continue;
			frame[j] ^= (uint8_t)(1 + rand() % 255);
			errors++;
		}
		undamaged += errors == 0;
		damaged += errors > 0;
		counts.last_pm25 = 13;
		feed(&framer, &counts, frame, sizeof(frame));
		assert_true(errors > 1 || counts.last_pm25 == 13);
	}
	framer_expire(&framer);
	drain(&framer, &counts);
	bad = counts.results[SENSOR_BAD_CHECKSUM] + counts.results[SENSOR_BAD_LENGTH];
	assert_true(counts.results[SENSOR_OK] >= undamaged);
	/* A 16-bit sum lets two damages that cancel each other through, very rarely. */
	assert_true(counts.results[SENSOR_OK] <= undamaged + damaged / 500);
	assert_true(bad > damaged / 2 && bad <= damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_frames_from_every_middle),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_damaged_frame_counts_once),
		cmocka_unit_test(test_expired_head_counts_as_length),
		cmocka_unit_test(test_other_model_is_named_by_length),
		cmocka_unit_test(test_long_junk_is_sync),
		cmocka_unit_test(test_shared_byte_is_given_back),
		cmocka_unit_test(test_shared_byte_across_reads),
		cmocka_unit_test(test_one_percent_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
