/*
 * Sensors on pseudo terminals, with their threads: data, damage, unplugging,
 * a port that is taken, silent neighbours, and stopping at once.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "sensors/modbus.h"
#include "sensors/pty.h"
#include "sensors/sensor.h"
#include "sensors/simulate.h"
#include "store/ring.h"

static char folder[64];
static char port[100], ring_path[100], why[300];
static struct ring *ring;

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char log_text[16384];

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	pthread_mutex_lock(&log_mutex);
	size_t used = strlen(log_text);
	snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
	pthread_mutex_unlock(&log_mutex);
}

static int times_logged(const char *word)
{
	int count = 0;

	pthread_mutex_lock(&log_mutex);
	for (const char *at = log_text; (at = strstr(at, word)) != NULL;
		at += strlen(word))
		count++;
	pthread_mutex_unlock(&log_mutex);
	return count;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/muabui-sensors-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(port, sizeof(port), "%s/port", folder);
	snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
	ring = ring_open(ring_path, 64 * 1024, why, sizeof(why));
	log_text[0] = '\0';
	log_set_sink(keep_log);
	return ring != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_sink(NULL);
	ring_close(ring);
	unlink(ring_path);
	unlink(port);
	rmdir(folder);
	return 0;
}

static void pause_ms(int64_t ms)
{
	poll(NULL, 0, (int)ms);
}

/* The next report within MS. */
static bool wait_report(struct report *report, int64_t ms)
{
	int64_t until = clock_real_ms() + ms;
	uint64_t seq;

	while (!ring_next(ring, report, &seq)) {
		if (clock_real_ms() >= until)
			return false;
		ring_wait(ring, 20);
	}
	ring_release(ring);
	return true;
}

static uint64_t count_of(const struct sensor *sensor, enum sensor_result result)
{
	return atomic_load(&sensor->stats.results[result]);
}

/* Waits until RESULT was counted COUNT times. */
static bool wait_count(const struct sensor *sensor, enum sensor_result result,
	uint64_t count, int64_t ms)
{
	int64_t until = clock_real_ms() + ms;

	while (count_of(sensor, result) < count) {
		if (clock_real_ms() >= until)
			return false;
		pause_ms(10);
	}
	return true;
}

static struct serial_options line(void)
{
	return (struct serial_options){
		.port = port, .baud = 9600, .stop_bits = 1, .data_bits = 8
	};
}

/* The options of a talking driver begin with the line's; the rest may be zero. */
union stream_options {
	struct serial_options serial;
	uint8_t room[128];
};

static struct sensors *start_one(const char *driver, void *options)
{
	static struct sensor_common common = { .station = "" };
	static struct option_item item;
	static struct option_list items;

	item = (struct option_item){
		.name = "dust",
		.kind = &sensor_driver_find(driver)->kind,
		.common = &common,
		.options = options,
	};
	items = (struct option_list){ .items = &item, .count = 1 };
	return sensors_start(&items, "HN-1", ring, NULL);
}

static void write_all(int fd, const uint8_t *bytes, size_t length)
{
	assert_int_equal(write(fd, bytes, length), length);
}

static const uint8_t sds_good[10] = { 0xAA, 0xC0, 0xD4, 0x04, 0x3A, 0x0A, 0xA1, 0x60,
	0x1D, 0xAB };

static void test_stream_delivers(void **state)
{
	union stream_options options = { .serial = line() };
	const struct sensor *sensor;
	struct sensors *sensors;
	struct report report;
	struct pty pty;
	uint8_t bad[10];

	(void)state;
	assert_int_equal(pty_open(&pty, port, why, sizeof(why)), 0);
	sensors = start_one("sds011", &options);
	assert_non_null(sensors);
	sensor = sensors_get(sensors, 0);
	while (!atomic_load(&sensor->stats.connected))
		pause_ms(5);
	write_all(pty.fd, sds_good, 10);
	assert_true(wait_report(&report, 2000));
	assert_string_equal(report.station, "HN-1");
	assert_string_equal(report.sensor, "dust");
	assert_int_equal(report.count, 2);
	assert_true(report_find(&report, METRIC_PM25)->value == 123.6);
	assert_true(llabs(report.time_ms - clock_wall_ms()) < 3000);

	memcpy(bad, sds_good, 10);
	bad[8] ^= 1;
	for (int i = 0; i < 3; i++)
		write_all(pty.fd, bad, 10);
	write_all(pty.fd, sds_good, 10);
	assert_true(wait_report(&report, 2000));
	assert_true(wait_count(sensor, SENSOR_OK, 2, 1000));
	assert_int_equal(count_of(sensor, SENSOR_BAD_CHECKSUM), 3);
	assert_int_equal(times_logged("(checksum)"), 1);
	assert_int_equal(times_logged("back"), 1);

	/* A head that never ends is given up before the next frame comes. */
	write_all(pty.fd, sds_good, 6);
	assert_true(wait_count(sensor, SENSOR_BAD_LENGTH, 1, 2000));
	write_all(pty.fd, sds_good, 10);
	assert_true(wait_report(&report, 2000));
	sensors_stop(sensors);
	pty_close(&pty);
}

static double cpu_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void test_stream_survives_unplugging(void **state)
{
	union stream_options options = { .serial = line() };
	const struct sensor *sensor;
	struct sensors *sensors;
	struct report report;
	struct pty pty;
	double cpu;

	(void)state;
	sensors = start_one("sds011", &options); /* nothing is plugged in yet */
	sensor = sensors_get(sensors, 0);
	assert_true(wait_count(sensor, SENSOR_PORT_ERROR, 1, 1000));
	for (int i = 0; i < 3; i++) {
		int64_t until = clock_real_ms() + 5000;

		assert_int_equal(pty_open(&pty, port, why, sizeof(why)), 0);
		while (!atomic_load(&sensor->stats.connected) && clock_real_ms() < until)
			pause_ms(5);
		/* The first may find a device that has just been switched on. */
		write_all(pty.fd, sds_good, 10);
		assert_true(wait_report(&report, 2000));
		assert_true(report.marks & REPORT_RECONNECTED);
		write_all(pty.fd, sds_good, 10);
		assert_true(wait_report(&report, 2000));
		assert_false(report.marks & REPORT_RECONNECTED);
		cpu = cpu_seconds();
		pty_close(&pty);
		pause_ms(300);
		assert_false(atomic_load(&sensor->stats.connected));
		assert_true(cpu_seconds() - cpu < 0.1); /* it waits, it does not spin */
	}
	assert_true(count_of(sensor, SENSOR_PORT_ERROR) < 30);
	/* Said once when it was not there, then it was back; soon again, it is not
	 * repeated. */
	assert_true(times_logged("unplugged") <= 2);
	sensors_stop(sensors);
}

static void test_port_is_taken(void **state)
{
	union stream_options options = { .serial = line() };
	struct sensors *sensors;
	struct pty pty;
	int other;

	(void)state;
	assert_int_equal(pty_open(&pty, port, why, sizeof(why)), 0);
	other = open(port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	sensors = start_one("pms5003", &options);
	assert_true(wait_count(sensors_get(sensors, 0), SENSOR_PORT_ERROR, 2, 3000));
	assert_int_equal(times_logged("taken by another program"), 1);
	assert_false(atomic_load(&sensors_get(sensors, 0)->stats.connected));
	close(other);
	for (int i = 0;
		i < 300 && !atomic_load(&sensors_get(sensors, 0)->stats.connected); i++)
		pause_ms(10);
	assert_true(atomic_load(&sensors_get(sensors, 0)->stats.connected));
	/* And it is ours alone now. */
	other = open(port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	close(other);
	sensors_stop(sensors);
	pty_close(&pty);
}

static void test_what_is_no_port(void **state)
{
	struct serial_options options = line();
	int fd = open(port, O_CREAT | O_WRONLY, 0600);

	(void)state;
	close(fd);
	assert_int_equal(serial_open(&options, why, sizeof(why)), -1);
	assert_int_equal(errno, ENOTTY);
	assert_non_null(strstr(why, "not a serial port"));
	unlink(port);
	assert_int_equal(serial_open(&options, why, sizeof(why)), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(why, "unplugged"));
}

static void test_stop_does_not_wait(void **state)
{
	union stream_options options = { .serial = line() };
	struct sensors *sensors = start_one("pms5003", &options);
	int64_t before;

	(void)state;
	pause_ms(1500); /* far into the back-off */
	before = clock_real_ms();
	sensors_stop(sensors);
	assert_true(clock_real_ms() - before < 200);
}

/* --- Modbus: the slave is libmodbus, an independent peer ----------------- */

struct slave {
	struct pty pty;
	pthread_t thread;
	modbus_mapping_t *map;
	atomic_int unit;
	atomic_bool damage; /* answers with a wrong CRC */
	atomic_bool stop;
	atomic_int asked;
};

static void *slave_run(void *arg)
{
	struct slave *slave = arg;
	modbus_t *rtu = modbus_new_rtu(port, 9600, 'N', 8, 1);
	uint8_t query[MODBUS_MAX_ADU_LENGTH];

	modbus_set_socket(rtu, slave->pty.fd);
	modbus_set_indication_timeout(rtu, 0, 50000);
	modbus_set_response_timeout(rtu, 0, 50000);
	modbus_set_byte_timeout(rtu, 0, 50000);
	while (!atomic_load(&slave->stop)) {
		int length;

		modbus_set_slave(rtu, atomic_load(&slave->unit));
		length = modbus_receive(rtu, query);
		if (length <= 0)
			continue;
		atomic_fetch_add(&slave->asked, 1);
		if (atomic_load(&slave->damage)) {
			static const uint8_t wrong[7] = { 1, 3, 2, 0, 1, 0, 0 };

			write_all(slave->pty.fd, wrong, sizeof(wrong));
			continue;
		}
		modbus_reply(rtu, query, length, slave->map);
	}
	modbus_free(rtu);
	return NULL;
}

static void slave_start(struct slave *slave)
{
	memset(slave, 0, sizeof(*slave));
	assert_int_equal(pty_open(&slave->pty, port, why, sizeof(why)), 0);
	slave->map = modbus_mapping_new(0, 0, 10, 10);
	slave->map->tab_registers[0] = 536;
	slave->map->tab_input_registers[5] = 235;
	atomic_store(&slave->unit, 1);
	assert_int_equal(pthread_create(&slave->thread, NULL, slave_run, slave), 0);
}

static void slave_stop(struct slave *slave)
{
	atomic_store(&slave->stop, true);
	pthread_join(slave->thread, NULL);
	modbus_mapping_free(slave->map);
	pty_close(&slave->pty);
}

static struct modbus_options gauge(struct modbus_register *reg, int unit)
{
	*reg = (struct modbus_register){
		.metric = metric_find("rain_total"),
		.type = MODBUS_UINT16,
		.scale = 0.1,
	};
	return (struct modbus_options){
		.serial = line(),
		.unit_id = unit,
		.every = 50,
		.timeout = 150,
		.function = 3,
		.registers = { .items = reg, .count = 1 },
	};
}

static void test_modbus_delivers(void **state)
{
	struct modbus_register registers[2];
	struct modbus_options options = gauge(registers, 1);
	struct sensors *sensors;
	const struct sensor *sensor;
	struct report report;
	struct slave slave;

	(void)state;
	slave_start(&slave);
	registers[1] = (struct modbus_register){
		.metric = metric_find("temperature"),
		.address = 5,
		.type = MODBUS_INT16,
		.scale = 0.1,
		.function = 4,
	};
	options.registers.count = 2;
	sensors = start_one("modbus", &options);
	sensor = sensors_get(sensors, 0);
	assert_true(wait_report(&report, 3000));
	assert_int_equal(report.count, 2);
	assert_true(report_find(&report, METRIC_RAIN_TOTAL)->value == 53.6);
	assert_true(report_find(&report, METRIC_TEMPERATURE)->value == 23.5);
	assert_true(wait_count(sensor, SENSOR_OK, 5, 3000));

	/* One block refused: the other one still comes, the refusal is counted. */
	sensors_stop(sensors);
	registers[1].address = 50;
	while (wait_report(&report, 0))
		;
	log_text[0] = '\0';
	sensors = start_one("modbus", &options);
	sensor = sensors_get(sensors, 0);
	assert_true(wait_report(&report, 3000));
	assert_int_equal(report.count, 1);
	assert_true(report_find(&report, METRIC_RAIN_TOTAL)->value == 53.6);
	assert_true(wait_count(sensor, SENSOR_DEVICE_ERROR, 3, 3000));
	assert_int_equal(count_of(sensor, SENSOR_OK), 0);
	assert_int_equal(times_logged("illegal data address"), 1);
	sensors_stop(sensors);
	slave_stop(&slave);
}

static void test_modbus_counts_damage(void **state)
{
	struct modbus_register reg;
	struct modbus_options options = gauge(&reg, 1);
	struct sensors *sensors;
	const struct sensor *sensor;
	struct slave slave;

	(void)state;
	slave_start(&slave);
	atomic_store(&slave.damage, true);
	sensors = start_one("modbus", &options);
	sensor = sensors_get(sensors, 0);
	assert_true(wait_count(sensor, SENSOR_BAD_CHECKSUM, 3, 5000));
	assert_int_equal(count_of(sensor, SENSOR_OK), 0);
	assert_int_equal(times_logged("(checksum)"), 1);
	atomic_store(&slave.damage, false);
	assert_true(wait_count(sensor, SENSOR_OK, 2, 5000));
	assert_int_equal(times_logged("back"), 1);
	sensors_stop(sensors);
	slave_stop(&slave);
}

/* A unit that is not there: its neighbour is read on, it is asked ever more rarely. */
static void test_modbus_silent_neighbour(void **state)
{
	struct modbus_register reg;
	struct modbus_options there = gauge(&reg, 1);
	struct modbus_options missing = gauge(&reg, 9);
	struct sensor_common common = { .station = "HN-2" };
	struct option_item items[2] = {
		{ "missing", &sensor_driver_find("modbus")->kind, &common, &missing,
			{ 0 } },
		{ "there", &sensor_driver_find("modbus")->kind, &common, &there, { 0 } },
	};
	struct option_list list = { .items = items, .count = 2 };
	struct sensors *sensors;
	struct report report;
	struct slave slave;
	int64_t before;

	(void)state;
	slave_start(&slave);
	sensors = sensors_start(&list, "HN-1", ring, NULL);
	assert_int_equal(sensors_count(sensors), 2);
	assert_true(wait_count(sensors_get(sensors, 1), SENSOR_OK, 30, 8000));
	assert_true(wait_report(&report, 0));
	assert_string_equal(report.sensor, "there");
	assert_string_equal(report.station, "HN-2");
	assert_true(count_of(sensors_get(sensors, 0), SENSOR_TIMEOUT) >= 3);
	assert_true(count_of(sensors_get(sensors, 0), SENSOR_TIMEOUT) <= 6);
	assert_int_equal(count_of(sensors_get(sensors, 1), SENSOR_TIMEOUT), 0);
	assert_int_equal(times_logged("no answer"), 1);
	before = clock_real_ms();
	sensors_stop(sensors);
	assert_true(clock_real_ms() - before < 400);
	slave_stop(&slave);
}

static void test_modbus_survives_unplugging(void **state)
{
	struct modbus_register reg;
	struct modbus_options options = gauge(&reg, 1);
	struct sensors *sensors;
	const struct sensor *sensor;
	struct slave slave;
	double cpu;

	(void)state;
	slave_start(&slave);
	sensors = start_one("modbus", &options);
	sensor = sensors_get(sensors, 0);
	assert_true(wait_count(sensor, SENSOR_OK, 2, 3000));
	slave_stop(&slave);
	assert_true(wait_count(sensor, SENSOR_PORT_ERROR, 1, 3000));
	cpu = cpu_seconds();
	pause_ms(500);
	assert_true(cpu_seconds() - cpu < 0.1);
	assert_false(atomic_load(&sensor->stats.connected));
	slave_start(&slave);
	assert_true(wait_count(sensor, SENSOR_OK, count_of(sensor, SENSOR_OK) + 2, 8000));
	sensors_stop(sensors);
	slave_stop(&slave);
}

/* --- the simulator against the drivers ------------------------------------ */

struct player {
	struct simulate_settings settings;
	int stop[2];
	int status;
	pthread_t thread;
	char why[300];
};

static void *player_run(void *arg)
{
	struct player *player = arg;

	player->status =
		simulate_run(&player->settings, NULL, player->why, sizeof(player->why));
	return NULL;
}

static void player_start(struct player *player, int argc, char *const *argv)
{
	assert_true(simulate_parse(argc, argv, &player->settings, why, sizeof(why)));
	assert_int_equal(pipe(player->stop), 0);
	player->settings.stop_fd = player->stop[0];
	assert_int_equal(pthread_create(&player->thread, NULL, player_run, player), 0);
}

static void player_stop(struct player *player)
{
	assert_int_equal(write(player->stop[1], "", 1), 1);
	pthread_join(player->thread, NULL);
	close(player->stop[0]);
	close(player->stop[1]);
	if (player->status != 0)
		fail_msg("%s", player->why);
}

static void test_simulated_dust(void **state)
{
	char *argv[] = { "pms5003", "--link", port, "--every", "100ms", "--csv",
		"tests/fixtures/data/hanoi-two-weeks-pm25.csv", "--hang-up", "10",
		"--down", "300ms", "--start", "2018-01-02T01:30:00+07:00" };
	union stream_options options = { .serial = line() };
	struct player player;
	struct sensors *sensors;
	struct report report;

	(void)state;
	player_start(&player, sizeof(argv) / sizeof(argv[0]), argv);
	sensors = start_one("pms5003", &options);
	for (int i = 0; i < 12; i++) { /* through at least two hang-ups */
		assert_true(wait_report(&report, 5000));
		/* Half way between 135.9 and 133.0, within the noise. */
		assert_true(report_find(&report, METRIC_PM25)->value > 125);
		assert_true(report_find(&report, METRIC_PM25)->value < 144);
	}
	sensors_stop(sensors);
	player_stop(&player);
	assert_int_equal(access(port, F_OK), -1); /* the link is gone */
	clock_simulate(0, 1);
}

static void test_simulated_rain(void **state)
{
	/* 360 mm/h: a tenth of a millimetre a second of data time, from its second on. */
	char *argv[] = { "rain-modbus", "--link", port, "--rain", "360@1s+20s", "--speed",
		"100" };
	struct modbus_register reg;
	struct modbus_options options = gauge(&reg, 1);
	struct player player;
	struct sensors *sensors;
	struct report report;
	double last = 0;

	(void)state;
	player_start(&player, sizeof(argv) / sizeof(argv[0]), argv);
	pause_ms(50);
	options.every = 5000; /* of data time: 50 ms */
	sensors = start_one("modbus", &options);
	while (last < 2.0) {
		assert_true(wait_report(&report, 3000));
		assert_true(report.readings[0].value >= last);
		last = report.readings[0].value;
		assert_true(last <= 2.0);
	}
	assert_true(last == 2.0);
	sensors_stop(sensors);
	player_stop(&player);
	clock_simulate(0, 1);
}

static void test_simulation_options(void **state)
{
	struct simulate_settings settings;
	char *none[] = { "toaster" };
	char *unknown[] = { "sds011", "--volume", "11" };
	char *missing[] = { "sds011", "--link" };
	char *bad[] = { "sds011", "--corrupt", "1.5" };
	char *rain[] = { "modbus", "--rain", "120@10m+30m", "--rain", "20@1h+2h",
		"--unit", "7" };

	(void)state;
	assert_false(simulate_parse(0, none, &settings, why, sizeof(why)));
	assert_false(simulate_parse(1, none, &settings, why, sizeof(why)));
	assert_false(simulate_parse(3, unknown, &settings, why, sizeof(why)));
	assert_non_null(strstr(why, "--volume"));
	assert_false(simulate_parse(2, missing, &settings, why, sizeof(why)));
	assert_false(simulate_parse(3, bad, &settings, why, sizeof(why)));
	assert_true(simulate_parse(7, rain, &settings, why, sizeof(why)));
	assert_int_equal(settings.shower_count, 2);
	assert_true(settings.showers[0].mm_per_hour == 120);
	assert_int_equal(settings.showers[0].from_ms, 600 * 1000);
	assert_int_equal(settings.showers[1].duration_ms, 7200 * 1000);
	assert_int_equal(settings.unit_id, 7);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(test_stream_delivers),
		LIVE(test_stream_survives_unplugging),
		LIVE(test_port_is_taken),
		LIVE(test_what_is_no_port),
		LIVE(test_stop_does_not_wait),
		LIVE(test_modbus_delivers),
		LIVE(test_modbus_counts_damage),
		LIVE(test_modbus_silent_neighbour),
		LIVE(test_modbus_survives_unplugging),
		LIVE(test_simulated_dust),
		LIVE(test_simulated_rain),
		LIVE(test_simulation_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
