/*
 * Rain: what one gauge tells, as running sums with their completeness, the rain day, and
 * the intensity. Pure: time comes with the readings.
 *
 * Amounts are whole nanometres inside, so that ten tips of 0.1 mm are 1 mm.
 */
#ifndef MUABUI_DERIVE_RAIN_H
#define MUABUI_DERIVE_RAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/rain.h"
#include "core/buffer.h"
#include "derive/counter.h"
#include "derive/coverage.h"

enum {
	RAIN_WINDOWS = 9,        /* 10 minutes … 72 hours */
	RAIN_DAY = RAIN_WINDOWS, /* the sum since the day's start stands behind them */
	RAIN_SUMS,
};

/* The sums' metrics, and how long their windows are; the day is as long as it has been.
 */
struct rain_window {
	uint16_t metric;
	int64_t length_ms;
};
extern const struct rain_window rain_windows[RAIN_SUMS];

struct rain_tip {
	int64_t time_ms;
	int64_t nm;
};

struct rain_gauge {
	struct rain_config config;
	int64_t day_offset_ms; /* of the day's start from midnight UTC */
	/* Intensities are means over so long; 0 (as initialised): the time between two
	 * tips.
	 */
	int64_t smooth_ms;
	struct counter counter;
	struct coverage coverage; /* coverage.last_ms is the newest observation */
	struct rain_tip *tips;    /* by time, none older than the longest window */
	size_t count, capacity;
	int64_t sums[RAIN_SUMS];  /* nm in (start of the window, newest observation] */
	size_t starts[RAIN_SUMS]; /* index of the first tip in each window */
	int64_t tip_ms;           /* the newest tip that was not late; 0: none */
	double rate;              /* mm/h at that tip; NAN: not known */
	int64_t least_nm; /* the smallest amount that ever fell at once; 0: none */
};

/*
 * CONFIG is copied, its curve must outlive the gauge; NULL: the defaults. MODULUS: mm at
 * which the driver says the counter begins again, 0: not known; the configuration's
 * counts first.
 */
void rain_init(
	struct rain_gauge *gauge, const struct rain_config *config, double modulus);

/* Frees, and leaves the gauge as rain_init() did. */
void rain_free(struct rain_gauge *gauge);

/*
 * Takes the counter's reading TOTAL (mm); see counter_take(). What a jump or a reset has
 * lost is noted as not watched. Except for COUNTER_HELD, rain_observe() has to follow
 * with the increment.
 */
struct counter_step rain_credit(struct rain_gauge *gauge, int64_t time_ms, double total);

/*
 * The gauge was being calibrated until TIME_MS: what it told since the newest observation
 * may be poured water. The counter's next reading is a first one, and there is a gap.
 * False when memory is out.
 */
bool rain_break(struct rain_gauge *gauge, int64_t time_ms);

/*
 * Observes that MM fell by TIME_MS since the observation before it (0: it was dry). A
 * late one is put in its place. False when memory is out, or the windows hold a tip a
 * second already.
 */
bool rain_observe(struct rain_gauge *gauge, int64_t time_ms, double mm);

/*
 * What fell since the newest observation, until TIME_MS, is lost: a gap, however short.
 * False when memory is out.
 */
bool rain_lose(struct rain_gauge *gauge, int64_t time_ms);

/*
 * Forgets all that fell, but not where the counter stands: as read at TIME_MS. For what
 * was remembered by a time that cannot have been.
 */
void rain_forget(struct rain_gauge *gauge, int64_t time_ms);

/*
 * The sum in mm of window INDEX at the newest observation, half-open (t - n, t]; of the
 * day since its start (start, t]: what fell exactly at the start belongs to the day
 * before.
 */
double rain_sum(const struct rain_gauge *gauge, size_t index);

/*
 * The share of the window that was watched, 0..1. Not watched is what was before the
 * first observation, what was lost, and a time without an observation longer than
 * config.gap or than the window itself. At 0 the sum says nothing, and 0 mm would be a
 * lie.
 */
double rain_completeness(const struct rain_gauge *gauge, size_t index);

/* Was the whole window watched? */
bool rain_is_complete(const struct rain_gauge *gauge, size_t index);

/*
 * May the sum stand without a word of its completeness? Yes of a whole window; of
 * another, if something fell: then at least so much. No where nothing was seen to fall,
 * since 0 would say that it was dry, nor where the window begins inside a gap, since what
 * a counter told at its end may have fallen before the window.
 */
bool rain_may_stand(const struct rain_gauge *gauge, size_t index);

/*
 * The intensity at the newest observation, mm/h, NAN where nobody knows (regulation.md
 * §6.5). A tip is spread over the time since the tip before it; after more than 60
 * minutes, or after a gap, it is the first of an event, and its intensity is known only
 * if the observation before it was 5 minutes ago or more: then it is the mean since then.
 * As long as no tip follows, it can be at most a tip (config.tip, or the smallest amount
 * seen) over the time since the last one, and after 60 watched minutes without a tip it
 * is 0.
 */
double rain_rate(const struct rain_gauge *gauge);

/* What the intensity would be if MM had fallen by TIME_MS; NAN: not known, or late. */
double rain_intensity(const struct rain_gauge *gauge, int64_t time_ms, double mm);

/* Is there a tip closer to TIME_MS than config.bounce? */
bool rain_is_bounce(const struct rain_gauge *gauge, int64_t time_ms);

/* A day that is over. */
struct rain_day {
	int64_t end_ms;
	double mm;
	double completeness; /* above 0 */
};

/*
 * Before an observation at NEXT_MS: does the day of the newest one end until then (before
 * NEXT_MS)? Then DAY is the whole of it. Not if nothing of it was watched.
 */
bool rain_end_day(const struct rain_gauge *gauge, int64_t next_ms, struct rain_day *day);

/*
 * The clock was set: what was observed after SINCE_MS was observed BY_MS later than its
 * time says (earlier where BY_MS is negative). Sums and increments go on as if it had
 * always been right.
 */
void rain_shift(struct rain_gauge *gauge, int64_t since_ms, int64_t by_ms);

/*
 * The state as bytes, and back: those of earlier versions too. False: not such bytes,
 * GAUGE is as after rain_init().
 */
void rain_save(const struct rain_gauge *gauge, struct buffer *out);
bool rain_load(struct rain_gauge *gauge, const void *bytes, size_t length);

#endif
