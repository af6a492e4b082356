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

/* As configured (alerts_rule_group). Exactly one of above, below, absent_for is given. */
struct rule {
	const char *name;
	const struct metric *metric;
	double above;       /* fires at value > above; NAN: not given */
	double below;       /* fires at value < below; NAN: not given */
	double clear_below; /* clears at value < clear_below; NAN: at value <= above */
	double clear_above; /* clears at value > clear_above; NAN: at value >= below */
	int64_t on_delay;   /* `for`: ms the condition must hold; 0: at once */
	int64_t off_delay;  /* `clear_for`: ms it must be clear; 0: at once */
	int64_t repeat;     /* ms between reminders; 0: none */
	int64_t absent_for; /* ms without usable data; 0: this is a threshold rule */
	int64_t max_age;    /* ms; an older reading never alerts */
	int64_t expires;    /* ms after which a message must not be sent any more */
	int severity;       /* enum severity */
	int audience;       /* enum audience */
	int hazard;         /* enum hazard + 1; 0: follows from the metric */
	int scope;          /* enum rule_scope: what its places are */
	struct option_strings stations; /* the only stations it looks at; none: all */
};

/* The rule's hazard: as configured, device for absent_for, else the metric's. */
enum hazard rule_hazard(const struct rule *rule);

/* The threshold, NAN for absent_for. */
double rule_threshold(const struct rule *rule);

/* Does RULE look at STATION? */
bool rule_covers(const struct rule *rule, const char *station);

enum rule_phase {
	RULE_UNKNOWN, /* nothing usable was seen yet */
	RULE_CLEAR,
	RULE_PENDING, /* over the threshold, not yet for long enough */
	RULE_FIRING,
	RULE_CLEARING, /* clear, not yet for long enough */
};

enum {
	RULE_SENSORS_MAX = 16,      /* sensors of one metric at one station */
	RULE_TEXT_MAX = 1600,       /* room for a state as text, with NUL */
	RULE_FUTURE_MS = 60 * 1000, /* how far ahead of now a reading may be */
};

struct rule_sensor {
	int64_t time_ms; /* of its newest usable reading */
	double value;
	uint32_t key;              /* observation.sensor */
	uint32_t interval_ms : 31; /* between its readings, about; 0: not known */
	uint32_t restored : 1;     /* not heard since the state was read back */
};

/* Zeroed: unknown. */
struct rule_state {
	enum rule_phase phase;
	unsigned count;      /* sensors in use */
	int64_t since_ms;    /* PENDING on: start of the condition (absent: last data) */
	int64_t turn_ms;     /* CLEARING: since when it is clear */
	int64_t last_ms;     /* time of the newest usable reading of the station */
	int64_t lag_ms;      /* how much later than its time that one arrived */
	int64_t told_ms;     /* when the latest fire or repeat event was given */
	int64_t restored_ms; /* when the state was read back; 0: it was not */
	struct rule_sensor sensors[RULE_SENSORS_MAX];
};

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
 * older than max_age and not in the future.
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
 * Lets time pass. Silence never clears a threshold rule and never fires it; it stops
 * its reminders. absent_for counts from the last usable reading, but not from before
 * START_MS (when the gateway was started or its clock set).
 */
struct rule_event rule_tick(const struct rule *rule, struct rule_state *state,
	int64_t now_ms, int64_t start_ms);

/* The clock was set: STATE's times by the clock before STEP become times by the new one.
 */
void rule_shift(struct rule_state *state, const struct clock_step *step);

/*
 * Has STATE nothing that a restart must not lose? Then it need not be written: neither
 * a condition, nor a word owed to those who got an alert.
 */
bool rule_state_is_idle(const struct rule *rule, const struct rule_state *state);

/* Writes STATE of RULE as one line of text. Returns its length. */
size_t rule_state_write(const struct rule *rule, const struct rule_state *state,
	char text[static RULE_TEXT_MAX]);

/*
 * The reverse. A text of another version, or of a rule that has since become
 * another (kind or metric), gives the unknown state and false.
 */
bool rule_state_read(const struct rule *rule, struct rule_state *state, const char *text,
	int64_t now_ms);

#endif
