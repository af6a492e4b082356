#include "web/alerts.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "store/episodes.h"
#include "web/query.h"
#include "web/readers.h"

enum {
	LIMIT = 100,
	LIMIT_MAX = 1000,
	TOGETHER_MAX = 1000, /* announced in one millisecond, beyond a page */
};

static const int64_t recent_ms = 24 * 3600 * 1000;

struct listing {
	struct json json;
	enum words_language language;
	int64_t now_ms;
	int count, limit;
	int64_t last_ms; /* of the last one that is listed */
	int64_t next_ms; /* of a further page; 0: there is none */
};

/* The members of the message TEXT, an object, into the object that is open. */
static void put_members(struct json *json, const char *text)
{
	size_t length = strlen(text);

	if (length < 2 || text[0] != '{' || text[length - 1] != '}')
		return;
	buffer_append(json->out, text + 1, length - 2);
	json->need_comma = length > 2;
}

void alerts_put(struct json *json, const struct episode_message *message,
	enum words_language language, int64_t now_ms)
{
	json_object(json, NULL);
	put_members(json, message->bodies[language]);
	json_time(json, "announced", message->created_ms, VIEW_OFFSET_MINUTES);
	json_bool(json, "active", !message->resolved && message->expires_ms > now_ms);
	json_end_object(json);
}

static void put_alert(void *arg, const struct episode_message *message)
{
	struct listing *listing = arg;

	/* A page ends between two milliseconds, so that the next one begins behind it. */
	if (listing->count >= listing->limit && message->created_ms < listing->last_ms)
		listing->next_ms = listing->last_ms;
	if (listing->next_ms > 0)
		return;
	listing->count++;
	listing->last_ms = message->created_ms;
	alerts_put(&listing->json, message, listing->language, listing->now_ms);
}

/* False: REPLY is a problem document. */
static bool choose(const struct web_request *request, struct web_reply *reply,
	struct listing *listing, struct history_choice *choice)
{
	bool is_asked;
	int64_t from_ms = INT64_MIN;

	*choice = (struct history_choice){ .newest_only = true };
	if (!query_time(request, reply, "from", &from_ms) ||
		!query_time(request, reply, "to", &choice->to_ms) ||
		!query_count(request, reply, "limit", LIMIT_MAX, &listing->limit))
		return false;
	is_asked = from_ms != INT64_MIN || choice->to_ms > 0;
	choice->from_ms = from_ms != INT64_MIN ? from_ms : 0;
	if (!is_asked) {
		choice->from_ms = listing->now_ms - recent_ms;
		choice->active_at_ms = listing->now_ms;
	}
	/* One more than is shown tells whether there is another page. */
	choice->limit = listing->limit + TOGETHER_MAX;
	return true;
}

void api_alerts(const struct web_request *request, struct web_reply *reply)
{
	struct listing listing = {
		.language = request->language,
		.now_ms = clock_wall_ms(),
		.limit = LIMIT,
	};
	struct history_choice choice;

	if (!choose(request, reply, &listing, &choice))
		return;
	struct store *store = readers_take(request->readers);
	if (!store) {
		web_problem(reply, 503, "The store cannot be read now; try again.");
		return;
	}
	json_start(&listing.json, &reply->body);
	json_object(&listing.json, NULL);
	json_array(&listing.json, "alerts");
	int count = history_each(store, &choice, put_alert, &listing);
	readers_give(request->readers, store, count >= 0);
	if (count < 0) {
		web_problem(reply, 503, "The alerts cannot be read now; try again.");
		return;
	}
	json_end_array(&listing.json);
	if (listing.next_ms > 0)
		json_time(&listing.json, "next", listing.next_ms, VIEW_OFFSET_MINUTES);
	else
		json_null(&listing.json, "next");
	json_end_object(&listing.json);
	buffer_putc(&reply->body, '\n');
	reply->type = "application/json";
	reply->cache = "public, max-age=5";
	snprintf(reply->link, sizeof reply->link,
		"</feeds/cap.xml>; rel=\"alternate\"; type=\"application/atom+xml\"");
}
