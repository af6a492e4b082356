/*
 * What senders of every format may say, with libFuzzer. The first byte chooses the
 * format, the second the options; then messages: a byte for the topic, two for the
 * length, and so many of payload. FORMAT=name in the environment keeps to one format.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/metric.h"
#include "core/utf8.h"
#include "sensors/decode.h"
#include "sensors/http.h"
#include "sensors/inbox.h"
#include "store/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_FIELDS = 1, WITH_TIME = 2, WITH_ZEROS = 4, WITH_METRIC = 8, AS_TEXT = 16 };

static const char *const topics[] = { "", "tele/x/SENSOR", "stat/x/STATUS8",
	"zigbee2mqtt/roof", "n/sensor/bme280_temperature/state",
	"n/sensor/pm_2_5_concentration/state", "homie/dev/dust/pm2-5",
	"homie/dev/pm10/value", "v3/a@t/devices/d/up", "application/1/device/2/event/up",
	"spBv1.0/g/NBIRTH/e", "spBv1.0/g/DBIRTH/e/d", "spBv1.0/g/NDATA/e",
	"spBv1.0/g/DDATA/e/d", "spBv1.0/g/NDEATH/e", "spBv1.0/g/DDEATH/e/d" };

enum { TOPICS = sizeof topics / sizeof *topics };

/* What a status says of a station: ends within its room, and is a station's when taken.
 */
static void learn(const struct payload_format *format, const struct payload *payload)
{
	static struct directory *directory;
	struct station said, found;

	if (!directory && !(directory = directory_new()))
		abort();
	if (!format->station || !format->station(payload, &said))
		return;
	if (strnlen(said.id, sizeof said.id) == sizeof said.id ||
		strnlen(said.name, sizeof said.name) == sizeof said.name ||
		strnlen(said.area, sizeof said.area) == sizeof said.area)
		abort();
	if (directory_learn(directory, &said) &&
		(!directory_find(directory, said.id, &found) ||
			!name_is_valid(found.id, strlen(found.id)) || !*found.name))
		abort();
}

static void take_report(void *arg, struct report *report)
{
	(void)arg;
	if (report->count == 0 || report->count > READINGS_MAX)
		abort();
	for (size_t i = 0; i < report->count; i++)
		if (!isfinite(report->readings[i].value) ||
			!metric_by_id(report->readings[i].metric))
			abort();
	if (report->marks & REPORT_RELAYED) {
		if (!name_is_valid(report->station, strlen(report->station)) ||
			!name_is_valid(report->sensor, strlen(report->sensor)))
			abort();
		inbox_stamp_relayed(report, INT64_C(1795300000000));
		return;
	}
	if (*report->sensor && !name_is_valid(report->sensor, strlen(report->sensor)))
		abort();
	inbox_stamp(report, INT64_C(1795300000000));
	if (report->time_ms > INT64_C(1795300000000) + INBOX_AHEAD_MS)
		abort();
}

static void take_fault(void *arg, const char *text)
{
	(void)arg;
	if (!*text)
		abort();
}

static void take_unknown(void *arg, const char *name)
{
	(void)arg;
	if (!utf8_is_valid(name, strlen(name)))
		abort();
}

static void take_presence(void *arg, const char *who, bool is_online)
{
	(void)arg;
	(void)is_online;
	if (!*who)
		abort();
}

static void take_ask(void *arg, const char *topic, const void *bytes, size_t length)
{
	(void)arg;
	if (strncmp(topic, "spBv1.0/", 8) != 0 || !bytes || length == 0 || length > 64)
		abort();
}

static struct payload_options make_options(int format, uint8_t how)
{
	static struct payload_field fields[3];
	struct payload_options options = format_defaults(format);

	fields[0] = (struct payload_field){
		.metric = metric_by_id(METRIC_NOISE), .pointer = "/a/0/b", .scale = 0.1
	};
	fields[1] = (struct payload_field){ .metric = metric_by_id(METRIC_PM25),
		.pointer = "/PM25",
		.scale = 1e200,
		.optional = true };
	fields[2] = (struct payload_field){ .metric = metric_by_id(METRIC_TSP),
		.pointer = "/t",
		.offset = -4,
		.scale = 1 };
	if (how & WITH_FIELDS)
		options.fields = (struct option_list){ .items = fields, .count = 3 };
	if (how & WITH_TIME) {
		options.time = "/t";
		options.time_zone = "+07:00";
	}
	options.zero_when_missing = how & WITH_ZEROS;
	if (how & WITH_METRIC)
		options.metric = metric_by_id(METRIC_NOISE);
	return options;
}

static void run_text(
	const struct payload_options *options, const uint8_t *data, size_t size)
{
	struct buffer out;
	char why[100];

	buffer_init(&out, 1 << 16);
	decode_messages(options, "", data, size, &out, why, sizeof why);
	buffer_free(&out);
}

static void run_messages(
	const struct payload_options *options, const uint8_t *data, size_t size)
{
	const struct payload_sink sink = {
		.report = take_report,
		.presence = take_presence,
		.ask = take_ask,
		.fault = take_fault,
		.unknown = take_unknown,
	};
	const struct payload_format *format = formats[options->format];
	void *session = format_open(format);

	while (size >= 3) {
		size_t length = (size_t)(data[1] | data[2] << 8);
		if (length > size - 3)
			length = size - 3;
		/* A copy that ends where memory ends. */
		uint8_t *bytes = malloc(length + !length);
		if (!bytes)
			break;
		memcpy(bytes, data + 3, length);
		struct payload payload = {
			.topic = topics[data[0] % TOPICS],
			.bytes = bytes,
			.length = length,
			.sender = "esp8266-1",
		};
		format_decode(options, session, &payload, &sink);
		format_presence(&payload, "", "");
		learn(format, &payload);
		free(bytes);
		data += 3 + length;
		size -= 3 + length;
	}
	format_close(format, session);
}

static int choose(uint8_t byte)
{
	const char *only = getenv("FORMAT");
	int count = 0;

	if (only)
		return format_find(only);
	while (format_names[count])
		count++;
	return byte % count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct payload_options options = make_options(choose(data[0]), data[1]);
	if (data[1] & AS_TEXT)
		run_text(&options, data + 2, size - 2);
	else
		run_messages(&options, data + 2, size - 2);
	return 0;
}
