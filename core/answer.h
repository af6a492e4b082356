/*
 * What the far side said to something sent, reduced to what has to be done
 * next (DESIGN §6.4). Outputs and alert channels share it.
 */
#ifndef MUABUI_CORE_ANSWER_H
#define MUABUI_CORE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome {
	OUTCOME_DONE,    /* it was taken: move on */
	OUTCOME_RETRY,   /* transport error, 408, 429, 5xx: keep, try again */
	OUTCOME_REFUSED, /* 400, 413, 422: this content will never be taken */
	OUTCOME_HELD,    /* 401, 403, 404: keep, shout, try rarely; a person must act */
};

enum { ANSWER_GUILTY_MAX = 100 }; /* InfluxDB 3 names no more in one answer */

struct answer {
	enum outcome outcome;
	int status;             /* HTTP status, 0 where there was none */
	int64_t retry_after_ms; /* what the far side asked for, -1: nothing */
	bool maybe_taken;       /* no answer came, but the request may have arrived */
	bool unfinished; /* RETRY: nothing is wrong, some of it was taken, and the rest
			  * is to follow in retry_after_ms */
	int64_t refused; /* how many records of it are never taken, 0: not said */
	size_t guilty_count; /* the records that were named as never taken, ascending */
	uint32_t guilty[ANSWER_GUILTY_MAX]; /* 0 is the first one of what was sent */
	char reason[256]; /* for people and dead letters, no secrets; "" when done */
};

/*
 * The outcome for an HTTP status; 0 = transport error. What concerns the way and not
 * the content (3xx, 402, 405, 407) is HELD too, 425 RETRY; other 4xx are REFUSED.
 */
enum outcome answer_outcome(int http_status);

const char *outcome_name(enum outcome outcome);

/*
 * How long to wait before attempt number ATTEMPT (1 = the first repeat):
 * 1 s doubling to 60 s, of which half and a random part of the other half is
 * waited, but never less than RETRY_AFTER_MS (capped at an hour) and such a
 * random part. HELD starts at 30 s.
 */
int64_t answer_backoff_ms(const struct answer *answer, unsigned attempt);

/* A random time from 0 to MOST. */
int64_t answer_spread_ms(int64_t most);

#endif
