/*
 * The notifier's threads, one per channel: outbox → channel, with expiry,
 * retry and the all-clear only to those told.
 */
#ifndef MUABUI_ALERTS_NOTIFIER_H
#define MUABUI_ALERTS_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/answer.h"

struct notifier;

struct channel_status {
	const char *name;
	const char *type;
	int64_t waiting;         /* messages in the outbox */
	int64_t oldest_ms;       /* when the oldest of them was announced; 0: none */
	uint64_t sent;           /* delivered since start */
	uint64_t failures;       /* failed attempts since start */
	int64_t last_success_ms; /* wall clock, 0: never */
	int64_t last_error_ms;
	char last_error[256];
	bool held;
	bool down; /* nothing gets through for alerts.channel_down: notifier_set_down() */
};

/* NULL with a logged reason. CONFIG must live as long as the result. */
struct notifier *notifier_start(const struct config *config, const char *store_path);

/* Something was committed to the outbox. */
void notifier_ring(struct notifier *notifier);

/*
 * Tries what is due for at most GRACE_MS, then stops and joins. How many messages were
 * delivered since the start.
 */
uint64_t notifier_stop(struct notifier *notifier, int64_t grace_ms);

size_t notifier_count(const struct notifier *notifier);
void notifier_get_status(
	const struct notifier *notifier, size_t index, struct channel_status *status);

/* Says what is thought of a channel (alerts/outage.h); it is shown in its status. */
void notifier_set_down(struct notifier *notifier, size_t index, bool down);

/* Sends a test message through the channel ITEM, outside the outbox. Fills ANSWER. */
void notifier_test(const struct config *config, const struct option_item *item,
	struct answer *answer);

#endif
