/*
 * What Winsen's ZE gas modules have in common. Frame and sum: sensors/winsen.h.
 * They come talking, and can be asked instead; the two look different:
 *
 *      talking                         asked (ZE08, ZE12, ZE25)   asked (ZE03)
 *   1  gas                             86                         86
 *   2  unit: 04 ppb, 03 ppm            µg/m³                      concentration
 *   3  decimals
 *   4  concentration                   00 00                      gas, 00
 *   6  full range                      ppb                        reserved
 *
 *   FF 17 04 00 00 25 13 88 25         formaldehyde, 37 ppb of up to 5000
 *   FF 86 00 2A 00 00 00 20 30         42 µg/m³, 32 ppb
 *
 * gas: 02 NH3, 03 H2S, 04 CO, 17 CH2O, 2A O3, 2B SO2, 2C NO2; others are not in our
 * table of metrics.
 *
 *   FF 01 78 40 …  talk (ZE03: 03)     FF 01 78 41 …  be asked (ZE03: 04)
 *
 * Only the talking ones say unit and gas. Some batches put the concentration in other
 * bytes, or count in another unit, than their papers say: `scale` puts the latter right.
 * Good values come 3 minutes after switching on, after long storage hours later.
 */
#ifndef MUABUI_SENSORS_ZE_H
#define MUABUI_SENSORS_ZE_H

#include "sensors/winsen.h"

enum { ZE_GASES_MAX = 8 };

struct ze_gas {
	uint8_t code;
	uint16_t metric;
	double ppb; /* of one digit of a ZE03's answer */
};

struct ze_model {
	struct ze_gas gases[ZE_GASES_MAX]; /* as the names of option gas, after "auto" */
	size_t gas_count;                  /* 1: there is no option gas */
	uint8_t talk, be_asked;            /* of the command 78 */
	bool names_gas;                    /* in its answer, as the ZE03 */
};

struct ze_options {
	struct serial_options serial; /* first: see stream.h */
	int mode;                     /* active, query */
	int gas;                      /* 0: auto; index into the model's gases, and 1 */
	int64_t every;
	int64_t warmup;
	double scale;
};

extern const char *const ze_mode_names[];

#define ZE_OPTIONS                                                                 \
	SERIAL_OPTIONS(struct ze_options, serial, "9600", "none"),                 \
		WINSEN_EVERY(struct ze_options), WINSEN_WARMUP(struct ze_options), \
		{                                                                  \
			.name = "mode",                                            \
			.type = OPTION_CHOICE,                                     \
			.offset = offsetof(struct ze_options, mode),               \
			.fallback = "active",                                      \
			.choices = ze_mode_names,                                  \
			.help = "Active: it talks by itself. Query: it is asked.", \
		},                                                                 \
	{                                                                          \
		.name = "scale", .type = OPTION_NUMBER,                            \
		.offset = offsetof(struct ze_options, scale), .fallback = "1",     \
		.min = 0.0001, .max = 10000,                                       \
		.help = "Multiplies what it says, for batches with another unit.", \
	}

#define ZE_GAS_OPTION(NAMES)                                                     \
	{                                                                        \
		.name = "gas", .type = OPTION_CHOICE,                            \
		.offset = offsetof(struct ze_options, gas), .fallback = "auto",  \
		.choices = NAMES,                                                \
		.help = "Which gas the module is for; auto: it says so itself.", \
	}

/* sensor_driver.frame, decode and turn, of MODEL; OPTIONS is a struct ze_options. */
ssize_t ze_frame(const struct ze_model *model, const uint8_t *bytes, size_t length);
enum sensor_result ze_decode(const struct ze_model *model, const void *options,
	const uint8_t *frame, size_t length, struct report *report);
struct sensor_turn ze_turn(const struct ze_model *model, const void *options,
	void *session, enum sensor_result last,
	uint8_t request[static SENSOR_REQUEST_MAX]);

/* For the simulations of all but the ZE03; asked, they say 42 µg/m³, 32 ppb of CH2O. */
extern const struct simulate_row ze_rows[];

/* option_group.check where an answer does not name its gas: asked, it must be set. */
void ze_check_gas(const void *values, const struct config_place *place);

#endif
