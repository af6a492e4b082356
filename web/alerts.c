#include "web/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "store/episodes.h"

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

/* False: REPLY is a problem document. A missing argument leaves MS as it is. */
static bool take_time(const struct web_request *request, struct web_reply *reply,
	const char *name, int64_t *ms)
{
	char text[CLOCK_TEXT_SIZE];
	int found = web_query(request, name, text, sizeof text);

	/* A plus that was not escaped has become a blank. */
	for (char *at = text; found > 0 && *at; at++)
		if (*at == ' ')
			*at = '+';
	if (found == 0 || (found > 0 && clock_parse(text, ms)))
		return true;
	web_problem(reply, 400,
		"from and to are times like 2026-11-25T07:00:00+07:00 (%2B for the plus).");
	return false;
}

static bool take_limit(
	const struct web_request *request, struct web_reply *reply, int *limit)
{
	char text[16], *end;
	int found = web_query(request, "limit", text, sizeof text);

	if (found == 0)
		return true;
	long number = found > 0 ? strtol(text, &end, 10) : 0;
	if (found < 0 || *end || number < 1 || number > LIMIT_MAX) {
		web_problem(reply, 400, "limit is a whole number from 1 to 1000.");
		return false;
	}
	*limit = (int)number;
	return true;
}

/* The members of the message TEXT, an object, into the object that is open. */
static void put_members(struct json *json, const char *text)
{
	size_t length = strlen(text);

	if (length < 2 || text[0] != '{' || text[length - 1] != '}')
		return;
	buffer_append(json->out, text + 1, length - 2);
	json->need_comma = length > 2;
}

static void put_alert(void *arg, const struct episode_message *message)
{
	struct listing *listing = arg;
	struct json *json = &listing->json;

	/* A page ends between two milliseconds, so that the next one begins behind it. */
	if (listing->count >= listing->limit && message->created_ms < listing->last_ms)
		listing->next_ms = listing->last_ms;
	if (listing->next_ms > 0)
		return;
	listing->count++;
	listing->last_ms = message->created_ms;
	json_object(json, NULL);
	put_members(json, message->bodies[listing->language]);
	json_time(json, "announced", message->created_ms, VIEW_OFFSET_MINUTES);
	json_bool(json, "active",
		!message->resolved && message->expires_ms > listing->now_ms);
	json_end_object(json);
}

/* False: REPLY is a problem document. */
static bool choose(const struct web_request *request, struct web_reply *reply,
	struct listing *listing, struct history_choice *choice)
{
	bool is_asked;
	int64_t from_ms = INT64_MIN;

	*choice = (struct history_choice){ .newest_only = true };
	if (!take_time(request, reply, "from", &from_ms) ||
		!take_time(request, reply, "to", &choice->to_ms) ||
		!take_limit(request, reply, &listing->limit))
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
	char why[256];

	if (!choose(request, reply, &listing, &choice))
		return;
	struct store *store = store_open(
		request->view->config->store.path, STORE_READER, why, sizeof why);
	if (!store) {
		log_warning("%s", why);
		web_problem(reply, 503, "The store cannot be read now; try again.");
		return;
	}
	json_start(&listing.json, &reply->body);
	json_object(&listing.json, NULL);
	json_array(&listing.json, "alerts");
	int count = history_each(store, &choice, put_alert, &listing);
	store_close(store);
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
}
