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
#include "core/metric.h"

enum {
	TEXTS_TITLE_MAX = 60,       /* code points */
	TEXTS_BODY_MAX = 240,       /* code points, of text and of instruction */
	TEXTS_OFFSET_MINUTES = 420, /* Viet Nam has one zone */
};

enum text_condition { TEXT_ABOVE, TEXT_BELOW, TEXT_ABSENT, TEXT_CONDITION_COUNT };
enum text_moment { TEXT_FIRING, TEXT_STILL, TEXT_OVER, TEXT_MOMENT_COUNT };

/*
 * Fills in title, text and instruction of MESSAGE from its other members, in its
 * language (Vietnamese where there is no such catalogue).
 */
void texts_fill(
	struct message *message, enum text_condition condition, enum text_moment moment);

/* The same for a trial message that means nothing. */
void texts_fill_trial(struct message *message);

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
};

struct text_metric {
	const char *name;  /* inside a sentence */
	const char *above; /* beginning of a title; {name} is the above */
	const char *below;
};

/* Placeholders: {head} {place} {station} {name} {value} {threshold} {time} {since}. */
struct text_catalogue {
	const char *language;
	char decimal; /* mark between whole and fraction */
	struct text_metric metrics[METRIC_BUILTIN_END];
	struct text_metric hazards[HAZARD_COUNT]; /* for what the table above lacks */
	const char *aqi_heads[TEXT_AQI_LEVELS];   /* VN_AQI as its level's name */
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
