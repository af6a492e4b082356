#include "core/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Before this moment no gateway with this code existed: a clock that says so
 * has not been set since power-on.
 */
static const int64_t earliest_ms = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */

static const int64_t oldest_data_ms = INT64_C(1577836800000);  /* 2020-01-01 */
static const int64_t oldest_played_ms = INT64_C(946684800000); /* 2000-01-01 */
static const int64_t year_ms = INT64_C(366) * 24 * 3600 * 1000;
static const int64_t newest_unknown_ms = INT64_C(2208988800000); /* 2040-01-01 */

enum {
	TOGETHER_MS = 50, /* what a thread may have slept between two readings */
};

enum mode { MODE_REAL, MODE_SIMULATED, MODE_FROZEN };

static atomic_int mode = MODE_REAL;
static struct {
	double speed;
	int64_t origin_real_ms, origin_wall_ms, origin_mono_ms;
} simulated;
static atomic_int_fast64_t frozen_wall_ms, frozen_mono_ms;
static atomic_uint frozen_writes; /* odd: the two above are being set */
static atomic_bool pretends, pretends_synchronised;
static atomic_bool doubted;
static atomic_int_fast64_t known_ms;
static char boot_id[40];

static int64_t read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_real_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

static int64_t simulated_elapsed_ms(void)
{
	return (int64_t)((double)(clock_real_ms() - simulated.origin_real_ms) *
		simulated.speed);
}

int64_t clock_wall_ms(void)
{
	switch ((enum mode)atomic_load(&mode)) {
	case MODE_SIMULATED:
		return simulated.origin_wall_ms + simulated_elapsed_ms();
	case MODE_FROZEN:
		return frozen_wall_ms;
	default:
		return read_ms(CLOCK_REALTIME);
	}
}

int64_t clock_mono_ms(void)
{
	switch ((enum mode)atomic_load(&mode)) {
	case MODE_SIMULATED:
		return simulated.origin_mono_ms + simulated_elapsed_ms();
	case MODE_FROZEN:
		return frozen_mono_ms;
	default:
		return read_ms(CLOCK_BOOTTIME);
	}
}

struct timespec clock_deadline(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Is the clock one that demonstrations and tests play? */
static bool is_played(void)
{
	return mode == MODE_SIMULATED || (mode == MODE_FROZEN && !pretends);
}

bool clock_is_synchronised(void)
{
	struct timex state = { 0 };

	if (mode != MODE_REAL)
		return pretends && pretends_synchronised;
	return adjtimex(&state) != TIME_ERROR && !(state.status & STA_UNSYNC);
}

bool clock_can_step(void)
{
	return mode != MODE_SIMULATED;
}

void clock_doubt(bool is_doubted)
{
	doubted = is_doubted;
}

void clock_know(int64_t ms)
{
	known_ms = ms;
}

bool clock_is_plausible(int64_t ms)
{
	/* Simulations may play the past, but not the epoch of a dead battery. */
	return ms >= (is_played() ? oldest_played_ms : earliest_ms);
}

static bool is_believed(int64_t wall_ms)
{
	return clock_is_plausible(wall_ms) && (is_played() || !doubted);
}

bool clock_is_set(void)
{
	return is_believed(clock_wall_ms());
}

/* Both clocks, so near each other that nothing can have happened in between. */
static void read_both(int64_t *wall_ms, int64_t *mono_ms)
{
	unsigned writes;
	int64_t began_ms;

	do {
		writes = frozen_writes;
		began_ms = clock_real_ms();
		*wall_ms = clock_wall_ms();
		*mono_ms = clock_mono_ms();
	} while (writes % 2 == 1 || writes != frozen_writes ||
		clock_real_ms() - began_ms > TOGETHER_MS);
}

bool clock_stamp(int64_t *wall_ms, int64_t *mono_ms)
{
	/* In this order: what is read after the belief is what was believed. */
	bool believed = is_played() || !doubted;

	read_both(wall_ms, mono_ms);
	return believed && clock_is_plausible(*wall_ms);
}

int64_t clock_after_step(const struct clock_step *step, int64_t ms)
{
	return ms > step->since_ms ? ms + step->by_ms : ms;
}

bool clock_is_possible(int64_t ms)
{
	int64_t now_ms = clock_wall_ms();

	if (ms < (is_played() ? oldest_played_ms : oldest_data_ms))
		return false;
	if (is_believed(now_ms))
		return ms <= now_ms + CLOCK_AHEAD_MS;
	return ms <= (known_ms > 0 ? known_ms + year_ms : newest_unknown_ms);
}

enum clock_state clock_state(void)
{
	if (is_played())
		return CLOCK_SIMULATED;
	if (!clock_is_plausible(clock_wall_ms()))
		return CLOCK_UNSET;
	if (doubted)
		return CLOCK_DOUBTED;
	return clock_is_synchronised() ? CLOCK_SYNCHRONISED : CLOCK_PLAUSIBLE;
}

const char *clock_source(void)
{
	static const char *const names[] = {
		[CLOCK_UNSET] = "unset",
		[CLOCK_DOUBTED] = "doubted",
		[CLOCK_PLAUSIBLE] = "plausible",
		[CLOCK_SYNCHRONISED] = "kernel",
		[CLOCK_SIMULATED] = "simulated",
	};

	return names[clock_state()];
}

static void read_boot_id(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ssize_t length = read(fd, boot_id, 36);
	boot_id[length > 0 ? length : 0] = '\0';
	close(fd);
}

void clock_simulate(int64_t start_ms, double speed)
{
	simulated.speed = speed;
	simulated.origin_real_ms = clock_real_ms();
	simulated.origin_wall_ms = start_ms ? start_ms : read_ms(CLOCK_REALTIME);
	simulated.origin_mono_ms = read_ms(CLOCK_BOOTTIME);
	mode = MODE_SIMULATED;
}

void clock_freeze(int64_t wall_ms, int64_t mono_ms)
{
	frozen_writes++;
	frozen_wall_ms = wall_ms;
	frozen_mono_ms = mono_ms;
	frozen_writes++;
	mode = MODE_FROZEN;
}

void clock_pretend(bool is_synchronised, const char *boot)
{
	clock_boot_id(); /* so that it is not read over this one */
	snprintf(boot_id, sizeof boot_id, "%s", boot);
	pretends_synchronised = is_synchronised;
	pretends = true;
}

void clock_freeze_plainly(void)
{
	pretends = false;
	doubted = false;
	known_ms = 0;
	read_boot_id();
}

int64_t clock_to_real_ms(int64_t ms)
{
	if (mode != MODE_SIMULATED)
		return ms;
	int64_t real = (int64_t)((double)ms / simulated.speed);
	return ms > 0 && real < 1 ? 1 : real;
}

/* Days since 1970-01-01 of a civil date; after Howard Hinnant's public-domain algorithm.
 */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int *year, int *month, int *day)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

char *clock_format(char text[static CLOCK_TEXT_SIZE], int64_t ms, int offset_minutes)
{
	int year, month, day;
	/* Unsigned: the farthest times may turn over, they are written as year 0 anyway.
	 */
	int64_t local =
		(int64_t)((uint64_t)ms + (uint64_t)(offset_minutes * INT64_C(60000)));
	int64_t days = local / 86400000 - (local % 86400000 < 0);
	int rest = (int)(local % 86400000 + (local % 86400000 < 0) * 86400000);
	int away = offset_minutes < 0 ? -offset_minutes : offset_minutes;
	char fraction[8] = "";

	civil_from_days(days, &year, &month, &day);
	if (year < 0 || year > 9999) /* nothing a report may carry; keep the text short */
		year = 0;
	if (rest % 1000)
		snprintf(fraction, sizeof fraction, ".%03d", rest % 1000);
	snprintf(text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%s%c%02d:%02d",
		year, month, day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60,
		fraction, offset_minutes < 0 ? '-' : '+', away / 60 % 100, away % 60);
	return text;
}

/* Reads COUNT digits at *TEXT; -1 when there are others. */
static int take_digits(const char **text, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (**text - '0');
	}
	return value;
}

static bool take(const char **text, const char *allowed)
{
	if (**text == '\0' || !strchr(allowed, **text))
		return false;
	(*text)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool clock_parse(const char *text, int64_t *ms)
{
	int year, month, day, hour, minute, second, thousandths = 0, offset = 0;

	if ((year = take_digits(&text, 4)) < 0 || !take(&text, "-") ||
		(month = take_digits(&text, 2)) < 1 || month > 12 || !take(&text, "-") ||
		(day = take_digits(&text, 2)) < 1 || day > days_in_month(year, month) ||
		!take(&text, "Tt ") || (hour = take_digits(&text, 2)) < 0 || hour > 23 ||
		!take(&text, ":") || (minute = take_digits(&text, 2)) < 0 ||
		minute > 59 || !take(&text, ":") ||
		(second = take_digits(&text, 2)) < 0 || second > 60)
		return false;
	if (take(&text, ".")) {
		int digits = 0;
		for (; *text >= '0' && *text <= '9'; text++, digits++)
			if (digits < 3)
				thousandths = thousandths * 10 + (*text - '0');
		if (digits == 0)
			return false;
		for (; digits < 3; digits++)
			thousandths *= 10;
	}
	if (*text == '+' || *text == '-') {
		bool west = *text++ == '-';
		int hours = take_digits(&text, 2);
		bool colon = take(&text, ":");
		int minutes = colon ? take_digits(&text, 2) : -1;
		if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
			return false;
		offset = (hours * 60 + minutes) * (west ? -1 : 1);
	} else if (!take(&text, "Zz")) {
		return false;
	}
	if (*text)
		return false;
	int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 +
		minute * 60 + second - offset * 60;
	*ms = seconds * 1000 + thousandths;
	return true;
}

const char *clock_boot_id(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_boot_id);
	return boot_id;
}
