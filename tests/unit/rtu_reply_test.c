/* The answer to a request among whatever a line brings. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sensors/rtu_reply.h"

static struct rtu_reply reply;
static uint8_t request[RTU_REQUEST_SIZE];

static void ask(uint8_t unit, uint8_t function, uint16_t address, uint16_t count)
{
	rtu_request(request, unit, function, address, count);
	rtu_reply_begin(&reply, request);
}

/* "01 03 02 02 18 B9 2E" as bytes. */
static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t length = 0;
	char *end;

	for (;;) {
		unsigned long byte = strtoul(hex, &end, 16);

		if (end == hex)
			return length;
		bytes[length++] = (uint8_t)byte;
		hex = end;
	}
}

static bool put(const char *hex)
{
	uint8_t bytes[RTU_REPLY_SIZE];

	return rtu_reply_put(&reply, bytes, from_hex(hex, bytes));
}

/* The value of the one register that came. */
static int value(void)
{
	assert_int_equal(reply.frame_length, 7);
	return reply.bytes[reply.frame + 3] << 8 | reply.bytes[reply.frame + 4];
}

static void test_plain(void **state)
{
	(void)state;
	ask(1, 3, 0, 1);
	assert_true(put("01 03 02 02 18 B9 2E"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_OK);
	assert_int_equal(value(), 536);
	assert_int_equal(reply.skipped, 0);
}

static void test_echo_and_leading_zero(void **state)
{
	(void)state;
	ask(1, 3, 0, 1);
	assert_false(put("01 03 00 00 00 01 84 0A"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_TIMEOUT);
	assert_int_equal(reply.seen, RTU_SEEN_ECHO);
	assert_true(put("00 01 03 02 02 18 B9 2E"));
	assert_int_equal(value(), 536);
	assert_int_equal(reply.skipped, 1);

	ask(1, 3, 0, 1); /* junk before both */
	assert_true(put("00 FF 01 03 00 00 00 01 84 0A FF 01 01 03 02 02 18 B9 2E"));
	assert_int_equal(value(), 536);
	assert_int_equal(reply.skipped, 4);
}

/* The echo of a request for register 0x02xx begins like an answer of one register. */
static void test_echo_that_looks_like_an_answer(void **state)
{
	uint8_t answer[] = { 1, 3, 2, 0, 5, 0, 0 };

	(void)state;
	ask(1, 3, 0x0210, 1);
	rtu_seal(answer, 5);
	for (size_t i = 0; i < RTU_REQUEST_SIZE; i++)
		assert_false(rtu_reply_put(&reply, request + i, 1));
	assert_int_equal(reply.seen, RTU_SEEN_ECHO);
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_TIMEOUT);
	assert_true(rtu_reply_put(&reply, answer, sizeof(answer)));
	assert_int_equal(value(), 5);
}

static void test_pieces(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0x03, 0x02, 0x02, 0x18, 0xB9, 0x2E };

	(void)state;
	for (size_t cut = 1; cut < sizeof(bytes); cut++) {
		ask(1, 3, 0, 1);
		assert_false(rtu_reply_put(&reply, bytes, cut));
		assert_int_equal(rtu_reply_verdict(&reply),
			cut >= 3 ? SENSOR_BAD_LENGTH : SENSOR_TIMEOUT);
		assert_true(rtu_reply_put(&reply, bytes + cut, sizeof(bytes) - cut));
		assert_int_equal(value(), 536);
	}
	ask(1, 3, 0, 1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(rtu_reply_put(&reply, bytes + i, 1), i == 7);
}

static void test_somebody_elses_answer(void **state)
{
	(void)state;
	ask(1, 3, 0, 3);
	assert_false(put("02 03 06 05 A1 00 08 00 BA 88 78"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_SYNC);
	assert_int_equal(reply.foreign_unit, 2);
	assert_int_equal(reply.skipped, 11);

	/* The same with ours behind it. */
	ask(1, 3, 0, 1);
	assert_false(put("02 03 06 05 A1 00 08 00 BA 88 78"));
	assert_true(put("01 03 02 02 18 B9 2E"));
	assert_int_equal(value(), 536);

	ask(1, 3, 0, 1); /* our unit, another function */
	assert_false(put("01 04 02 02 18 B8 5A"));
	assert_int_not_equal(rtu_reply_verdict(&reply), SENSOR_OK);

	ask(1, 3, 0, 2); /* ours, but to another question */
	assert_false(put("01 03 02 02 18 B9 2E"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_LENGTH);
}

/* A whole answer of ours, inside somebody else's, is not ours. */
static void test_answer_within_an_answer(void **state)
{
	uint8_t frame[RTU_MAX] = { 2, 3, 8, 1, 3, 2, 0x02, 0x18, 0xB9, 0x2E, 0 };

	(void)state;
	ask(1, 3, 0, 1);
	assert_false(rtu_reply_put(&reply, frame, rtu_seal(frame, 11)));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_SYNC);
}

static void test_damage(void **state)
{
	(void)state;
	ask(1, 3, 0, 1);
	assert_false(put("01 03 02 02 19 B9 2E"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_CHECKSUM);
	assert_true(put("01 03 02 02 18 B9 2E"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_OK);

	ask(1, 3, 0, 1);
	assert_false(put("01 03 02 02"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_LENGTH);
	assert_true(reply.seen & RTU_SEEN_BEGUN);

	ask(1, 3, 0, 1);
	assert_false(put("E0 00 00 E0 E0 00"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_SYNC);
	ask(1, 3, 0, 1);
	assert_false(put("00 E0")); /* a line that was turned around */
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_TIMEOUT);
}

static void test_exception(void **state)
{
	(void)state;
	ask(1, 3, 0, 1);
	assert_true(put("00 01 83 02 C0 F1"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_DEVICE_ERROR);
	assert_int_equal(reply.bytes[reply.frame + 2], 2);
	ask(1, 3, 0, 1);
	assert_false(put("01 83 02 C0 F0"));
	assert_int_not_equal(rtu_reply_verdict(&reply), SENSOR_DEVICE_ERROR);
	ask(1, 4, 0, 1); /* of another function */
	assert_false(put("01 83 02 C0 F1"));
	assert_int_equal(rtu_reply_verdict(&reply), SENSOR_BAD_SYNC);
}

static void test_longest(void **state)
{
	uint8_t frame[RTU_MAX] = { 1, 3, 250 };
	size_t length;

	(void)state;
	for (size_t i = 3; i < 253; i++)
		frame[i] = (uint8_t)i;
	length = rtu_seal(frame, 253);
	ask(1, 3, 0, 125);
	assert_false(rtu_reply_put(&reply, frame, length - 1));
	assert_true(rtu_reply_put(&reply, frame + length - 1, 1));
	assert_int_equal(reply.frame_length, 255);
}

static void test_never_more_than_it_holds(void **state)
{
	uint8_t junk[RTU_REPLY_SIZE + 100];

	(void)state;
	memset(junk, 1, sizeof(junk));
	ask(1, 3, 0, 1);
	assert_false(rtu_reply_put(&reply, junk, 400));
	assert_false(rtu_reply_is_full(&reply));
	assert_false(rtu_reply_put(&reply, junk, sizeof(junk)));
	assert_true(rtu_reply_is_full(&reply));
	assert_false(put("01 03 02 02 18 B9 2E"));
	assert_int_not_equal(rtu_reply_verdict(&reply), SENSOR_OK);
}

/* Nothing but what was sent is ever read out of noise. */
static void test_noise(void **state)
{
	static const uint8_t answer[] = { 0x01, 0x03, 0x02, 0x02, 0x18, 0xB9, 0x2E };
	int found = 0;

	(void)state;
	srand(7);
	for (int round = 0; round < 20000; round++) {
		uint8_t noise[64];
		size_t length = (size_t)(rand() % 57), at = 0;

		/* Small numbers: many false heads. */
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)(rand() % 5);
		memcpy(noise + length, answer, sizeof(answer));
		ask(1, 3, 0, 1);
		while (at < length + sizeof(answer)) {
			size_t left = length + sizeof(answer) - at;
			size_t part = (size_t)(1 + rand() % 20);

			part = part < left ? part : left;
			if (rtu_reply_put(&reply, noise + at, part))
				break;
			at += part;
		}
		if (rtu_reply_verdict(&reply) != SENSOR_OK)
			continue;
		found++;
		assert_int_equal(value(), 536);
	}
	/* Behind noise that is a whole frame by chance, ours may begin inside it. */
	assert_true(found > 19950);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_echo_and_leading_zero),
		cmocka_unit_test(test_echo_that_looks_like_an_answer),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_somebody_elses_answer),
		cmocka_unit_test(test_answer_within_an_answer),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_exception),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_never_more_than_it_holds),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
