/* The parts of the Zalo channel that need no network. */
#ifndef MUABUI_ALERTS_ZALO_H
#define MUABUI_ALERTS_ZALO_H

#include <stdbool.h>

#include "alerts/message.h"
#include "config/option.h"
#include "core/answer.h"
#include "core/buffer.h"

enum { ZALO_PHONE_SIZE = 16 };

/* One parameter of a template. */
struct zalo_parameter {
	const char *name;
	const char *value; /* placeholders are filled in */
	int max;           /* code points */
};

/*
 * TEXT ("0912 345 678", "+84…", "84…", "912345678") as the interface wants it,
 * "84912345678". False when it is no Vietnamese number.
 */
bool zalo_phone(const char *text, char phone[static ZALO_PHONE_SIZE]);

/*
 * Appends the body of a template message to RECIPIENT, under the key "phone" or, IS_USER,
 * "user_id". PARAMETERS are struct zalo_parameter.
 */
void zalo_body(const struct message *message, const char *template_id,
	const struct option_list *parameters, const char *recipient, bool is_user,
	bool is_development, struct buffer *out);

/* What an answer is about, where it is no success. */
enum zalo_blame {
	ZALO_RECIPIENT, /* this one only */
	ZALO_TOKEN,     /* the access token, which a new one may mend */
	ZALO_MESSAGE,   /* this message, whoever gets it */
	ZALO_ACCOUNT,   /* the application, the account, its quota, or Zalo */
};

/* Sets ANSWER's outcome by the error in RESPONSE, which comes with HTTP 200. */
enum zalo_blame zalo_judge(struct answer *answer, const struct buffer *response);

#endif
