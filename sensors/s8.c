/*
 * Senseair S8 (and other K series modules): CO2, asked over Modbus RTU on a line of its
 * own. On an RS-485 bus with others it is a `modbus` device.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Frames and CRC: sensors/rtu.h. Address FE is
 *   "any", 68 (104) the factory's own.
 *
 *   asked      FE 04 00 00 00 04 E5 C6     input registers 0 to 3
 *   answered   FE 04 08 status status alarm alarm output output ppm ppm CRC CRC
 *
 * Status: bit 0 fatal, 1 offset regulation, 2 algorithm, 3 output, 4 self diagnosis,
 * 5 out of range, 6 memory (the bits from memory). 1 and 3 leave the value alone.
 *
 * Older firmware, protocol = "legacy", reads memory instead:
 *
 *   asked      FE 44 00 08 02 9F 25
 *   answered   FE 44 02 ppm ppm CRC CRC
 *
 *   FE 44 02 04 56 3A 1A                           1110 ppm
 *
 * A captured FE 04 02 with one register may be CO2, the status or a type: what does not
 * say is only taken for CO2 when it can be nothing else, from 400 on. Just switched on,
 * it says 0 ppm.
 */
#include "core/metric.h"
#include "sensors/routine.h"
#include "sensors/rtu.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	ANY_UNIT = 0xFE,
	READ_INPUT = 0x04,
	READ_MEMORY = 0x44,
	EXCEPTION_BIT = 0x80,
	FRAME_MAX = 13, /* four registers */
	STATUS_FAULTS = 0x75,
	ONE_MIN = 400,
	CO2_MAX = 10000,
};

enum s8_protocol { PROTOCOL_MODBUS, PROTOCOL_LEGACY };

struct s8_options {
	struct serial_options serial; /* first: see stream.h */
	int unit_id;
	int protocol; /* enum s8_protocol */
	int64_t every;
};

static ssize_t s8_frame(const uint8_t *bytes, size_t length)
{
	ssize_t size;

	if (length < 3)
		return 0;
	if ((bytes[1] & ~EXCEPTION_BIT) != READ_INPUT &&
		(bytes[1] & ~EXCEPTION_BIT) != READ_MEMORY)
		return -1;
	/* A byte count of an answer, or the high byte of an echoed question's address. */
	if (!(bytes[1] & EXCEPTION_BIT) && bytes[2] != 2 && bytes[2] != 8 &&
		bytes[2] != 0)
		return -1;
	size = rtu_frame(bytes, length);
	return size <= FRAME_MAX ? size : -1;
}

static enum sensor_result s8_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	const struct s8_options *set = options;
	struct rtu_message message;
	enum sensor_result result = rtu_parse(frame, length, &message);
	const uint8_t *ppm;
	unsigned value;

	if (result != SENSOR_OK)
		return result;
	if (message.unit != (set != NULL ? set->unit_id : ANY_UNIT))
		return SENSOR_BAD_SYNC;
	if (message.function != READ_INPUT && message.function != READ_MEMORY)
		return SENSOR_BAD_SYNC;
	if (message.kind == RTU_EXCEPTION)
		return SENSOR_DEVICE_ERROR;
	if (message.kind != RTU_RESPONSE)
		return SENSOR_IGNORED; /* our own question, heard again */
	if (message.count != 1 && message.count != 4)
		return SENSOR_BAD_LENGTH;
	if (message.count == 4 && message.data[1] & STATUS_FAULTS)
		report->status = STATUS_FAULT;
	ppm = message.data + 2 * (message.count - 1);
	value = (unsigned)ppm[0] << 8 | ppm[1];
	if (message.count == 1 && message.function == READ_INPUT && value < ONE_MIN)
		return SENSOR_IGNORED;
	if (value == 0)
		return SENSOR_WARMING_UP;
	if (value > CO2_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_CO2, value);
	return SENSOR_OK;
}

static struct sensor_turn s8_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct s8_options *set = options;
	struct routine routine = { .every_ms = set->every };
	uint8_t bytes[RTU_REQUEST_SIZE] = { (uint8_t)set->unit_id, READ_MEMORY, 0x00,
		0x08, 0x02 };

	if (set->protocol == PROTOCOL_LEGACY) {
		routine_command_set(&routine.ask, bytes, rtu_seal(bytes, 5), true);
	} else {
		rtu_request(bytes, (uint8_t)set->unit_id, READ_INPUT, 0, 4);
		routine_command_set(&routine.ask, bytes, sizeof(bytes), true);
	}
	return routine_turn(&routine, session, last, request);
}

static const char *const protocol_names[] = { "modbus", "legacy", NULL };

static const struct option s8_table[] = {
	SERIAL_OPTIONS(struct s8_options, serial, "9600", "none"),
	{
		.name = "unit_id",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct s8_options, unit_id),
		.fallback = "254",
		.min = 1,
		.max = 254,
		.help = "Its Modbus address; 254 reaches any.",
	},
	{
		.name = "protocol",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct s8_options, protocol),
		.fallback = "modbus",
		.choices = protocol_names,
		.help = "Legacy: for firmware that knows function 0x44 only.",
	},
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct s8_options, every),
		.fallback = "10s",
		.min = 2000,
		.max = 3600 * 1000,
		.help = "How often it is asked; it measures every 2 s.",
	},
	{ .name = NULL },
};

/* Four registers; and what older firmware is asked. */
static const struct simulate_row s8_rows[] = {
	{ "FE 04 00 00 00 04 E5 C6", NULL, SIMULATE_NOTHING },
	{ "FE 44 00 08 02 9F 25", "FE 44 02 04 56 3A 1A", SIMULATE_NOTHING },
	{ .heard = NULL },
};

/* S8-BLOCK of the fixtures. */
static const struct simulation s8_simulation = {
	.summary = "CO2 module that is asked over Modbus RTU",
	.sample = "FE 04 08 00 00 00 00 00 00 01 90 16 E6",
	.is_asked = true,
	.rows = s8_rows,
};

const struct sensor_driver sensor_s8 = {
	.kind = {
		.name = "s8",
		.summary = "Senseair S8: CO2",
		.group = {
			.name = "sensor",
			.options = s8_table,
			.size = sizeof(struct s8_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = s8_frame,
	.frame_max = FRAME_MAX,
	.decode = s8_decode,
	.turn = s8_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FE 04 00 00 00 04 E5 C6",
	},
	.simulation = &s8_simulation,
};
