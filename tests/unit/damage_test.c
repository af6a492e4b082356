/*
 * Long streams with random damage: 100,000 frames of each kind, each byte of which is
 * another one with a probability of 1 %. Every undamaged frame has to come out, the
 * first one after a damage too; of the damaged ones none but those whose checksum is
 * right all the same, and never one with a single damaged byte. A sum cannot tell two
 * changes that cancel each other, so that some are taken: their number is printed.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/framer.h"
#include "sensors/line.h"
#include "sensors/rtu.h"
#include "sensors/winsen.h"
#include "tests/unit/sensor_settings.h"
#include "tests/unit/simulated.h"

enum { FRAMES = 100000, DAMAGE_PERCENT = 1 };

static uint64_t state_of_random;

static uint64_t next_random(void)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return state_of_random >> 11;
}

/* --- one good frame each ------------------------------------------------------ */

static double some_dust(void)
{
	return 1 + (double)(next_random() % 4000) / 10;
}

static size_t play(const char *name, uint8_t *frame)
{
	return simulated_frame(name, some_dust(), frame);
}

static size_t make_pms5003(uint8_t *frame)
{
	return play("pms5003", frame);
}

static size_t make_pms3003(uint8_t *frame)
{
	return play("pms3003", frame);
}

static size_t make_pms5003t(uint8_t *frame)
{
	return play("pms5003t", frame);
}

static size_t make_sds011(uint8_t *frame)
{
	return play("sds011", frame);
}

static size_t make_sps30(uint8_t *frame)
{
	return play("sps30", frame);
}

static size_t make_hpma115(uint8_t *frame)
{
	unsigned pm25 = (unsigned)some_dust(), sum = 0;

	memset(frame, 0, 32);
	memcpy(frame, "\x42\x4D\x00\x1C", 4);
	frame[6] = (uint8_t)(pm25 >> 8);
	frame[7] = (uint8_t)pm25;
	frame[8] = (uint8_t)((pm25 + 9) >> 8);
	frame[9] = (uint8_t)(pm25 + 9);
	for (size_t i = 0; i < 30; i++)
		sum += frame[i];
	frame[30] = (uint8_t)(sum >> 8);
	frame[31] = (uint8_t)sum;
	return 32;
}

static size_t make_mhz19b(uint8_t *frame)
{
	unsigned ppm = 400 + (unsigned)(next_random() % 2000);

	memcpy(frame, "\xFF\x86\x00\x00\x42\x00\x00\x00", 8);
	frame[2] = (uint8_t)(ppm >> 8);
	frame[3] = (uint8_t)ppm;
	frame[8] = winsen_sum(frame, WINSEN_SIZE);
	return WINSEN_SIZE;
}

static size_t make_ze08(uint8_t *frame)
{
	memcpy(frame, "\xFF\x17\x04\x00\x00\x00\x13\x88", 8);
	frame[5] = (uint8_t)next_random();
	frame[8] = winsen_sum(frame, WINSEN_SIZE);
	return WINSEN_SIZE;
}

static size_t make_s8(uint8_t *frame)
{
	unsigned ppm = 400 + (unsigned)(next_random() % 2000);

	memcpy(frame, "\xFE\x04\x08\x00\x00\x00\x00\x00\x00", 9);
	frame[9] = (uint8_t)(ppm >> 8);
	frame[10] = (uint8_t)ppm;
	return rtu_seal(frame, 11);
}

static size_t make_wxt(uint8_t *frame)
{
	char *text = (char *)frame, crc[LINE_CRC_SIZE + 1] = "";
	int length = snprintf(text, SIMULATE_FRAME_MAX,
		"0r2,Ta=%.1fC,Tp=13.9C,Ua=75.2P,Pa=1015.7H",
		(double)(next_random() % 500) / 10);

	line_crc((struct span){ text, (size_t)length }, crc);
	return (size_t)length +
		(size_t)snprintf(text + length, SIMULATE_FRAME_MAX - (size_t)length,
			"%s\r\n", crc);
}

static size_t make_nmea(uint8_t *frame)
{
	char *text = (char *)frame;
	unsigned sum = 0;
	int length = snprintf(text, SIMULATE_FRAME_MAX, "$WIMWV,%u.%u,R,3.4,M,A",
		(unsigned)(next_random() % 360), (unsigned)(next_random() % 10));

	for (int i = 1; i < length; i++)
		sum ^= frame[i];
	return (size_t)length +
		(size_t)snprintf(text + length, SIMULATE_FRAME_MAX - (size_t)length,
			"*%02X\r\n", sum);
}

static size_t make_umb(uint8_t *frame)
{
	unsigned crc = 0xFFFF;

	memcpy(frame,
		"\x01\x10\x01\xF0\x01\x70\x08\x02\x23\x10\x00\x64\x00\x12\x00\x00\x03",
		17);
	frame[14] = (uint8_t)next_random();
	for (size_t i = 0; i < 17; i++) {
		crc ^= frame[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1;
	}
	frame[17] = (uint8_t)crc;
	frame[18] = (uint8_t)(crc >> 8);
	frame[19] = 0x04;
	return 20;
}

static size_t make_sdi12(uint8_t *frame)
{
	char *text = (char *)frame, crc[LINE_CRC_SIZE + 1] = "";
	int length = snprintf(text, SIMULATE_FRAME_MAX, "0RC0!0+%u.%u-7",
		(unsigned)(next_random() % 100), (unsigned)(next_random() % 10));

	line_crc((struct span){ text + 5, (size_t)length - 5 }, crc);
	return (size_t)length +
		(size_t)snprintf(text + length, SIMULATE_FRAME_MAX - (size_t)length,
			"%s\r\n", crc);
}

/* --- the line ------------------------------------------------------------------ */

struct sent {
	size_t offset, length;
	unsigned damaged; /* bytes */
	double value;     /* the first of the undamaged frame */
	bool is_heard;
};

struct line {
	const struct sensor_driver *driver;
	const void *options;
	struct sent *sent;
	uint8_t *bytes;
	size_t length;
};

static void send_all(struct line *line, size_t (*make)(uint8_t *frame))
{
	for (size_t i = 0; i < FRAMES; i++) {
		uint8_t *frame = line->bytes + line->length;
		struct sent *sent = &line->sent[i];
		struct report report;

		*sent = (struct sent){ .offset = line->length, .length = make(frame) };
		report_init(&report);
		assert_int_equal(
			line->driver->decode(line->options, frame, sent->length, &report),
			SENSOR_OK);
		sent->value = report.readings[0].value;
		for (size_t j = 0; j < sent->length; j++) {
			if (next_random() % 100 >= DAMAGE_PERCENT)
				continue;
			frame[j] ^= (uint8_t)(1 + next_random() % 255);
			sent->damaged++;
		}
		line->length += sent->length;
	}
}

/* The frame sent that holds the byte at OFFSET; CURSOR only goes forward. */
static struct sent *find_sent(struct line *line, size_t offset, size_t *cursor)
{
	while (line->sent[*cursor].offset + line->sent[*cursor].length <= offset)
		(*cursor)++;
	return &line->sent[*cursor];
}

struct outcome {
	unsigned undamaged, heard, taken_though_damaged;
};

static void hear(struct line *line, const struct framer *framer, size_t offset,
	const struct report *report, size_t *cursor, struct outcome *outcome)
{
	struct sent *sent = find_sent(line, offset, cursor);

	if (sent->damaged == 0 && sent->offset == offset) {
		assert_int_equal(framer->frame_length, sent->length);
		assert_true(report->readings[0].value == sent->value);
		assert_false(sent->is_heard);
		sent->is_heard = true;
		outcome->heard++;
		return;
	}
	/* A line's end may be another one, and its values right all the same. */
	if (line->driver->is_text && report->readings[0].value == sent->value)
		return;
	outcome->taken_though_damaged++;
	if (sent->offset == offset && framer->frame_length == sent->length)
		assert_true(sent->damaged >= 2);
}

static struct outcome receive_all(struct line *line)
{
	struct framer_code code = framer_code_of(line->driver, line->options);
	struct framer framer;
	struct report report;
	enum sensor_result result;
	struct outcome outcome = { 0 };
	size_t put = 0, cursor = 0;

	framer_init(&framer, &code);
	report_init(&report);
	while (put < line->length) {
		size_t chunk = 1 + next_random() % 200;

		if (chunk > line->length - put)
			chunk = line->length - put;
		put += framer_put(&framer, line->bytes + put, chunk);
		while (framer_next(&framer, &report, &result))
			if (result == SENSOR_OK)
				hear(line, &framer,
					put - framer.end +
						(size_t)(framer.frame - framer.bytes),
					&report, &cursor, &outcome);
	}
	for (size_t i = 0; i < FRAMES; i++)
		outcome.undamaged += line->sent[i].damaged == 0;
	return outcome;
}

static void test_damage(void **state)
{
	static const struct {
		const char *driver;
		size_t (*make)(uint8_t *frame);
		unsigned taken_max; /* what the checksum cannot tell, with room */
	} kinds[] = {
		{ "pms3003", make_pms3003, 12 },
		{ "pms5003", make_pms5003, 12 },
		{ "pms5003t", make_pms5003t, 12 },
		{ "sds011", make_sds011, 5 },
		{ "sps30", make_sps30, 20 },
		{ "hpma115", make_hpma115, 12 },
		{ "mhz19b", make_mhz19b, 5 },
		{ "ze08", make_ze08, 5 },
		{ "s8", make_s8, 2 },
		{ "wxt", make_wxt, 2 },
		{ "nmea", make_nmea, 20 },
		{ "umb", make_umb, 2 },
		{ "sdi12", make_sdi12, 2 },
	};
	struct buffer errors;
	struct config *config = load_sensors(
		"{ name = \"umb\"; driver = \"umb\"; port = \"/dev/1\"; "
		"channels = ( { metric = \"temperature\"; channel = 100; } ); }, "
		"{ name = \"sdi12\"; driver = \"sdi12\"; port = \"/dev/2\"; "
		"values = ( { metric = \"temperature\"; index = 1; } ); }",
		&errors);

	const struct option_item *sensors;

	(void)state;
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	sensors = config->sensors.items;
	state_of_random = UINT64_C(0x9E3779B97F4A7C15);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct line line = {
			.driver = sensor_driver_find(kinds[i].driver),
			.sent = calloc(FRAMES, sizeof(struct sent)),
			.bytes = malloc((size_t)FRAMES * SIMULATE_FRAME_MAX),
		};
		struct outcome outcome;

		for (size_t j = 0; j < config->sensors.count; j++)
			if (sensors[j].kind == &line.driver->kind)
				line.options = sensors[j].options;
		assert_non_null(line.sent);
		assert_non_null(line.bytes);
		send_all(&line, kinds[i].make);
		outcome = receive_all(&line);
		print_message("%s: %u frames undamaged, %u of them decoded; %u damaged, "
			      "%u of them taken\n",
			kinds[i].driver, outcome.undamaged, outcome.heard,
			FRAMES - outcome.undamaged, outcome.taken_though_damaged);
		assert_int_equal(outcome.heard, outcome.undamaged);
		assert_true(outcome.undamaged > FRAMES / 2);
		assert_true(outcome.taken_though_damaged <= kinds[i].taken_max);
		free(line.sent);
		free(line.bytes);
	}
	config_free(config);
	buffer_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
