/*
 * Alerts in the Common Alerting Protocol, OASIS CAP 1.2: one document per message, of
 * which the first of an episode is an Alert, the following are Updates and the all-clear
 * is a Cancel. Pure.
 *
 * One that is sent again as it was has the same identifier, sender and time, so that
 * receivers tell repeats.
 */
#ifndef MUABUI_ALERTS_CAP_H
#define MUABUI_ALERTS_CAP_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "config/config.h"
#include "core/buffer.h"

enum {
	CAP_LANGUAGES = 2,
	CAP_SENDER_SIZE = 160,
	CAP_WEB_SIZE = 600,
	CAP_REFERENCES_MAX = 64, /* the latest are named */
};

struct cap_reference {
	int revision;
	int64_t sent_ms;
};

struct cap_alert {
	const struct message *messages[CAP_LANGUAGES]; /* Vietnamese, English; the same
							* but for their language */
	int64_t sent_ms;
	double latitude, longitude; /* NAN: not known */
	/* The earlier messages of the episode that still hold, oldest first. */
	struct cap_reference references[CAP_REFERENCES_MAX];
	size_t reference_count;
};

/* Who sends, and where the page is, as configured or by default. */
void cap_sender(const struct config *config, char sender[static CAP_SENDER_SIZE]);
void cap_web(const struct config *config, char web[static CAP_WEB_SIZE]);

/* Appends ALERT as a document. */
void cap_write(
	const struct config *config, const struct cap_alert *alert, struct buffer *out);

#endif
