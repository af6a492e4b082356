#include "store/aggregates.h"

#include "store/statement.h"

static const int64_t minute_ms = 60 * 1000;
static const int64_t hour_ms = 60 * 60 * 1000;

#define AGGREGATE_COLUMNS                                                          \
	" source INTEGER NOT NULL, metric INTEGER NOT NULL, end INTEGER NOT NULL," \
	" count INTEGER NOT NULL, sum REAL NOT NULL, min REAL NOT NULL,"           \
	" max REAL NOT NULL, PRIMARY KEY(source, metric, end)"

const char aggregates_schema[] =
	"CREATE TABLE IF NOT EXISTS minute(" AGGREGATE_COLUMNS ") WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS hour(" AGGREGATE_COLUMNS ") WITHOUT ROWID;";

/* The end of the half-open span (end − LENGTH, end] that holds TIME_MS. */
static int64_t span_end(int64_t time_ms, int64_t length)
{
	int64_t rest = time_ms % length;

	if (rest < 0)
		rest += length;
	return rest == 0 ? time_ms : time_ms - rest + length;
}

int64_t aggregate_minute_end(int64_t time_ms)
{
	return span_end(time_ms, minute_ms);
}

int64_t aggregate_hour_end(int64_t time_ms)
{
	return span_end(time_ms, hour_ms);
}

void accumulator_add(struct accumulator *accumulator, int64_t end_ms, double value)
{
	if (accumulator->count == 0)
		*accumulator = (struct accumulator){
			.end_ms = end_ms,
			.min = value,
			.max = value,
		};
	accumulator->count++;
	accumulator->sum += value;
	if (value < accumulator->min)
		accumulator->min = value;
	if (value > accumulator->max)
		accumulator->max = value;
}

static int add(struct store *store, const char *sql, int64_t source, uint16_t metric,
	int64_t end_ms, struct accumulator *accumulator)
{
	if (accumulator->count == 0)
		return 0;
	int result = statement_run(store, sql, "iiiiddd", source, (int64_t)metric, end_ms,
		(int64_t)accumulator->count, accumulator->sum, accumulator->min,
		accumulator->max);
	if (result == 0)
		*accumulator = (struct accumulator){ 0 };
	return result;
}

#define ADD_TO(TABLE)                                                \
	"INSERT INTO " TABLE " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"   \
	" ON CONFLICT DO UPDATE SET count = count + excluded.count," \
	" sum = sum + excluded.sum, min = min(min, excluded.min),"   \
	" max = max(max, excluded.max)"

int aggregates_merge(struct store *store, int64_t source, uint16_t metric,
	struct accumulator *accumulator)
{
	return add(store, ADD_TO("minute"), source, metric, accumulator->end_ms,
		accumulator);
}

int aggregates_add_to_hour(struct store *store, int64_t source, uint16_t metric,
	struct accumulator *accumulator)
{
	return add(store, ADD_TO("hour"), source, metric,
		aggregate_hour_end(accumulator->end_ms), accumulator);
}

#define HOURS_FROM_MINUTES                                   \
	"INSERT OR REPLACE INTO hour"                        \
	" SELECT minute.source, minute.metric,"              \
	"  (end + 3599999) / 3600000 * 3600000 AS hour_end," \
	"  sum(count), sum(sum), min(min), max(max)"

int aggregates_make_all_hours(struct store *store, int64_t from_ms, int64_t to_ms)
{
	/* Pair by pair, because the minutes lie by series: one range each, no scan. */
	static const char sql[] = HOURS_FROM_MINUTES
		" FROM source CROSS JOIN metric CROSS JOIN minute"
		" WHERE minute.source = source.id AND minute.metric = metric.id"
		"  AND end > ?1 AND end <= ?2"
		" GROUP BY minute.source, minute.metric, hour_end";

	if (to_ms <= from_ms)
		return 0;
	return statement_run(store, sql, "ii", from_ms, to_ms);
}

int aggregates_make_hours(struct store *store, int64_t source, uint16_t metric,
	int64_t from_ms, int64_t to_ms)
{
#define RANGE " FROM minute WHERE source = ?1 AND metric = ?2 AND end > ?3 AND end <= ?4"
	static const char several[] = HOURS_FROM_MINUTES RANGE " GROUP BY hour_end";
	/* Nearly always it is one, and nothing need be sorted. */
	static const char one[] =
		"INSERT OR REPLACE INTO hour SELECT source, metric, ?4, sum(count), sum(sum),"
		" min(min), max(max)" RANGE " GROUP BY source, metric";
#undef RANGE

	return statement_run(store, to_ms - from_ms == hour_ms ? one : several, "iiii",
		source, (int64_t)metric, from_ms, to_ms);
}

int aggregates_has(struct store *store, const char *station, uint16_t metric)
{
	static const char sql[] =
		"SELECT 1 FROM source WHERE (?1 = '' OR station = ?1) AND EXISTS("
		" SELECT 1 FROM minute WHERE minute.source = source.id AND metric = ?2)";
	sqlite3_stmt *stmt = statement(store, sql);

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station ? station : "", -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 2, metric);
	int rc = sqlite3_step(stmt);
	return statement_done(store, stmt, rc) < 0 ? -1 : rc == SQLITE_ROW;
}

int aggregates_sensors(struct store *store, const char *station, uint16_t metric,
	void (*each)(void *arg, const char *sensor), void *arg)
{
	static const char sql[] =
		"SELECT sensor FROM source WHERE station = ?1 AND (EXISTS("
		" SELECT 1 FROM minute WHERE minute.source = source.id AND metric = ?2)"
		" OR EXISTS(SELECT 1 FROM hour"
		"  WHERE hour.source = source.id AND metric = ?2)) ORDER BY sensor";
	sqlite3_stmt *stmt = statement(store, sql);
	int count = 0, rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 2, metric);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *sensor = (const char *)sqlite3_column_text(stmt, 0);
		if (!sensor)
			continue;
		count++;
		each(arg, sensor);
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

static sqlite3_stmt *scan_statement(
	struct store *store, enum aggregate_step step, bool newest_first)
{
#define SCAN(TABLE, ORDER)                                                       \
	"SELECT end, count, sum, min, max FROM " TABLE                           \
	" WHERE source = (SELECT id FROM source WHERE station=?1 AND sensor=?2)" \
	" AND metric = ?3 AND end > ?4 AND end <= ?5 ORDER BY end" ORDER
	if (newest_first)
		return step == AGGREGATE_HOUR ? statement(store, SCAN("hour", " DESC"))
					      : statement(store, SCAN("minute", " DESC"));
	return step == AGGREGATE_HOUR ? statement(store, SCAN("hour", ""))
				      : statement(store, SCAN("minute", ""));
#undef SCAN
}

/* Runs STMT (NULL: it could not be prepared) for a series. How many rows, or -1. */
static int scan(struct store *store, sqlite3_stmt *stmt, const char *station,
	const char *sensor, uint16_t metric, int64_t from_ms, int64_t to_ms,
	bool (*each)(void *arg, const struct aggregate *aggregate), void *arg)
{
	int count = 0, rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, sensor, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 3, metric);
	sqlite3_bind_int64(stmt, 4, from_ms);
	sqlite3_bind_int64(stmt, 5, to_ms);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct aggregate aggregate = {
			.end_ms = sqlite3_column_int64(stmt, 0),
			.count = sqlite3_column_int64(stmt, 1),
			.sum = sqlite3_column_double(stmt, 2),
			.min = sqlite3_column_double(stmt, 3),
			.max = sqlite3_column_double(stmt, 4),
		};
		count++;
		if (!each(arg, &aggregate))
			break;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

int aggregates_scan(struct store *store, enum aggregate_step step, const char *station,
	const char *sensor, uint16_t metric, int64_t from_ms, int64_t to_ms,
	bool (*each)(void *arg, const struct aggregate *aggregate), void *arg)
{
	return scan(store, scan_statement(store, step, false), station, sensor, metric,
		from_ms, to_ms, each, arg);
}

int aggregates_scan_back(struct store *store, enum aggregate_step step,
	const char *station, const char *sensor, uint16_t metric, int64_t from_ms,
	int64_t to_ms, bool (*each)(void *arg, const struct aggregate *aggregate),
	void *arg)
{
	return scan(store, scan_statement(store, step, true), station, sensor, metric,
		from_ms, to_ms, each, arg);
}

int aggregates_put_hour(struct store *store, int64_t source, uint16_t metric,
	int64_t hour_end_ms, double value)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO hour VALUES(?1, ?2, ?3, 1, ?4, ?4, ?4)";

	return statement_run(
		store, sql, "iiid", source, (int64_t)metric, hour_end_ms, value);
}

/* Source by source and metric by metric, as the minutes lie; then sorted by time. */
static const char minutes_sql[] =
	"SELECT station, sensor, metric, end, count, sum"
	" FROM source CROSS JOIN minute"
	" WHERE (?1 = '' OR station = ?1) AND minute.source = source.id"
	" AND metric IN (?2, ?3, ?4, ?5, ?6, ?7) AND end > ?8 AND end <= ?9"
	" AND NOT EXISTS(SELECT 1 FROM state WHERE state.source = source.id"
	"  AND kind = ?10 AND length(data) > 0)"
	" ORDER BY end, station, sensor, metric";

int aggregates_scan_minutes(struct store *store, const char *station,
	const uint16_t metrics[static AGGREGATE_METRICS], const char *except,
	int64_t from_ms, int64_t to_ms,
	bool (*each)(void *arg, const struct aggregate_minute *minute), void *arg)
{
	sqlite3_stmt *stmt = statement(store, minutes_sql);
	int count = 0, rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station ? station : "", -1, SQLITE_STATIC);
	for (int i = 0; i < AGGREGATE_METRICS; i++)
		sqlite3_bind_int(stmt, 2 + i, metrics[i]);
	sqlite3_bind_int64(stmt, 8, from_ms);
	sqlite3_bind_int64(stmt, 9, to_ms);
	sqlite3_bind_text(stmt, 10, except, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct aggregate_minute minute = {
			.station = (const char *)sqlite3_column_text(stmt, 0),
			.sensor = (const char *)sqlite3_column_text(stmt, 1),
			.metric = (uint16_t)sqlite3_column_int(stmt, 2),
			.end_ms = sqlite3_column_int64(stmt, 3),
			.count = sqlite3_column_int64(stmt, 4),
			.sum = sqlite3_column_double(stmt, 5),
		};
		if (!minute.station || !minute.sensor)
			continue;
		count++;
		if (!each(arg, &minute))
			break;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}
