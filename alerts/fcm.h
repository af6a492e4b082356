/* The parts of the FCM channel that need no network. */
#ifndef MUABUI_ALERTS_FCM_H
#define MUABUI_ALERTS_FCM_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "core/answer.h"
#include "core/buffer.h"

enum {
	FCM_TOPIC_MAX = 900,          /* characters of a topic's name */
	FCM_TOPIC_MESSAGE_MAX = 2048, /* bytes of "message" to a topic */
	FCM_TOKEN_MESSAGE_MAX = 4096, /* to a single phone */
};

/* What is the same for all messages of a channel. */
struct fcm_look {
	const char *channel_id; /* template of Android's channel; "": the app's default */
	const char *click;      /* page behind a notification in a browser; "": none */
	bool may_be_critical;   /* see phone_put_aps() */
	bool dry_run; /* checked by Google, shown to nobody; a trial always is */
};

/*
 * Appends the name of MESSAGE's topic, TEMPLATE filled in; CITY instead for what names no
 * area. False when that gives no name a topic may have.
 */
bool fcm_topic(const struct message *message, const char *template, const char *city,
	struct buffer *out);

/*
 * Appends the request's body (projects.messages.send) to either TOPIC or TOKEN, the other
 * one is NULL. The words are cut so far that the message stays below its limit. False
 * when that is not enough.
 */
bool fcm_body(const struct message *message, const char *topic, const char *token,
	const struct fcm_look *look, int64_t now_ms, struct buffer *out);

/*
 * What an answer of FCM means: ANSWER as http_post() left it, RESPONSE the body. To a
 * topic: REFUSED is this message, HELD the account or the project. TO_TOKEN: REFUSED may
 * also be the phone alone, and then *IS_DEAD is set.
 */
void fcm_judge(struct answer *answer, const struct buffer *response, bool to_token,
	bool *is_dead);

#endif
