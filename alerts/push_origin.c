#include "alerts/push_origin.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/log.h"
#include "core/reason.h"

enum {
	ORIGINS_MAX = 128,
	UNPROVEN_MAX = 8, /* under way to one that has not answered yet */
	STRIKES_MAX = 8,
	PATIENCE_MS = 500, /* without an answer, before the others go first */
	STUCK_MS = 1000,   /* how long one that does not move is passed over */
};

struct push_origins {
	size_t count;
	struct push_origin items[ORIGINS_MAX];
};

struct push_origins *push_origins_new(void)
{
	return calloc(1, sizeof(struct push_origins));
}

static void clear(struct push_origin *origin)
{
	curl_slist_free_all(origin->headers);
	buffer_free(&origin->token);
	*origin = (struct push_origin){ 0 };
}

void push_origins_free(struct push_origins *origins)
{
	if (!origins)
		return;
	for (size_t i = 0; i < origins->count; i++)
		clear(&origins->items[i]);
	free(origins);
}

/* Room for another: at the end, or where the one that answered longest ago was. */
static struct push_origin *make_room(struct push_origins *origins)
{
	struct push_origin *oldest = NULL;

	if (origins->count < ORIGINS_MAX)
		return &origins->items[origins->count++];
	for (size_t i = 0; i < ORIGINS_MAX; i++) {
		struct push_origin *origin = &origins->items[i];

		if (origin->in_flight == 0 &&
			(!oldest || origin->answered_ms < oldest->answered_ms))
			oldest = origin;
	}
	if (oldest)
		clear(oldest);
	return oldest;
}

struct push_origin *push_origins_get(struct push_origins *origins, const char *name)
{
	for (size_t i = 0; i < origins->count; i++)
		if (strcmp(origins->items[i].name, name) == 0)
			return &origins->items[i];
	struct push_origin *origin = make_room(origins);
	if (origin) {
		snprintf(origin->name, sizeof origin->name, "%s", name);
		buffer_init(&origin->token, VAPID_HEADER_MAX);
	}
	return origin;
}

struct push_origin *push_origins_next(
	struct push_origins *origins, struct push_origin *origin)
{
	size_t next = origin ? (size_t)(origin - origins->items) + 1 : 0;

	return next < origins->count ? &origins->items[next] : NULL;
}

/* --- headers -------------------------------------------------------------------------
 */

static bool renew_token(
	struct push_origin *origin, const struct vapid *vapid, int64_t now_s)
{
	int64_t age_s = now_s - origin->token_s;

	if (origin->token.length > 0 && age_s >= 0 &&
		age_s < VAPID_LIFE_S - VAPID_RENEW_S)
		return true;
	buffer_clear(&origin->token);
	if (!vapid_header(vapid, origin->name, now_s, &origin->token)) {
		buffer_clear(&origin->token);
		return false;
	}
	origin->token_s = now_s;
	return true;
}

static bool add(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (longer)
		*list = longer;
	return longer != NULL;
}

const struct curl_slist *push_origin_headers(struct push_origin *origin, uint64_t round,
	const struct vapid *vapid, const char *const *fixed, int64_t now_s)
{
	if (origin->headers && origin->round == round)
		return origin->headers;
	curl_slist_free_all(origin->headers);
	origin->headers = NULL;
	bool ok = renew_token(origin, vapid, now_s) &&
		add(&origin->headers, buffer_text(&origin->token));
	for (; ok && *fixed; fixed++)
		ok = add(&origin->headers, *fixed);
	if (!ok) {
		curl_slist_free_all(origin->headers);
		origin->headers = NULL;
	}
	origin->round = round;
	return origin->headers;
}

/* --- whether it is sent to -------------------------------------------------------------
 */

static unsigned count_unproven(const struct push_origins *origins)
{
	unsigned count = 0;

	for (size_t i = 0; i < origins->count; i++)
		count += origins->items[i].answers ? 0 : origins->items[i].in_flight;
	return count;
}

enum push_admission push_origin_admit(const struct push_origins *origins,
	const struct push_origin *origin, unsigned window, int64_t now_ms)
{
	unsigned most = window - window / 4;
	bool moves = now_ms - origin->answered_ms < PATIENCE_MS;

	if (now_ms < origin->until_ms)
		return PUSH_DEFER;
	if (!origin->answers && count_unproven(origins) >= window / 2)
		return origin->in_flight > 0 && moves ? PUSH_WAIT : PUSH_DEFER;
	if (origin->in_flight == 0)
		return PUSH_GO;
	/* Of one that has failed a single message shows whether it is back. */
	if (origin->backoffs > 0)
		return PUSH_DEFER;
	if (!origin->answers && most > UNPROVEN_MAX)
		most = UNPROVEN_MAX;
	if (origin->in_flight < most)
		return PUSH_GO;
	return moves ? PUSH_WAIT : PUSH_DEFER;
}

int64_t push_origin_wait_ms(const struct push_origin *origin, int64_t now_ms)
{
	int64_t wait = origin->until_ms - now_ms;

	return wait > STUCK_MS ? wait : STUCK_MS;
}

void push_origin_answered(struct push_origin *origin, int64_t now_ms)
{
	origin->answered_ms = now_ms;
	origin->answers = true;
}

void push_origin_accepted(struct push_origin *origin, int64_t now_ms)
{
	push_origin_answered(origin, now_ms);
	if (origin->is_held || origin->backoffs > 0)
		log_notice("%s: takes messages again", origin->name);
	origin->accepts = true;
	origin->is_held = false;
	origin->strikes = origin->backoffs = 0;
	origin->until_ms = 0;
}

static void back_off(struct push_origin *origin, enum outcome outcome,
	int64_t retry_after_ms, int64_t now_ms)
{
	struct answer answer = { .outcome = outcome, .retry_after_ms = retry_after_ms };

	/* Those under way together fail together: that is one failure. */
	if (now_ms < origin->until_ms)
		return;
	origin->backoffs++;
	origin->strikes = 0;
	origin->until_ms = now_ms + answer_backoff_ms(&answer, origin->backoffs);
	origin->is_postponed = true;
}

void push_origin_troubled(
	struct push_origin *origin, int64_t retry_after_ms, int64_t now_ms)
{
	push_origin_answered(origin, now_ms);
	if (++origin->strikes >= STRIKES_MAX || origin->backoffs > 0)
		back_off(origin, OUTCOME_RETRY, retry_after_ms, now_ms);
}

void push_origin_failed(
	struct push_origin *origin, bool held, const char *reason, int64_t now_ms)
{
	struct answer said;
	struct buffer text;

	buffer_init(&text, REASON_MAX);
	reason_append(&text, reason, strlen(reason));
	reason_keep(&said, &text);
	snprintf(origin->reason, sizeof origin->reason, "%s: %.*s", origin->name, 100,
		said.reason);
	if (held && !origin->is_held)
		log_error(
			"%s; its subscribers wait until it is put right", origin->reason);
	else if (!held && origin->backoffs == 0 && now_ms >= origin->until_ms)
		log_warning(
			"%s; its subscribers wait, the others do not", origin->reason);
	origin->is_held = held;
	origin->answers = false;
	back_off(origin, held ? OUTCOME_HELD : OUTCOME_RETRY, -1, now_ms);
}
