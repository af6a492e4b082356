#include "web/rate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

void rate_init(struct rate *rate, int per_minute)
{
	*rate = (struct rate){
		.each_ms = 60000 / (per_minute > 60000 ? 60000 : per_minute),
		.burst = per_minute,
	};
}

static void take_six(const uint8_t bytes[static 16], struct rate_key *key)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	*key = (struct rate_key){ { 0 } };
	memcpy(key->bytes, bytes, memcmp(bytes, mapped, sizeof mapped) == 0 ? 16 : 8);
}

static void take_four(const void *bytes, struct rate_key *key)
{
	*key = (struct rate_key){ { [10] = 0xff, [11] = 0xff } };
	memcpy(key->bytes + 12, bytes, 4);
}

bool rate_key_parse(const char *text, struct rate_key *key)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		take_four(bytes, key);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		take_six(bytes, key);
	else
		return false;
	return true;
}

void rate_key_of(const struct sockaddr *address, struct rate_key *key)
{
	*key = (struct rate_key){ { 0 } };
	if (address->sa_family == AF_INET)
		take_four(&((const struct sockaddr_in *)(const void *)address)->sin_addr,
			key);
	else if (address->sa_family == AF_INET6)
		take_six(((const struct sockaddr_in6 *)(const void *)address)
				 ->sin6_addr.s6_addr,
			key);
}

/* The bucket of KEY, or the one that is full or nearest to it. */
static struct rate_bucket *find(struct rate *rate, const struct rate_key *key)
{
	struct rate_bucket *fullest = &rate->buckets[0];

	for (int i = 0; i < RATE_BUCKETS; i++) {
		struct rate_bucket *bucket = &rate->buckets[i];

		if (bucket->full_ms > 0 && memcmp(&bucket->key, key, sizeof *key) == 0)
			return bucket;
		if (bucket->full_ms < fullest->full_ms)
			fullest = bucket;
	}
	fullest->key = *key;
	fullest->full_ms = 0;
	return fullest;
}

/* When it would be full after one more; whether it may be that empty. */
static bool take(int64_t *full_ms, int64_t each_ms, int64_t burst, int64_t now_ms,
	int64_t *wait_ms)
{
	int64_t then = (*full_ms > now_ms ? *full_ms : now_ms) + each_ms;

	*wait_ms = then - now_ms - burst * each_ms;
	if (*wait_ms > 0)
		return false;
	*full_ms = then;
	return true;
}

bool rate_allows(
	struct rate *rate, const struct rate_key *key, int64_t now_ms, int64_t *wait_ms)
{
	struct rate_bucket *bucket = find(rate, key);
	int64_t all_each_ms = rate->each_ms / RATE_TOGETHER + 1;

	return take(&bucket->full_ms, rate->each_ms, rate->burst, now_ms, wait_ms) &&
		take(&rate->all_full_ms, all_each_ms,
			(int64_t)rate->burst * RATE_TOGETHER, now_ms, wait_ms);
}
