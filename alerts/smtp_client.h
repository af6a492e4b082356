/* Handing letters to a mail server (libcurl): one connection, kept between letters. */
#ifndef MUABUI_ALERTS_SMTP_CLIENT_H
#define MUABUI_ALERTS_SMTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/answer.h"
#include "core/buffer.h"

struct smtp_client;

struct smtp_settings {
	const char *url;      /* smtp:// or smtps:// */
	bool is_plain;        /* no STARTTLS for smtp:// */
	const char *username; /* NULL: no log-in */
	const char *password;
	const char *ca_file; /* NULL or "": the system's authorities */
	int64_t timeout_ms;  /* of one letter */
};

/* Copies the settings. NULL when memory is out. The free accepts NULL. */
struct smtp_client *smtp_client_new(const struct smtp_settings *settings);
void smtp_client_free(struct smtp_client *client);

/*
 * Hands LETTER for TO to the server. ANSWER: what it refuses for now (4yz) is RETRY; for
 * good (5yz), the letter or TO is REFUSED, the log-in or the sender HELD, as is a server
 * that will not encrypt. *ABOUT_RECIPIENT: what was said concerns TO alone.
 */
void smtp_send(struct smtp_client *client, const char *from, const char *to,
	const struct buffer *letter, struct answer *answer, bool *about_recipient);

/* Makes a letter under way on another thread end within about a second, later ones at
 * once. */
void smtp_client_abort(struct smtp_client *client);

#endif
