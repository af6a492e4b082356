#include "sensors/simulate.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/number.h"
#include "sensors/curve.h"
#include "sensors/pty.h"

enum {
	NOISE_PERCENT = 3,
	EVERY_MIN_MS = 100, /* no device of these talks faster */
	REQUESTS_SIZE = 512,
};

/* A simulation that runs. */
struct play {
	const struct simulate_settings *settings;
	struct pty pty;
	struct curve curve;
	int signal_fd;
	uint64_t random;
	int64_t start_ms; /* data time */
	uint64_t said;    /* frames since the port was opened */
	size_t heard;     /* bytes in requests */
	uint8_t requests[REQUESTS_SIZE];
};

/* --- the words of the command line ----------------------------------------- */

const char simulate_usage[] =
	"  --link PATH              keep a symbolic link to the port there\n"
	"  --every DURATION         real time between frames (1s)\n"
	"  --csv FILE               follow this PM2.5 (time,pm25)\n"
	"  --speed N                data time runs N times as fast (1)\n"
	"  --start TIME             data time at the start, RFC 3339\n"
	"  --rain MM_PER_H@FROM+FOR a shower, in data time (120@10m+30m); may be repeated\n"
	"  --unit N                 Modbus address (1)\n"
	"  --corrupt SHARE          damage a byte in this share of the frames, 0..1\n"
	"  --drop SHARE             do not send this share of the frames, 0..1\n"
	"  --hang-up-after N        unplug after N frames, again and again\n"
	"  --down DURATION          for so long (2s)\n";

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

/* False when OPTION is not known; *VALID says whether VALUE is good. */
static bool read_option(const char *option, const char *value,
	struct simulate_settings *settings, bool *valid)
{
	uint64_t count;

	if (strcmp(option, "--link") == 0) {
		settings->link = value;
		*valid = value[0] != '\0';
	} else if (strcmp(option, "--csv") == 0) {
		settings->csv = value;
		*valid = settings->simulation->answer == NULL;
	} else if (strcmp(option, "--every") == 0) {
		*valid = read_whole_duration(value, &settings->every_ms) &&
			settings->every_ms >= EVERY_MIN_MS;
	} else if (strcmp(option, "--down") == 0) {
		*valid = read_whole_duration(value, &settings->down_ms);
	} else if (strcmp(option, "--speed") == 0) {
		*valid = read_number(value, 0.001, 100000, &settings->speed);
	} else if (strcmp(option, "--start") == 0) {
		*valid = clock_parse(value, &settings->start_ms);
	} else if (strcmp(option, "--corrupt") == 0) {
		*valid = read_number(value, 0, 1, &settings->corrupt);
	} else if (strcmp(option, "--drop") == 0) {
		*valid = read_number(value, 0, 1, &settings->drop);
	} else if (strcmp(option, "--hang-up-after") == 0) {
		*valid = read_count(value, 1e9, &settings->hang_up_after);
	} else if (strcmp(option, "--unit") == 0) {
		*valid = read_count(value, 247, &count);
		settings->unit_id = *valid ? (int)count : 0;
	} else if (strcmp(option, "--rain") == 0) {
		*valid = read_shower(value, settings);
	} else {
		return false;
	}
	return true;
}

const struct simulation *simulate_find(const char *name)
{
	const struct sensor_driver *driver = sensor_driver_find(name);

	if (driver != NULL)
		return driver->simulation;
	for (size_t i = 0; sensor_drivers[i] != NULL; i++) {
		const struct simulation *simulation = sensor_drivers[i]->simulation;

		if (simulation != NULL && strcmp(simulation->name, name) == 0)
			return simulation;
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
		.unit_id = 1,
		.stop_fd = -1,
	};
	if (argc < 1) {
		snprintf(why, size, "which device?");
		return false;
	}
	settings->simulation = simulate_find(argv[0]);
	if (settings->simulation == NULL) {
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

/* --- the device ---------------------------------------------------------------- */

/* Always the same sequence (xorshift64), so that a run can be repeated. */
static double next_random(struct play *play)
{
	play->random ^= play->random << 13;
	play->random ^= play->random >> 7;
	play->random ^= play->random << 17;
	return (double)(play->random >> 11) / 9007199254740992.0;
}

static void say(struct play *play, uint8_t *bytes, size_t length)
{
	play->said++;
	if (next_random(play) < play->settings->drop)
		return;
	if (next_random(play) < play->settings->corrupt) {
		size_t place = (size_t)(next_random(play) * (double)length);

		bytes[place] ^= (uint8_t)(1 + next_random(play) * 254);
	}
	/* Nobody reads: the line is full, what is said is lost, as on a wire. */
	if (write(play->pty.fd, bytes, length) < 0 && errno != EAGAIN && errno != EIO)
		log_debug("simulate: %s", strerror(errno));
}

/* The dust of this moment, NAN without a curve. */
static double dust_now(struct play *play)
{
	double noise;

	if (play->curve.count == 0)
		return NAN;
	noise = (2 * next_random(play) - 1) * NOISE_PERCENT / 100;
	return curve_at(&play->curve, clock_wall_ms()) * (1 + noise);
}

static void say_frame(struct play *play)
{
	uint8_t frame[SIMULATE_FRAME_MAX];

	say(play, frame, play->settings->simulation->frame(dust_now(play), frame));
}

/* Answers what was heard of a device's own protocol. */
static void reply_to_all(struct play *play)
{
	uint8_t frame[SIMULATE_FRAME_MAX];

	while (play->heard > 0) {
		size_t used = 0;
		size_t size = play->settings->simulation->reply(
			dust_now(play), play->requests, play->heard, &used, frame);

		if (used == 0 && play->heard < sizeof(play->requests))
			return;
		if (used == 0) /* full, and no request in it */
			used = play->heard;
		play->heard -= used;
		memmove(play->requests, play->requests + used, play->heard);
		if (size > 0)
			say(play, frame, size);
	}
}

/* Takes one request out of what was heard; false when there is none. */
static bool take_request(struct play *play, uint8_t request[static RTU_REQUEST_SIZE])
{
	while (play->heard >= RTU_REQUEST_SIZE) {
		uint16_t crc = rtu_crc(play->requests, RTU_REQUEST_SIZE - 2);
		bool whole = play->requests[6] == (crc & 0xFF) &&
			play->requests[7] == crc >> 8;
		size_t used = whole ? RTU_REQUEST_SIZE : 1;

		memcpy(request, play->requests, RTU_REQUEST_SIZE);
		play->heard -= used;
		memmove(play->requests, play->requests + used, play->heard);
		if (whole)
			return true;
	}
	return false;
}

static void hear(struct play *play)
{
	const struct simulation *simulation = play->settings->simulation;
	uint8_t request[RTU_REQUEST_SIZE];
	uint8_t response[RTU_MAX];
	ssize_t length = read(play->pty.fd, play->requests + play->heard,
		sizeof(play->requests) - play->heard);

	if (length <= 0)
		return;
	play->heard += (size_t)length;
	if (simulation->reply != NULL) {
		reply_to_all(play);
		return;
	}
	if (simulation->answer == NULL) {
		play->heard = 0; /* commands are not understood */
		return;
	}
	while (take_request(play, request)) {
		size_t size = simulation->answer(play->settings,
			clock_wall_ms() - play->start_ms, request, response);

		if (size > 0)
			say(play, response, size);
	}
}

/* --- the run --------------------------------------------------------------------- */

/* Waits MS; hears meanwhile, while the port is open. False when told to end. */
static bool wait_and_hear(struct play *play, int64_t ms)
{
	int64_t until_ms = clock_real_ms() + ms;

	for (;;) {
		struct pollfd fds[3] = {
			{ .fd = play->signal_fd, .events = POLLIN },
			{ .fd = play->settings->stop_fd, .events = POLLIN },
			{ .fd = play->pty.fd, .events = POLLIN },
		};
		int64_t left = until_ms - clock_real_ms();

		if (left <= 0)
			return true;
		if (poll(fds, 3, (int)left) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents != 0 || fds[1].revents != 0)
			return false;
		if (fds[2].revents & POLLIN)
			hear(play);
		if (play->settings->hang_up_after > 0 &&
			play->said >= play->settings->hang_up_after)
			return true;
	}
}

static bool hang_up(struct play *play, char *why, size_t size)
{
	pty_close(&play->pty);
	play->said = 0;
	play->heard = 0;
	log_info("simulate: unplugged");
	if (!wait_and_hear(play, play->settings->down_ms))
		return false;
	if (pty_open(&play->pty, play->settings->link, why, size) != 0)
		return false;
	log_info("simulate: plugged in at %s", play->pty.name);
	return true;
}

static void run(struct play *play, char *why, size_t size)
{
	const struct simulate_settings *settings = play->settings;

	while (wait_and_hear(play, settings->every_ms)) {
		if (settings->hang_up_after > 0 &&
			play->said >= settings->hang_up_after) {
			if (!hang_up(play, why, size))
				return;
			continue;
		}
		if (settings->simulation->frame != NULL)
			say_frame(play);
	}
}

static int set_clock(struct play *play, char *why, size_t size)
{
	const struct simulate_settings *settings = play->settings;
	int64_t start_ms = settings->start_ms;

	if (settings->csv != NULL) {
		if (curve_load(&play->curve, settings->csv, why, size) != 0)
			return -1;
		if (start_ms == 0)
			start_ms = play->curve.points[0].time_ms;
	}
	if (start_ms != 0 || settings->speed != 1)
		clock_simulate(start_ms, settings->speed);
	play->start_ms = clock_wall_ms();
	return 0;
}

static int take_signals(struct play *play, sigset_t *before)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	if (pthread_sigmask(SIG_BLOCK, &ends, before) != 0)
		return -1;
	play->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	return play->signal_fd < 0 ? -1 : 0;
}

/* The signals that ended us are done with: unblocked, they must not kill. */
static void drop_signals(int signal_fd)
{
	struct signalfd_siginfo signal;

	while (read(signal_fd, &signal, sizeof(signal)) > 0)
		;
	close(signal_fd);
}

int simulate_run(const struct simulate_settings *settings,
	void (*ready)(const char *port), char *why, size_t size)
{
	struct play play = {
		.settings = settings,
		.signal_fd = -1,
		.random = UINT64_C(0x9E3779B97F4A7C15),
	};
	sigset_t before;
	int status = -1;

	why[0] = '\0';
	if (take_signals(&play, &before) != 0) {
		snprintf(why, size, "signals: %s", strerror(errno));
		return -1;
	}
	if (set_clock(&play, why, size) != 0)
		goto no_clock;
	if (pty_open(&play.pty, settings->link, why, size) != 0)
		goto no_port;
	if (ready != NULL)
		ready(play.pty.name);
	run(&play, why, size);
	status = why[0] == '\0' ? 0 : -1;
	pty_close(&play.pty);
no_port:
	curve_free(&play.curve);
no_clock:
	drop_signals(play.signal_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}
