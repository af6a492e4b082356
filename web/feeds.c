#include "web/feeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/cap.h"
#include "alerts/cap_chain.h"
#include "core/clock.h"
#include "core/xml.h"
#include "store/codec.h"
#include "store/episodes.h"
#include "web/readers.h"

enum {
	ENTRIES_MAX = 500, /* of the newest; nobody has so many alerts */
};

static const int64_t look_back_ms = 8LL * 24 * 3600 * 1000; /* for what has gone */

static struct store *open_store(
	const struct web_request *request, struct web_reply *reply)
{
	struct store *store = readers_take(request->readers);

	if (!store)
		web_problem(reply, 503, "The store cannot be read now; try again.");
	return store;
}

/* --- the feed ------------------------------------------------------------------ */

struct feed {
	struct buffer *out;
	char web[CAP_WEB_SIZE];
	char sender[CAP_SENDER_SIZE];
	enum words_language language;
	int64_t changed_ms; /* when an entry last came or went; 0: never */
	int64_t now_ms;
	struct buffer entries;
};

static void put_time(struct buffer *out, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	xml_element(out, name, clock_format(text, ms / 1000 * 1000, VIEW_OFFSET_MINUTES));
}

static void put_address(
	struct buffer *out, const struct feed *feed, const struct message *message)
{
	xml_text(out, feed->web);
	buffer_printf(out, "/feeds/cap/%s.%d.xml", message->id, message->revision);
}

/* An entry comes when it is announced, and goes when it has expired. */
static void note_change(void *arg, const struct episode_message *kept)
{
	struct feed *feed = arg;
	int64_t changed_ms =
		kept->expires_ms <= feed->now_ms ? kept->expires_ms : kept->created_ms;

	if (changed_ms > feed->changed_ms)
		feed->changed_ms = changed_ms;
}

static void put_entry(void *arg, const struct episode_message *kept)
{
	struct feed *feed = arg;
	struct buffer *out = &feed->entries;
	struct message message;

	if (!message_from_json(&message, kept->bodies[feed->language]))
		return;
	note_change(feed, kept);
	buffer_puts(out, "<entry>\n<id>urn:muabui:");
	xml_text(out, feed->sender);
	buffer_printf(out, ":%s.%d</id>\n", message.id, message.revision);
	xml_element(out, "title", message.title);
	put_time(out, "updated", kept->created_ms);
	put_time(out, "published", message.since_ms);
	xml_element(out, "summary", message.text);
	buffer_puts(out, "<category term=\"");
	xml_text(out, hazard_name(message.hazard));
	buffer_puts(out,
		"\"/>\n<link rel=\"alternate\" type=\"application/cap+xml\" href=\"");
	put_address(out, feed, &message);
	buffer_puts(out, "\"/>\n</entry>\n");
}

static void put_feed(struct feed *feed, const struct config *config)
{
	struct buffer *out = feed->out;
	const char *name = *config->alerts.cap.sender_name
		? config->alerts.cap.sender_name
		: config->station.name;

	buffer_puts(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"");
	buffer_printf(
		out, "%s\">\n<id>urn:muabui:", feed->language == WORDS_EN ? "en" : "vi");
	xml_text(out, feed->sender);
	buffer_puts(out, ":cap</id>\n");
	xml_element(out, "title",
		feed->language == WORDS_EN ? "Alerts (CAP 1.2)" : "Cảnh báo (CAP 1.2)");
	put_time(out, "updated", feed->changed_ms);
	buffer_puts(out, "<author>\n");
	xml_element(out, "name", name);
	buffer_puts(out, "</author>\n<link rel=\"self\" href=\"");
	xml_text(out, feed->web);
	buffer_puts(out, "/feeds/cap.xml\"/>\n<link rel=\"alternate\" href=\"");
	xml_text(out, feed->web);
	buffer_puts(out, "/\"/>\n");
	buffer_append(out, buffer_text(&feed->entries), feed->entries.length);
	buffer_puts(out, "</feed>\n");
}

/* By what the document says, in a place of the reply's own. */
static void set_etag(struct web_reply *reply)
{
	snprintf(reply->made_etag, sizeof reply->made_etag, "\"%016" PRIx64 "\"",
		codec_hash(0, buffer_text(&reply->body), reply->body.length));
	reply->etag = reply->made_etag;
}

void feed_cap(const struct web_request *request, struct web_reply *reply)
{
	int64_t now_ms = clock_wall_ms();
	const struct history_choice active = {
		.from_ms = now_ms,
		.active_at_ms = now_ms,
		.newest_only = true,
		.limit = ENTRIES_MAX,
	};
	const struct history_choice lately = {
		.from_ms = now_ms - look_back_ms,
		.newest_only = true,
		.limit = ENTRIES_MAX,
	};
	struct feed feed = {
		.out = &reply->body,
		.language = request->language,
		.now_ms = now_ms,
	};
	struct store *store = open_store(request, reply);

	if (!store)
		return;
	cap_web(request->view->config, feed.web);
	cap_sender(request->view->config, feed.sender);
	buffer_init(&feed.entries, WEB_BODY_MAX / 2);
	bool whole = history_each(store, &active, put_entry, &feed) >= 0 &&
		history_each(store, &lately, note_change, &feed) >= 0;
	readers_give(request->readers, store, whole);
	if (!whole || feed.entries.failed) {
		web_problem(reply, 503, "The alerts cannot be read now; try again.");
	} else {
		put_feed(&feed, request->view->config);
		reply->type = "application/atom+xml; charset=utf-8";
		reply->cache = "public, max-age=30";
		reply->modified_ms = feed.changed_ms;
		set_etag(reply);
	}
	buffer_free(&feed.entries);
}

/* --- one message ------------------------------------------------------------------ */

/* "EPISODE.REVISION.xml" */
static bool parse_name(const char *name, char episode[static EPISODE_SIZE], int *revision)
{
	const char *dot = strchr(name, '.');
	char *end;

	if (!dot || dot == name || dot - name >= EPISODE_SIZE || dot[1] < '1' ||
		dot[1] > '9')
		return false;
	snprintf(episode, EPISODE_SIZE, "%.*s", (int)(dot - name), name);
	long number = strtol(dot + 1, &end, 10);
	*revision = (int)number;
	return number <= 1000000000 && strcmp(end, ".xml") == 0;
}

void feed_cap_message(const struct web_request *request, struct web_reply *reply)
{
	char episode[EPISODE_SIZE];
	int64_t sent_ms = 0;
	int revision, found = 0;

	if (parse_name(request->id, episode, &revision)) {
		struct store *store = open_store(request, reply);

		if (!store)
			return;
		found = cap_chain_write(store, request->view->config, episode, revision,
			&reply->body, &sent_ms);
		readers_give(request->readers, store, found >= 0);
	}
	if (found == 0) {
		web_problem(reply, 404, "There is no such message, or not any more.");
		return;
	}
	if (found < 0) {
		web_problem(reply, 503, "The message cannot be read now; try again.");
		return;
	}
	reply->type = "application/cap+xml; charset=utf-8";
	reply->cache = "public, max-age=300";
	reply->modified_ms = sent_ms;
	set_etag(reply);
}
