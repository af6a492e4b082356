/*
 * SDI-12 sensors: many on one wire, each with an address a (a digit or a letter). The
 * adapter makes the break and 1200 7E1 of the wire; to us it is 9600 8N1, and often
 * sends back what it is sent.
 *
 *   > 0M!                   measure         > 0C!  the same; others may be asked
 * meanwhile < 00013                 in 001 s 3 values will be there (C: two digits) < 0
 * they are, before the time (M only) > 0D0!                  > 0D1! and so on, until all
 * are there < 0+3.14+2.718          a value is a sign, at most 7 digits and a point <
 * 0-12
 *
 *   > 0R0!                  for sensors that always measure: the values at once
 *
 * With MC, CC and RC the lines of values end in a CRC of three characters:
 * 0+3.14+2.718+1.414Ipz.
 *
 * The decode function takes an exchange: each command, with what was answered to it
 * behind it. Values whose command is not there could be any.
 */
#include "sensors/sdi12.h"

#include <string.h>

#include "sensors/simulate.h"

enum {
	FRAME_MAX = 512,
	VALUE_DIGITS_MAX = 7,
	START_SIZE = 5,  /* atttn */
	COMMAND_MAX = 4, /* aMC9 */
};

/* --- words ---------------------------------------------------------------------------
 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_address(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool sdi12_read_measurement(struct span text, struct sdi12_measurement *measurement)
{
	*measurement = (struct sdi12_measurement){ 0 };
	if (text.length == 0)
		return false;
	measurement->is_concurrent = text.at[0] == 'C';
	measurement->is_continuous = text.at[0] == 'R';
	if (text.at[0] != 'M' && text.at[0] != 'C' && text.at[0] != 'R')
		return false;
	text.at++;
	text.length--;
	if (text.length > 0 && text.at[0] == 'C') {
		measurement->has_crc = true;
		text.at++;
		text.length--;
	}
	if (text.length == 0)
		return !measurement->is_continuous;
	return text.length == 1 && is_digit(text.at[0]) &&
		(measurement->is_continuous || text.at[0] != '0');
}

bool sdi12_read_start(struct span response, char address, bool is_concurrent,
	int *seconds, size_t *count)
{
	size_t length = is_concurrent ? START_SIZE + 1 : START_SIZE;

	if (response.length != length || response.at[0] != address)
		return false;
	for (size_t i = 1; i < length; i++)
		if (!is_digit(response.at[i]))
			return false;
	*seconds = (response.at[1] - '0') * 100 + (response.at[2] - '0') * 10 +
		(response.at[3] - '0');
	*count = (size_t)(response.at[4] - '0');
	if (is_concurrent)
		*count = *count * 10 + (size_t)(response.at[5] - '0');
	return true;
}

/* Cuts one value off the front of REST: a sign, digits, at most one point. */
static bool read_value(struct span *rest, double *value)
{
	size_t length = 1, digits = 0, points = 0;

	if (rest->at[0] != '+' && rest->at[0] != '-')
		return false;
	for (; length < rest->length; length++) {
		char c = rest->at[length];

		if (is_digit(c))
			digits++;
		else if (c == '.')
			points++;
		else
			break;
	}
	if (digits == 0 || digits > VALUE_DIGITS_MAX || points > 1)
		return false;
	if (!span_number((struct span){ rest->at, length }, value))
		return false;
	rest->at += length;
	rest->length -= length;
	return true;
}

enum sensor_result sdi12_read_values(struct span response, char address, bool has_crc,
	double values[static SDI12_VALUES_MAX], size_t *count)
{
	size_t found = *count;

	if (response.length == 0 || response.at[0] != address)
		return SENSOR_BAD_SYNC;
	if (has_crc && !line_take_crc(&response))
		return SENSOR_BAD_CHECKSUM;
	response.at++;
	response.length--;
	while (response.length > 0) {
		if (found >= SDI12_VALUES_MAX)
			return SENSOR_BAD_LENGTH;
		if (!read_value(&response, &values[found]))
			return SENSOR_BAD_SYNC;
		found++;
	}
	*count = found;
	return SENSOR_OK;
}

/* --- exchanges ------------------------------------------------------------------------
 */

/* A line of an exchange: "0M!00013", "0D0!0+1.2", "0", "0+1.2". */
struct step {
	char address;
	struct span command; /* without address and !; empty: there is none */
	struct span response;
};

/* Takes LINE apart. False: it is none of SDI-12's. */
static bool read_step(struct span line, struct step *step)
{
	const char *mark = line.length > 0 ? memchr(line.at, '!', line.length) : NULL;

	if (line.length == 0 || !is_address(line.at[0]))
		return false;
	*step = (struct step){ .address = line.at[0], .response = line };
	if (mark == NULL)
		return true;
	step->command = (struct span){ line.at + 1, (size_t)(mark - line.at) - 1 };
	step->response =
		(struct span){ mark + 1, line.length - step->command.length - 2 };
	step->response = span_trim(step->response);
	return step->command.length > 0;
}

static bool is_data_command(struct span command)
{
	return command.length == 2 && command.at[0] == 'D' && is_digit(command.at[1]);
}

struct exchange {
	char address; /* 0: nothing was read yet */
	bool has_start, has_crc;
	size_t expected; /* with has_start */
	size_t next_data;
	size_t count;
	double values[SDI12_VALUES_MAX];
};

/* The measurement's own line; with R it brings the values. */
static enum sensor_result begin(struct exchange *exchange, const struct step *step)
{
	struct sdi12_measurement measurement;
	int seconds;

	if (!sdi12_read_measurement(step->command, &measurement))
		return SENSOR_BAD_SYNC;
	if (measurement.is_continuous)
		return sdi12_read_values(step->response, step->address,
			measurement.has_crc, exchange->values, &exchange->count);
	if (!sdi12_read_start(step->response, step->address, measurement.is_concurrent,
		    &seconds, &exchange->expected))
		return SENSOR_BAD_SYNC;
	exchange->has_start = true;
	exchange->has_crc = measurement.has_crc;
	return SENSOR_OK;
}

/* A first part whose measurement was not seen: only a CRC makes it worth something. */
static enum sensor_result take_alone(struct exchange *exchange, const struct step *step)
{
	if (step->command.at[1] != '0')
		return SENSOR_BAD_SYNC; /* which values these are, is not known */
	return sdi12_read_values(
		step->response, step->address, true, exchange->values, &exchange->count);
}

static enum sensor_result take_step(struct exchange *exchange, const struct step *step)
{
	bool is_data = is_data_command(step->command);

	if (exchange->address == 0) {
		exchange->address = step->address;
		return is_data ? take_alone(exchange, step) : begin(exchange, step);
	}
	if (!exchange->has_start || step->address != exchange->address)
		return SENSOR_BAD_SYNC;
	if (step->command.length == 0)
		return step->response.length == 1 && exchange->next_data == 0
			? SENSOR_OK /* the service request */
			: SENSOR_BAD_SYNC;
	if (!is_data || (size_t)(step->command.at[1] - '0') != exchange->next_data)
		return SENSOR_BAD_SYNC;
	exchange->next_data++;
	return sdi12_read_values(step->response, step->address, exchange->has_crc,
		exchange->values, &exchange->count);
}

static bool is_complete(const struct exchange *exchange)
{
	return !exchange->has_start || exchange->count >= exchange->expected ||
		exchange->next_data >= SDI12_DATA_MAX;
}

/* 1: a command begins here, and its line has no other; 0: more bytes are needed; -1. */
static int may_begin(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	struct sdi12_measurement measurement;
	size_t marks = 0;

	if (!is_address(text[0]))
		return -1;
	for (size_t i = 1; i < length; i++) {
		struct span command = { text + 1, i - 1 };

		if (text[i] == '\n')
			return marks == 1 ? 1 : -1;
		if (marks == 0 && i > COMMAND_MAX)
			return -1;
		if (text[i] != '!')
			continue;
		if (++marks > 1)
			return -1;
		if (!is_data_command(command) &&
			!sdi12_read_measurement(command, &measurement))
			return -1;
	}
	return 0;
}

/* An exchange is as many lines as it says itself. */
static ssize_t sdi12_frame(const uint8_t *bytes, size_t length)
{
	struct exchange exchange = { .address = 0 };
	size_t at = 0;

	if (may_begin(bytes, length) <= 0)
		return may_begin(bytes, length);
	while (at < length) {
		ssize_t line = line_frame(bytes + at, length - at, FRAME_MAX - at);
		struct step step;

		if (line <= 0)
			return line;
		if (!read_step(line_body(bytes + at, (size_t)line), &step) ||
			take_step(&exchange, &step) != SENSOR_OK)
			return at == 0 ? line : (ssize_t)at;
		at += (size_t)line;
		if (is_complete(&exchange))
			return (ssize_t)at;
	}
	return at < FRAME_MAX ? 0 : -1;
}

static enum sensor_result take_exchange(
	struct exchange *exchange, const uint8_t *bytes, size_t length)
{
	struct span rest = { (const char *)bytes, length };
	struct span line;
	size_t lines = 0;

	while (span_split(&rest, '\n', &line)) {
		struct step step;
		enum sensor_result result;

		line = span_trim(line);
		if (line.length == 0)
			continue;
		if (!read_step(line, &step))
			return SENSOR_BAD_SYNC;
		result = take_step(exchange, &step);
		if (result != SENSOR_OK)
			return result;
		lines++;
	}
	return lines > 0 ? SENSOR_OK : SENSOR_BAD_LENGTH;
}

static enum sensor_result sdi12_decode(
	const void *opaque, const uint8_t *frame, size_t length, struct report *report)
{
	const struct sdi12_options *options = opaque;
	struct exchange exchange = { .address = 0 };
	enum sensor_result result = take_exchange(&exchange, frame, length);
	const struct sdi12_value *values;

	if (result != SENSOR_OK)
		return result;
	if (exchange.has_start && exchange.count != exchange.expected)
		return SENSOR_BAD_LENGTH;
	if (options == NULL)
		return SENSOR_MISSING_FIELD; /* nothing says what the values mean */
	if (exchange.address != options->address[0])
		return SENSOR_IGNORED;
	if (exchange.count == 0)
		return SENSOR_DEVICE_ERROR;
	values = options->values.items;
	for (size_t i = 0; i < options->values.count; i++) {
		if ((size_t)values[i].index > exchange.count)
			return SENSOR_MISSING_FIELD;
		result = mapping_take(
			&values[i].mapping, exchange.values[values[i].index - 1], report);
		if (result != SENSOR_OK)
			return result;
	}
	return report->count > 0 ? SENSOR_OK : SENSOR_DEVICE_ERROR;
}

/* --- options -------------------------------------------------------------------------
 */

static const struct option value_table[] = {
	MAPPING_OPTIONS(struct sdi12_value, mapping),
	{
		.name = "index",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct sdi12_value, index),
		.required = true,
		.min = 1,
		.max = SDI12_VALUES_MAX,
		.help = "Which of the measurement's values, the first being 1.",
	},
	{ .name = NULL },
};

static const struct option_group value_group = {
	.name = "value",
	.options = value_table,
	.size = sizeof(struct sdi12_value),
	.check = mapping_check,
};

static const struct option sdi12_table[] = {
	SERIAL_OPTIONS(struct sdi12_options, serial, "9600", "none"),
	ASK_OPTIONS(struct sdi12_options, ask, "60s", "1s"),
	{
		.name = "address",
		.type = OPTION_STRING,
		.offset = offsetof(struct sdi12_options, address),
		.fallback = "0",
		.min = 1,
		.max = 1,
		.help = "The sensor's address, one letter or digit.",
	},
	{
		.name = "measurement",
		.type = OPTION_STRING,
		.offset = offsetof(struct sdi12_options, measurement),
		.fallback = "M",
		.min = 1,
		.max = 3,
		.help = "The command: M, C or R0, with a C behind it for a CRC, and a number: MC1.",
	},
	{
		.name = "values",
		.type = OPTION_LIST,
		.offset = offsetof(struct sdi12_options, values),
		.required = true,
		.group = &value_group,
		.help = "The values to keep.",
	},
	{ .name = NULL },
};

static void sdi12_check(const void *values, const struct config_place *place)
{
	const struct sdi12_options *options = values;
	struct sdi12_measurement measurement;
	struct span command = { options->measurement, strlen(options->measurement) };

	serial_check(values, place);
	mapping_check_list(&options->values, sizeof(struct sdi12_value), "values", place);
	if (!is_address(options->address[0]))
		config_error(place, "address", "must be one letter or digit");
	if (!sdi12_read_measurement(command, &measurement))
		config_error(place, "measurement",
			"\"%s\" is not one of M, MC, M1 … MC9, C, CC, C1 … CC9, R0 … RC9",
			options->measurement);
}

const struct sensor_driver sensor_sdi12 = {
	.kind = {
		.name = "sdi12",
		.summary = "SDI-12 sensors behind a serial adapter, values by configuration",
		.group = {
			.name = "sensor",
			.options = sdi12_table,
			.size = sizeof(struct sdi12_options),
			.check = sdi12_check,
		},
	},
	.bus = SENSOR_BUS_SDI12,
	.frame = sdi12_frame,
	.frame_max = FRAME_MAX,
	.decode = sdi12_decode,
	.by_line = true,
	.is_text = true,
	.probe = {
		.asked = "values = ( /* TODO: what its manual says */ { metric = \"temperature\"; index = 1; } );",
	},
	.simulation = &simulation_sdi12,
};
