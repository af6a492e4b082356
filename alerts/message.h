/*
 * What is said to people about one moment of an alert's life. The JSON form is
 * the webhook's contract (DESIGN §5) and what the outbox keeps.
 */
#ifndef MUABUI_ALERTS_MESSAGE_H
#define MUABUI_ALERTS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/metric.h"
#include "core/reading.h"
#include "store/outbox.h"

enum severity {
	SEVERITY_MINOR,
	SEVERITY_MODERATE,
	SEVERITY_SEVERE,
	SEVERITY_EXTREME,
};
extern const char *const severity_names[]; /* NULL-ended */

enum audience { AUDIENCE_CITIZENS, AUDIENCE_OPERATORS };
extern const char *const audience_names[];

struct message {
	char id[EPISODE_SIZE]; /* the episode's; the same from the first to the all-clear
				*/
	int revision;          /* 1, 2, … within the episode */
	bool resolved;
	bool test; /* made by `alert test` */
	char rule[NAME_SIZE];
	enum hazard hazard;
	enum severity severity;
	char station[NAME_SIZE];
	char station_name[128];
	char area[NAME_SIZE];
	char metric[NAME_SIZE];
	char unit[16];
	double value;     /* NAN: no value (absent) */
	double threshold; /* NAN: none */
	int64_t since_ms;
	int64_t at_ms; /* of the reading that caused this message */
	int64_t expires_ms;
	char language[8]; /* "vi", "en" */
	char title[256];
	char text[1024];
	char instruction[1024];
};

/* Appends MESSAGE as one JSON object, times at +07:00 (Viet Nam has one zone). */
void message_to_json(const struct message *message, struct buffer *out);

/* The reverse. False when TEXT is not such an object. */
bool message_from_json(struct message *message, const char *text);

/*
 * Appends the text and, on a line of its own, the instruction, in at most MOST bytes:
 * what has no room is cut between two characters with "…", so that each keeps at least
 * half of the room, if it needs that much.
 */
void message_body(const struct message *message, size_t most, struct buffer *out);

/*
 * Copies TEMPLATE to OUT, filling in {station} {area} {hazard} {metric} {value} {unit}
 * {severity} {time}, and {station_name} {rule} {id} {revision} {state} {title} {text}
 * {instruction}; any other brace stays. FOR_TOPIC: characters other than
 * [A-Za-z0-9-_.~%] become '-'.
 */
void message_expand(const struct message *message, const char *template, bool for_topic,
	struct buffer *out);

#endif
