/* What phones are told beside the words, shared by the ways to them. */
#ifndef MUABUI_ALERTS_PHONE_H
#define MUABUI_ALERTS_PHONE_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "core/json.h"

/* Does it wake a sleeping phone? Alerts from moderate on; not what is over, or a trial.
 */
bool phone_is_urgent(const struct message *message);

/* Seconds until MESSAGE is of no use, 1 to what FCM keeps at most (four weeks). */
int64_t phone_seconds_left(const struct message *message, int64_t now_ms);

/*
 * Writes "aps" for an iPhone: thread, sound, interruption level by severity, and the
 * words where BODY is not NULL. MAY_BE_CRITICAL: the app has Apple's entitlement to sound
 * through a muted phone at an extreme alert.
 */
void phone_put_aps(struct json *json, const struct message *message, const char *body,
	bool may_be_critical);

/*
 * Calls PUT with ARG and the words of MESSAGE (message_body()), cut further each time,
 * until what it makes of them is below LIMIT bytes; it returns how many it made, 0 when
 * it failed. False: it failed, or even without words it is too much.
 */
bool phone_fit(const struct message *message, size_t limit,
	size_t (*put)(void *arg, const char *body), void *arg);

/* What an app goes by: id, revision, state and what it is about. Values are texts. */
void phone_put_data(struct json *json, const struct message *message);

#endif
