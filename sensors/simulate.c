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
#include "sensors/curve.h"
#include "sensors/pty.h"

enum { NOISE_PERCENT = 3, BREAK_MS = 50 };

/* A simulation that runs. */
struct play {
	const struct simulate_settings *settings;
	struct simulate_device device;
	struct pty pty;
	struct curve curve;
	int signal_fd;
	uint64_t random;
	int64_t start_ms; /* data time */
	uint64_t said;    /* frames since the port was opened */
	bool hangs_up;    /* as soon as may be */
	int64_t heard_ms; /* real time */
};

/* --- what there is to measure -------------------------------------------------- */

/* The same sequence for the same seed (xorshift64), so that a run can be repeated. */
static double next_random(struct play *play)
{
	play->random ^= play->random << 13;
	play->random ^= play->random >> 7;
	play->random ^= play->random << 17;
	return (double)(play->random >> 11) / 9007199254740992.0;
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

static void take_moment(struct play *play)
{
	const struct simulate_settings *settings = play->settings;
	struct simulate_moment *now = &play->device.now;
	int64_t elapsed_ms = clock_wall_ms() - play->start_ms;

	*now = (struct simulate_moment){ .pm25 = dust_now(play) };
	for (size_t i = 0; i < settings->shower_count; i++) {
		const struct simulate_shower *shower = &settings->showers[i];
		int64_t rained = elapsed_ms - shower->from_ms;

		if (rained <= 0)
			continue;
		if (rained <= shower->duration_ms)
			now->rain_rate += shower->mm_per_hour;
		else
			rained = shower->duration_ms;
		now->rain_mm += shower->mm_per_hour * (double)rained / 3600000.0;
	}
}

/* --- the line, and what goes wrong on it ----------------------------------------- */

static void say(struct play *play, uint8_t *bytes, size_t length)
{
	const struct simulate_settings *settings = play->settings;

	play->said++;
	if (settings->hang_up_after > 0 && play->said >= settings->hang_up_after)
		play->hangs_up = true;
	if (next_random(play) < settings->hang_up)
		play->hangs_up = true;
	if (next_random(play) < settings->drop)
		return;
	if (next_random(play) < settings->cut)
		length = (size_t)(next_random(play) * (double)length);
	if (length > 0 && next_random(play) < settings->corrupt) {
		size_t place = (size_t)(next_random(play) * (double)length);

		bytes[place] ^= (uint8_t)(1 + next_random(play) * 254);
	}
	/* Nobody reads: the line is full, what is said is lost, as on a wire. */
	if (write(play->pty.fd, bytes, length) < 0 && errno != EAGAIN && errno != EIO)
		log_debug("simulate: %s", strerror(errno));
}

static void say_by_itself(struct play *play)
{
	uint8_t frame[SIMULATE_FRAME_MAX];
	size_t length;

	take_moment(play);
	length = simulate_device_say(&play->device, frame);
	if (length > 0)
		say(play, frame, length);
}

static void hear(struct play *play)
{
	uint8_t bytes[SIMULATE_HEARD_MAX], frame[SIMULATE_FRAME_MAX];
	ssize_t got = read(play->pty.fd, bytes, sizeof(bytes));
	size_t done = 0, length;

	take_moment(play);
	/* A command begins with a break, which ends whatever was before. */
	if (play->settings->driver->bus == SENSOR_BUS_SDI12 &&
		clock_real_ms() - play->heard_ms > BREAK_MS)
		play->device.heard_length = 0;
	play->heard_ms = clock_real_ms();
	while (got > 0 && done < (size_t)got) {
		done += simulate_device_hear(
			&play->device, bytes + done, (size_t)got - done);
		while ((length = simulate_device_answer(&play->device, frame)) > 0)
			say(play, frame, length);
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
		if (play->hangs_up)
			return true;
	}
}

static bool hang_up(struct play *play, char *why, size_t size)
{
	pty_close(&play->pty);
	play->said = 0;
	play->device.heard_length = 0;
	play->hangs_up = false;
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
	while (wait_and_hear(play, play->settings->every_ms)) {
		if (!play->hangs_up)
			say_by_itself(play);
		else if (!hang_up(play, why, size))
			return;
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
		.random = UINT64_C(0x9E3779B97F4A7C15) * settings->seed,
	};
	sigset_t before;
	int status = -1;

	why[0] = '\0';
	if (take_signals(&play, &before) != 0) {
		snprintf(why, size, "signals: %s", strerror(errno));
		return -1;
	}
	if (simulate_device_open(&play.device, settings, why, size) != 0 ||
		set_clock(&play, why, size) != 0)
		goto no_clock;
	if (pty_open(&play.pty, settings->link, why, size) != 0)
		goto no_port;
	if (ready != NULL)
		ready(play.pty.name);
	if (settings->corrupt + settings->cut + settings->drop + settings->hang_up > 0)
		log_notice("simulate: faults by --seed %llu",
			(unsigned long long)settings->seed);
	run(&play, why, size);
	status = why[0] == '\0' ? 0 : -1;
	pty_close(&play.pty);
no_port:
no_clock:
	curve_free(&play.curve);
	simulate_device_close(&play.device);
	drop_signals(play.signal_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}
