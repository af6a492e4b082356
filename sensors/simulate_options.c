#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"
#include "sensors/simulate.h"

enum { EVERY_MIN_MS = 10, LINE_SIZE = 1024 };

const char simulate_usage[] =
	"  --link PATH              keep a symbolic link to the port there\n"
	"  --fixture FILE           play this capture (hex, binary, or text); may be repeated\n"
	"  --every DURATION         real time between frames (1s)\n"
	"  --mode talking|asked     instead of what the device usually does\n"
	"  --csv FILE               follow this PM2.5 (time,pm25)\n"
	"  --speed N                data time runs N times as fast (1)\n"
	"  --start TIME             data time at the start, RFC 3339\n"
	"  --rain MM_PER_H@FROM+FOR a shower, in data time (120@10m+30m); may be repeated\n"
	"  --unit N                 Modbus address (1)\n"
	"  --registers FILE         Modbus registers: lines [UNIT:]ADDRESS NUMBER [NUMBER ...]\n"
	"  --corrupt SHARE          damage a byte in this share of the frames, 0..1\n"
	"  --cut SHARE              send only the beginning of this share of the frames\n"
	"  --drop SHARE             do not send this share of the frames\n"
	"  --hang-up N              unplug after every N frames; below 1: behind this share\n"
	"  --down DURATION          for so long (2s)\n"
	"  --seed N                 another sequence of faults (1)\n";

/* A number and a unit at the start of TEXT, "10m"; END goes behind it. */
static bool read_duration(const char *text, int64_t *ms, const char **end)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", 1e3 },
		{ "m", 60e3 },
		{ "h", 3600e3 },
		{ "d", 86400e3 },
	};
	size_t digits = strspn(text, "0123456789.");
	double number;

	if (!number_parse(text, digits, &number))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i].name);

		if (strncmp(text + digits, units[i].name, length) != 0)
			continue;
		if (number * units[i].ms > 1e12)
			return false;
		*ms = (int64_t)(number * units[i].ms);
		*end = text + digits + length;
		return true;
	}
	return false;
}

static bool read_whole_duration(const char *text, int64_t *ms)
{
	const char *end;

	return read_duration(text, ms, &end) && *end == '\0';
}

static bool read_number(const char *text, double min, double max, double *number)
{
	return number_parse(text, strlen(text), number) && *number >= min &&
		*number <= max;
}

/* "120@10m+30m" */
static bool read_shower(const char *text, struct simulate_settings *settings)
{
	struct simulate_shower *shower = &settings->showers[settings->shower_count];
	const char *at = strchr(text, '@');
	const char *end;

	if (at == NULL || settings->shower_count == SIMULATE_SHOWERS_MAX)
		return false;
	if (!number_parse(text, (size_t)(at - text), &shower->mm_per_hour) ||
		shower->mm_per_hour < 0 || shower->mm_per_hour > 2000)
		return false;
	if (!read_duration(at + 1, &shower->from_ms, &end) || *end != '+')
		return false;
	if (!read_whole_duration(end + 1, &shower->duration_ms))
		return false;
	settings->shower_count++;
	return true;
}

static bool read_count(const char *text, double max, uint64_t *count)
{
	double number;

	if (!read_number(text, 1, max, &number) || number != floor(number))
		return false;
	*count = (uint64_t)number;
	return true;
}

/* "20": after every 20 frames; "0.01": behind a hundredth of them. */
static bool read_hang_up(const char *value, struct simulate_settings *settings)
{
	settings->hang_up = 0;
	settings->hang_up_after = 0;
	if (read_count(value, 1e9, &settings->hang_up_after))
		return true;
	return read_number(value, 0, 0.999999, &settings->hang_up);
}

static bool read_mode(const char *value, struct simulate_settings *settings)
{
	settings->mode = strcmp(value, "asked") == 0 ? SIMULATE_ASKED : SIMULATE_TALKING;
	return settings->mode == SIMULATE_ASKED || strcmp(value, "talking") == 0;
}

static bool read_link(const char *value, struct simulate_settings *settings)
{
	settings->link = value;
	return value[0] != '\0';
}

static bool read_fixture(const char *value, struct simulate_settings *settings)
{
	if (settings->fixture_count == SIMULATE_FIXTURES_MAX)
		return false;
	settings->fixtures[settings->fixture_count++] = value;
	return true;
}

/* Only what follows the dust can follow a curve of it. */
static bool read_csv(const char *value, struct simulate_settings *settings)
{
	settings->csv = value;
	return settings->driver->simulation->follow != NULL;
}

static bool read_every(const char *value, struct simulate_settings *settings)
{
	return read_whole_duration(value, &settings->every_ms) &&
		settings->every_ms >= EVERY_MIN_MS;
}

static bool read_down(const char *value, struct simulate_settings *settings)
{
	return read_whole_duration(value, &settings->down_ms);
}

static bool read_speed(const char *value, struct simulate_settings *settings)
{
	return read_number(value, 0.001, 100000, &settings->speed);
}

static bool read_start(const char *value, struct simulate_settings *settings)
{
	return clock_parse(value, &settings->start_ms);
}

static bool read_corrupt(const char *value, struct simulate_settings *settings)
{
	return read_number(value, 0, 1, &settings->corrupt);
}

static bool read_cut(const char *value, struct simulate_settings *settings)
{
	return read_number(value, 0, 1, &settings->cut);
}

static bool read_drop(const char *value, struct simulate_settings *settings)
{
	return read_number(value, 0, 1, &settings->drop);
}

static bool read_seed(const char *value, struct simulate_settings *settings)
{
	return read_count(value, 9e15, &settings->seed);
}

static bool read_unit(const char *value, struct simulate_settings *settings)
{
	uint64_t count;

	if (!read_count(value, 247, &count))
		return false;
	settings->unit_id = (int)count;
	return true;
}

static bool read_registers(const char *value, struct simulate_settings *settings)
{
	settings->register_file = value;
	return settings->driver->bus == SENSOR_BUS_MODBUS;
}

static const struct {
	const char *name;
	bool (*read)(const char *value, struct simulate_settings *settings);
} simulate_options[] = {
	{ "--link", read_link },
	{ "--fixture", read_fixture },
	{ "--every", read_every },
	{ "--mode", read_mode },
	{ "--csv", read_csv },
	{ "--speed", read_speed },
	{ "--start", read_start },
	{ "--rain", read_shower },
	{ "--unit", read_unit },
	{ "--registers", read_registers },
	{ "--corrupt", read_corrupt },
	{ "--cut", read_cut },
	{ "--drop", read_drop },
	{ "--hang-up", read_hang_up },
	{ "--down", read_down },
	{ "--seed", read_seed },
};

/* False when OPTION is not known; *VALID says whether VALUE is good. */
static bool read_option(const char *option, const char *value,
	struct simulate_settings *settings, bool *valid)
{
	for (size_t i = 0; i < sizeof(simulate_options) / sizeof(simulate_options[0]);
		i++) {
		if (strcmp(simulate_options[i].name, option) != 0)
			continue;
		*valid = simulate_options[i].read(value, settings);
		return true;
	}
	return false;
}

const struct sensor_driver *simulate_find(const char *name)
{
	const struct sensor_driver *driver = sensor_driver_find(name);

	if (driver != NULL)
		return driver->simulation != NULL ? driver : NULL;
	for (size_t i = 0; sensor_drivers[i] != NULL; i++) {
		const struct simulation *simulation = sensor_drivers[i]->simulation;

		if (simulation != NULL && simulation->name != NULL &&
			strcmp(simulation->name, name) == 0)
			return sensor_drivers[i];
	}
	return NULL;
}

bool simulate_parse(int argc, char *const *argv, struct simulate_settings *settings,
	char *why, size_t size)
{
	*settings = (struct simulate_settings){
		.every_ms = 1000,
		.down_ms = 2000,
		.speed = 1,
		.seed = 1,
		.unit_id = 1,
		.stop_fd = -1,
	};
	if (argc < 1) {
		snprintf(why, size, "which device?");
		return false;
	}
	settings->driver = simulate_find(argv[0]);
	if (settings->driver == NULL) {
		snprintf(why, size, "%s: no such device can be played", argv[0]);
		return false;
	}
	for (int i = 1; i < argc; i += 2) {
		bool valid = false;

		if (i + 1 >= argc) {
			snprintf(why, size, "%s: the value is missing", argv[i]);
			return false;
		}
		if (!read_option(argv[i], argv[i + 1], settings, &valid)) {
			snprintf(why, size, "%s: no such option", argv[i]);
			return false;
		}
		if (!valid) {
			snprintf(why, size, "%s %s: bad value", argv[i], argv[i + 1]);
			return false;
		}
	}
	if (settings->shower_count == 0)
		read_shower("120@10m+30m", settings);
	return true;
}
