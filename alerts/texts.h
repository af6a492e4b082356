/*
 * What messages say to people, in the languages of config_languages. The words
 * stand in one catalogue per language (texts_vi.c, texts_en.c); this file puts
 * them together. Every text names source, hazard, place, time, the value beside
 * its threshold, and what to do. None names an official disaster level: those
 * are the weather service's to announce.
 */
#ifndef MUABUI_ALERTS_TEXTS_H
#define MUABUI_ALERTS_TEXTS_H

#include "alerts/message.h"
#include "alerts/rule.h"
#include "core/metric.h"

enum {
	TEXTS_TITLE_MAX = 60,       /* code points */
	TEXTS_BODY_MAX = 240,       /* code points, of text and of instruction */
	TEXTS_OFFSET_MINUTES = 420, /* Viet Nam has one zone */
};

enum text_condition { TEXT_ABOVE, TEXT_BELOW, TEXT_ABSENT, TEXT_CONDITION_COUNT };
enum text_moment { TEXT_FIRING, TEXT_STILL, TEXT_OVER, TEXT_WORSE, TEXT_MOMENT_COUNT };

/* What a text is about, beside what the message holds. */
struct text_about {
	enum text_condition condition;
	enum text_moment moment;
	enum rule_measure measure; /* of what the value is */
	int64_t window_ms;         /* of the mean, the maximum, the rise */
	bool inclusive;            /* the threshold itself is enough */
	bool is_area;              /* not one station but those of the message's place */
	bool is_indicative;        /* the value comes of low-cost sensors: to be said */
};

/* What EVENT of RULE is about. */
struct text_about text_about_event(
	const struct rule *rule, const struct rule_event *event);

/*
 * Fills in title, text and instruction of MESSAGE from its other members, in its
 * language (Vietnamese where there is no such catalogue).
 */
void texts_fill_about(struct message *message, const struct text_about *about);

/* The same for a trial message that means nothing. */
void texts_fill_trial(struct message *message);

/*
 * Writes TEMPLATE to OUT, cut behind a word to MAX code points and SIZE bytes, with the
 * placeholders of texts_fill_about() for MESSAGE in its language; {last} is when the
 * condition was last measured.
 */
void texts_expand(const struct message *message, const struct text_about *about,
	const char *template, char *out, size_t size, size_t max);

/*
 * MESSAGE could not be said in time, and is said now: that it stands still, or is over
 * meanwhile. When it was last true stands in its text already.
 */
void texts_mark_late(struct message *message);

/* --- what a catalogue consists of -------------------------------------- */

/* Kinds of advice; four of the hazards split by direction. */
enum text_advice {
	TEXT_ADVICE_AIR,
	TEXT_ADVICE_RAIN,
	TEXT_ADVICE_WIND,
	TEXT_ADVICE_HEAT,
	TEXT_ADVICE_COLD,
	TEXT_ADVICE_WATER,
	TEXT_ADVICE_DEVICE,
	TEXT_ADVICE_OTHER, /* too little of something that is harmless in itself */
	TEXT_ADVICE_COUNT,
};

enum {
	TEXT_AQI_LEVELS = 6, /* of Decision 1459/QĐ-TCMT: good … hazardous */
	TEXT_SEVERITIES = 4,
	TEXT_INDICES = METRIC_EAQI - METRIC_VN_AQI + 1,
	TEXT_MEASURES = RULE_RISE + 1,
	TEXT_UNITS = 4, /* of time */
};

struct text_metric {
	const char *name;  /* inside a sentence */
	const char *above; /* beginning of a title; {name} is the above */
	const char *below;
};

/*
 * Placeholders: {head} {who} {place} {station} {name} {value} {threshold} {passes} {time}
 * {since} {last} {window} {category} {Category}.
 */
struct text_catalogue {
	const char *language;
	char decimal;           /* mark between whole and fraction */
	const char *who[2];     /* {who}: one station; those of an area */
	const char *indicative; /* what low-cost sensors say, behind a station's id */
	const char *passes[TEXT_CONDITION_COUNT][2]; /* {passes}: beyond; at least */
	const char *units[TEXT_UNITS][2];            /* seconds … days: one, many */
	const char *measures[TEXT_MEASURES]; /* {name} with its window; NULL: as it is */
	const char *index_heads[TEXT_INDICES]; /* VN_AQI …: by the category's name */
	const char *rise_head;
	const char *rise_bodies[TEXT_MOMENT_COUNT];
	struct text_metric metrics[METRIC_BUILTIN_END];
	struct text_metric hazards[HAZARD_COUNT]; /* for what the table above lacks */
	const char *absent_head;
	const char *titles[TEXT_MOMENT_COUNT];
	const char *absent_over_title;
	const char *bodies[TEXT_CONDITION_COUNT][TEXT_MOMENT_COUNT];
	const char *advice[TEXT_ADVICE_COUNT][TEXT_SEVERITIES];
	const char *advice_over[TEXT_ADVICE_COUNT];
	const char *aqi_advice[TEXT_AQI_LEVELS];
	const char *trial_title, *trial_text, *trial_instruction;
};

extern const struct text_catalogue texts_vi, texts_en;

#endif
