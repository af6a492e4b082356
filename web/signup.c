#include "web/signup.h"

#include <pthread.h>
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

struct signup {
	const struct config *config;
	const struct webpush_options *options;
	struct store *store; /* a connection of its own, opened when it is needed */
	char key[VAPID_PUBLIC_SIZE];
	bool said_key;  /* that it cannot be read */
	bool said_full; /* that there are as many as may be */
	struct rate rate;
	pthread_mutex_t mutex; /* over all of it: the server has several threads */
};

struct signup *signup_new(const struct config *config)
{
	const struct webpush_options *options = config ? webpush_find(config) : NULL;
	struct signup *signup = options ? calloc(1, sizeof *signup) : NULL;

	if (!signup)
		return NULL;
	signup->config = config;
	signup->options = options;
	pthread_mutex_init(&signup->mutex, NULL);
	rate_init(&signup->rate, options->requests_per_minute);
	return signup;
}

void signup_free(struct signup *signup)
{
	if (!signup)
		return;
	store_close(signup->store);
	pthread_mutex_destroy(&signup->mutex);
	free(signup);
}

/* --- before anything is done ----------------------------------------------------------
 */

/* The key may be put where it belongs while the gateway runs. */
static bool read_key(struct signup *signup)
{
	char why[256];

	if (*signup->key)
		return true;
	struct vapid *vapid = vapid_load(
		signup->options->key_file, signup->options->subject, why, sizeof why);
	if (vapid)
		snprintf(signup->key, sizeof signup->key, "%s", vapid_public(vapid));
	else if (!signup->said_key)
		log_error("subscriptions: %s", why);
	signup->said_key = !vapid;
	vapid_free(vapid);
	return *signup->key != '\0';
}

static bool open_store(struct signup *signup)
{
	char why[256];

	if (signup->store)
		return true;
	signup->store =
		store_open(signup->config->store.path, STORE_CLIENT, why, sizeof why);
	if (!signup->store)
		log_error("subscriptions: %s", why);
	return signup->store != NULL;
}

static bool refuse_often(const struct web_request *request, struct web_reply *reply)
{
	int64_t wait_ms;

	if (rate_allows(
		    &request->signup->rate, &request->from, clock_real_ms(), &wait_ms))
		return false;
	web_problem(reply, 429, "Too many requests came from this address; wait.");
	reply->retry_after_s = (int)(wait_ms / 1000 + 1);
	return true;
}

/* True where REPLY says why nothing can be done. */
static bool is_refused(const struct web_request *request, struct web_reply *reply)
{
	if (!request->signup) {
		web_problem(reply, 404, "There is nothing at this address.");
		return true;
	}
	if (refuse_often(request, reply))
		return true;
	if (request->method != WEB_DELETE && !request->is_json) {
		web_problem(reply, 415, "The body must be of type application/json.");
		return true;
	}
	if (!read_key(request->signup) || !open_store(request->signup)) {
		web_problem(reply, 503, "Subscriptions cannot be taken at present.");
		return true;
	}
	return false;
}

static void say_trouble(struct signup *signup, struct web_reply *reply)
{
	log_error("subscriptions: %s", store_error(signup->store));
	store_close(signup->store);
	signup->store = NULL;
	web_problem(reply, 503, "Subscriptions cannot be taken at present.");
}

/* --- requests -------------------------------------------------------- */

static void answer_key(const struct web_request *request, struct web_reply *reply)
{
	struct json json;

	if (!request->signup) {
		web_problem(reply, 404, "There is nothing at this address.");
		return;
	}
	if (!read_key(request->signup)) {
		web_problem(reply, 503, "Subscriptions cannot be taken at present.");
		return;
	}
	reply->type = "application/json";
	json_start(&json, &reply->body);
	json_object(&json, NULL);
	json_string(&json, "key", request->signup->key);
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

static void subscribe(const struct web_request *request, struct web_reply *reply)
{
	char why[WISHES_WHY_SIZE], secret[SUBSCRIPTION_SECRET_SIZE];
	struct subscription subscription = { .quiet_from = -1, .quiet_to = -1 };

	if (is_refused(request, reply))
		return;
	struct signup *signup = request->signup;
	subscription.language = signup->config->alerts.language;
	if (!wishes_read_new(request->body, request->body_length,
		    &signup->options->endpoint_hosts, &subscription, why)) {
		web_problem(reply, 400, why);
		return;
	}
	switch (subscriptions_put(signup->store, &subscription,
		signup->options->max_subscriptions, clock_wall_ms(), secret)) {
	case SUBSCRIPTION_FOUND:
		signup->said_full = false;
		say_id(reply, secret);
		break;
	case SUBSCRIPTION_FULL:
		if (!signup->said_full)
			log_warning("subscriptions: there are max_subscriptions (%d); "
				    "more are refused",
				signup->options->max_subscriptions);
		signup->said_full = true;
		web_problem(reply, 503, "There are as many subscriptions as may be.");
		break;
	default:
		say_trouble(signup, reply);
	}
}

static void say_found(
	struct signup *signup, struct web_reply *reply, enum subscription_found found)
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
		say_trouble(signup, reply);
	}
}

static void change(const struct web_request *request, struct web_reply *reply)
{
	struct signup *signup = request->signup;
	struct subscription subscription;
	char why[WISHES_WHY_SIZE];
	enum subscription_found found =
		subscriptions_find(signup->store, request->id, &subscription);

	if (found == SUBSCRIPTION_FOUND &&
		!wishes_read(request->body, request->body_length, &subscription, why)) {
		web_problem(reply, 400, why);
		return;
	}
	if (found == SUBSCRIPTION_FOUND &&
		subscriptions_change(signup->store, &subscription, clock_wall_ms()) < 0)
		found = SUBSCRIPTION_ERROR;
	say_found(signup, reply, found);
}

static void change_or_end(const struct web_request *request, struct web_reply *reply)
{
	if (is_refused(request, reply))
		return;
	if (request->method == WEB_DELETE)
		say_found(request->signup, reply,
			subscriptions_remove(request->signup->store, request->id));
	else
		change(request, reply);
}

static void alone(const struct web_request *request, struct web_reply *reply,
	void (*answer)(const struct web_request *request, struct web_reply *reply))
{
	if (request->signup)
		pthread_mutex_lock(&request->signup->mutex);
	answer(request, reply);
	if (request->signup)
		pthread_mutex_unlock(&request->signup->mutex);
}

void signup_key(const struct web_request *request, struct web_reply *reply)
{
	alone(request, reply, answer_key);
}

void signup_subscriptions(const struct web_request *request, struct web_reply *reply)
{
	alone(request, reply, subscribe);
}

void signup_subscription(const struct web_request *request, struct web_reply *reply)
{
	alone(request, reply, change_or_end);
}
