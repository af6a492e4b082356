/* `muabui decode` as a library: the forms of input, and what is counted. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/buffer.h"
#include "core/metric.h"
#include "sensors/decode.h"
#include "sensors/modbus.h"

#define FRAME                                                                      \
	"42 4D 00 1C 00 05 00 0D 00 16 00 05 00 0D 00 16 02 FD 00 FC 00 1D 00 0F " \
	"00 06 00 06 97 00 03 C5 "
#define REPORT "{\"pm1\":5,\"pm25\":13,\"pm10\":22}\n"

static struct buffer out;
static char why[200];

static int decode(
	const char *driver, const void *options, const void *bytes, size_t length)
{
	buffer_free(&out);
	buffer_init(&out, 1 << 20);
	why[0] = '\0';
	return decode_run(sensor_driver_find(driver), options, bytes, length, &out, why,
		sizeof(why));
}

static void expect(const char *driver, const char *text, const char *expected)
{
	assert_int_equal(decode(driver, NULL, text, strlen(text)), 0);
	assert_string_equal(buffer_text(&out), expected);
}

static void test_forms_of_hex(void **state)
{
	(void)state;
	expect("pms5003", FRAME,
		REPORT "{\"frames\":1,\"bad\":{},\"skipped_bytes\":0}\n");
	expect("sds011", "aac0d4043a0aa1601dab",
		"{\"pm25\":123.6,\"pm10\":261.8}\n"
		"{\"frames\":1,\"bad\":{},\"skipped_bytes\":0}\n");
	expect("sds011",
		"# a capture, Hà Nội\r\n0xAA,0xC0 0xd4:04-3A\n0A A1 60 1D AB # end",
		"{\"pm25\":123.6,\"pm10\":261.8}\n"
		"{\"frames\":1,\"bad\":{},\"skipped_bytes\":0}\n");
	expect("sds011", "", "{\"frames\":0,\"bad\":{},\"skipped_bytes\":0}\n");
}

static void test_what_is_not_hex_is_named(void **state)
{
	(void)state;
	assert_int_equal(decode("sds011", NULL, "AA C0\nhello\n", 12), -1);
	assert_non_null(strstr(why, "line 2"));
	assert_int_equal(decode("sds011", NULL, "AAC", 3), -1);
	assert_int_equal(decode("sds011", NULL, "0x", 2), -1);
}

static void test_binary_is_seen(void **state)
{
	static const uint8_t binary[] = { 0x00, 0xAA, 0xC0, 0xD4, 0x04, 0x3A, 0x0A, 0xA1,
		0x60, 0x1D, 0xAB };

	(void)state;
	assert_int_equal(decode("sds011", NULL, binary, sizeof(binary)), 0);
	assert_string_equal(buffer_text(&out),
		"{\"pm25\":123.6,\"pm10\":261.8}\n"
		"{\"frames\":1,\"bad\":{},\"skipped_bytes\":1}\n");
}

static void test_counts(void **state)
{
	(void)state;
	expect("pms5003",
		FRAME
		"00 00 00" FRAME "42 4D 00 04 E4 00 01 77" FRAME
		"42 4D 00 1C 00 05 00 0D 00 16 00 05 00 0D 00 16 02 FD 00 FC 00 1D 00 0F "
		"00 06 00 06 97 00 00 00" FRAME "42 4D 00",
		REPORT REPORT REPORT REPORT
		"{\"frames\":5,\"bad\":{\"length\":1,\"checksum\":1},\"skipped_bytes\":38,"
		"\"ignored\":1}\n");
}

static void test_a_long_capture(void **state)
{
	enum { FRAMES = 5000 };
	static char text[FRAMES * sizeof(FRAME)];
	size_t length = 0;

	(void)state;
	for (int i = 0; i < FRAMES; i++, length += sizeof(FRAME) - 1)
		memcpy(text + length, FRAME, sizeof(FRAME) - 1);
	assert_int_equal(decode("pms5003", NULL, text, length), 0);
	assert_int_equal(out.length,
		FRAMES * strlen(REPORT) +
			strlen("{\"frames\":5000,\"bad\":{},\"skipped_bytes\":0}\n"));
}

static void test_output_has_a_limit(void **state)
{
	(void)state;
	buffer_free(&out);
	buffer_init(&out, 40);
	assert_int_equal(
		decode_run(sensor_driver_find("pms5003"), NULL, (const uint8_t *)FRAME,
			strlen(FRAME), &out, why, sizeof(why)),
		-1);
	assert_true(out.length <= 40);
}

/* A line that was listened to: requests and answers of two units. */
static void test_modbus_capture_with_options(void **state)
{
	static const char capture[] =
		"01 03 00 00 00 01 84 0A  01 03 02 02 18 B9 2E "
		"02 03 00 00 00 03 05 F8  02 03 06 05 A1 00 08 00 BA 88 78 "
		"01 83 02 C0 F1  01 03 02 02 18 B9 2E";
	struct modbus_register registers[] = {
		{ .metric = metric_find("rain_total"),
			.type = MODBUS_UINT16,
			.scale = 0.1 },
	};
	struct modbus_options options = {
		.unit_id = 1,
		.function = 3,
		.registers = { .items = registers, .count = 1 },
	};

	(void)state;
	assert_int_equal(decode("modbus", &options, capture, strlen(capture)), 0);
	assert_string_equal(buffer_text(&out),
		"{\"rain_total\":53.6}\n{\"rain_total\":53.6}\n"
		"{\"frames\":5,\"bad\":{\"device_error\":1},\"skipped_bytes\":0,\"ignored\":3}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_of_hex),
		cmocka_unit_test(test_what_is_not_hex_is_named),
		cmocka_unit_test(test_binary_is_seen),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_a_long_capture),
		cmocka_unit_test(test_output_has_a_limit),
		cmocka_unit_test(test_modbus_capture_with_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
