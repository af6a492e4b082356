/*
 * Who sends: the application server's key pair and the tokens signed with it (VAPID, RFC
 * 8292). Its public half is what browsers subscribe with; whoever loses or changes the
 * key loses every subscription.
 */
#ifndef MUABUI_ALERTS_VAPID_H
#define MUABUI_ALERTS_VAPID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

enum {
	VAPID_PUBLIC_SIZE = 88,   /* 65 bytes in base64url, with a NUL */
	VAPID_LIFE_S = 12 * 3600, /* of a token; the RFC allows 24 hours */
	VAPID_RENEW_S = 2 * 3600, /* before its end */
	VAPID_HEADER_MAX = 1024,
};

struct vapid;

/* The key in FILE, see core/secret.h. NULL with the reason in WHY. The free accepts NULL.
 */
struct vapid *vapid_load(const char *file, const char *subject, char *why, size_t size);
void vapid_free(struct vapid *vapid);

/* The public half as browsers take it: base64url. */
const char *vapid_public(const struct vapid *vapid);

/* Appends "Authorization: vapid t=…, k=…" for ORIGIN, signed at NOW_S. False: cannot. */
bool vapid_header(
	const struct vapid *vapid, const char *origin, int64_t now_s, struct buffer *out);

/*
 * Makes a new key pair and writes it to FILE, which must not exist, for its owner only.
 * The public half goes to PUBLIC. False with the reason in WHY.
 */
bool vapid_generate(
	const char *file, char public[static VAPID_PUBLIC_SIZE], char *why, size_t size);

#endif
