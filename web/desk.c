#include "web/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/vapid.h"
#include "alerts/webpush.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "store/subscriptions.h"
#include "web/rate.h"
#include "web/wishes.h"

struct desk {
	const struct config *config;
	const struct webpush_options *options;
	struct store *store; /* a connection of its own, opened when it is needed */
	char key[VAPID_PUBLIC_SIZE];
	bool said_key;  /* that it cannot be read */
	bool said_full; /* that there are as many as may be */
	struct rate rate;
};

struct desk *desk_new(const struct config *config)
{
	const struct webpush_options *options = config ? webpush_find(config) : NULL;
	struct desk *desk = options ? calloc(1, sizeof *desk) : NULL;

	if (!desk)
		return NULL;
	desk->config = config;
	desk->options = options;
	rate_init(&desk->rate, options->requests_per_minute);
	return desk;
}

void desk_free(struct desk *desk)
{
	if (!desk)
		return;
	store_close(desk->store);
	free(desk);
}

/* --- before anything is done ----------------------------------------------------------
 */

/* The key may be put where it belongs while the gateway runs. */
static bool read_key(struct desk *desk)
{
	char why[256];

	if (*desk->key)
		return true;
	struct vapid *vapid = vapid_load(
		desk->options->key_file, desk->options->subject, why, sizeof why);
	if (vapid)
		snprintf(desk->key, sizeof desk->key, "%s", vapid_public(vapid));
	else if (!desk->said_key)
		log_error("subscriptions: %s", why);
	desk->said_key = !vapid;
	vapid_free(vapid);
	return *desk->key != '\0';
}

static bool open_store(struct desk *desk)
{
	char why[256];

	if (desk->store)
		return true;
	desk->store = store_open(desk->config->store.path, STORE_CLIENT, why, sizeof why);
	if (!desk->store)
		log_error("subscriptions: %s", why);
	return desk->store != NULL;
}

static bool refuse_often(const struct web_request *request, struct web_reply *reply)
{
	int64_t wait_ms;

	if (rate_allows(&request->desk->rate, &request->from, clock_real_ms(), &wait_ms))
		return false;
	web_problem(reply, 429, "Too many requests came from this address; wait.");
	reply->retry_after_s = (int)(wait_ms / 1000 + 1);
	return true;
}

/* True where REPLY says why nothing can be done. */
static bool is_refused(const struct web_request *request, struct web_reply *reply)
{
	if (!request->desk) {
		web_problem(reply, 404, "There is nothing at this address.");
		return true;
	}
	if (refuse_often(request, reply))
		return true;
	if (request->method != WEB_DELETE && !request->is_json) {
		web_problem(reply, 415, "The body must be of type application/json.");
		return true;
	}
	if (!read_key(request->desk) || !open_store(request->desk)) {
		web_problem(reply, 503, "Subscriptions cannot be taken at present.");
		return true;
	}
	return false;
}

static void say_trouble(struct desk *desk, struct web_reply *reply)
{
	log_error("subscriptions: %s", store_error(desk->store));
	store_close(desk->store);
	desk->store = NULL;
	web_problem(reply, 503, "Subscriptions cannot be taken at present.");
}

/* --- requests
 * ------------------------------------------------------------------------------ */

void desk_key(const struct web_request *request, struct web_reply *reply)
{
	struct json json;

	if (!request->desk) {
		web_problem(reply, 404, "There is nothing at this address.");
		return;
	}
	if (!read_key(request->desk)) {
		web_problem(reply, 503, "Subscriptions cannot be taken at present.");
		return;
	}
	reply->type = "application/json";
	json_start(&json, &reply->body);
	json_object(&json, NULL);
	json_string(&json, "key", request->desk->key);
	json_end_object(&json);
	buffer_putc(&reply->body, '\n');
}

static void say_id(struct web_reply *reply, const char *secret)
{
	struct json json;

	reply->status = 201;
	reply->type = "application/json";
	json_start(&json, &reply->body);
	json_object(&json, NULL);
	json_string(&json, "id", secret);
	json_end_object(&json);
	buffer_putc(&reply->body, '\n');
}

void desk_subscriptions(const struct web_request *request, struct web_reply *reply)
{
	char why[WISHES_WHY_SIZE], secret[SUBSCRIPTION_SECRET_SIZE];
	struct subscription subscription = { .quiet_from = -1, .quiet_to = -1 };

	if (is_refused(request, reply))
		return;
	struct desk *desk = request->desk;
	subscription.language = desk->config->alerts.language;
	if (!wishes_read_new(request->body, request->body_length,
		    &desk->options->endpoint_hosts, &subscription, why)) {
		web_problem(reply, 400, why);
		return;
	}
	switch (subscriptions_put(desk->store, &subscription,
		desk->options->max_subscriptions, clock_wall_ms(), secret)) {
	case SUBSCRIPTION_FOUND:
		desk->said_full = false;
		say_id(reply, secret);
		break;
	case SUBSCRIPTION_FULL:
		if (!desk->said_full)
			log_warning("subscriptions: there are max_subscriptions (%d); "
				    "more are refused",
				desk->options->max_subscriptions);
		desk->said_full = true;
		web_problem(reply, 503, "There are as many subscriptions as may be.");
		break;
	default:
		say_trouble(desk, reply);
	}
}

static void say_found(
	struct desk *desk, struct web_reply *reply, enum subscription_found found)
{
	switch (found) {
	case SUBSCRIPTION_FOUND:
		reply->status = 204;
		break;
	case SUBSCRIPTION_NONE:
		web_problem(reply, 404, "There is no subscription with this id.");
		break;
	case SUBSCRIPTION_GONE:
		web_problem(reply, 410,
			"The push service has ended this subscription; subscribe anew.");
		break;
	default:
		say_trouble(desk, reply);
	}
}

static void change(const struct web_request *request, struct web_reply *reply)
{
	struct desk *desk = request->desk;
	struct subscription subscription;
	char why[WISHES_WHY_SIZE];
	enum subscription_found found =
		subscriptions_find(desk->store, request->id, &subscription);

	if (found == SUBSCRIPTION_FOUND &&
		!wishes_read(request->body, request->body_length, &subscription, why)) {
		web_problem(reply, 400, why);
		return;
	}
	if (found == SUBSCRIPTION_FOUND &&
		subscriptions_change(desk->store, &subscription, clock_wall_ms()) < 0)
		found = SUBSCRIPTION_ERROR;
	say_found(desk, reply, found);
}

void desk_subscription(const struct web_request *request, struct web_reply *reply)
{
	if (is_refused(request, reply))
		return;
	if (request->method == WEB_DELETE)
		say_found(request->desk, reply,
			subscriptions_remove(request->desk->store, request->id));
	else
		change(request, reply);
}
