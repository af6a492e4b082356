/*
 * A rule, and what it makes of readings. Pure: rule + state + reading or time
 * → new state and event. No store, clock, log or heap, so that the gateway,
 * `backtest` and the tests run the same code.
 *
 * A rule watches one metric at each place by itself. A place is a station, or with
 * scope = "area" an area and all its stations. A station may have
 * several sensors of the metric: it is over the threshold when any fresh sensor
 * is, and clear when all fresh ones are beyond the clear level, so sensors that
 * disagree do not make it flap.
 */
#ifndef MUABUI_ALERTS_RULE_H
#define MUABUI_ALERTS_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "core/clock.h"
#include "core/metric.h"

enum rule_scope { RULE_OF_STATION, RULE_OF_AREA };

/* What is held against the threshold. */
enum rule_measure {
	RULE_VALUE,
	RULE_AVERAGE, /* over the window, each value for the time since the one before */
	RULE_MAXIMUM, /* in the window */
	RULE_RISE,    /* the value less the least one in the window */
};

enum {
	RULE_STEPS_MAX = 4,         /* one per severity */
	RULE_SENSORS_MAX = 16,      /* sensors of one metric at one place */
	RULE_BUCKETS = 12,          /* parts of a window */
	RULE_TEXT_MAX = 16384,      /* room for a state as text, with NUL */
	RULE_FUTURE_MS = 60 * 1000, /* how far ahead of now a reading may be */
};

/* A level of danger, and how bad it is there. */
struct rule_step {
	double level;
	double clear; /* it is over at less than that (`below`: more); NAN: at the level
		       */
	int severity; /* enum severity */
};

/* Hours of the night, as minutes since midnight at +07:00; from == to: none. */
struct rule_quiet {
	int from, to;
	int broken_by; /* enum severity: this and worse ones are told all the same */
};

/* Levels as a user writes them: a number, or a category's name. */
struct rule_levels {
	struct option_level above, at_least, below;
	struct option_level clear_below, clear_above;
	double rise;
};

struct rule_step_config {
	struct rule_levels levels;
	int severity;
};

/* What a user writes that has to be understood first. */
struct rule_written {
	struct rule_levels levels;
	struct option_list steps; /* of struct rule_step_config */
	int64_t within, average, maximum;
	double min_complete; /* NAN: not given */
	const char *quiet;   /* "22:00-06:00"; NULL or "": none */
	int quiet_broken_by;
};

/*
 * As configured (alerts_rule_group). What follows `written` is what rule_settle() makes
 * of it; exactly one of above, below and absent_for is given.
 */
struct rule {
	const char *name;
	const struct metric *metric;
	int64_t on_delay;   /* `for`: ms the condition must hold; 0: at once */
	int64_t off_delay;  /* `clear_for`: ms it must be clear; 0: at once */
	int64_t repeat;     /* ms between reminders; 0: none */
	double widening;    /* each pause so many times the one before; <= 1: the same */
	int64_t repeat_max; /* ms, the longest pause; 0: no limit */
	int64_t absent_for; /* ms without usable data; 0: this is a threshold rule */
	int64_t max_age;    /* ms; an older reading never alerts */
	int64_t expires;    /* ms after which a message must not be sent any more */
	int min_readings;   /* usable ones it needs before it fires */
	int sensors_over;   /* so many of a station's sensors; 0: one */
	int stations_over;  /* so many of an area's stations; 0: one */
	int of;             /* so many of them must be fresh; 0: as many as over */
	int severity;       /* enum severity */
	bool tell_easing;   /* a lower severity is worth a message */
	int audience;       /* enum audience */
	int hazard;         /* enum hazard + 1; 0: follows from the metric */
	int scope;          /* enum rule_scope: what its places are */
	struct option_strings stations; /* the only stations it looks at; none: all */
	struct rule_written written;

	double above;       /* fires at value > above; NAN: not given */
	double below;       /* fires at value < below; NAN: not given */
	double clear_below; /* clears at value < clear_below; NAN: at value <= above */
	double clear_above; /* clears at value > clear_above; NAN: at value >= below */
	bool inclusive;     /* `at_least`, `rise`: fires at the level itself, too */
	enum rule_measure measure;
	int64_t window;      /* ms; 0: RULE_VALUE */
	double min_complete; /* share of the window that must be known, 0..1 */
	struct rule_step steps[RULE_STEPS_MAX]; /* rising danger, the above first */
	int step_count;                         /* 0: only the above */
	struct rule_quiet quiet;
};

/*
 * Makes of what is written in RULE what is meant: names of categories become numbers,
 * lists of steps their table. What cannot be understood is reported at PLACE. Without a
 * metric, names mean nothing.
 */
void rule_settle(struct rule *rule, const struct config_place *place);

/* The one called NAME among RULES (of struct rule); NULL: there is none. */
const struct rule *rule_find(const struct option_list *rules, const char *name);

/* The rule's hazard: as configured, device for absent_for, else the metric's. */
enum hazard rule_hazard(const struct rule *rule);

/* The first step's threshold, NAN for absent_for. */
double rule_threshold(const struct rule *rule);

/* The steps: at least one, with the threshold and severity of a rule without `steps`. */
int rule_step_count(const struct rule *rule);
struct rule_step rule_step(const struct rule *rule, int step);

/* Is it night for RULE at NOW_MS, so that only what breaks the quiet is told? */
bool rule_is_quiet(const struct rule *rule, int64_t now_ms);

/* Has a message of SEVERITY to wait for the end of the quiet hours? */
bool rule_holds_back(const struct rule *rule, int severity, int64_t now_ms);

/* Does RULE look at STATION? */
bool rule_covers(const struct rule *rule, const char *station);

enum rule_phase {
	RULE_UNKNOWN, /* nothing usable was seen yet */
	RULE_CLEAR,
	RULE_PENDING, /* over the threshold, not yet for long enough */
	RULE_FIRING,
	RULE_CLEARING, /* clear, not yet for long enough */
};

/* A twelfth of a window of one sensor. */
struct rule_bucket {
	double value;       /* the mean; or the extreme one */
	uint32_t weight_ms; /* for how long it stands */
	uint32_t at_ms;     /* of the extreme one, since the bucket's start */
	uint32_t count;     /* readings; 0: empty */
};

/* What one sensor said lately. The buckets are a ring; the oldest is about to leave. */
struct rule_window {
	int64_t newest; /* number of the newest bucket since 1970 */
	struct rule_bucket buckets[RULE_BUCKETS + 1];
};

struct rule_sensor {
	int64_t time_ms;  /* of its newest usable reading */
	double value;     /* what is held against the threshold; NAN: not known */
	uint32_t key;     /* observation.sensor */
	uint32_t station; /* observation.station */
	uint32_t interval_ms : 31; /* between its readings, about; 0: not known */
	uint32_t restored : 1;     /* not heard since the state was read back */
};

/* Zeroed: unknown. WINDOWS is the caller's, and must be there for rule_windows(). */
struct rule_state {
	enum rule_phase phase;
	unsigned count;      /* sensors in use */
	bool told;           /* an alert was told, and its end was not */
	bool held;           /* quiet hours kept back the first message */
	int8_t step;         /* FIRING on: the present one */
	int8_t told_step;    /* the one of the latest message */
	int8_t worst_step;   /* the highest one that was told in the episode */
	unsigned repeats;    /* since the latest step up */
	unsigned readings;   /* PENDING: usable ones since the condition began */
	int64_t since_ms;    /* PENDING on: start of the condition (absent: last data) */
	int64_t began_ms;    /* the same, of the episode; FIRING on, and while told */
	int64_t turn_ms;     /* CLEARING: since when it is clear */
	int64_t ease_ms;     /* since when it is below the told step; 0: it is not */
	int64_t last_ms;     /* time of the newest usable reading of the place */
	int64_t lag_ms;      /* how much later than its time that one arrived */
	int64_t told_ms;     /* when the latest event was given */
	int64_t restored_ms; /* when the state was read back; 0: it was not */
	struct rule_sensor sensors[RULE_SENSORS_MAX];
	struct rule_window *windows; /* one per sensor; NULL: the rule needs none */
};

/* How many windows a state of RULE needs, zeroed at the beginning: 0 for most rules. */
size_t rule_windows(const struct rule *rule);

struct observation {
	int64_t time_ms;
	double value;
	uint32_t sensor;  /* any number that stands for the sensor within its place */
	uint32_t station; /* and for its station; only looked at where the place is an
			     area */
	uint16_t marks;   /* enum report_mark */
	uint8_t flag;     /* enum flag */
	uint8_t status;   /* enum instrument_status */
};

/* What is to be said: each but RULE_NOTHING is one more revision of the episode. */
enum rule_event_kind {
	RULE_NOTHING,
	RULE_FIRE, /* an episode begins */
	RULE_REPEAT,
	RULE_RESOLVE,  /* it is over */
	RULE_ESCALATE, /* it has become worse: a higher severity */
	RULE_EASE,     /* it has become better, and is not over */
};

struct rule_event {
	enum rule_event_kind kind;
	bool late;    /* RULE_FIRE: held back by quiet hours, and still active now */
	int severity; /* of the present step; RULE_RESOLVE: the highest that was told */
	double threshold; /* of the same step; NAN for absent_for */
	double value;     /* the worst of the fresh sensors; NAN for absent_for */
	int64_t since_ms; /* start of the condition */
	int64_t at_ms; /* of the newest reading; the silence's discovery for absent_for */
};

/*
 * May RULE look at this observation? Only at flags 1-3 of a measuring instrument,
 * a finite value, neither retained nor back-filled nor of an unset clock, not
 * older than max_age and not in the future. absent_for looks at what an instrument says
 * while it is calibrated, too, whatever its flag: it is not silent.
 */
bool rule_may_use(
	const struct rule *rule, const struct observation *seen, int64_t now_ms);

/*
 * Shows RULE an observation. `for` and `clear_for` are measured on the readings'
 * own time stamps. What rule_may_use() refuses, or is older than what its sensor
 * said before, changes nothing.
 */
struct rule_event rule_observe(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms);

/*
 * Lets time pass, as to `for`, `repeat` and the end of quiet hours. Silence never clears
 * a threshold rule and never fires it; it stops its reminders. absent_for counts from the
 * last usable reading, but not from before START_MS (when the gateway was started or its
 * clock set).
 */
struct rule_event rule_tick(const struct rule *rule, struct rule_state *state,
	int64_t now_ms, int64_t start_ms);

/*
 * What could be said of STATE at NOW_MS, as a RULE_REPEAT, for those who have to say it
 * later than the rule did. *CURRENT: it may be said now: no quiet hours hold it back, and
 * it is so by data that are fresh enough to alert (absent_for: it is silent). Else only
 * the value that was seen last is known. Of one that is over it says the highest
 * severity that was told, as RULE_RESOLVE does.
 */
struct rule_event rule_present(const struct rule *rule, const struct rule_state *state,
	int64_t now_ms, bool *current);

/* The clock was set: STATE's times by the clock before STEP become times by the new one.
 */
void rule_shift(
	const struct rule *rule, struct rule_state *state, const struct clock_step *step);

/*
 * Has STATE nothing that a restart must not lose? Then it need not be written: neither
 * a condition, nor a word owed to those who got an alert.
 */
bool rule_state_is_idle(const struct rule *rule, const struct rule_state *state);

/*
 * Writes STATE of RULE as one line of text, its windows too. Returns its length. Few need
 * a tenth of the room; a full one is sixteen sensors with windows.
 */
size_t rule_state_write(const struct rule *rule, const struct rule_state *state,
	char text[static RULE_TEXT_MAX]);

/*
 * The reverse; STATE keeps its windows' memory. A text of the version before, which knew
 * no steps, windows and quiet hours, is understood. One of another version, or of a rule
 * that has since become another (kind, metric or window), gives the unknown state and
 * false. Where steps were taken away, the highest one left counts.
 */
bool rule_state_read(const struct rule *rule, struct rule_state *state, const char *text,
	int64_t now_ms);

#endif
