/*
 * The parsers of the serial drivers, with libFuzzer. The first byte chooses:
 * driver and way in; the rest is what came in.
 * Links against the library; seeds are the fixtures, with one byte in front.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/metric.h"
#include "sensors/decode.h"
#include "sensors/framer.h"
#include "sensors/modbus.h"
#include "sensors/simulate.h"
#include "tests/unit/sensor_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct modbus_register registers[] = {
	{ .address = 0, .type = MODBUS_UINT16, .scale = 0.1 },
	{ .address = 1, .type = MODBUS_INT16, .scale = 1, .order = MODBUS_DCBA },
	{ .address = 2, .type = MODBUS_FLOAT32, .scale = 1e3, .order = MODBUS_CDAB },
	{ .address = 4, .type = MODBUS_UINT32, .scale = 1, .offset = -40, .function = 4 },
	{ .address = 65534, .type = MODBUS_INT32, .scale = 1, .function = 4 },
};

static const struct modbus_options *modbus_options(void)
{
	static const char *const metrics[] = { "rain_total", "temperature", "pressure",
		"light", "noise" };
	static struct modbus_options options = {
		.unit_id = 1,
		.function = 3,
		.registers = { .items = registers, .count = 5 },
	};

	for (size_t i = 0; i < 5; i++)
		registers[i].metric = metric_find(metrics[i]);
	return &options;
}

/* For the drivers that mean nothing without their configuration. */
static const char settings[] =
	"{ name = \"text\"; driver = \"text\"; port = \"/dev/null\"; prefix = \"$ENV,\"; columns = (\n"
	"  { metric = \"temperature\"; column = 2; unit = \"degF\"; },\n"
	"  { metric = \"humidity\"; column = 3; suffix = \"%\"; invalid = [ 999.0 ]; },\n"
	"  { metric = \"pressure\"; name = \"P\"; unit = \"kPa\"; scale = 1e3; } ); },\n"
	"{ name = \"umb\"; driver = \"umb\"; port = \"/dev/null\"; channels = (\n"
	"  { metric = \"temperature\"; channel = 100; },\n"
	"  { metric = \"pressure\"; channel = 300; scale = 0.1; } ); },\n"
	"{ name = \"sdi12\"; driver = \"sdi12\"; port = \"/dev/null\"; values = (\n"
	"  { metric = \"rain_total\"; index = 1; },\n"
	"  { metric = \"wind_speed\"; index = 2; unit = \"km/h\"; } ); }";

static struct config *load_settings(void)
{
	struct buffer errors;
	struct config *config = load_sensors(settings, &errors);

	if (config == NULL)
		abort();
	buffer_free(&errors);
	return config;
}

/* Such a driver's options; NULL, which are the defaults, for the others. */
static const void *options_of(const struct sensor_driver *driver)
{
	static struct config *config;
	const struct option_item *items;

	if (config == NULL)
		config = load_settings();
	items = config->sensors.items;
	for (size_t i = 0; i < config->sensors.count; i++)
		if (items[i].kind == &driver->kind)
			return items[i].options;
	return NULL;
}

/* Whatever is accepted must be finite and named. */
static void check(const struct report *report)
{
	if (report->count == 0 || report->count > READINGS_MAX)
		abort();
	for (size_t i = 0; i < report->count; i++)
		if (!isfinite(report->readings[i].value) ||
			metric_by_id(report->readings[i].metric) == NULL)
			abort();
}

/* Bytes in portions, as a port gives them; every byte is accounted for. */
static void run_framer(
	const struct sensor_driver *driver, const uint8_t *data, size_t size)
{
	struct framer_code code = framer_code_of(driver, options_of(driver));
	struct framer framer;
	struct report report;
	enum sensor_result result;
	uint64_t framed = 0;
	size_t total = size;

	framer_init(&framer, &code);
	report_init(&report);
	while (size > 0) {
		size_t portion = 1 + data[0] % 40;
		size_t taken;

		if (portion > size)
			portion = size;
		taken = framer_put(&framer, data, portion);
		if (taken == 0)
			abort();
		data += taken;
		size -= taken;
		if (size == 0)
			framer_expire(&framer);
		while (framer_next(&framer, &report, &result)) {
			if (result == SENSOR_OK)
				check(&report);
			if (result != SENSOR_BAD_LENGTH && result != SENSOR_BAD_SYNC &&
				result != SENSOR_BAD_CHECKSUM)
				framed += framer.frame_length;
		}
	}
	/* A byte may be shared by two frames. */
	if (framer_is_pending(&framer) || framed + framer.skipped < total)
		abort();
}

static void run_decode(const struct sensor_driver *driver, const void *options,
	const uint8_t *data, size_t size)
{
	struct buffer out;
	char why[100];

	buffer_init(&out, 1 << 16);
	decode_run(driver, options, data, size, &out, why, sizeof(why));
	buffer_free(&out);
}

/* The INDEXth of the drivers that find frames in a stream, counted round and round. */
static const struct sensor_driver *stream_driver(size_t index)
{
	const struct sensor_driver *found[64];
	size_t count = 0;

	for (size_t i = 0; sensor_drivers[i] != NULL && count < 64; i++)
		if (sensor_drivers[i]->frame != NULL)
			found[count++] = sensor_drivers[i];
	return found[index % count];
}

/* What the simulated device makes of questions; its answers must fit. */
static void run_reply(
	const struct sensor_driver *driver, const uint8_t *data, size_t size)
{
	struct simulate_settings settings = { .driver = driver, .unit_id = 1 };
	struct simulate_device device;
	uint8_t frame[SIMULATE_FRAME_MAX];
	char why[200];

	if (driver->simulation == NULL)
		return;
	if (simulate_device_open(&device, &settings, why, sizeof(why)) != 0)
		abort();
	while (size > 0) {
		size_t used = simulate_device_hear(&device, data, size), length;

		if (used == 0)
			abort();
		while ((length = simulate_device_answer(&device, frame)) > 0)
			if (length > sizeof(frame))
				abort();
		data += used;
		size -= used;
	}
	simulate_device_close(&device);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sensor_driver *any;
	const struct sensor_driver *modbus = sensor_driver_find("modbus");
	struct report report;
	uint8_t choice;

	if (size == 0)
		return 0;
	choice = *data++;
	size--;
	any = stream_driver(choice / 7);
	switch (choice % 7) {
	case 0:
		run_framer(any, data, size);
		break;
	case 1: /* one frame of whatever length */
		report_init(&report);
		if (any->decode(options_of(any), data, size, &report) == SENSOR_OK)
			check(&report);
		break;
	case 2:
		run_decode(modbus, NULL, data, size);
		break;
	case 3:
		run_decode(modbus, modbus_options(), data, size);
		break;
	case 4:
		report_init(&report);
		if (modbus->decode(modbus_options(), data, size, &report) == SENSOR_OK)
			check(&report);
		break;
	case 5:
		run_decode(any, options_of(any), data, size);
		break;
	default:
		run_reply(any, data, size);
		break;
	}
	return 0;
}
