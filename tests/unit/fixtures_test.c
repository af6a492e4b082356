/*
 * Every captured frame under tests/fixtures/DRIVER: decoded, cut at every byte,
 * behind junk, and offered to every other driver.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "sensors/decode.h"
#include "sensors/framer.h"
#include "tests/unit/sensor_settings.h"

enum { FIXTURES_MAX = 400, TEXT_MAX = 4096, FRAME_MAX = 256, OUT_MAX = 1 << 20 };

struct fixture {
	const struct sensor_driver *driver;
	const void *options; /* NULL: the defaults */
	char name[512];
	uint8_t frame[FRAME_MAX];
	size_t length;
	char expected[TEXT_MAX];
	bool has_report;
};

static struct fixture fixtures[FIXTURES_MAX];
static size_t fixture_count;

static void read_file(const char *path, char text[static TEXT_MAX])
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (file == NULL)
		fail_msg("%s: cannot be read", path);
	length = fread(text, 1, TEXT_MAX - 1, file);
	text[length] = '\0';
	fclose(file);
}

/* The test's own reader of hex, so that decode's is tested against it. */
static size_t read_frame(const char *text, uint8_t frame[static FRAME_MAX])
{
	size_t length = 0;
	unsigned byte;
	int used;

	while (*text == '#')
		text = strchr(text, '\n') + 1;
	for (; sscanf(text, " %2x%n", &byte, &used) == 1; text += used)
		frame[length++] = (uint8_t)byte;
	return length;
}

/*
 * What a driver that means nothing without its configuration is told: the options in
 * its folder's sensor.conf. NULL where there is none. Lives as long as the test.
 */
static const void *load_options(const struct sensor_driver *driver, const char *folder)
{
	char path[200], text[TEXT_MAX], whole[2 * TEXT_MAX];
	struct buffer errors;
	struct config *config;

	snprintf(path, sizeof(path), "%s/sensor.conf", folder);
	if (access(path, R_OK) != 0)
		return NULL;
	read_file(path, text);
	snprintf(whole, sizeof(whole),
		"{ name = \"it\"; driver = \"%s\"; port = \"/dev/null\";\n%s }",
		driver->kind.name, text);
	config = load_sensors(whole, &errors);
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	buffer_free(&errors);
	return sensor_options(config, 0);
}

static void load(const struct sensor_driver *driver)
{
	char folder[100], text[TEXT_MAX];
	const void *options;
	DIR *directory;

	snprintf(folder, sizeof(folder), "tests/fixtures/%s", driver->kind.name);
	directory = opendir(folder);
	if (directory == NULL)
		return;
	options = load_options(driver, folder);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		struct fixture *fixture = &fixtures[fixture_count];
		char *dot = strrchr(entry->d_name, '.');

		if (dot == NULL || strcmp(dot, ".hex") != 0)
			continue;
		assert_true(fixture_count < FIXTURES_MAX);
		fixture->driver = driver;
		fixture->options = options;
		snprintf(fixture->name, sizeof(fixture->name), "%s/%s", folder,
			entry->d_name);
		read_file(fixture->name, text);
		fixture->length = read_frame(text, fixture->frame);
		snprintf(fixture->name, sizeof(fixture->name), "%s/%.*s.json", folder,
			(int)(dot - entry->d_name), entry->d_name);
		read_file(fixture->name, fixture->expected);
		fixture->has_report = strncmp(fixture->expected, "{\"frames\"", 9) != 0;
		fixture_count++;
	}
	closedir(directory);
}

static int load_all(void **state)
{
	(void)state;
	/* Drivers without frames have fixtures of another kind, and another test. */
	for (size_t i = 0; sensor_drivers[i] != NULL; i++)
		if (sensor_drivers[i]->bus != SENSOR_BUS_MQTT &&
			sensor_drivers[i]->bus != SENSOR_BUS_HTTP)
			load(sensor_drivers[i]);
	return fixture_count > 0 ? 0 : -1;
}

/* What decode says of BYTES; the caller frees nothing: one buffer serves all. */
static const char *decode_as(const struct sensor_driver *driver, const void *options,
	const uint8_t *bytes, size_t length)
{
	static struct buffer out;
	/* A NUL in front makes sure that it is taken as binary. */
	static uint8_t copy[FRAME_MAX * 4 + 1];
	char why[200] = "";

	assert_true(length < sizeof(copy));
	memcpy(copy + 1, bytes, length);
	buffer_free(&out);
	buffer_init(&out, OUT_MAX);
	assert_int_equal(
		decode_run(driver, options, copy, length + 1, &out, why, sizeof(why)), 0);
	return buffer_text(&out);
}

static const char *decode(
	const struct sensor_driver *driver, const uint8_t *bytes, size_t length)
{
	return decode_as(driver, NULL, bytes, length);
}

/* What FIXTURE's own driver says of BYTES. */
static const char *decode_own(
	const struct fixture *fixture, const uint8_t *bytes, size_t length)
{
	return decode_as(fixture->driver, fixture->options, bytes, length);
}

/* Are the reports in TEXT exactly those that EXPECTED begins with? */
static bool has_same_reports(const char *text, const char *expected)
{
	const char *end = strstr(text, "{\"frames\"");
	const char *expected_end = strstr(expected, "{\"frames\"");

	return end != NULL && end - text == expected_end - expected &&
		strncmp(text, expected, (size_t)(end - text)) == 0;
}

static void test_each_decodes_as_written(void **state)
{
	(void)state;
	assert_true(fixture_count >= 57);
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture *fixture = &fixtures[i];
		struct buffer out;
		char hex[FRAME_MAX * 3 + 20] = "# captured\n", why[200] = "";

		for (size_t j = 0; j < fixture->length; j++)
			snprintf(hex + strlen(hex), 4, "%02x%c", fixture->frame[j],
				j % 16 == 15 ? '\n' : ' ');
		buffer_init(&out, OUT_MAX);
		assert_int_equal(
			decode_run(fixture->driver, fixture->options, (uint8_t *)hex,
				strlen(hex), &out, why, sizeof(why)),
			0);
		if (strcmp(buffer_text(&out), fixture->expected) != 0)
			fail_msg("%s:\n%s", fixture->name, buffer_text(&out));
		buffer_free(&out);
	}
}

/*
 * The longest frame of DRIVER that brings a report: behind the head of a cut one, a
 * shorter one is found only when the line falls silent.
 */
static const struct fixture *good_one(const struct sensor_driver *driver)
{
	const struct fixture *best = NULL;

	for (size_t i = 0; i < fixture_count; i++)
		if (fixtures[i].driver == driver && fixtures[i].has_report &&
			(best == NULL || fixtures[i].length > best->length))
			best = &fixtures[i];
	if (best == NULL)
		fail_msg("%s: no good frame", driver->kind.name);
	return best;
}

static void test_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture *fixture = &fixtures[i];
		const struct fixture *next = good_one(fixture->driver);
		uint8_t bytes[2 * FRAME_MAX];

		for (size_t cut = 0; cut < fixture->length; cut++) {
			const char *text = decode_own(fixture, fixture->frame, cut);

			if (strncmp(text, "{\"frames\":0", 11) != 0)
				fail_msg("%s cut at %zu: %s", fixture->name, cut, text);
			memcpy(bytes, fixture->frame, cut);
			memcpy(bytes + cut, next->frame, next->length);
			/* Where a flag stands between frames, one may do for both. */
			if (cut + 1 == fixture->length &&
				fixture->frame[cut] == next->frame[0])
				continue;
			text = decode_own(fixture, bytes, cut + next->length);
			if (!has_same_reports(text, next->expected))
				fail_msg("%s cut at %zu, then a good one: %s",
					fixture->name, cut, text);
		}
	}
}

/* On a talking line, the good frame has to come out with its own last byte. */
static void test_next_frame_is_not_swallowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture *fixture = &fixtures[i];
		const struct fixture *next = good_one(fixture->driver);

		if (fixture->driver->frame == NULL)
			continue;
		for (size_t cut = 0; cut < fixture->length; cut++) {
			struct framer_code code =
				framer_code_of(fixture->driver, fixture->options);
			struct framer framer;
			struct report report;
			enum sensor_result result;
			bool found = false;

			framer_init(&framer, &code);
			framer_put(&framer, fixture->frame, cut);
			report_init(&report);
			while (framer_next(&framer, &report, &result))
				assert_int_not_equal(result, SENSOR_OK);
			framer_put(&framer, next->frame, next->length);
			while (framer_next(&framer, &report, &result))
				found |= result == SENSOR_OK;
			if (!found)
				fail_msg("%s cut at %zu hides the next frame",
					fixture->name, cut);
		}
	}
}

static void test_junk_in_front(void **state)
{
	static const struct {
		size_t length;
		uint8_t bytes[40];
	} junk[] = {
		{ 1, { 0x00 } },
		{ 1, { 0x42 } },
		{ 1, { 0xAA } },
		{ 2, { 0x42, 0x4D } },
		{ 3, { 0x42, 0x4D, 0x00 } },
		{ 4, { 0x42, 0x4D, 0x00, 0x1C } },
		{ 4, { 0xAA, 0xC0, 0xAA, 0xC0 } },
		{ 5, { 0x01, 0x03, 0x02, 0x00, 0x00 } },
		{ 3, { 0x01, 0x83, 0x02 } },
		{ 9, { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF } },
		{ 5, { 0xAD, 0x50, 0x10, 0x5E, 0xDD } }, /* an SDS011 just awake */
		{ 40, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture *fixture = &fixtures[i];
		uint8_t bytes[2 * FRAME_MAX];

		for (size_t j = 0; j < sizeof(junk) / sizeof(junk[0]); j++) {
			const char *text;

			memcpy(bytes, junk[j].bytes, junk[j].length);
			memcpy(bytes + junk[j].length, fixture->frame, fixture->length);
			text = decode_own(
				fixture, bytes, junk[j].length + fixture->length);
			if (!has_same_reports(text, fixture->expected))
				fail_msg(
					"%s behind junk %zu: %s", fixture->name, j, text);
		}
	}
}

/*
 * Siblings whose frames are the same on the wire, so that OTHER takes some of DRIVER's
 * that it has no fixture of its own for. Every pair that is not here must refuse each
 * other, and every one here is needed.
 */
static struct sibling {
	const char *driver, *other;
	bool is_needed;
} siblings[] = {
	{ "pms5003t", "pms5003", false }, /* the dust, without the climate */
	{ "pms5003", "hpma115", false },  /* the same envelope, dust in the same place */
	{ "pms5003s", "hpma115", false }, { "pms5003t", "hpma115", false },
	{ "ze12", "ze03", false }, /* a talking module names its gas */
	{ "ze03", "ze12", false }, { "ze08", "ze03", false }, { "ze25", "ze03", false },
	{ "s8", "modbus", false }, /* which without registers shows whatever comes */
};

/* Is FIXTURE's frame also one of DRIVER's fixtures, which say what it makes of it? */
static bool has_own(const struct sensor_driver *driver, const struct fixture *fixture)
{
	for (size_t i = 0; i < fixture_count; i++)
		if (fixtures[i].driver == driver &&
			fixtures[i].length == fixture->length &&
			memcmp(fixtures[i].frame, fixture->frame, fixture->length) == 0)
			return true;
	return false;
}

static bool are_siblings(const char *driver, const char *other)
{
	for (size_t i = 0; i < sizeof(siblings) / sizeof(siblings[0]); i++) {
		struct sibling *sibling = &siblings[i];

		if (strcmp(sibling->driver, driver) == 0 &&
			strcmp(sibling->other, other) == 0) {
			sibling->is_needed = true;
			return true;
		}
	}
	return false;
}

static void test_every_other_driver_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < fixture_count; i++) {
		for (size_t j = 0; sensor_drivers[j] != NULL; j++) {
			const char *text;

			if (has_own(sensor_drivers[j], &fixtures[i]))
				continue;
			text = decode(
				sensor_drivers[j], fixtures[i].frame, fixtures[i].length);
			if (strncmp(text, "{\"frames\":0", 11) != 0 &&
				!are_siblings(fixtures[i].driver->kind.name,
					sensor_drivers[j]->kind.name))
				fail_msg("%s as %s: %s", fixtures[i].name,
					sensor_drivers[j]->kind.name, text);
		}
	}
	for (size_t i = 0; i < sizeof(siblings) / sizeof(siblings[0]); i++)
		if (!siblings[i].is_needed)
			fail_msg("%s as %s: no longer needed", siblings[i].driver,
				siblings[i].other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_decodes_as_written),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_next_frame_is_not_swallowed),
		cmocka_unit_test(test_junk_in_front),
		cmocka_unit_test(test_every_other_driver_refuses),
	};

	return cmocka_run_group_tests(tests, load_all, NULL);
}
