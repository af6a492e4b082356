/*
 * Winsen MH-Z19B, MH-Z19C and MH-Z14A: CO2 modules that are asked.
 * Frame: sensors/winsen.h. Their own:
 *
 *   asked      FF 01 86 00 00 00 00 00 79
 *   answered   FF 86 ppm ppm T+40 S U U sum
 *
 *   4  the module's own temperature: warmer than the air, so it is not published
 *
 *   FF 86 02 60 47 00 00 00 D1                     608 ppm
 *
 * For three minutes after it was switched on it says fixed values (400, 410, 388, 555,
 * older ones 5000), which look like any other: nothing counts so long.
 *
 * Commands 87, 88 (zero and span) and 79 (self calibration) change its calibration for
 * good. They are not in this file, and must not come into it: whoever is only looking
 * for a module must not spoil it. Their answers are known, to be passed over.
 */
#include <string.h>

#include "core/metric.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/winsen.h"

enum {
	CO2_MIN = 250, /* no air on earth has less; other modules' answers look alike */
	CO2_MAX = 10000,
};

struct mhz19b_options {
	struct serial_options serial; /* first: see stream.h */
	int64_t every;
	int64_t warmup;
};

static bool is_command(uint8_t code)
{
	return code == 0x79 || code == 0x87 || code == 0x88 || code == 0x99 ||
		code == 0xAF;
}

static ssize_t mhz19b_frame(const uint8_t *bytes, size_t length)
{
	if (bytes[0] != WINSEN_HEAD)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != WINSEN_READ && !is_command(bytes[1]))
		return -1;
	return length < WINSEN_SIZE ? 0 : WINSEN_SIZE;
}

static enum sensor_result mhz19b_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	enum sensor_result result = winsen_check(frame, length, WINSEN_SIZE);
	unsigned ppm;

	(void)options;
	if (result != SENSOR_OK)
		return result;
	if (frame[1] != WINSEN_READ)
		return is_command(frame[1]) ? SENSOR_IGNORED : SENSOR_BAD_SYNC;
	ppm = (unsigned)frame[2] << 8 | frame[3];
	if (ppm == 0)
		return SENSOR_WARMING_UP;
	if (ppm < CO2_MIN || ppm > CO2_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_CO2, ppm);
	return SENSOR_OK;
}

static struct sensor_turn mhz19b_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct mhz19b_options *set = options;

	return winsen_ask(set->every, set->warmup, session, last, request);
}

/* CO2-1 and CO2-2 of the fixtures. */
static const struct simulation mhz19b_simulation = {
	.summary = "CO2 module that is asked: 636 and 633 ppm, as captured",
	.sample = "FF 86 02 7C 42 00 00 00 BA FF 86 02 79 42 00 00 00 BD",
	.is_asked = true,
	.rows = winsen_rows,
};

static const char *const mhz19b_aliases[] = { "mhz19c", "mhz14a", NULL };

static const struct option mhz19b_table[] = {
	SERIAL_OPTIONS(struct mhz19b_options, serial, "9600", "none"),
	WINSEN_EVERY(struct mhz19b_options),
	WINSEN_WARMUP(struct mhz19b_options),
	{ .name = NULL },
};

const struct sensor_driver sensor_mhz19b = {
	.kind = {
		.name = "mhz19b",
		.aliases = mhz19b_aliases,
		.summary = "Winsen MH-Z19B, MH-Z19C, MH-Z14A: CO2",
		.group = {
			.name = "sensor",
			.options = mhz19b_table,
			.size = sizeof(struct mhz19b_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = mhz19b_frame,
	.frame_max = WINSEN_SIZE,
	.decode = mhz19b_decode,
	.turn = mhz19b_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FF 01 86 00 00 00 00 00 79",
	},
	.simulation = &mhz19b_simulation,
};
