#include "web/watcher.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "store/codec.h"
#include "store/episodes.h"
#include "web/alerts.h"
#include "web/index_now.h"
#include "web/station_json.h"

enum {
	EACH_MS = 5000,        /* between two events of one sensor */
	EVENT_MAX = 32 * 1024, /* bytes of one event */
	ALERTS_AT_ONCE = 200,
	LOOK_BACK_MS = 600000, /* among alerts, for those that came late into the store */
};

/* A source as it was told last. They come in the same order each time. */
struct seen {
	uint64_t name; /* hash of station and sensor */
	uint64_t reports;
	int64_t time_ms;
	int64_t told_ms; /* real time */
};

struct watcher {
	const struct gateway_view *view;
	struct readers *readers;
	struct seen *seen, *now;
	size_t count, now_count, capacity;
	uint64_t reports; /* that the recorder had stored */
	int64_t alert_id;

	/* During a look. */
	size_t at;
	int64_t now_ms;
	bool waits; /* somebody was told too lately */
	watcher_tell *tell;
	void *arg;
};

struct watcher *watcher_new(const struct gateway_view *view, struct readers *readers)
{
	struct watcher *watcher = calloc(1, sizeof *watcher);

	if (watcher) {
		watcher->view = view;
		watcher->readers = readers;
	}
	return watcher;
}

void watcher_free(struct watcher *watcher)
{
	if (!watcher)
		return;
	free(watcher->seen);
	free(watcher->now);
	free(watcher);
}

/* --- values ---------------------------------------------------------------------------
 */

static bool grow(struct watcher *watcher)
{
	size_t capacity = watcher->capacity ? watcher->capacity * 2 : 64;

	struct seen *seen = realloc(watcher->seen, capacity * sizeof *seen);
	if (!seen)
		return false;
	watcher->seen = seen;
	struct seen *now = realloc(watcher->now, capacity * sizeof *now);
	if (!now)
		return false;
	watcher->now = now;
	watcher->capacity = capacity;
	return true;
}

static uint64_t hash_name(const struct latest_source *source)
{
	uint64_t hash = codec_hash(0, source->station, strlen(source->station) + 1);

	return codec_hash(hash, source->sensor, strlen(source->sensor));
}

static void tell_index(struct watcher *watcher, const struct latest_source *source)
{
	struct index_now index;
	struct buffer text;
	struct json json;

	index_now_read(source, clock_wall_ms(), &index);
	if (index.end_ms == 0)
		return;
	buffer_init(&text, EVENT_MAX);
	buffer_puts(&text, "event: index\ndata: ");
	json_start(&json, &text);
	json_object(&json, NULL);
	json_string(&json, "station", source->station);
	index_now_json(&json, &index, false);
	json_end_object(&json);
	watcher->tell(watcher->arg, source->station, -1, &text);
	buffer_free(&text);
}

/* The values that are newer than SINCE_MS. */
static void tell_values(
	struct watcher *watcher, const struct latest_source *source, int64_t since_ms)
{
	struct buffer text;
	struct json json;
	bool any = false;

	buffer_init(&text, EVENT_MAX);
	buffer_puts(&text, "event: values\ndata: ");
	json_start(&json, &text);
	json_object(&json, NULL);
	json_string(&json, "station", source->station);
	json_string(&json, "sensor", source->sensor);
	json_time(&json, "time", source->time_ms, VIEW_OFFSET_MINUTES);
	json_array(&json, "values");
	for (size_t i = 0; i < source->count; i++) {
		if (source->values[i].time_ms <= since_ms)
			continue;
		station_json_value(&json, &source->values[i]);
		any = true;
	}
	json_end_array(&json);
	json_end_object(&json);
	if (any)
		watcher->tell(watcher->arg, source->station, -1, &text);
	buffer_free(&text);
}

static void tell_source(
	struct watcher *watcher, const struct latest_source *source, int64_t since_ms)
{
	if (strcmp(source->sensor, INDEX_SENSOR) == 0)
		tell_index(watcher, source);
	else
		tell_values(watcher, source, since_ms);
}

static bool each(void *arg, const struct latest_source *source)
{
	struct watcher *watcher = arg;
	uint64_t name = hash_name(source);

	if (watcher->now_count == watcher->capacity && !grow(watcher))
		return false;
	bool is_known =
		watcher->at < watcher->count && watcher->seen[watcher->at].name == name;
	struct seen *seen = &watcher->now[watcher->now_count++];
	*seen = is_known ? watcher->seen[watcher->at++]
			 : (struct seen){ .name = name, .time_ms = INT64_MIN };
	if (watcher->tell && seen->reports == source->reports)
		return true;
	if (watcher->tell && is_known && watcher->now_ms - seen->told_ms < EACH_MS) {
		watcher->waits = true;
		return true;
	}
	if (watcher->tell)
		tell_source(watcher, source, seen->time_ms);
	seen->reports = source->reports;
	seen->time_ms = source->time_ms;
	seen->told_ms = watcher->now_ms;
	return true;
}

static void look_at_values(struct watcher *watcher)
{
	uint64_t reports = watcher->view->recorder->reports;

	/* Nothing came, and nobody waits for his turn. */
	if (watcher->tell && reports == watcher->reports && !watcher->waits)
		return;
	watcher->reports = reports;
	watcher->waits = false;
	watcher->at = 0;
	watcher->now_count = 0;
	latest_each(watcher->view->latest, each, watcher);
	struct seen *spare = watcher->seen;
	watcher->seen = watcher->now;
	watcher->count = watcher->now_count;
	watcher->now = spare;
}

/* --- alerts ---------------------------------------------------------------------------
 */

struct news {
	int64_t after;
	int64_t newest;
	size_t count;
	struct buffer texts[ALERTS_AT_ONCE][WORDS_LANGUAGES];
	char stations[ALERTS_AT_ONCE][NAME_SIZE];
};

static void note_id(void *arg, const struct episode_message *message)
{
	int64_t *id = arg;

	if (message->id > *id)
		*id = message->id;
}

static void note_alert(void *arg, const struct episode_message *message)
{
	struct news *news = arg;

	if (message->id <= news->after || news->count == ALERTS_AT_ONCE)
		return;
	note_id(&news->newest, message);
	memccpy(news->stations[news->count], message->station, '\0', NAME_SIZE - 1);
	for (int l = 0; l < WORDS_LANGUAGES; l++) {
		struct buffer *text = &news->texts[news->count][l];
		struct json json;
		buffer_init(text, EVENT_MAX);
		buffer_puts(text, "event: alert\ndata: ");
		json_start(&json, text);
		alerts_put(&json, message, (enum words_language)l, clock_wall_ms());
	}
	news->count++;
}

/* Calls EACH for what was announced lately. False: the store cannot be read. */
static bool read_alerts(struct watcher *watcher,
	void (*each_alert)(void *arg, const struct episode_message *message), void *arg)
{
	const struct history_choice choice = {
		.from_ms = clock_wall_ms() - LOOK_BACK_MS,
		.limit = ALERTS_AT_ONCE,
	};
	struct store *store = readers_take(watcher->readers);
	bool done = store && history_each(store, &choice, each_alert, arg) >= 0;

	readers_give(watcher->readers, store, done);
	return done;
}

static void look_at_alerts(struct watcher *watcher)
{
	struct news *news = calloc(1, sizeof *news);

	if (!news)
		return;
	news->after = watcher->alert_id;
	news->newest = watcher->alert_id;
	read_alerts(watcher, note_alert, news);
	/* The newest came first. */
	while (news->count-- > 0)
		for (int l = 0; l < WORDS_LANGUAGES; l++) {
			watcher->tell(watcher->arg, news->stations[news->count], l,
				&news->texts[news->count][l]);
			buffer_free(&news->texts[news->count][l]);
		}
	watcher->alert_id = news->newest;
	free(news);
}

/* --- looking --------------------------------------------------------------------------
 */

void watcher_begin(struct watcher *watcher)
{
	watcher->tell = NULL;
	watcher->now_ms = 0;
	look_at_values(watcher);
	read_alerts(watcher, note_id, &watcher->alert_id);
}

void watcher_look(struct watcher *watcher, int64_t now_ms, watcher_tell *tell, void *arg)
{
	watcher->tell = tell;
	watcher->arg = arg;
	watcher->now_ms = now_ms;
	look_at_values(watcher);
	look_at_alerts(watcher);
}
