#include "store/subscriptions.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/base64.h"
#include "store/subscription_row.h"

/*
 * AUTOINCREMENT: a number is never given twice, or a newcomer would be taken for one who
 * was told (store/fanout.h). One that is gone keeps its secret for a while, and nothing
 * else.
 */
const char subscriptions_schema[] =
	"CREATE TABLE IF NOT EXISTS subscription("
	" number INTEGER PRIMARY KEY AUTOINCREMENT, secret TEXT NOT NULL UNIQUE,"
	" endpoint TEXT UNIQUE, origin TEXT, p256dh BLOB, auth BLOB,"
	" areas TEXT NOT NULL, hazards INTEGER NOT NULL, sensitive INTEGER NOT NULL,"
	" language INTEGER NOT NULL, quiet_from INTEGER NOT NULL,"
	" quiet_to INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL,"
	" failures INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX IF NOT EXISTS subscription_gone ON subscription(gone);";

static bool copy_text(char *out, size_t size, sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);
	size_t length = text ? strlen((const char *)text) : size;

	if (length >= size)
		return false;
	memcpy(out, text, length + 1);
	return true;
}

static bool copy_bytes(uint8_t *out, size_t size, sqlite3_stmt *stmt, int column)
{
	const void *bytes = sqlite3_column_blob(stmt, column);

	if (!bytes || (size_t)sqlite3_column_bytes(stmt, column) != size)
		return false;
	memcpy(out, bytes, size);
	return true;
}

bool subscription_read(sqlite3_stmt *stmt, struct subscription *subscription)
{
	struct subscription *s = subscription;

	s->number = sqlite3_column_int64(stmt, 0);
	s->hazards = (unsigned)sqlite3_column_int(stmt, 6);
	s->sensitive = sqlite3_column_int(stmt, 7) != 0;
	s->language = sqlite3_column_int(stmt, 8);
	s->quiet_from = sqlite3_column_int(stmt, 9);
	s->quiet_to = sqlite3_column_int(stmt, 10);
	s->failures = sqlite3_column_int(stmt, 11);
	return copy_text(s->endpoint, sizeof s->endpoint, stmt, 1) &&
		copy_text(s->origin, sizeof s->origin, stmt, 2) &&
		copy_bytes(s->p256dh, sizeof s->p256dh, stmt, 3) &&
		copy_bytes(s->auth, sizeof s->auth, stmt, 4) &&
		copy_text(s->areas, sizeof s->areas, stmt, 5);
}

/* --- making and changing --------------------------------------------- */

static bool make_secret(char secret[static SUBSCRIPTION_SECRET_SIZE])
{
	uint8_t bytes[SUBSCRIPTION_SECRET_BYTES];
	struct buffer text;

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return false;
	buffer_init(&text, SUBSCRIPTION_SECRET_SIZE);
	base64url_append(&text, bytes, sizeof bytes);
	bool ok = !text.failed;
	snprintf(secret, SUBSCRIPTION_SECRET_SIZE, "%s", buffer_text(&text));
	buffer_free(&text);
	return ok;
}

static int64_t number_of(struct store *store, const char *endpoint)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT number FROM subscription WHERE endpoint=?1");
	int64_t number = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, endpoint, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc) < 0 ? -1 : number;
}

static int write_row(struct store *store, const struct subscription *subscription,
	int64_t number, int64_t now_ms, const char *secret)
{
	static const char insert[] =
		"INSERT INTO subscription(number, secret, endpoint, origin, p256dh, auth,"
		" areas, hazards, sensitive, language, quiet_from, quiet_to, created,"
		" changed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" ?13)"
		" ON CONFLICT(number) DO UPDATE SET secret=?2, p256dh=?5, auth=?6,"
		" areas=?7, hazards=?8, sensitive=?9, language=?10, quiet_from=?11,"
		" quiet_to=?12, changed=?13, failures=0";
	const struct subscription *s = subscription;
	sqlite3_stmt *stmt = statement(store, insert);

	if (!stmt)
		return -1;
	if (number > 0)
		sqlite3_bind_int64(stmt, 1, number);
	sqlite3_bind_text(stmt, 2, secret, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, s->endpoint, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, s->origin, -1, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 5, s->p256dh, sizeof s->p256dh, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 6, s->auth, sizeof s->auth, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 7, s->areas, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 8, s->hazards);
	sqlite3_bind_int(stmt, 9, s->sensitive);
	sqlite3_bind_int(stmt, 10, s->language);
	sqlite3_bind_int(stmt, 11, s->quiet_from);
	sqlite3_bind_int(stmt, 12, s->quiet_to);
	sqlite3_bind_int64(stmt, 13, now_ms);
	return statement_done(store, stmt, sqlite3_step(stmt));
}

static enum subscription_found put(struct store *store,
	const struct subscription *subscription, int64_t most, int64_t now_ms,
	const char *secret)
{
	int64_t before_ms = now_ms - SUBSCRIPTION_GONE_DAYS * INT64_C(24) * 3600 * 1000;
	int64_t number = number_of(store, subscription->endpoint);

	if (number < 0 ||
		statement_run(store,
			"DELETE FROM subscription WHERE gone > 0 AND gone < ?1", "i",
			before_ms) < 0)
		return SUBSCRIPTION_ERROR;
	if (number == 0) {
		int64_t count = subscriptions_count(store);
		if (count < 0)
			return SUBSCRIPTION_ERROR;
		if (count >= most)
			return SUBSCRIPTION_FULL;
	}
	if (write_row(store, subscription, number, now_ms, secret) < 0)
		return SUBSCRIPTION_ERROR;
	return SUBSCRIPTION_FOUND;
}

enum subscription_found subscriptions_put(struct store *store,
	const struct subscription *subscription, int64_t most, int64_t now_ms,
	char secret[static SUBSCRIPTION_SECRET_SIZE])
{
	/* A client's connection would not wait for the disk. */
	if (!make_secret(secret) ||
		statement_run(store, "PRAGMA synchronous=FULL", "") < 0 ||
		store_begin(store) < 0)
		return SUBSCRIPTION_ERROR;
	enum subscription_found result = put(store, subscription, most, now_ms, secret);
	if (result == SUBSCRIPTION_FOUND && store_commit(store) == 0)
		return result;
	store_rollback(store);
	return result == SUBSCRIPTION_FULL ? result : SUBSCRIPTION_ERROR;
}

enum subscription_found subscriptions_find(
	struct store *store, const char *secret, struct subscription *subscription)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT" SUBSCRIPTION_COLUMNS
		", gone FROM subscription AS s WHERE secret=?1");
	enum subscription_found found = SUBSCRIPTION_NONE;

	if (!stmt)
		return SUBSCRIPTION_ERROR;
	sqlite3_bind_text(stmt, 1, secret, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		found = sqlite3_column_int64(stmt, 12) > 0      ? SUBSCRIPTION_GONE
			: subscription_read(stmt, subscription) ? SUBSCRIPTION_FOUND
								: SUBSCRIPTION_NONE;
	return statement_done(store, stmt, rc) < 0 ? SUBSCRIPTION_ERROR : found;
}

int subscriptions_change(
	struct store *store, const struct subscription *subscription, int64_t now_ms)
{
	const struct subscription *s = subscription;

	if (statement_run(store, "PRAGMA synchronous=FULL", "") < 0)
		return -1;
	return statement_run(store,
		"UPDATE subscription SET areas=?2, hazards=?3, sensitive=?4, language=?5,"
		" quiet_from=?6, quiet_to=?7, changed=?8 WHERE number=?1",
		"itiiiiii", s->number, s->areas, (int64_t)s->hazards,
		(int64_t)s->sensitive, (int64_t)s->language, (int64_t)s->quiet_from,
		(int64_t)s->quiet_to, now_ms);
}

enum subscription_found subscriptions_remove(struct store *store, const char *secret)
{
	if (statement_run(store, "PRAGMA synchronous=FULL", "") < 0 ||
		statement_run(store, "DELETE FROM subscription WHERE secret=?1", "t",
			secret) < 0)
		return SUBSCRIPTION_ERROR;
	return sqlite3_changes(store_handle(store)) > 0 ? SUBSCRIPTION_FOUND
							: SUBSCRIPTION_NONE;
}

/* --- reading --------------------------------------------------------- */

int64_t subscriptions_count(struct store *store)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT count(*) FROM subscription WHERE gone=0");
	int64_t count = -1;

	if (!stmt)
		return -1;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		count = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

int subscriptions_after(struct store *store, int64_t after, int limit,
	void (*each)(void *arg, const struct subscription *subscription), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT" SUBSCRIPTION_COLUMNS
		"FROM subscription AS s WHERE s.number > ?1 AND +s.gone = 0"
		" ORDER BY s.number LIMIT ?2");
	struct subscription subscription;
	int rc, count = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, after);
	sqlite3_bind_int(stmt, 2, limit);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		if (subscription_read(stmt, &subscription)) {
			each(arg, &subscription);
			count++;
		}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}
