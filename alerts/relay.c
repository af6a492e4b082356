#include "alerts/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/relay_line.h"
#include "core/clock.h"
#include "core/hang_up.h"
#include "core/log.h"
#include "core/mqtt_url.h"

enum {
	PATIENCE_MS = 10 * 1000, /* until a message's connection is broken instead */
	SAY_MS = 10 * 1000,      /* between two refusals in the log */
	TRY_MS = 60 * 1000,      /* until a client that cannot be made is tried again */
};

/* --- messages ------------------------------------------------------------------------
 */

/* Anybody may send nonsense: the log must not fill with it. */
static void say_verdict(struct relay_line *line, enum relay_verdict verdict,
	const struct mqtt_message *message)
{
	int64_t now_ms = clock_real_ms();

	if (verdict == RELAY_TAKEN || verdict == RELAY_KNOWN)
		return;
	if (line->said_ms > 0 && now_ms - line->said_ms < SAY_MS) {
		line->unsaid++;
		return;
	}
	log_warning("relay %s: a message on %.80s is not taken: %s%s",
		line->options->name, message->topic, relay_verdict_name(verdict),
		line->unsaid ? " (and others before it)" : "");
	line->said_ms = now_ms;
	line->unsaid = 0;
}

/* Hands what was checked to the recorder, and waits. False: nothing is decided. */
static bool await(struct relay_line *line, enum relay_verdict *verdict)
{
	struct timespec deadline = clock_deadline(PATIENCE_MS);
	int error = 0;

	line->state = LINE_WAITING;
	pthread_mutex_unlock(&line->mutex);
	line->relay->env.wake(line->relay->env.arg);
	pthread_mutex_lock(&line->mutex);
	while (error == 0 && line->state != LINE_DECIDED && !line->stopping)
		error = pthread_cond_timedwait(&line->changed, &line->mutex, &deadline);
	bool is_decided = line->state == LINE_DECIDED;
	*verdict = line->verdict;
	line->state = LINE_EMPTY;
	return is_decided;
}

static void message_came(void *arg, const struct mqtt_message *message)
{
	struct relay_line *line = arg;
	bool is_decided = true;

	pthread_mutex_lock(&line->mutex);
	/* While the line is empty nobody else looks at the item. */
	enum relay_verdict verdict = relay_check(line->options, message,
		clock_is_set() ? clock_wall_ms() : 0, &line->item);
	if (verdict == RELAY_TAKEN)
		is_decided = !line->stopping && await(line, &verdict);
	if (is_decided)
		line->verdicts[verdict]++;
	pthread_mutex_unlock(&line->mutex);
	if (!is_decided)
		hang_up_on(mqtt_url_port(line->options->broker.server.url));
	else
		say_verdict(line, verdict, message);
}

/* --- connection ------------------------------------------------------------------------
 */

static void set_connected(struct relay_line *line, bool connected)
{
	pthread_mutex_lock(&line->mutex);
	line->connected = connected;
	pthread_mutex_unlock(&line->mutex);
}

static void subscribed(void *arg)
{
	set_connected(arg, true);
}

static void came_up(void *arg)
{
	struct relay_line *line = arg;

	log_notice("relay %s: connected to %s", line->options->name,
		line->options->broker.server.url);
	mqtt_client_subscribe(line->client, line->options->topic, 1, subscribed);
}

static void went_down(void *arg, const struct mqtt_fault *fault)
{
	struct relay_line *line = arg;

	log_warning("relay %s: %s", line->options->name, fault->reason);
	set_connected(line, false);
}

static void start_line(struct relay_line *line)
{
	const struct config *config = line->relay->config;
	const struct mqtt_events events = {
		.arg = line,
		.up = came_up,
		.down = went_down,
		.message = message_came,
	};
	char why[256], password[SECRET_MAX], owner[NAME_SIZE + 16];

	snprintf(owner, sizeof owner, "relay-%s", line->options->name);
	struct mqtt_settings settings = mqtt_connection_settings(
		&line->options->broker, config->station.id, owner, line->id);

	if (!connection_read_secret(line->options->broker.server.password_file, password,
		    why, sizeof why))
		goto failed;
	settings.password = password;
	line->client = mqtt_client_new(&settings, &events, why, sizeof why);
	secret_wipe(password, sizeof password);
	if (line->client && mqtt_client_start(line->client, why, sizeof why))
		return;
	mqtt_client_stop(line->client);
	line->client = NULL;
failed:
	log_error("relay %s: %s", line->options->name, why);
}

void relay_begin(struct relay *relay)
{
	int64_t now_ms = clock_real_ms();

	/* Not a line's: Paho's threads wait for that one while they are asked. */
	pthread_mutex_lock(&relay->mutex);
	for (size_t i = 0; i < relay->count && !relay->stopping; i++) {
		struct relay_line *line = &relay->lines[i];

		if (line->client ||
			(line->tried_ms > 0 && now_ms - line->tried_ms < TRY_MS))
			continue;
		line->tried_ms = now_ms;
		start_line(line);
	}
	pthread_mutex_unlock(&relay->mutex);
}

/* --- beginning and end
 * -------------------------------------------------------------------- */

static void init_line(
	struct relay_line *line, struct relay *relay, const struct relay_options *options)
{
	pthread_condattr_t attributes;

	line->relay = relay;
	line->options = options;
	pthread_mutex_init(&line->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&line->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct relay *relay_new(const struct config *config, const struct relay_env *env)
{
	const struct option_list *list = &config->alerts.relay;
	const struct relay_options *options = list->items;
	struct relay *relay =
		calloc(1, sizeof *relay + list->count * sizeof relay->lines[0]);

	if (!relay) {
		log_error("relay: %s", strerror(ENOMEM));
		return NULL;
	}
	relay->config = config;
	relay->env = *env;
	pthread_mutex_init(&relay->mutex, NULL);
	for (; relay->count < list->count; relay->count++)
		init_line(&relay->lines[relay->count], relay, &options[relay->count]);
	return relay;
}

void relay_stop(struct relay *relay)
{
	if (!relay)
		return;
	pthread_mutex_lock(&relay->mutex);
	relay->stopping = true;
	pthread_mutex_unlock(&relay->mutex);
	for (size_t i = 0; i < relay->count; i++) {
		struct relay_line *line = &relay->lines[i];

		pthread_mutex_lock(&line->mutex);
		line->stopping = true;
		pthread_cond_broadcast(&line->changed);
		pthread_mutex_unlock(&line->mutex);
	}
	for (size_t i = 0; i < relay->count; i++)
		mqtt_client_stop(relay->lines[i].client);
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	for (size_t i = 0; i < relay->count; i++) {
		pthread_cond_destroy(&relay->lines[i].changed);
		pthread_mutex_destroy(&relay->lines[i].mutex);
	}
	pthread_mutex_destroy(&relay->mutex);
	free(relay);
}

size_t relay_count(const struct relay *relay)
{
	return relay ? relay->count : 0;
}

void relay_get_status(struct relay *relay, size_t index, struct relay_status *status)
{
	struct relay_line *line = &relay->lines[index];

	pthread_mutex_lock(&line->mutex);
	status->name = line->options->name;
	status->connected = line->connected;
	memcpy(status->verdicts, line->verdicts, sizeof status->verdicts);
	pthread_mutex_unlock(&line->mutex);
}
