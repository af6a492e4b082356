#include "sensors/decode.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/metric.h"
#include "sensors/framer.h"
#include "sensors/hex.h"
#include "sensors/modbus.h"

/* A capture of a Modbus line: which request a response answers has to be remembered. */
struct capture {
	const struct modbus_options *options; /* NULL: only show registers */
	struct rtu_message request;
	bool has_request;
	struct rtu_message response; /* the latest; its data lies in the framer */
};

struct decoding {
	struct json json;
	struct buffer *out;
	const struct sensor_driver *driver;
	struct capture capture;
	uint64_t frames;
	uint64_t skipped;
	uint64_t results[SENSOR_RESULT_COUNT];
};

/* --- Modbus ---------------------------------------------------------------- */

/* The address CAPTURE's response begins at, by its request or by the only fitting block.
 */
static bool find_address(const struct capture *capture,
	const struct rtu_message *response, uint16_t *address)
{
	struct modbus_block blocks[READINGS_MAX];
	size_t count = modbus_plan(capture->options, blocks);
	size_t fitting = 0;

	if (capture->has_request && capture->request.unit == response->unit &&
		capture->request.function == response->function &&
		capture->request.count == response->count) {
		*address = capture->request.address;
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		if (blocks[i].function != response->function ||
			blocks[i].count != response->count)
			continue;
		*address = blocks[i].address;
		fitting++;
	}
	return fitting == 1;
}

static enum sensor_result decode_response(const struct capture *capture,
	const uint8_t *frame, size_t length, struct report *report)
{
	const struct rtu_message *response = &capture->response;
	uint8_t exchange[MODBUS_EXCHANGE_MAX];
	uint16_t address;

	if (response->unit != capture->options->unit_id)
		return SENSOR_IGNORED;
	if (!find_address(capture, response, &address))
		return SENSOR_MISSING_FIELD;
	rtu_request(
		exchange, response->unit, response->function, address, response->count);
	memcpy(exchange + RTU_REQUEST_SIZE, frame, length);
	return sensor_driver_find("modbus")->decode(
		capture->options, exchange, RTU_REQUEST_SIZE + length, report);
}

/* Like sensor_driver.decode, for single frames off the line; OPTIONS is a pointer's
 * place. */
static enum sensor_result capture_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	struct capture *capture = *(struct capture *const *)options;
	struct rtu_message message;
	enum sensor_result result = rtu_parse(frame, length, &message);

	if (result != SENSOR_OK)
		return result;
	switch (message.kind) {
	case RTU_REQUEST:
		capture->request = message;
		capture->has_request = true;
		return SENSOR_IGNORED;
	case RTU_OTHER:
		return SENSOR_IGNORED;
	case RTU_EXCEPTION:
		return SENSOR_DEVICE_ERROR;
	case RTU_RESPONSE:
		break;
	}
	capture->response = message;
	if (capture->options == NULL)
		return SENSOR_OK;
	result = decode_response(capture, frame, length, report);
	capture->has_request = false;
	return result;
}

static void print_registers(struct decoding *decoding)
{
	const struct rtu_message *response = &decoding->capture.response;
	struct json *json = &decoding->json;

	json_object(json, NULL);
	json_integer(json, "unit_id", response->unit);
	json_integer(json, "function", response->function);
	json_array(json, "registers");
	for (size_t i = 0; i < response->count; i++)
		json_integer(json, NULL,
			response->data[2 * i] << 8 | response->data[2 * i + 1]);
	json_end_array(json);
	json_end_object(json);
}

/* --- what goes out ----------------------------------------------------------- */

static void print_report(struct decoding *decoding, const struct report *report)
{
	struct json *json = &decoding->json;

	json_object(json, NULL);
	for (size_t i = 0; i < report->count; i++) {
		const struct metric *metric = metric_by_id(report->readings[i].metric);

		if (metric != NULL)
			json_number(json, metric->name, report->readings[i].value);
	}
	json_end_object(json);
}

static void take(
	struct decoding *decoding, enum sensor_result result, const struct report *report)
{
	decoding->results[result]++;
	if (result == SENSOR_OK || result == SENSOR_IGNORED ||
		result == SENSOR_WARMING_UP)
		decoding->frames++;
	if (result != SENSOR_OK)
		return;
	json_start(&decoding->json, decoding->out);
	if (decoding->driver->bus == SENSOR_BUS_MODBUS &&
		decoding->capture.options == NULL)
		print_registers(decoding);
	else
		print_report(decoding, report);
	buffer_putc(decoding->out, '\n');
}

static void print_summary(struct decoding *decoding)
{
	struct json *json = &decoding->json;

	json_start(json, decoding->out);
	json_object(json, NULL);
	json_integer(json, "frames", (int64_t)decoding->frames);
	json_object(json, "bad");
	for (int i = SENSOR_WARMING_UP + 1; i < SENSOR_RESULT_COUNT; i++)
		if (decoding->results[i] > 0)
			json_integer(json, sensor_result_name((enum sensor_result)i),
				(int64_t)decoding->results[i]);
	json_end_object(json);
	json_integer(json, "skipped_bytes", (int64_t)decoding->skipped);
	for (int i = SENSOR_IGNORED; i <= SENSOR_WARMING_UP; i++)
		if (decoding->results[i] > 0)
			json_integer(json, sensor_result_name((enum sensor_result)i),
				(int64_t)decoding->results[i]);
	json_end_object(json);
	buffer_putc(decoding->out, '\n');
}

/* --- the two ways through ------------------------------------------------------ */

/* A payload at the start of BYTES, and a topic in front of it where there is one. */
struct message_text {
	const char *topic; /* not ended by NUL */
	size_t topic_length;
	const uint8_t *payload;
	size_t length;
	size_t whole; /* bytes of it all, line end included */
};

static size_t line_length(const uint8_t *bytes, size_t length)
{
	const uint8_t *end = memchr(bytes, '\n', length);

	return end != NULL ? (size_t)(end - bytes) + 1 : length;
}

/* A document over several lines, if BYTES begin with one; else 0. */
static size_t document_length(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes, *end = NULL;
	size_t line = line_length(bytes, length);
	size_t used;

	if (*text != '{' && *text != '[')
		return 0;
	cJSON_Delete(cJSON_ParseWithLengthOpts(text, line, &end, false));
	if (end != NULL && (size_t)(end - text) < line - 1)
		return 0; /* what is wrong in this line is not what follows */
	cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, false);
	used = root != NULL ? (size_t)(end - text) : 0;
	cJSON_Delete(root);
	return used > line ? used + line_length(bytes + used, length - used) : 0;
}

static struct message_text next_message(const uint8_t *bytes, size_t length)
{
	size_t document = document_length(bytes, length);
	struct message_text message = {
		.payload = bytes,
		.whole = document > 0 ? document : line_length(bytes, length),
	};
	const uint8_t *blank = memchr(bytes, ' ', message.whole);
	const uint8_t *slash = memchr(bytes, '/', message.whole);

	message.length = message.whole;
	while (message.length > 0 &&
		(bytes[message.length - 1] == '\n' || bytes[message.length - 1] == '\r'))
		message.length--;
	if (strchr("{[\"", *bytes) == NULL && blank != NULL && slash != NULL &&
		slash < blank && memchr(bytes, '=', (size_t)(blank - bytes)) == NULL) {
		message.topic = (const char *)bytes;
		message.topic_length = (size_t)(blank - bytes);
		message.payload = blank + 1;
		message.length -= message.topic_length + 1;
	}
	return message;
}

static void take_one(void *arg, struct report *report)
{
	struct decoding *decoding = arg;

	json_start(&decoding->json, decoding->out);
	print_report(decoding, report);
	buffer_putc(decoding->out, '\n');
}

/* Has hex turned to the bytes it means, in place. False when it is none. */
static bool unhex(uint8_t *bytes, size_t *length)
{
	return hex_read(bytes, *length, bytes, length) == 0;
}

static void decode_message(struct decoding *decoding,
	const struct payload_options *options, void *session,
	const struct message_text *text, const char *topic)
{
	struct payload_sink sink = { .arg = decoding, .report = take_one };
	bool is_binary = formats[options != NULL ? options->format : 0]->is_binary;
	enum sensor_result result = SENSOR_BAD_SYNTAX;
	char own_topic[600];
	struct payload payload = { .topic = topic, .length = text->length, .sender = "" };
	uint8_t *bytes;

	if (text->topic != NULL) {
		snprintf(own_topic, sizeof(own_topic), "%.*s", (int)text->topic_length,
			text->topic);
		payload.topic = own_topic;
	}
	bytes = malloc(text->length + 1);
	if (bytes != NULL) {
		memcpy(bytes, text->payload, text->length);
		payload.bytes = bytes;
		if (!is_binary || unhex(bytes, &payload.length))
			result = format_decode(options, session, &payload, &sink);
		free(bytes);
	}
	decoding->results[result]++;
	if (result == SENSOR_OK || result == SENSOR_IGNORED)
		decoding->frames++;
}

int decode_messages(const struct payload_options *options, const char *topic,
	const uint8_t *bytes, size_t length, struct buffer *out, char *why, size_t size)
{
	const struct payload_format *format =
		formats[options != NULL ? options->format : 0];
	struct decoding decoding = { .out = out };
	void *session = format_open(format);

	while (length > 0) {
		struct message_text text = next_message(bytes, length);
		if (text.length > 0)
			decode_message(&decoding, options, session, &text, topic);
		bytes += text.whole;
		length -= text.whole;
	}
	format_close(format, session);
	print_summary(&decoding);
	if (out->failed)
		snprintf(why, size, "too much to show");
	return out->failed ? -1 : 0;
}

static void decode_stream(struct decoding *decoding, const struct framer_code *code,
	const uint8_t *bytes, size_t length)
{
	struct framer framer;
	struct report report;
	enum sensor_result result;
	bool ended = false;

	framer_init(&framer, code);
	report_init(&report);
	while (!ended) {
		size_t taken = framer_put(&framer, bytes, length);

		bytes += taken;
		length -= taken;
		ended = length == 0;
		if (ended)
			framer_expire(&framer);
		while (framer_next(&framer, &report, &result))
			take(decoding, result, &report);
	}
	decoding->skipped = framer.skipped;
}

static void decode_bytes(struct decoding *decoding, const void *options,
	const uint8_t *bytes, size_t length)
{
	struct capture *capture = &decoding->capture;
	struct framer_code code;

	if (decoding->driver->bus == SENSOR_BUS_MODBUS) {
		capture->options = options;
		code = (struct framer_code){
			.frame = rtu_frame,
			.decode = capture_decode,
			.options = &capture,
			.frame_max = RTU_MAX,
		};
		decode_stream(decoding, &code, bytes, length);
	} else {
		code = framer_code_of(decoding->driver, options);
		decode_stream(decoding, &code, bytes, length);
	}
}

int decode_run(const struct sensor_driver *driver, const void *options,
	const uint8_t *bytes, size_t length, struct buffer *out, char *why, size_t size)
{
	struct decoding decoding = { .out = out, .driver = driver };
	struct buffer binary;
	size_t line, used;

	if (driver->bus == SENSOR_BUS_MQTT || driver->bus == SENSOR_BUS_HTTP)
		return decode_messages(options, "", bytes, length, out, why, size);
	buffer_init(&binary, length + 1);
	if (buffer_reserve(&binary, length + 1) == NULL) {
		snprintf(why, size, "no memory");
		return -1;
	}
	line = hex_read_capture(
		bytes, length, driver->is_text, (uint8_t *)binary.data, &used);
	if (line == 0)
		decode_bytes(&decoding, options, (uint8_t *)binary.data, used);
	buffer_free(&binary);
	if (line != 0) {
		snprintf(why, size, "line %zu is not hex", line);
		return -1;
	}
	print_summary(&decoding);
	if (out->failed) {
		snprintf(why, size, "too much to show");
		return -1;
	}
	return 0;
}
