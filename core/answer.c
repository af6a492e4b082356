#include "core/answer.h"

#include <sys/random.h>

enum {
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_HELD_MS = 30 * 1000,
	BACKOFF_MOST_MS = 60 * 1000,
	RETRY_AFTER_MOST_MS = 3600 * 1000,
};

enum outcome answer_outcome(int http_status)
{
	if (http_status >= 200 && http_status < 300)
		return OUTCOME_DONE;
	if (http_status >= 300 && http_status < 400)
		return OUTCOME_HELD;
	switch (http_status) {
	case 401:
	case 402:
	case 403:
	case 404:
	case 405:
	case 407:
		return OUTCOME_HELD;
	case 408:
	case 425:
	case 429:
		return OUTCOME_RETRY;
	default:
		return http_status >= 400 && http_status < 500 ? OUTCOME_REFUSED
							       : OUTCOME_RETRY;
	}
}

const char *outcome_name(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DONE:
		return "done";
	case OUTCOME_RETRY:
		return "retry";
	case OUTCOME_REFUSED:
		return "refused";
	case OUTCOME_HELD:
		return "held";
	}
	return "?";
}

/* Without chance, boxes that fell silent together would return together. */
int64_t answer_spread_ms(int64_t most)
{
	uint32_t number;

	if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
		return most / 2;
	return (int64_t)(number % ((uint64_t)most + 1));
}

int64_t answer_backoff_ms(const struct answer *answer, unsigned attempt)
{
	int64_t base =
		answer->outcome == OUTCOME_HELD ? BACKOFF_HELD_MS : BACKOFF_FIRST_MS;
	int64_t asked = answer->retry_after_ms;

	for (unsigned i = 1; i < attempt && base < BACKOFF_MOST_MS; i++)
		base *= 2;
	if (base > BACKOFF_MOST_MS)
		base = BACKOFF_MOST_MS;
	int64_t spread = answer_spread_ms(base / 2);
	int64_t wait = base / 2 + spread;
	if (asked > RETRY_AFTER_MOST_MS)
		asked = RETRY_AFTER_MOST_MS;
	/* Spread here as well: an overloaded server tells everybody the same time. */
	if (asked >= 0 && wait < asked + spread)
		wait = asked + spread;
	return wait;
}
