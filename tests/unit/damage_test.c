/*
 * Long streams with random damage: DAMAGE_FRAMES (100,000) frames of each kind, each byte
 * of which is another one with a probability of 1 %. Every undamaged frame has to come
 * out, so that a line is in step again with the first good frame after a damage. Of the
 * damaged ones none with a single damaged byte may be taken, and of the others no more
 * than their check cannot tell:
 *
 *   none     no check: what still looks like values is taken; only counted here
 *   8 bits   a sum or an exclusive or: 1 of 256, of which the second change is the
 * undoing 16 bits  a sum: two changes in bytes of one column that cancel each other: 1 of
 * 256 CRC      16 bits: 1 of 65536
 *
 * That share of the frames with two damaged bytes or more, five standard deviations, and
 * three where that is next to nothing, are the limit.
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

enum { FRAMES_DEFAULT = 100000, DAMAGE_PERCENT = 1, RARE = 3, LINE_ROOM = 128 };

static unsigned frames = FRAMES_DEFAULT;

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

static size_t put_text(uint8_t *frame, const char *text)
{
	memcpy(frame, text, strlen(text));
	return strlen(text);
}

static size_t make_rg15(uint8_t *frame)
{
	char text[100];

	snprintf(text, sizeof(text),
		"Acc  0.01 mm, EventAcc  2.07 mm, TotalAcc %5.2f mm, RInt  2.89 mmph\r\n",
		(double)(next_random() % 10000) / 100);
	return put_text(frame, text);
}

static size_t make_pluvio2(uint8_t *frame)
{
	char text[100];

	snprintf(text, sizeof(text),
		"+1.200;+0.100;+0.100;+%.3f;+98.700;+98.650;+27.4;+0;+0\r\n",
		(double)(next_random() % 500000) / 1000);
	return put_text(frame, text);
}

static size_t make_text(uint8_t *frame)
{
	char text[100];

	snprintf(text, sizeof(text), "$ENV,%.1f,71\r\n",
		(double)(next_random() % 400) / 10);
	return put_text(frame, text);
}

static size_t make_sds198(uint8_t *frame)
{
	unsigned sum = 0;

	memcpy(frame, "\xAA\xCF\x0E\x00\x10\x00\xE9\x05\x0C\xAB", 10);
	frame[4] = (uint8_t)(1 + next_random() % 255);
	for (size_t i = 2; i < 8; i++)
		sum += frame[i];
	frame[8] = (uint8_t)sum;
	return 10;
}

static size_t make_pms5003s(uint8_t *frame)
{
	return play("pms5003s", frame);
}

static size_t make_pms5003st(uint8_t *frame)
{
	return play("pms5003st", frame);
}

static size_t make_ze12(uint8_t *frame)
{
	make_ze08(frame);
	frame[1] = 0x2B;
	frame[8] = winsen_sum(frame, WINSEN_SIZE);
	return WINSEN_SIZE;
}

static size_t make_ze25(uint8_t *frame)
{
	make_ze08(frame);
	frame[1] = 0x2A;
	frame[8] = winsen_sum(frame, WINSEN_SIZE);
	return WINSEN_SIZE;
}

static size_t make_zphs01b(uint8_t *frame)
{
	size_t length = play("zphs01b", frame);

	frame[5] = (uint8_t)next_random();
	frame[length - 1] = winsen_sum(frame, length);
	return length;
}

/* As the bus hands it over: the request, and the answer behind it. */
static size_t make_modbus(uint8_t *frame)
{
	memcpy(frame, "\x01\x03\x02", 3);
	frame[3] = (uint8_t)next_random();
	frame[4] = (uint8_t)next_random();
	return rtu_seal(frame, 5);
}

/* What `muabui decode modbus` finds in a line that was listened to. */
static enum sensor_result decode_response(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	struct rtu_message message;
	enum sensor_result result = rtu_parse(frame, length, &message);

	(void)options;
	if (result != SENSOR_OK)
		return result;
	if (message.kind != RTU_RESPONSE || message.unit != 1 || message.count != 1)
		return SENSOR_IGNORED;
	report_add(report, METRIC_RAIN_TOTAL, message.data[0] << 8 | message.data[1]);
	return SENSOR_OK;
}

static struct framer_code code_of(const struct sensor_driver *driver, const void *options)
{
	if (driver->bus == SENSOR_BUS_MODBUS)
		return (struct framer_code){ .frame = rtu_frame,
			.decode = decode_response,
			.frame_max = RTU_MAX };
	return framer_code_of(driver, options);
}

/* --- the line ------------------------------------------------------------------ */

struct sent {
	size_t offset, length;
	unsigned damaged; /* bytes */
	double value;     /* the first of the undamaged frame */
	bool is_heard;
};

/* How a frame is checked; the share of damaged ones that this cannot tell is 1 / it. */
enum check { CHECK_NONE = 1, CHECK_BYTE = 256, CHECK_CRC = 65536 };

struct line {
	const struct sensor_driver *driver;
	enum check check;
	struct framer_code code;
	struct sent *sent;
	uint8_t *bytes;
	size_t length;
};

static void send_all(struct line *line, size_t (*make)(uint8_t *frame))
{
	for (size_t i = 0; i < frames; i++) {
		uint8_t *frame = line->bytes + line->length;
		struct sent *sent = &line->sent[i];
		struct report report;

		*sent = (struct sent){ .offset = line->length, .length = make(frame) };
		report_init(&report);
		assert_int_equal(line->code.decode(line->code.options, frame,
					 sent->length, &report),
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
	unsigned damaged_twice; /* or more often */
};

/* Does SENT end at END? Its LF may come a little later than its CR, and be passed over.
 */
static bool is_end(const struct line *line, const struct sent *sent, size_t end)
{
	size_t own = sent->offset + sent->length;

	return own == end || (line->driver->by_line && own == end + 1);
}

static void hear(struct line *line, const struct framer *framer, size_t offset,
	const struct report *report, size_t *cursor, struct outcome *outcome)
{
	struct sent *sent = find_sent(line, offset, cursor), *last;
	size_t end = offset + framer->frame_length, to = *cursor;

	/* A line whose end was damaged goes on in the next one, which may be good. */
	last = find_sent(line, end - 1, &to);
	if (last->damaged == 0 && is_end(line, last, end) &&
		(last == sent || line->driver->is_text) &&
		report->readings[0].value == last->value) {
		assert_true(line->driver->is_text || sent->offset == offset);
		assert_false(last->is_heard);
		last->is_heard = true;
		outcome->heard++;
		return;
	}
	/* A line's end may be another one, and its values right all the same. */
	if (line->driver->is_text && report->readings[0].value == sent->value)
		return;
	outcome->taken_though_damaged++;
	if (line->check != CHECK_NONE && sent->offset == offset &&
		framer->frame_length == sent->length)
		assert_true(sent->damaged >= 2);
}

static struct outcome receive_all(struct line *line)
{
	struct framer framer;
	struct report report;
	enum sensor_result result;
	struct outcome outcome = { 0 };
	size_t put = 0, cursor = 0;

	framer_init(&framer, &line->code);
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
	for (size_t i = 0; i < frames; i++) {
		outcome.undamaged += line->sent[i].damaged == 0;
		outcome.damaged_twice += line->sent[i].damaged >= 2;
	}
	return outcome;
}

static const struct {
	const char *driver;
	size_t (*make)(uint8_t *frame);
	enum check check;
} kinds[] = {
	{ "pms3003", make_pms3003, CHECK_BYTE },
	{ "pms5003", make_pms5003, CHECK_BYTE },
	{ "pms5003s", make_pms5003s, CHECK_BYTE },
	{ "pms5003t", make_pms5003t, CHECK_BYTE },
	{ "pms5003st", make_pms5003st, CHECK_BYTE },
	{ "sds011", make_sds011, CHECK_BYTE },
	{ "sds198", make_sds198, CHECK_BYTE },
	{ "sps30", make_sps30, CHECK_BYTE },
	{ "hpma115", make_hpma115, CHECK_BYTE },
	{ "mhz19b", make_mhz19b, CHECK_BYTE },
	{ "s8", make_s8, CHECK_CRC },
	{ "ze08", make_ze08, CHECK_BYTE },
	{ "ze12", make_ze12, CHECK_BYTE },
	{ "ze25", make_ze25, CHECK_BYTE },
	{ "ze03", make_ze12, CHECK_BYTE },
	{ "zphs01b", make_zphs01b, CHECK_BYTE },
	{ "modbus", make_modbus, CHECK_CRC },
	{ "wxt", make_wxt, CHECK_CRC },
	{ "text", make_text, CHECK_NONE },
	{ "rg15", make_rg15, CHECK_NONE },
	{ "sdi12", make_sdi12, CHECK_CRC },
	{ "pluvio2", make_pluvio2, CHECK_NONE },
	{ "nmea", make_nmea, CHECK_BYTE },
	{ "umb", make_umb, CHECK_CRC },
};

/* How many damaged frames may be taken: see above. */
static double limit_of(const struct line *line, const struct outcome *outcome)
{
	double mean = (double)outcome->damaged_twice / line->check;

	return mean + 5 * sqrt(mean) + RARE;
}

static void judge(const struct line *line, struct outcome outcome)
{
	double limit = limit_of(line, &outcome);
	char room[40] = "it has no check";

	if (line->check != CHECK_NONE)
		snprintf(room, sizeof(room), "its check allows %.0f", floor(limit));
	print_message("%-9s %u undamaged, %u decoded; %u damaged, %u taken (%s)\n",
		line->driver->kind.name, outcome.undamaged, outcome.heard,
		frames - outcome.undamaged, outcome.taken_though_damaged, room);
	assert_int_equal(outcome.heard, outcome.undamaged);
	assert_true(outcome.undamaged > frames / 3);
	if (line->check != CHECK_NONE)
		assert_true(outcome.taken_though_damaged <= limit);
}

/* Every driver that finds frames in a stream of bytes has to be here. */
static bool is_tried(const char *driver)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].driver, driver) == 0)
			return true;
	return false;
}

static void test_no_driver_is_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; sensor_drivers[i] != NULL; i++)
		if (sensor_drivers[i]->bus != SENSOR_BUS_MQTT &&
			sensor_drivers[i]->bus != SENSOR_BUS_HTTP &&
			!is_tried(sensor_drivers[i]->kind.name))
			fail_msg("%s is not tried", sensor_drivers[i]->kind.name);
}

static void test_damage(void **state)
{
	struct buffer errors;
	struct config *config = load_sensors(
		"{ name = \"umb\"; driver = \"umb\"; port = \"/dev/1\"; "
		"channels = ( { metric = \"temperature\"; channel = 100; } ); }, "
		"{ name = \"sdi12\"; driver = \"sdi12\"; port = \"/dev/2\"; "
		"values = ( { metric = \"temperature\"; index = 1; } ); }, "
		"{ name = \"text\"; driver = \"text\"; port = \"/dev/3\"; "
		"prefix = \"$ENV,\"; fields = 2; columns = ( { metric = \"temperature\"; column = 1; } ); }",
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
			.check = kinds[i].check,
			.sent = calloc(frames, sizeof(struct sent)),
			.bytes = malloc((size_t)frames * LINE_ROOM),
		};
		const void *options = NULL;

		for (size_t j = 0; j < config->sensors.count; j++)
			if (sensors[j].kind == &line.driver->kind)
				options = sensors[j].options;
		line.code = code_of(line.driver, options);
		assert_non_null(line.sent);
		assert_non_null(line.bytes);
		send_all(&line, kinds[i].make);
		judge(&line, receive_all(&line));
		free(line.sent);
		free(line.bytes);
	}
	config_free(config);
	buffer_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_driver_is_left_out),
		cmocka_unit_test(test_damage),
	};

	const char *count = getenv("DAMAGE_FRAMES");

	if (count != NULL && strtoul(count, NULL, 10) > 0)
		frames = (unsigned)strtoul(count, NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
