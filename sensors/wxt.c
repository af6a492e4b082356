/*
 * Vaisala WXT510, WXT520 and WXT530: weather transmitters, ASCII, polled or talking by
 * themselves. RS-232, RS-485 or RS-422; 19200 8N1 (many are set to another speed).
 *
 *   aR1,Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2M       wind
 *   aR2,Ta=13.8C,Tp=13.9C,Ua=75.2P,Pa=1015.7H                 air
 *   aR3,Rc=0.00M,Rd=0s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M,…        rain and hail
 *   aR5,Th=15.6C,Vh=0.0N,Vs=15.2V,Vr=3.498V,Id=Ant            the device itself
 *   aR0,…                                    any of them, as its owner chose
 *   aTX,Start-up                             a message for people
 *
 * a is the address. Which keys are there, and their units, is set in the device. The
 * letter behind a value is its unit, and means another one for each key: M is m/s,
 * mmHg, mm or mm/h. # stands there instead where the value is invalid.
 *
 * With a small r (or t), three characters of CRC follow without a separator, in
 * answers and in requests: 0r1Goe. Without it, a line that lost some characters
 * often still looks like one: whatever is not exactly right is refused as a whole,
 * and so is what is outside the measuring range.
 *
 * Asked by aR for everything, some send the messages without line ends between
 * them. They stand in the order 1, 2, 3, 5; any other order is a message that was cut.
 *
 * Rc counts since its last reset. With automatic reset (aRU,Z=A) it is what fell
 * since the message before: `rain = "interval"`.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/ask.h"
#include "sensors/line.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/unit.h"

enum {
	HEAD_SIZE = 4, /* 0R1, */
	FRAME_MAX = 400,
	FIELDS_MAX = 40,
	BETWEEN_MS = 50, /* two requests */
};

enum wxt_mode { WXT_POLLED, WXT_AUTOMATIC };
enum wxt_messages { WXT_SEPARATE, WXT_COMPOSITE };
enum wxt_rain { WXT_TOTAL, WXT_INTERVAL };

struct wxt_options {
	struct serial_options serial; /* first: see stream.h */
	struct ask_options ask;
	const char *address; /* one character */
	int mode;            /* enum wxt_mode */
	int messages;        /* enum wxt_messages */
	int rain;            /* enum wxt_rain */
	bool crc;            /* ask for it, and take nothing without */
};

struct wxt_session {
	unsigned step;
};

/* --- what the fields mean ------------------------------------------------ */

struct wxt_unit {
	char letter;
	int unit; /* enum unit */
};

static const struct wxt_unit angle_units[] = { { 'D', UNIT_SAME }, { 0, 0 } };
static const struct wxt_unit speed_units[] = { { 'M', UNIT_SAME }, { 'K', UNIT_KMH },
	{ 'S', UNIT_MPH }, { 'N', UNIT_KNOTS }, { 0, 0 } };
static const struct wxt_unit temperature_units[] = { { 'C', UNIT_SAME },
	{ 'F', UNIT_DEGF }, { 0, 0 } };
static const struct wxt_unit humidity_units[] = { { 'P', UNIT_SAME }, { 0, 0 } };
static const struct wxt_unit pressure_units[] = { { 'H', UNIT_SAME }, { 'P', UNIT_PA },
	{ 'B', UNIT_BAR }, { 'M', UNIT_MMHG }, { 'I', UNIT_INHG }, { 0, 0 } };
static const struct wxt_unit depth_units[] = { { 'M', UNIT_SAME }, { 'I', UNIT_INCHES },
	{ 0, 0 } };
static const struct wxt_unit rate_units[] = { { 'M', UNIT_SAME }, { 'I', UNIT_IPH },
	{ 0, 0 } };
static const struct wxt_unit volt_units[] = { { 'V', UNIT_SAME }, { 0, 0 } };

/* Ranges: the data sheet's, with a little room. */
static const struct wxt_key {
	const char *name;
	uint16_t metric;
	const struct wxt_unit *units;
	double min, max; /* in the metric's unit */
} keys[] = {
	{ "Dm", METRIC_WIND_DIRECTION, angle_units, 0, 360 },
	{ "Sm", METRIC_WIND_SPEED, speed_units, 0, 75 },
	{ "Sx", METRIC_WIND_GUST, speed_units, 0, 90 },
	{ "Ta", METRIC_TEMPERATURE, temperature_units, -60, 70 },
	{ "Ua", METRIC_HUMIDITY, humidity_units, 0, 100 },
	{ "Pa", METRIC_PRESSURE, pressure_units, 500, 1150 },
	{ "Rc", METRIC_RAIN_TOTAL, depth_units, 0, 1e6 },
	{ "Ri", METRIC_RAIN_RATE, rate_units, 0, 500 },
	{ "Vs", METRIC_BATTERY, volt_units, 0, 40 },
};

/* The first character that is no letter of a key: what its values look like. */
static bool is_key(struct span key)
{
	return key.length == 2 && key.at[0] >= 'A' && key.at[0] <= 'Z' &&
		key.at[1] >= 'a' && key.at[1] <= 'z';
}

static const struct wxt_key *find_key(struct span name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (span_is(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static const struct wxt_unit *find_unit(const struct wxt_key *key, char letter)
{
	for (const struct wxt_unit *unit = key->units; unit->letter != 0; unit++)
		if (unit->letter == letter)
			return unit;
	return NULL;
}

static bool is_number(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (strchr("0123456789.-", text.at[i]) == NULL)
			return false;
	return text.length > 0;
}

struct tally {
	unsigned found, invalid;
};

static enum sensor_result take_value(const struct wxt_options *options,
	const struct wxt_key *key, struct span value, struct report *report,
	struct tally *tally)
{
	bool is_interval = options != NULL && options->rain == WXT_INTERVAL;
	uint16_t metric = key->metric;
	const struct wxt_unit *unit;
	double number;
	char letter;

	if (value.length < 2)
		return SENSOR_BAD_SYNC;
	letter = value.at[--value.length];
	if (!is_number(value) || !span_number(value, &number))
		return SENSOR_BAD_SYNC;
	tally->found++;
	if (letter == '#') {
		tally->invalid++;
		return SENSOR_OK;
	}
	unit = find_unit(key, letter);
	if (unit == NULL)
		return SENSOR_BAD_SYNC;
	number = unit_convert(unit->unit, number);
	if (number < key->min || number > key->max)
		return SENSOR_BAD_VALUE;
	if (metric == METRIC_RAIN_TOTAL && is_interval)
		metric = METRIC_RAIN;
	if (report_find(report, metric) != NULL)
		return SENSOR_BAD_SYNC; /* twice the same */
	return report_add(report, metric, number) ? SENSOR_OK : SENSOR_TOO_LARGE;
}

static enum sensor_result take_field(const struct wxt_options *options, struct span field,
	struct report *report, struct tally *tally)
{
	struct span value = field, name;
	const struct wxt_key *key;

	if (!span_split(&value, '=', &name) || value.at == NULL || !is_key(name))
		return SENSOR_BAD_SYNC;
	if (value.length == 0 || memchr(value.at, '=', value.length) != NULL)
		return SENSOR_BAD_SYNC;
	key = find_key(name);
	return key != NULL ? take_value(options, key, value, report, tally) : SENSOR_OK;
}

/* --- messages --------------------------------------------------------------- */

static bool is_address(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/*
 * The head at BYTES: '0' to '5' for R0 to R5, 'T' for a text message; 0: more bytes are
 * needed to tell; -1: there is none.
 */
static int head_at(const uint8_t *bytes, size_t length)
{
	bool is_text;

	if (!is_address(bytes[0]))
		return -1;
	if (length < 2)
		return 0;
	is_text = bytes[1] == 'T' || bytes[1] == 't';
	if (!is_text && bytes[1] != 'R' && bytes[1] != 'r')
		return -1;
	if (length < 3)
		return 0;
	if (is_text ? bytes[2] != 'X' : bytes[2] < '0' || bytes[2] > '5')
		return -1;
	if (length < HEAD_SIZE)
		return 0;
	if (bytes[3] != ',')
		return -1;
	return is_text ? 'T' : bytes[2];
}

/* May the message at BYTES + AT follow the one at BYTES without a line end? */
static bool is_glued(const uint8_t *bytes, size_t before, size_t at)
{
	return bytes[at] == bytes[0] && bytes[at + 1] == bytes[1] &&
		bytes[before + 2] != '0' && bytes[at + 2] > bytes[before + 2];
}

static ssize_t wxt_frame(const uint8_t *bytes, size_t length)
{
	int head = head_at(bytes, length);
	ssize_t line;
	size_t before = 0;

	if (head <= 0)
		return head;
	line = line_frame(bytes, length, FRAME_MAX);
	if (line < 0)
		return -1;
	for (size_t i = HEAD_SIZE; i + HEAD_SIZE <= length; i++) {
		int next;

		if (line > 0 && i >= (size_t)line)
			break;
		next = head_at(bytes + i, length - i);
		if (next <= 0)
			continue;
		if (head == 'T' || next == 'T' || !is_glued(bytes, before, i))
			return -1; /* the one before was cut */
		before = i;
	}
	return line;
}

/* One message without its line end, its CRC still behind it. */
static enum sensor_result take_message(const struct wxt_options *options,
	struct span message, struct report *report, struct tally *tally)
{
	bool has_crc = message.at[1] == 'r' || message.at[1] == 't';
	struct span field;
	unsigned count = 0;

	if (has_crc && !line_take_crc(&message))
		return SENSOR_BAD_CHECKSUM;
	if (!has_crc && options != NULL && options->crc)
		return SENSOR_BAD_CHECKSUM;
	message.at += HEAD_SIZE;
	message.length -= HEAD_SIZE;
	while (span_split(&message, ',', &field)) {
		enum sensor_result result = take_field(options, field, report, tally);

		if (result != SENSOR_OK)
			return result;
		if (++count > FIELDS_MAX)
			return SENSOR_BAD_SYNC;
	}
	return SENSOR_OK;
}

/* "Start-up" is news; "Unknown cmd error", "Sync/address error", "Use chksum" are faults.
 */
static enum sensor_result take_text(struct span message)
{
	struct span text;

	if (message.at[1] == 't' && !line_take_crc(&message))
		return SENSOR_BAD_CHECKSUM;
	text = (struct span){ message.at + HEAD_SIZE, message.length - HEAD_SIZE };
	return span_begins(text, "Start-up") ? SENSOR_IGNORED : SENSOR_DEVICE_ERROR;
}

static enum sensor_result wxt_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	struct span body = line_body(frame, length);
	const uint8_t *bytes = (const uint8_t *)body.at;
	struct tally tally = { 0, 0 };
	size_t begin = 0;

	if (body.length <= HEAD_SIZE)
		return SENSOR_BAD_LENGTH;
	if (head_at(bytes, body.length) <= 0)
		return SENSOR_BAD_SYNC;
	if (head_at(bytes, body.length) == 'T')
		return take_text(body);
	for (size_t end = HEAD_SIZE; end <= body.length; end++) {
		struct span message = { body.at + begin, end - begin };
		enum sensor_result result;

		if (end < body.length &&
			(end - begin < HEAD_SIZE ||
				head_at(bytes + end, body.length - end) <= 0))
			continue;
		if (message.length <= HEAD_SIZE)
			return SENSOR_BAD_SYNC;
		result = take_message(options, message, report, &tally);
		if (result != SENSOR_OK)
			return result;
		begin = end;
	}
	if (report->count > 0)
		return SENSOR_OK;
	/* Values that are all invalid are the device's word that it is broken. */
	return tally.invalid > 0 ? SENSOR_DEVICE_ERROR : SENSOR_IGNORED;
}

/* --- asking ------------------------------------------------------------------- */

static struct sensor_turn wxt_turn(const void *opaque, void *opaque_session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	static const char separate[] = "1235";
	static const char composite[] = "0";
	const struct wxt_options *options = opaque;
	struct wxt_session *session = opaque_session;
	const char *plan = options->messages == WXT_COMPOSITE ? composite : separate;
	char text[16], crc[LINE_CRC_SIZE + 1] = "";
	bool is_last;

	(void)last;
	if (options->mode == WXT_AUTOMATIC)
		return ask_listen(&options->ask);
	snprintf(text, sizeof(text), "%c%c%c", options->address[0],
		options->crc ? 'r' : 'R', plan[session->step]);
	if (options->crc)
		line_crc((struct span){ text, strlen(text) }, crc);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\r\n", crc);
	is_last = plan[++session->step] == '\0';
	if (is_last)
		session->step = 0;
	return ask_turn(
		&options->ask, text, is_last ? options->ask.every : BETWEEN_MS, request);
}

/* --- options ------------------------------------------------------------------ */

static const char *const mode_names[] = { "polled", "automatic", NULL };
static const char *const messages_names[] = { "separate", "composite", NULL };
static const char *const rain_names[] = { "total", "interval", NULL };

static const struct option wxt_table[] = {
	SERIAL_OPTIONS(struct wxt_options, serial, "19200", "none"),
	ASK_OPTIONS(struct wxt_options, ask, "10s", "1s"),
	{
		.name = "address",
		.type = OPTION_STRING,
		.offset = offsetof(struct wxt_options, address),
		.fallback = "0",
		.min = 1,
		.max = 1,
		.help = "The device's address, one letter or digit.",
	},
	{
		.name = "mode",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct wxt_options, mode),
		.fallback = "polled",
		.choices = mode_names,
		.help = "Whether the device is asked, or talks by itself.",
	},
	{
		.name = "messages",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct wxt_options, messages),
		.fallback = "separate",
		.choices = messages_names,
		.help = "What is asked for: R1, R2, R3 and R5, or the composite R0.",
	},
	{
		.name = "crc",
		.type = OPTION_BOOL,
		.offset = offsetof(struct wxt_options, crc),
		.fallback = "false",
		.help = "Ask for messages with a CRC, and take no others.",
	},
	{
		.name = "rain",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct wxt_options, rain),
		.fallback = "total",
		.choices = rain_names,
		.help = "What Rc is: a running total, or (automatic reset) what fell since the last message.",
	},
	{ .name = NULL },
};

static void wxt_check(const void *values, const struct config_place *place)
{
	const struct wxt_options *options = values;

	serial_check(values, place);
	if (strlen(options->address) != 1 || !is_address((uint8_t)options->address[0]))
		config_error(place, "address", "must be one letter or digit");
}

static const char *const wxt_aliases[] = { "wxt510", "wxt520", "wxt530", NULL };

const struct sensor_driver sensor_wxt = {
	.kind = {
		.name = "wxt",
		.aliases = wxt_aliases,
		.summary = "Vaisala WXT510, WXT520, WXT530: wind, air, rain",
		.group = {
			.name = "sensor",
			.options = wxt_table,
			.size = sizeof(struct wxt_options),
			.check = wxt_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = wxt_frame,
	.frame_max = FRAME_MAX,
	.decode = wxt_decode,
	.turn = wxt_turn,
	.session_size = sizeof(struct wxt_session),
	.is_text = true,
	.probe = {
		.ask = "0R1\r\n",
		.talking = "mode = \"automatic\";",
	},
	.simulation = &simulation_wxt,
};
