/*
 * Fills a store with subscriptions that have real keys.
 *
 *   fill_push STORE COUNT URL [EVERY URL]
 *
 * Subscription N has the endpoint URL/N; with a second URL, every EVERYth is there.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "store/subscriptions.h"

enum { KEYS = 1000 }; /* that many different ones will do */

static uint8_t points[KEYS][SUBSCRIPTION_POINT_BYTES];

static bool make_points(void)
{
	for (int i = 0; i < KEYS; i++) {
		EVP_PKEY *pkey = EVP_EC_gen("P-256");
		unsigned char *bytes = NULL;
		size_t length = pkey ? EVP_PKEY_get1_encoded_public_key(pkey, &bytes) : 0;

		if (length != SUBSCRIPTION_POINT_BYTES)
			return false;
		memcpy(points[i], bytes, length);
		OPENSSL_free(bytes);
		EVP_PKEY_free(pkey);
	}
	return true;
}

static void bind(sqlite3_stmt *stmt, long number, const char *url)
{
	char endpoint[256];
	uint8_t auth[SUBSCRIPTION_AUTH_BYTES];

	RAND_bytes(auth, sizeof auth);
	snprintf(endpoint, sizeof endpoint, "%s/%ld", url, number);
	sqlite3_bind_text(stmt, 1, endpoint, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, 2, url, -1, SQLITE_STATIC);
	sqlite3_bind_blob(
		stmt, 3, points[number % KEYS], SUBSCRIPTION_POINT_BYTES, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 4, auth, sizeof auth, SQLITE_TRANSIENT);
	sqlite3_bind_int64(stmt, 5, number % 2);
}

/* All in one transaction: one by one, as people come, would take minutes. */
static bool fill(struct store *store, long count, char **argv, long every)
{
	sqlite3_stmt *stmt = NULL;
	bool ok =
		sqlite3_prepare_v2(store_handle(store),
			"INSERT INTO subscription(secret, endpoint, origin, p256dh, auth,"
			" areas, hazards, sensitive, language, quiet_from, quiet_to,"
			" created, changed) VALUES(hex(randomblob(12)), ?1, ?2, ?3, ?4,"
			" '', 0, 0, ?5, -1, -1, 0, 0)",
			-1, &stmt, NULL) == SQLITE_OK &&
		store_begin(store) == 0;

	for (long i = 0; ok && i < count; i++) {
		bind(stmt, i, every > 0 && i % every == every - 1 ? argv[5] : argv[3]);
		ok = sqlite3_step(stmt) == SQLITE_DONE;
		sqlite3_reset(stmt);
	}
	if (!ok)
		fprintf(stderr, "fill_push: %s\n", sqlite3_errmsg(store_handle(store)));
	sqlite3_finalize(stmt);
	return ok && store_commit(store) == 0;
}

int main(int argc, char **argv)
{
	char why[256];

	if (argc != 4 && argc != 6) {
		fprintf(stderr, "fill_push STORE COUNT URL [EVERY URL]\n");
		return 2;
	}
	struct store *store = store_open(argv[1], STORE_RECORDER, why, sizeof why);
	if (!store || !make_points()) {
		fprintf(stderr, "fill_push: %s\n", store ? "no keys" : why);
		return 1;
	}
	bool filled = fill(store, strtol(argv[2], NULL, 10), argv,
		argc > 4 ? strtol(argv[4], NULL, 10) : 0);
	store_close(store);
	return filled ? 0 : 1;
}
