#include "store/lanes.h"

#include <sqlite3.h>
#include <string.h>

#include "store/cursors.h"
#include "store/statement.h"

/*
 * A table of its own: a gateway that does not know it begins at the cursor and repeats
 * the islands, which is allowed.
 */
const char lanes_schema[] =
	"CREATE TABLE IF NOT EXISTS lane("
	" output TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" PRIMARY KEY(output, first)) WITHOUT ROWID;";

int lanes_load(struct store *store, const char *name, struct lanes *lanes)
{
	sqlite3_stmt *stmt = statement(
		store, "SELECT first, last FROM lane WHERE output=?1 ORDER BY first");
	int rc;

	memset(lanes, 0, sizeof *lanes);
	if (!stmt || store_cursor_get(store, name, &lanes->done) < 0)
		return -1;
	int64_t end = lanes->done;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && lanes->count < LANES_MAX) {
		struct lane lane = { sqlite3_column_int64(stmt, 0),
			sqlite3_column_int64(stmt, 1) };
		/* What is not ahead of the cursor is left over from a cursor moved by
		 * hand. */
		if (lane.from <= end || lane.to < lane.from)
			continue;
		lanes->ahead[lanes->count++] = lane;
		end = lane.to;
	}
	return statement_done(store, stmt, rc);
}

static int write_all(struct store *store, const char *name, const struct lanes *lanes)
{
	if (statement_run(store, "DELETE FROM lane WHERE output=?1", "t", name) < 0)
		return -1;
	for (size_t i = 0; i < lanes->count; i++) {
		if (statement_run(store, "INSERT INTO lane VALUES(?1, ?2, ?3)", "tii",
			    name, lanes->ahead[i].from, lanes->ahead[i].to) < 0)
			return -1;
	}
	return store_cursor_set(store, name, lanes->done);
}

int lanes_save(struct store *store, const char *name, const struct lanes *lanes)
{
	bool own = sqlite3_get_autocommit(store_handle(store)) != 0;

	if (own && store_begin(store) < 0)
		return -1;
	if (write_all(store, name, lanes) == 0 && (!own || store_commit(store) == 0))
		return 0;
	if (own)
		store_rollback(store);
	return -1;
}

int64_t lanes_live(const struct lanes *lanes)
{
	return lanes->count > 0 ? lanes->ahead[lanes->count - 1].to : lanes->done;
}

int64_t lanes_backlog(const struct lanes *lanes)
{
	return lanes->done;
}

int64_t lanes_backlog_end(const struct lanes *lanes)
{
	return lanes->count > 0 ? lanes->ahead[0].from : 0;
}

bool lanes_split(struct lanes *lanes, int64_t newest)
{
	if (lanes->count == LANES_MAX || newest <= lanes_live(lanes))
		return false;
	/* A live lane that delivered nothing yet only moves. */
	if (lanes->count > 0 &&
		lanes->ahead[lanes->count - 1].from == lanes->ahead[lanes->count - 1].to)
		lanes->count--;
	lanes->ahead[lanes->count++] = (struct lane){ newest, newest };
	return true;
}

void lanes_advance_live(struct lanes *lanes, int64_t id)
{
	int64_t *to =
		lanes->count > 0 ? &lanes->ahead[lanes->count - 1].to : &lanes->done;

	if (id > *to)
		*to = id;
}

void lanes_advance_backlog(struct lanes *lanes, int64_t id)
{
	if (id > lanes->done)
		lanes->done = id;
	while (lanes->count > 0 && lanes->done >= lanes->ahead[0].from) {
		if (lanes->ahead[0].to > lanes->done)
			lanes->done = lanes->ahead[0].to;
		lanes->count--;
		memmove(lanes->ahead, lanes->ahead + 1,
			lanes->count * sizeof *lanes->ahead);
	}
}

int64_t lanes_ahead(const struct lanes *lanes)
{
	int64_t sum = 0;

	for (size_t i = 0; i < lanes->count; i++)
		sum += lanes->ahead[i].to - lanes->ahead[i].from;
	return sum;
}
