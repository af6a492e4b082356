/* The parts of the Telegram channel that need no network. */
#ifndef MUABUI_ALERTS_TELEGRAM_H
#define MUABUI_ALERTS_TELEGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "core/answer.h"
#include "core/buffer.h"

/* Is TOKEN such as a bot has, and nothing that could stand for more in a URL? */
bool telegram_is_token(const char *token);

/* Appends the body of sendMessage to CHAT; REPLY_TO: the message it answers, 0: none. */
void telegram_body(const struct message *message, const char *chat, bool as_html,
	int64_t reply_to, struct buffer *out);

/* The message's id in RESPONSE, 0: none there. */
int64_t telegram_message_id(const struct buffer *response);

/* Sets ANSWER's outcome and wait by what Telegram says in RESPONSE. */
void telegram_judge(struct answer *answer, const struct buffer *response);

#endif
