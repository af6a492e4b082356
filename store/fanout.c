#include "store/fanout.h"

#include <string.h>

#include "store/subscription_row.h"

#define KEEP_MS   (INT64_C(30) * 24 * 3600 * 1000)
#define KEEP_ROWS "1000"

/* fanout_bits: two bits per subscription, 25 kB for a hundred thousand. */
const char fanout_schema[] =
	"CREATE TABLE IF NOT EXISTS fanout("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL,"
	" episode TEXT NOT NULL, revision INTEGER NOT NULL, expires INTEGER NOT NULL,"
	" changed INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0,"
	" done_to INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0,"
	" gone INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,"
	" given_up INTEGER NOT NULL DEFAULT 0, unseen INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE(channel, episode));"
	"CREATE TABLE IF NOT EXISTS fanout_owed("
	" fanout INTEGER NOT NULL, subscription INTEGER NOT NULL, due INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, origin TEXT NOT NULL,"
	" PRIMARY KEY(fanout, subscription)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS fanout_owed_due ON fanout_owed(fanout, due);"
	"CREATE TABLE IF NOT EXISTS fanout_bits("
	" fanout INTEGER NOT NULL, chunk INTEGER NOT NULL, told BLOB NOT NULL,"
	" dealt BLOB NOT NULL, PRIMARY KEY(fanout, chunk)) WITHOUT ROWID;";

/* The one number SQL says of FANOUT; -1 on error. */
static int64_t ask(struct store *store, const char *sql, const struct fanout *fanout)
{
	sqlite3_stmt *stmt = statement(store, sql);
	int64_t number = -1;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, fanout->id);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc) < 0 ? -1 : number;
}

/* --- beginning ------------------------------------------------------- */

/* 1: FANOUT and REVISION are filled in; 0: there is none; -1. */
static int find(struct store *store, const char *channel, const char *episode,
	struct fanout *fanout, int *revision, int64_t *expires_ms)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, revision, done_to, ended, sent, gone, refused, given_up, unseen,"
		" expires FROM fanout WHERE channel=?1 AND episode=?2");

	*fanout = (struct fanout){ 0 };
	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, channel, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, episode, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		fanout->id = sqlite3_column_int64(stmt, 0);
		*revision = sqlite3_column_int(stmt, 1);
		fanout->done_to = sqlite3_column_int64(stmt, 2);
		fanout->ended_ms = sqlite3_column_int64(stmt, 3);
		fanout->counts = (struct fanout_counts){
			.sent = sqlite3_column_int64(stmt, 4),
			.gone = sqlite3_column_int64(stmt, 5),
			.refused = sqlite3_column_int64(stmt, 6),
			.given_up = sqlite3_column_int64(stmt, 7),
			.unseen = sqlite3_column_int64(stmt, 8),
		};
		*expires_ms = sqlite3_column_int64(stmt, 9);
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : rc == SQLITE_ROW;
}

static int64_t count_owed(struct store *store, const struct fanout *fanout)
{
	return ask(store, "SELECT count(*) FROM fanout_owed WHERE fanout=?1", fanout);
}

static int forget_owed(struct store *store, const struct fanout *fanout)
{
	return statement_run(
		store, "DELETE FROM fanout_owed WHERE fanout=?1", "i", fanout->id);
}

static int begin(struct store *store, const char *channel, const char *episode,
	int revision, int64_t expires_ms, int64_t now_ms, struct fanout *fanout,
	int64_t *superseded)
{
	int64_t expired_ms = 0;
	int older = 0, found = find(store, channel, episode, fanout, &older, &expired_ms);

	if (found < 0)
		return -1;
	if (found == 0) {
		if (statement_run(store,
			    "INSERT INTO fanout(channel, episode, revision, expires,"
			    " changed) VALUES(?1, ?2, ?3, ?4, ?5)",
			    "ttiii", channel, episode, (int64_t)revision, expires_ms,
			    now_ms) < 0)
			return -1;
		fanout->id = sqlite3_last_insert_rowid(store_handle(store));
		return 0;
	}
	/* What was given up, and is said late after all, begins anew. */
	bool is_late = fanout->ended_ms > 0 && expires_ms > expired_ms;
	if (older == revision && !is_late)
		return 0;
	*superseded = count_owed(store, fanout);
	if (*superseded < 0 || forget_owed(store, fanout) < 0)
		return -1;
	*fanout = (struct fanout){ .id = fanout->id };
	if (statement_run(store,
		    "UPDATE fanout_bits SET dealt=zeroblob(length(dealt)) WHERE fanout=?1",
		    "i", fanout->id) < 0)
		return -1;
	return statement_run(store,
		"UPDATE fanout SET revision=?2, expires=?3, changed=?4, ended=0, done_to=0,"
		" sent=0, gone=0, refused=0, given_up=0, unseen=0 WHERE id=?1",
		"iiii", fanout->id, (int64_t)revision, expires_ms, now_ms);
}

int fanout_begin(struct store *store, const char *channel, const char *episode,
	int revision, int64_t expires_ms, int64_t now_ms, struct fanout *fanout,
	int64_t *superseded)
{
	*superseded = 0;
	if (store_begin(store) < 0)
		return -1;
	if (begin(store, channel, episode, revision, expires_ms, now_ms, fanout,
		    superseded) == 0 &&
		store_commit(store) == 0)
		return 0;
	store_rollback(store);
	return -1;
}

/* --- single subscriptions -------------------------------------------- */

static void copy_bits(
	uint8_t bits[static FANOUT_CHUNK / 8], sqlite3_stmt *stmt, int column)
{
	if (sqlite3_column_bytes(stmt, column) == FANOUT_CHUNK / 8)
		memcpy(bits, sqlite3_column_blob(stmt, column), FANOUT_CHUNK / 8);
}

static int load_bits(
	struct store *store, int64_t fanout, struct fanout_bits *bits, int64_t chunk)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT told, dealt FROM fanout_bits WHERE fanout=?1 AND chunk=?2");

	*bits = (struct fanout_bits){ .chunk = -1 };
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, fanout);
	sqlite3_bind_int64(stmt, 2, chunk);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		copy_bits(bits->told, stmt, 0);
		copy_bits(bits->dealt, stmt, 1);
	}
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	bits->fanout = fanout;
	bits->chunk = chunk;
	return 0;
}

static int store_bits(struct store *store, const struct fanout_bits *bits)
{
	sqlite3_stmt *stmt = statement(
		store, "INSERT OR REPLACE INTO fanout_bits VALUES(?1, ?2, ?3, ?4)");

	if (bits->chunk < 0)
		return 0;
	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, bits->fanout);
	sqlite3_bind_int64(stmt, 2, bits->chunk);
	sqlite3_bind_blob(stmt, 3, bits->told, sizeof bits->told, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 4, bits->dealt, sizeof bits->dealt, SQLITE_STATIC);
	return statement_done(store, stmt, sqlite3_step(stmt));
}

int fanout_look(struct store *store, const struct fanout *fanout,
	struct fanout_bits *bits, int64_t subscription)
{
	int64_t chunk = subscription / FANOUT_CHUNK;
	unsigned bit = (unsigned)(subscription % FANOUT_CHUNK);

	if ((bits->chunk != chunk || bits->fanout != fanout->id) &&
		load_bits(store, fanout->id, bits, chunk) < 0)
		return -1;
	return (bits->told[bit / 8] >> bit % 8 & 1 ? FANOUT_TOLD : 0) |
		(bits->dealt[bit / 8] >> bit % 8 & 1 ? FANOUT_DEALT : 0);
}

/* Sets the bits in BITS, which is written back when another chunk is wanted. */
static int note_bits(struct store *store, int64_t fanout, struct fanout_bits *bits,
	const struct fanout_result *result)
{
	int64_t chunk = result->subscription / FANOUT_CHUNK;
	unsigned bit = (unsigned)(result->subscription % FANOUT_CHUNK);

	if (bits->chunk != chunk &&
		(store_bits(store, bits) < 0 ||
			load_bits(store, fanout, bits, chunk) < 0))
		return -1;
	bits->dealt[bit / 8] |= (uint8_t)(1 << bit % 8);
	if (result->fate == FANOUT_SENT)
		bits->told[bit / 8] |= (uint8_t)(1 << bit % 8);
	return 0;
}

/* --- what became of them --------------------------------------------- */

/* Nothing of it is left but the secret, by which its page learns of it. */
#define MARK_GONE                                                              \
	"UPDATE subscription SET gone=max(?2, 1), endpoint=NULL, origin=NULL," \
	" p256dh=NULL, auth=NULL, areas=''"

static int note_refused(struct store *store, int64_t subscription, int64_t now_ms)
{
	if (statement_run(store,
		    "UPDATE subscription SET failures=failures+1 WHERE number=?1", "i",
		    subscription) < 0)
		return -1;
	return statement_run(store, MARK_GONE " WHERE number=?1 AND failures >= ?3",
		"iii", subscription, now_ms, (int64_t)SUBSCRIPTION_FAILURES_MAX);
}

static int note_owed(struct store *store, const struct fanout *fanout,
	const struct fanout_result *result)
{
	return statement_run(store,
		"INSERT OR REPLACE INTO fanout_owed VALUES(?1, ?2, ?3, ?4, ?5)", "iiiit",
		fanout->id, result->subscription, result->due_ms,
		(int64_t)result->attempts, result->origin);
}

static int note(struct store *store, const struct fanout *fanout,
	const struct fanout_result *result, int64_t now_ms, struct fanout_bits *bits,
	struct fanout_counts *counts)
{
	int64_t number = result->subscription;

	if (note_bits(store, fanout->id, bits, result) < 0)
		return -1;
	if (result->fate == FANOUT_OWED)
		return note_owed(store, fanout, result);
	if (result->was_owed &&
		statement_run(store,
			"DELETE FROM fanout_owed WHERE fanout=?1 AND subscription=?2",
			"ii", fanout->id, number) < 0)
		return -1;
	switch (result->fate) {
	case FANOUT_SENT:
		counts->sent++;
		return result->was_failed
			? statement_run(store,
				  "UPDATE subscription SET failures=0 WHERE number=?1",
				  "i", number)
			: 0;
	case FANOUT_GONE:
		counts->gone++;
		return statement_run(
			store, MARK_GONE " WHERE number=?1", "ii", number, now_ms);
	default:
		counts->refused++;
		return note_refused(store, number, now_ms);
	}
}

static int write_place(struct store *store, const struct fanout *fanout, int64_t now_ms)
{
	return statement_run(store,
		"UPDATE fanout SET done_to=?2, sent=?3, gone=?4, refused=?5, given_up=?6,"
		" unseen=?7, ended=?8, changed=?9 WHERE id=?1",
		"iiiiiiiii", fanout->id, fanout->done_to, fanout->counts.sent,
		fanout->counts.gone, fanout->counts.refused, fanout->counts.given_up,
		fanout->counts.unseen, fanout->ended_ms, now_ms);
}

int fanout_save(struct store *store, struct fanout *fanout,
	const struct fanout_result *results, size_t count, int64_t now_ms)
{
	struct fanout_bits bits = { .chunk = -1 };
	struct fanout after = *fanout;

	if (store_begin(store) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (note(store, fanout, &results[i], now_ms, &bits, &after.counts) < 0)
			goto failed;
	if (store_bits(store, &bits) < 0 || write_place(store, &after, now_ms) < 0 ||
		store_commit(store) < 0)
		goto failed;
	*fanout = after;
	return 0;
failed:
	store_rollback(store);
	return -1;
}

/* --- those that are owed --------------------------------------------- */

int fanout_due(struct store *store, const struct fanout *fanout, int64_t now_ms,
	int limit,
	void (*each)(
		void *arg, const struct subscription *subscription, unsigned attempts),
	void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT" SUBSCRIPTION_COLUMNS
		", o.attempts FROM fanout_owed AS o JOIN subscription AS s"
		" ON s.number = o.subscription WHERE o.fanout=?1 AND o.due<=?2"
		" AND s.gone=0 ORDER BY o.due LIMIT ?3");
	struct subscription subscription;
	int rc, count = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, fanout->id);
	sqlite3_bind_int64(stmt, 2, now_ms);
	sqlite3_bind_int(stmt, 3, limit);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		if (subscription_read(stmt, &subscription)) {
			each(arg, &subscription, (unsigned)sqlite3_column_int(stmt, 12));
			count++;
		}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

int fanout_postpone(struct store *store, const struct fanout *fanout, const char *origin,
	int64_t due_ms)
{
	return statement_run(store,
		"UPDATE fanout_owed SET due=?3 WHERE fanout=?1 AND origin=?2 AND due<?3",
		"iti", fanout->id, origin, due_ms);
}

int fanout_next_due(struct store *store, const struct fanout *fanout, int64_t *due_ms)
{
	int64_t due = ask(store,
		"SELECT coalesce(min(due), 9223372036854775807) FROM fanout_owed"
		" WHERE fanout=?1",
		fanout);

	*due_ms = due;
	return due < 0 ? -1 : 0;
}

int64_t fanout_owed(struct store *store, const struct fanout *fanout)
{
	if (statement_run(store,
		    "DELETE FROM fanout_owed WHERE fanout=?1 AND NOT EXISTS(SELECT 1"
		    " FROM subscription AS s WHERE s.number=subscription AND s.gone=0)",
		    "i", fanout->id) < 0)
		return -1;
	return count_owed(store, fanout);
}

int fanout_is_outdated(
	struct store *store, const char *channel, const char *episode, int revision)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT 1 FROM outbox WHERE channel=?1 AND episode=?2 AND revision>?3"
		" LIMIT 1");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, channel, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, episode, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 3, revision);
	int rc = sqlite3_step(stmt);
	return statement_done(store, stmt, rc) < 0 ? -1 : rc == SQLITE_ROW;
}

/* --- the end --------------------------------------------------------- */

/* Those beyond done_to that nobody came to before the end. */
static int64_t count_unseen(struct store *store, const struct fanout *fanout)
{
	struct fanout_bits bits = { .chunk = -1 };
	sqlite3_stmt *stmt = statement(store,
		"SELECT number FROM subscription WHERE number > ?1 AND +gone = 0"
		" ORDER BY number");
	int64_t count = 0;
	int rc, known = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, fanout->done_to);
	while (known >= 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		known = fanout_look(store, fanout, &bits, sqlite3_column_int64(stmt, 0));
		count += known >= 0 && !(known & FANOUT_DEALT);
	}
	return statement_done(store, stmt, known < 0 ? SQLITE_ROW : rc) < 0 || known < 0
		? -1
		: count;
}

static int end(struct store *store, struct fanout *fanout, bool forget, int64_t now_ms)
{
	int64_t owed = count_owed(store, fanout);
	int64_t unseen = count_unseen(store, fanout);

	if (owed < 0 || unseen < 0 || forget_owed(store, fanout) < 0)
		return -1;
	if (forget &&
		statement_run(store, "DELETE FROM fanout_bits WHERE fanout=?1", "i",
			fanout->id) < 0)
		return -1;
	fanout->counts.given_up += owed;
	fanout->counts.unseen += unseen;
	fanout->ended_ms = now_ms;
	return write_place(store, fanout, now_ms);
}

int fanout_end(struct store *store, struct fanout *fanout, bool forget, int64_t now_ms)
{
	struct fanout after = *fanout;

	if (store_begin(store) < 0)
		return -1;
	if (end(store, &after, forget, now_ms) == 0 && store_commit(store) == 0) {
		*fanout = after;
		return 0;
	}
	store_rollback(store);
	return -1;
}

/* One that is past its time. 1: EPISODE, REVISION and FANOUT are filled in; 0; -1. */
static int next_late(struct store *store, const char *channel, int64_t now_ms,
	char *episode, size_t size, int *revision, struct fanout *fanout)
{
	int64_t expires_ms;
	sqlite3_stmt *stmt = statement(store,
		"SELECT episode FROM fanout WHERE channel=?1 AND ended=0 AND expires<=?2"
		" LIMIT 1");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, channel, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, now_ms);
	int rc = sqlite3_step(stmt);
	const char *text =
		rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	size_t length = text ? strlen(text) : 0;
	bool fits = text && length < size;
	if (fits)
		memcpy(episode, text, length + 1);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	return fits ? find(store, channel, episode, fanout, revision, &expires_ms) : 0;
}

/* Who was told of episodes whose end was never said, and the oldest accounts. */
static int forget_old(struct store *store, int64_t now_ms)
{
	if (statement_run(store,
		    "DELETE FROM fanout WHERE ended > 0 AND (changed < ?1"
		    " OR id <= (SELECT max(id) FROM fanout) - " KEEP_ROWS ")",
		    "i", now_ms - KEEP_MS) < 0)
		return -1;
	if (sqlite3_changes(store_handle(store)) == 0)
		return 0;
	if (statement_run(store,
		    "DELETE FROM fanout_bits WHERE fanout NOT IN (SELECT id FROM fanout)",
		    "") < 0)
		return -1;
	return statement_run(store,
		"DELETE FROM fanout_owed WHERE fanout NOT IN (SELECT id FROM fanout)",
		"");
}

int fanout_sweep(struct store *store, const char *channel, int64_t now_ms,
	void (*each)(void *arg, const char *episode, int revision,
		const struct fanout_counts *counts),
	void *arg)
{
	char episode[128];
	struct fanout fanout;
	int revision = 0, count = 0, found;

	while ((found = next_late(store, channel, now_ms, episode, sizeof episode,
			&revision, &fanout)) > 0) {
		if (fanout_end(store, &fanout, false, now_ms) < 0)
			return -1;
		if (each)
			each(arg, episode, revision, &fanout.counts);
		count++;
	}
	return found < 0 || forget_old(store, now_ms) < 0 ? -1 : count;
}
