/*
 * How often one address may ask for something costly: a bucket per address that fills
 * with time, in a table of fixed size, and one for all addresses together. Pure but for
 * its own state.
 */
#ifndef MUABUI_WEB_RATE_H
#define MUABUI_WEB_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

enum {
	RATE_BUCKETS = 1024,
	RATE_TOGETHER = 50, /* addresses that may use up theirs at a time */
};

/* An address; of IPv6 the network of 64 bits that somebody gets. */
struct rate_key {
	uint8_t bytes[16];
};

struct rate_bucket {
	struct rate_key key;
	int64_t full_ms; /* when it will be full again; 0: unused */
};

struct rate {
	int64_t each_ms; /* one more is allowed after that long */
	int burst;       /* at once */
	int64_t all_full_ms;
	struct rate_bucket buckets[RATE_BUCKETS];
};

void rate_init(struct rate *rate, int per_minute);

/* False where TEXT is no address. */
bool rate_key_parse(const char *text, struct rate_key *key);
void rate_key_of(const struct sockaddr *address, struct rate_key *key);

/* May KEY ask at NOW_MS? If so it is counted. *WAIT_MS: else how long it has to wait. */
bool rate_allows(
	struct rate *rate, const struct rate_key *key, int64_t now_ms, int64_t *wait_ms);

#endif
