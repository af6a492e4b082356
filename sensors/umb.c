/*
 * Lufft instruments that speak UMB binary: WS, VENTUS, MARWIS and others. RS-485,
 * 19200 8N1. Little endian.
 *
 *    0  01      SOH
 *    1  10      version of the header
 *    2  to      class << 12 | id: 7001 a weather station, F001 who asks
 *    4  from
 *    6  length  from the command to the end of the payload
 *    7  02      STX
 *    8  command 23 one channel, 2F several
 *    9  10      version of the command
 *   10  payload
 *       03      ETX
 *       CRC     16 bits, polynomial 8408 reflected, from FFFF, over SOH to ETX
 *       04      EOT
 *
 *   23  >  channel:2                      <  status channel:2 type value
 *   2F  >  count channel:2 …              <  status count (length status channel:2 type
 *                                            value) …
 *
 *   01 10 01 70 01 F0 05 02 2F 10 01 64 00 03 71 4B 04              channel 100?
 *   01 10 01 F0 01 70 0A 02 23 10 00 64 00 16 F5 54 E1 41 03 90 86 04     28.166483
 *
 * Types: 10 u8, 11 s8, 12 u16, 13 s16, 14 u32, 15 s32, 16 float, 17 double. A status
 * other than 0 says why there is no value; 28 is "not ready". What a channel number
 * means stands in each instrument's manual and in the configuration: 100 is air
 * temperature, 200 humidity, 300 pressure, 400 wind speed, 500 wind direction, 620
 * precipitation in mm since the start, 820 its intensity in mm/h.
 */
#include <stdbool.h>
#include <string.h>

#include "core/number.h"
#include "sensors/ask.h"
#include "sensors/bytes.h"
#include "sensors/mapping.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	SOH = 0x01,
	STX = 0x02,
	ETX = 0x03,
	EOT = 0x04,
	VERSION = 0x10,
	HEAD_SIZE = 8,
	TAIL_SIZE = 4,
	COMMAND_SIZE = 2, /* and its version */
	FRAME_MAX = HEAD_SIZE + 255 + TAIL_SIZE,
	COMMAND_ONE = 0x23,
	COMMAND_SEVERAL = 0x2F,
	STATUS_OK = 0x00,
	STATUS_NOT_READY = 0x28,
	CLASS_CONTROLLER = 0xF,
	CONTROLLER = CLASS_CONTROLLER << 12 | 1,
	CHANNELS_MAX = 20, /* in one request */
};

struct umb_channel {
	struct mapping mapping; /* first: see mapping.h */
	int channel;
};

struct umb_options {
	struct serial_options serial; /* first: see stream.h */
	struct ask_options ask;
	int device_class;
	int device_id;
	struct option_list channels; /* struct umb_channel */
};

struct umb_session {
	size_t asked; /* channels, in this round */
};

static unsigned checksum(const uint8_t *bytes, size_t length)
{
	unsigned crc = 0xFFFF;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1;
	}
	return crc;
}

static ssize_t umb_frame(const uint8_t *bytes, size_t length)
{
	if (bytes[0] != SOH)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != VERSION)
		return -1;
	if (length < HEAD_SIZE)
		return 0;
	if (bytes[6] < COMMAND_SIZE || bytes[7] != STX)
		return -1;
	return HEAD_SIZE + bytes[6] + TAIL_SIZE;
}

/* --- values ---------------------------------------------------------------------- */

/* Bytes of a value; 0: there is no such type. */
static size_t size_of(uint8_t type)
{
	static const uint8_t sizes[] = { 1, 1, 2, 2, 4, 4, 4, 8 };

	return type >= 0x10 && type <= 0x17 ? sizes[type - 0x10] : 0;
}

static double read_value(uint8_t type, const uint8_t *bytes)
{
	uint64_t pattern = 0;
	uint32_t half;
	double real;
	float single;

	for (size_t i = size_of(type); i-- > 0;)
		pattern = pattern << 8 | bytes[i];
	half = (uint32_t)pattern;
	switch (type) {
	case 0x11:
		return (int8_t)pattern;
	case 0x13:
		return (int16_t)pattern;
	case 0x15:
		return (int32_t)half;
	case 0x16:
		memcpy(&single, &half, sizeof(single));
		return number_from_float(single);
	case 0x17:
		memcpy(&real, &pattern, sizeof(real));
		return real;
	default:
		return (double)pattern;
	}
}

/* Takes "channel type value", of LENGTH bytes, if somebody wants it. */
static enum sensor_result take_channel(const struct umb_options *options,
	const uint8_t *bytes, size_t length, struct report *report)
{
	const struct umb_channel *channels = options->channels.items;

	if (length < 3 || size_of(bytes[2]) == 0 || length != 3 + size_of(bytes[2]))
		return SENSOR_BAD_LENGTH;
	for (size_t i = 0; i < options->channels.count; i++) {
		enum sensor_result result;

		if ((unsigned)channels[i].channel != bytes_little(bytes) ||
			report_find(report, channels[i].mapping.metric->id) != NULL)
			continue;
		result = mapping_take(
			&channels[i].mapping, read_value(bytes[2], bytes + 3), report);
		if (result != SENSOR_OK)
			return result;
	}
	return SENSOR_OK;
}

static enum sensor_result result_of_status(uint8_t status)
{
	if (status == STATUS_OK)
		return SENSOR_OK;
	return status == STATUS_NOT_READY ? SENSOR_WARMING_UP : SENSOR_DEVICE_ERROR;
}

static enum sensor_result take_several(const struct umb_options *options,
	const uint8_t *payload, size_t length, struct report *report)
{
	enum sensor_result worst = SENSOR_OK;
	size_t at = 2;

	if (length < 2)
		return SENSOR_BAD_LENGTH;
	for (unsigned left = payload[1]; left > 0; left--) {
		size_t entry = at < length ? payload[at] : 0;
		enum sensor_result result;

		at++;
		if (entry == 0 || at + entry > length)
			return SENSOR_BAD_LENGTH;
		result = result_of_status(payload[at]);
		if (result == SENSOR_OK) {
			result = take_channel(
				options, payload + at + 1, entry - 1, report);
			if (result != SENSOR_OK)
				return result;
		} else {
			worst = result; /* this channel has no value */
		}
		at += entry;
	}
	if (at != length)
		return SENSOR_BAD_LENGTH;
	return report->count > 0 ? SENSOR_OK : worst;
}

/* --- frames ------------------------------------------------------------------------ */

static enum sensor_result check_frame(const uint8_t *frame, size_t length)
{
	const uint8_t *tail = frame + length - TAIL_SIZE;

	if (length < HEAD_SIZE + COMMAND_SIZE + TAIL_SIZE)
		return SENSOR_BAD_LENGTH;
	if (frame[0] != SOH || frame[1] != VERSION || frame[7] != STX)
		return SENSOR_BAD_SYNC;
	if (length != (size_t)HEAD_SIZE + frame[6] + TAIL_SIZE)
		return SENSOR_BAD_LENGTH;
	if (tail[0] != ETX || tail[3] != EOT)
		return SENSOR_BAD_SYNC;
	if (checksum(frame, length - 3) != bytes_little(tail + 1))
		return SENSOR_BAD_CHECKSUM;
	return SENSOR_OK;
}

static enum sensor_result umb_decode(
	const void *opaque, const uint8_t *frame, size_t length, struct report *report)
{
	const struct umb_options *options = opaque;
	const uint8_t *payload = frame + HEAD_SIZE + COMMAND_SIZE;
	enum sensor_result result = check_frame(frame, length);
	size_t size;

	if (result != SENSOR_OK)
		return result;
	size = frame[6] - COMMAND_SIZE;
	if (bytes_little(frame + 2) >> 12 != CLASS_CONTROLLER)
		return SENSOR_IGNORED; /* a request */
	if (options == NULL)
		return SENSOR_MISSING_FIELD; /* nothing says what the channels mean */
	if ((bytes_little(frame + 4) & 0xFFF) != (unsigned)options->device_id)
		return SENSOR_IGNORED; /* another device on the bus */
	if (frame[8] != COMMAND_ONE && frame[8] != COMMAND_SEVERAL)
		return SENSOR_IGNORED;
	if (size < 1)
		return SENSOR_BAD_LENGTH;
	result = result_of_status(payload[0]);
	if (result != SENSOR_OK)
		return result;
	if (frame[8] == COMMAND_SEVERAL)
		result = take_several(options, payload, size, report);
	else
		result = take_channel(options, payload + 1, size - 1, report);
	if (result != SENSOR_OK)
		return result;
	return report->count > 0 ? SENSOR_OK : SENSOR_IGNORED;
}

/* --- asking --------------------------------------------------------------------------
 */

static struct sensor_turn umb_turn(const void *opaque, void *opaque_session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct umb_options *options = opaque;
	const struct umb_channel *channels = options->channels.items;
	struct umb_session *session = opaque_session;
	unsigned device = (unsigned)(options->device_class << 12 | options->device_id);
	size_t count = options->channels.count - session->asked;
	size_t at = HEAD_SIZE;
	unsigned crc;

	(void)last;
	if (count > CHANNELS_MAX)
		count = CHANNELS_MAX;
	memcpy(request,
		(uint8_t[]){ SOH, VERSION, device & 0xFF, (uint8_t)(device >> 8),
			CONTROLLER & 0xFF, CONTROLLER >> 8,
			(uint8_t)(COMMAND_SIZE + 1 + 2 * count), STX },
		HEAD_SIZE);
	request[at++] = COMMAND_SEVERAL;
	request[at++] = VERSION;
	request[at++] = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		int channel = channels[session->asked + i].channel;

		request[at++] = channel & 0xFF;
		request[at++] = (uint8_t)(channel >> 8);
	}
	request[at++] = ETX;
	crc = checksum(request, at);
	request[at++] = crc & 0xFF;
	request[at++] = (uint8_t)(crc >> 8);
	request[at++] = EOT;
	session->asked += count;
	if (session->asked >= options->channels.count)
		session->asked = 0;
	return (struct sensor_turn){
		.length = at,
		.wait_ms = options->ask.timeout,
		.pause_ms = session->asked == 0 ? options->ask.every : 0,
	};
}

/* --- being played ------------------------------------------------------------------- */

/* A plausible value of CHANNEL. */
static float play_value(const struct simulate_moment *moment, unsigned channel)
{
	static const struct {
		unsigned channel;
		float value;
	} channels[] = { { 100, 28.166483F }, { 200, 71.5F }, { 300, 1009.8F },
		{ 400, 2.4F }, { 500, 112.0F } };

	if (channel == 600 || channel == 620)
		return (float)moment->rain_mm;
	if (channel == 800 || channel == 820)
		return (float)moment->rain_rate;
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if (channels[i].channel == channel)
			return channels[i].value;
	return 1;
}

/* Writes "channel type value" of a channel that is asked for at WANTED. */
static size_t play_channel(
	const struct simulate_moment *moment, const uint8_t *wanted, uint8_t *bytes)
{
	float value = play_value(moment, bytes_little(wanted));
	uint32_t pattern;

	memcpy(&pattern, &value, sizeof(pattern));
	memcpy(bytes, wanted, 2);
	bytes[2] = 0x16;
	for (size_t i = 0; i < 4; i++)
		bytes[3 + i] = (uint8_t)(pattern >> (8 * i));
	return 7;
}

/* Answers with the channels that the request at HEARD wants. */
static size_t play_answer(const struct simulate_moment *moment, const uint8_t *heard,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	const uint8_t *payload = heard + HEAD_SIZE + COMMAND_SIZE;
	size_t at = HEAD_SIZE + COMMAND_SIZE;
	unsigned crc;

	memcpy(frame, heard, at);
	memcpy(frame + 2, heard + 4, 2); /* back to who asked */
	memcpy(frame + 4, heard + 2, 2);
	frame[at++] = STATUS_OK;
	if (heard[8] == COMMAND_ONE) {
		at += play_channel(moment, payload, frame + at);
	} else {
		frame[at++] = payload[0];
		for (size_t i = 0; i < payload[0] && at + 20 < SIMULATE_FRAME_MAX; i++) {
			frame[at++] = 8;
			frame[at++] = STATUS_OK;
			at += play_channel(moment, payload + 1 + 2 * i, frame + at);
		}
	}
	frame[6] = (uint8_t)(at - HEAD_SIZE);
	frame[at++] = ETX;
	crc = checksum(frame, at);
	frame[at++] = crc & 0xFF;
	frame[at++] = (uint8_t)(crc >> 8);
	frame[at++] = EOT;
	return at;
}

static size_t umb_reply(struct simulate_device *device, size_t *used,
	uint8_t frame[static SIMULATE_FRAME_MAX])
{
	const uint8_t *heard = device->heard;
	ssize_t length = umb_frame(heard, device->heard_length);
	size_t payload;

	*used = length < 0 ? 1 : 0;
	if (length <= 0 || (size_t)length > device->heard_length)
		return 0;
	*used = 1;
	if (check_frame(heard, (size_t)length) != SENSOR_OK)
		return 0;
	*used = (size_t)length;
	if (bytes_little(heard + 2) >> 12 == CLASS_CONTROLLER)
		return 0; /* an answer */
	if (device->settings->fixture_count > 0)
		return SIMULATE_NEXT;
	payload = heard[6] - COMMAND_SIZE;
	if (heard[8] == COMMAND_ONE && payload == 2)
		return play_answer(&device->now, heard, frame);
	if (heard[8] == COMMAND_SEVERAL && payload >= 1 &&
		heard[HEAD_SIZE + COMMAND_SIZE] <= CHANNELS_MAX &&
		payload == 1 + 2U * heard[HEAD_SIZE + COMMAND_SIZE])
		return play_answer(&device->now, heard, frame);
	return 0;
}

/* UMB-1 of the fixtures; asked, it has any channel. */
static const struct simulation umb_simulation = {
	.summary = "Lufft instrument that is asked: any channel; rain as --rain says",
	.sample = "01 10 01 F0 01 70 0A 02 23 10 00 64 00 16 F5 54 E1 41 03 90 86 04",
	.is_asked = true,
	.reply = umb_reply,
};

/* --- options --------------------------------------------------------------------------
 */

static const struct option channel_table[] = {
	MAPPING_OPTIONS(struct umb_channel, mapping),
	{
		.name = "channel",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct umb_channel, channel),
		.required = true,
		.max = 65535,
		.help = "The channel's number, from the instrument's manual.",
	},
	{ .name = NULL },
};

static const struct option_group channel_group = {
	.name = "channel",
	.options = channel_table,
	.size = sizeof(struct umb_channel),
	.check = mapping_check,
};

static const struct option umb_table[] = {
	SERIAL_OPTIONS(struct umb_options, serial, "19200", "none"),
	ASK_OPTIONS(struct umb_options, ask, "10s", "1s"),
	{
		.name = "class",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct umb_options, device_class),
		.fallback = "7",
		.max = 14,
		.help = "The device's class; 7 is a weather station.",
	},
	{
		.name = "device_id",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct umb_options, device_id),
		.fallback = "1",
		.min = 1,
		.max = 255,
		.help = "The device's number within its class.",
	},
	{
		.name = "channels",
		.type = OPTION_LIST,
		.offset = offsetof(struct umb_options, channels),
		.required = true,
		.group = &channel_group,
		.help = "The channels to read.",
	},
	{ .name = NULL },
};

static void umb_check(const void *values, const struct config_place *place)
{
	const struct umb_options *options = values;

	serial_check(values, place);
	mapping_check_list(
		&options->channels, sizeof(struct umb_channel), "channels", place);
}

const struct sensor_driver sensor_umb = {
	.kind = {
		.name = "umb",
		.summary = "Lufft UMB binary: WS weather stations and others, channels by configuration",
		.group = {
			.name = "sensor",
			.options = umb_table,
			.size = sizeof(struct umb_options),
			.check = umb_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = umb_frame,
	.frame_max = FRAME_MAX,
	.decode = umb_decode,
	.turn = umb_turn,
	.session_size = sizeof(struct umb_session),
	.probe = {
		.ask = "01 10 01 70 01 F0 05 02 2F 10 01 64 00 03 71 4B 04",
		.asked = "channels = ( /* TODO: the channels it has */ { metric = \"temperature\"; channel = 100; } );",
		.talking = "channels = ( /* TODO: the channels it has */ { metric = \"temperature\"; channel = 100; } );",
	},
	.simulation = &umb_simulation,
};
