#include "store/directory.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "store/statement.h"

const char directory_schema[] =
	"CREATE TABLE IF NOT EXISTS station("
	" id TEXT PRIMARY KEY, name TEXT NOT NULL, area TEXT NOT NULL,"
	" latitude REAL, longitude REAL, indicative INTEGER NOT NULL) WITHOUT ROWID;";

struct entry {
	struct station station;
	bool declared;                     /* by the configuration */
	bool is_grade_said;                /* station.indicative is what somebody said */
	bool has_reference, has_low_cost;  /* sensors of the air: directory_meet_air() */
	enum { KEPT, NEW, WRITTEN } state; /* WRITTEN: not yet committed */
};

struct directory {
	pthread_rwlock_t lock;
	struct entry **entries; /* by id */
	size_t count;
	size_t capacity;
	atomic_size_t unsaved; /* entries that are not KEPT */
};

struct directory *directory_new(void)
{
	struct directory *directory = calloc(1, sizeof *directory);

	if (directory)
		pthread_rwlock_init(&directory->lock, NULL);
	return directory;
}

static void clear(struct directory *directory)
{
	for (size_t i = 0; i < directory->count; i++)
		free(directory->entries[i]);
	directory->count = 0;
	directory->unsaved = 0;
}

void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	clear(directory);
	free(directory->entries);
	pthread_rwlock_destroy(&directory->lock);
	free(directory);
}

/* --- entries; the lock is held ----------------------------------------- */

/* Where ID stands, or would: *FOUND says which. */
static size_t place_of(const struct directory *directory, const char *id, bool *found)
{
	size_t low = 0, high = directory->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(directory->entries[middle]->station.id, id);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(struct directory *directory)
{
	if (directory->count < directory->capacity)
		return true;
	size_t capacity = directory->capacity ? directory->capacity * 2 : 16;
	struct entry **entries = directory->count >= DIRECTORY_MAX
		? NULL
		: realloc(directory->entries, capacity * sizeof *entries);
	if (!entries)
		return false;
	directory->entries = entries;
	directory->capacity = capacity;
	return true;
}

static void set_unknown(struct station *station, const char *id)
{
	*station = (struct station){ .latitude = NAN, .longitude = NAN };
	snprintf(station->id, sizeof station->id, "%s", id);
	snprintf(station->name, sizeof station->name, "%s", id);
}

/* The entry of ID, made if need be. NULL: there is no room. */
static struct entry *entry_of(struct directory *directory, const char *id)
{
	bool found;
	size_t at = place_of(directory, id, &found);

	if (found)
		return directory->entries[at];
	struct entry *entry = make_room(directory) ? calloc(1, sizeof *entry) : NULL;
	if (!entry)
		return NULL;
	set_unknown(&entry->station, id);
	memmove(directory->entries + at + 1, directory->entries + at,
		(directory->count - at) * sizeof(struct entry *));
	directory->entries[at] = entry;
	directory->count++;
	return entry;
}

/* --- from the configuration and the store ------------------------------- */

static bool declare(struct directory *directory, const struct station_config *config)
{
	struct entry *entry = entry_of(directory, config->id);

	if (!entry)
		return false;
	entry->declared = true;
	if (config->name && *config->name)
		snprintf(entry->station.name, sizeof entry->station.name, "%s",
			config->name);
	snprintf(entry->station.area, sizeof entry->station.area, "%s",
		config->area ? config->area : "");
	entry->station.latitude = config->latitude;
	entry->station.longitude = config->longitude;
	entry->station.indicative = config->indicative == MAYBE_YES;
	entry->is_grade_said = config->indicative != MAYBE_UNSAID;
	return true;
}

static bool declare_all(struct directory *directory, const struct config *config)
{
	const struct station_config *others = config->stations.items;

	for (size_t i = 0; i < config->stations.count; i++)
		if (!declare(directory, &others[i]))
			return false;
	return !config->station.id || declare(directory, &config->station);
}

static void take_text(char *out, size_t size, sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	snprintf(out, size, "%s", text ? (const char *)text : "");
}

static double take_number(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL
		? NAN
		: sqlite3_column_double(stmt, column);
}

static void take_row(struct directory *directory, sqlite3_stmt *stmt)
{
	char id[NAME_SIZE];

	take_text(id, sizeof id, stmt, 0);
	struct entry *entry = *id ? entry_of(directory, id) : NULL;
	if (!entry || entry->declared)
		return;
	take_text(entry->station.name, sizeof entry->station.name, stmt, 1);
	take_text(entry->station.area, sizeof entry->station.area, stmt, 2);
	entry->station.latitude = take_number(stmt, 3);
	entry->station.longitude = take_number(stmt, 4);
	entry->station.indicative = sqlite3_column_int(stmt, 5);
	entry->is_grade_said = true;
}

static int load(struct directory *directory, struct store *store)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, name, area, latitude, longitude, indicative FROM station");
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		take_row(directory, stmt);
	return statement_done(store, stmt, rc);
}

int directory_open(
	struct directory *directory, const struct config *config, struct store *store)
{
	pthread_rwlock_wrlock(&directory->lock);
	clear(directory);
	bool ok = declare_all(directory, config);
	int result = ok && store ? load(directory, store) : ok ? 0 : -1;
	pthread_rwlock_unlock(&directory->lock);
	return result;
}

/* --- what is heard ------------------------------------------------------ */

static bool is_on_earth(const struct station *station)
{
	return (isnan(station->latitude) && isnan(station->longitude)) ||
		(fabs(station->latitude) <= 90 && fabs(station->longitude) <= 180);
}

/* A name for people: UTF-8 without control characters. */
static bool is_clean(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	return utf8_is_valid(text, strlen(text));
}

static bool is_sound(const struct station *heard)
{
	return name_is_valid(heard->id, strlen(heard->id)) &&
		(!*heard->area || name_is_valid(heard->area, strlen(heard->area))) &&
		is_clean(heard->name) && is_on_earth(heard);
}

static bool take_heard(struct station *known, const struct station *heard)
{
	struct station before = *known;

	if (*heard->name)
		memcpy(known->name, heard->name, sizeof known->name);
	if (*heard->area)
		memcpy(known->area, heard->area, sizeof known->area);
	if (!isnan(heard->latitude)) {
		known->latitude = heard->latitude;
		known->longitude = heard->longitude;
	}
	known->indicative = heard->indicative;
	return strcmp(before.name, known->name) != 0 ||
		strcmp(before.area, known->area) != 0 ||
		before.indicative != known->indicative ||
		memcmp(&before.latitude, &known->latitude, sizeof before.latitude) != 0 ||
		memcmp(&before.longitude, &known->longitude, sizeof before.longitude) !=
		0;
}

bool directory_learn(struct directory *directory, const struct station *heard)
{
	bool is_new = false;

	if (!directory || !is_sound(heard))
		return false;
	pthread_rwlock_wrlock(&directory->lock);
	size_t before = directory->count;
	struct entry *entry = entry_of(directory, heard->id);
	if (entry && !entry->declared) {
		is_new = take_heard(&entry->station, heard) || directory->count > before;
		entry->is_grade_said = true;
	}
	if (is_new) {
		directory->unsaved += entry->state == KEPT;
		entry->state = NEW;
	}
	pthread_rwlock_unlock(&directory->lock);
	return is_new;
}

void directory_meet_air(struct directory *directory, const char *id, bool is_low_cost)
{
	if (!directory)
		return;
	pthread_rwlock_wrlock(&directory->lock);
	struct entry *entry = entry_of(directory, id);
	if (entry) {
		*(is_low_cost ? &entry->has_low_cost : &entry->has_reference) = true;
		if (!entry->is_grade_said)
			entry->station.indicative =
				entry->has_low_cost && !entry->has_reference;
	}
	pthread_rwlock_unlock(&directory->lock);
}

static bool has_news(const struct directory *directory)
{
	return directory && directory->unsaved > 0;
}

static int write_row(struct store *store, const struct station *station)
{
	sqlite3_stmt *stmt = statement(
		store, "INSERT OR REPLACE INTO station VALUES(?1, ?2, ?3, ?4, ?5, ?6)");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, station->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, station->area, -1, SQLITE_STATIC);
	sqlite3_bind_double(stmt, 4, station->latitude); /* NAN becomes NULL */
	sqlite3_bind_double(stmt, 5, station->longitude);
	sqlite3_bind_int(stmt, 6, station->indicative);
	return statement_done(store, stmt, sqlite3_step(stmt));
}

int directory_save(struct directory *directory, struct store *store)
{
	int result = 0;

	if (!has_news(directory))
		return 0;
	if (store_join(store) < 0)
		return -1;
	pthread_rwlock_wrlock(&directory->lock);
	for (size_t i = 0; i < directory->count && result == 0; i++) {
		struct entry *entry = directory->entries[i];

		if (entry->state == KEPT)
			continue;
		result = write_row(store, &entry->station);
		if (result == 0)
			entry->state = WRITTEN;
	}
	pthread_rwlock_unlock(&directory->lock);
	return result;
}

void directory_committed(struct directory *directory)
{
	if (!has_news(directory))
		return;
	pthread_rwlock_wrlock(&directory->lock);
	for (size_t i = 0; i < directory->count; i++) {
		struct entry *entry = directory->entries[i];

		if (entry->state != WRITTEN)
			continue;
		entry->state = KEPT;
		directory->unsaved--;
	}
	pthread_rwlock_unlock(&directory->lock);
}

/* --- asking --------------------------------------------------------------- */

bool directory_find(
	const struct directory *directory, const char *id, struct station *station)
{
	bool found = false;

	if (directory) {
		pthread_rwlock_t *lock = (pthread_rwlock_t *)&directory->lock;

		pthread_rwlock_rdlock(lock);
		size_t at = place_of(directory, id, &found);
		if (found)
			*station = directory->entries[at]->station;
		pthread_rwlock_unlock(lock);
	}
	if (!found)
		set_unknown(station, id);
	return found;
}

void directory_each(const struct directory *directory,
	void (*each)(void *arg, const struct station *station), void *arg)
{
	pthread_rwlock_t *lock = (pthread_rwlock_t *)&directory->lock;

	pthread_rwlock_rdlock(lock);
	for (size_t i = 0; i < directory->count; i++)
		each(arg, &directory->entries[i]->station);
	pthread_rwlock_unlock(lock);
}
