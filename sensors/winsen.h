/*
 * What Winsen's gas modules (MH-Z, ZE, ZPHS) have in common: frames that begin
 * with FF and end with a sum, commands of nine bytes, and gas from ppb to µg/m³.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Big endian.
 *
 *   0  FF      head
 *   1  what it is
 *  -1  256 less the low byte of the sum of all between
 */
#ifndef MUABUI_SENSORS_WINSEN_H
#define MUABUI_SENSORS_WINSEN_H

#include "sensors/routine.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"

enum {
	WINSEN_SIZE = 9, /* most frames, all commands */
	WINSEN_HEAD = 0xFF,
	WINSEN_READ = 0x86, /* command, and what its answer begins with */
	WINSEN_MODE = 0x78,
};

/* Head and sum of FRAME, SIZE bytes; its second byte is the caller's to check. */
enum sensor_result winsen_check(const uint8_t *frame, size_t length, size_t size);

/* The sum of a frame of SIZE bytes. */
uint8_t winsen_sum(const uint8_t *frame, size_t size);

/* FF 01 CODE DATA 00 00 00 00 sum. */
void winsen_command(
	struct routine_command *command, uint8_t code, uint8_t data, bool is_answered);

/*
 * µg/m³ of PPB of a gas at 25 °C and 1013.25 hPa, to a hundredth; METRIC is one of the
 * gases these modules know, else NAN.
 */
double winsen_ug_m3(uint16_t metric, double ppb);

/* The turns of a module that is only asked: every EVERY_MS, values after WARMUP_MS. */
struct sensor_turn winsen_ask(int64_t every_ms, int64_t warmup_ms, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX]);

/* For simulations: "read" is answered by the next frame. */
extern const struct simulate_row winsen_rows[];

/* Rows for TYPE's members every and warmup. */
#define WINSEN_EVERY(TYPE)                                                       \
	{                                                                        \
		.name = "every", .type = OPTION_DURATION,                        \
		.offset = offsetof(TYPE, every), .fallback = "10s", .min = 1000, \
		.max = 3600 * 1000, .help = "How often the module is asked.",    \
	}
#define WINSEN_WARMUP(TYPE)                                                            \
	{                                                                              \
		.name = "warmup", .type = OPTION_DURATION,                             \
		.offset = offsetof(TYPE, warmup), .fallback = "3m", .min = 0,          \
		.max = 24.0 * 3600 * 1000,                                             \
		.help = "After the port was opened, values do not count for so long.", \
	}

#endif
