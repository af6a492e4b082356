/* The control socket's requests about alerts: see gateway/requests.h. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts/active.h"
#include "alerts/channel.h"
#include "alerts/rule.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/utf8.h"
#include "gateway/requests.h"

/* What a request is answered with, and out of. */
struct inquiry {
	const struct requests *requests;
	const cJSON *object;
	struct store *store;
	struct buffer *out;
};

static const char *text_of(const struct inquiry *inquiry, const char *key)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(inquiry->object, key));
}

/* The name under KEY, if there is one. False: it is none. */
static bool take_name(
	const struct inquiry *inquiry, const char *key, char out[static NAME_SIZE])
{
	const char *text = text_of(inquiry, key);

	out[0] = '\0';
	if (!text)
		return true;
	if (!name_is_valid(text, strlen(text)))
		return false;
	snprintf(out, NAME_SIZE, "%s", text);
	return true;
}

static const char *take_author(
	const struct inquiry *inquiry, char author[static NAME_SIZE])
{
	if (!take_name(inquiry, "author", author) || !*author)
		return "the author's name is none";
	return NULL;
}

static const char *store_failed(const struct inquiry *inquiry)
{
	return store_error(inquiry->store);
}

/* --- silence ------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static const char *read_silence(const struct inquiry *inquiry, struct silence *silence)
{
	const cJSON *for_ms = cJSON_GetObjectItemCaseSensitive(inquiry->object, "for_ms");
	const char *reason = text_of(inquiry, "reason");

	*silence = (struct silence){ .since_ms = clock_wall_ms() };
	if (!take_name(inquiry, "rule", silence->rule) ||
		!take_name(inquiry, "station", silence->station) ||
		!take_name(inquiry, "area", silence->area))
		return "a name is none";
	if (!*silence->rule && !*silence->station && !*silence->area)
		return "what is to be silent? A rule, a station or an area";
	if (!reason || !*reason || strlen(reason) >= sizeof silence->reason ||
		!utf8_is_valid(reason, strlen(reason)) || !is_plain(reason))
		return "the reason is one line of at most 255 bytes";
	if (!cJSON_IsNumber(for_ms) || !(for_ms->valuedouble >= SILENCE_MIN_MS) ||
		for_ms->valuedouble > (double)SILENCE_MAX_MS)
		return "the time is not between 1 s and 30 days";
	snprintf(silence->reason, sizeof silence->reason, "%s", reason);
	silence->until_ms = silence->since_ms + (int64_t)for_ms->valuedouble;
	return take_author(inquiry, silence->author);
}

struct looking {
	const char *area;
	bool found;
};

static void look(void *arg, const struct station *station)
{
	struct looking *looking = arg;

	looking->found |= strcmp(station->area, looking->area) == 0;
}

static bool knows_area(const struct requests *requests, const char *area)
{
	struct looking looking = { .area = area };
	const char *own = requests->config->station.area;

	if (own && strcmp(own, area) == 0)
		return true;
	directory_each(requests->view->directory, look, &looking);
	return looking.found;
}

static bool knows_rule(const struct requests *requests, const char *name)
{
	return rule_find(&requests->config->alerts.rules, name) != NULL;
}

struct seeking {
	const char *station;
	bool found;
};

static bool seek(void *arg, const struct latest_source *source)
{
	struct seeking *seeking = arg;

	seeking->found = strcmp(source->station, seeking->station) == 0;
	return !seeking->found;
}

/* By name, by what is stored, and by what has just come. */
static bool knows_station(const struct inquiry *inquiry, const char *id)
{
	const struct gateway_view *view = inquiry->requests->view;
	struct seeking seeking = { .station = id };
	struct station station;

	if (directory_find(view->directory, id, &station) ||
		decisions_knows_station(inquiry->store, id))
		return true;
	latest_each(view->latest, seek, &seeking);
	return seeking.found;
}

/* A name that is mistyped must not seem to have had an effect. */
static const char *check_silence(
	const struct inquiry *inquiry, const struct silence *silence)
{
	if (*silence->rule && !knows_rule(inquiry->requests, silence->rule))
		return "there is no such rule";
	if (*silence->station && !knows_station(inquiry, silence->station))
		return "there is no such station";
	if (*silence->area && !knows_area(inquiry->requests, silence->area))
		return "there is no such area";
	if (desk_in_force(inquiry->requests->desk, silence->since_ms) >=
		DESK_SILENCES_MAX)
		return "too many silences are in force";
	/* By a clock that is going to be set it would be over at once, or never. */
	return clock_is_set() ? NULL : "the clock is not set yet: its end cannot be told";
}

static void put_silence(struct json *json, const struct silence *silence)
{
	json_object(json, NULL);
	json_integer(json, "id", silence->id);
	json_string(json, "rule", *silence->rule ? silence->rule : NULL);
	json_string(json, "station", *silence->station ? silence->station : NULL);
	json_string(json, "area", *silence->area ? silence->area : NULL);
	json_string(json, "author", silence->author);
	json_string(json, "reason", silence->reason);
	json_time(json, "since", silence->since_ms, VIEW_OFFSET_MINUTES);
	json_time(json, "until", silence->until_ms, VIEW_OFFSET_MINUTES);
	json_string(json, "ended_by", *silence->ended_by ? silence->ended_by : NULL);
	json_bool(json, "in_force", silence->until_ms > clock_wall_ms());
	json_end_object(json);
}

static const char *answer_silence(struct inquiry *inquiry)
{
	struct silence silence;
	struct json json;
	const char *wrong = read_silence(inquiry, &silence);

	if (!wrong)
		wrong = check_silence(inquiry, &silence);
	if (wrong)
		return wrong;
	/* On disk first: what is answered holds after a crash. */
	if (decisions_keep_silence(inquiry->store, &silence) < 0)
		return store_failed(inquiry);
	desk_silence(inquiry->requests->desk, &silence);
	log_notice("silence %lld by %s: rule %s, station %s, area %s: %s",
		(long long)silence.id, silence.author, *silence.rule ? silence.rule : "*",
		*silence.station ? silence.station : "*",
		*silence.area ? silence.area : "*", silence.reason);
	json_start(&json, inquiry->out);
	put_silence(&json, &silence);
	return NULL;
}

static const char *answer_unsilence(struct inquiry *inquiry)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(inquiry->object, "id");
	char author[NAME_SIZE];
	const char *wrong = take_author(inquiry, author);
	int64_t now_ms = clock_wall_ms();
	struct json json;

	if (wrong)
		return wrong;
	if (!cJSON_IsNumber(id) || !(id->valuedouble >= 1) || id->valuedouble > 1e15)
		return "the id is none";
	int64_t number = (int64_t)id->valuedouble;
	if (decisions_end_silence(inquiry->store, number, author, now_ms) < 0)
		return store_failed(inquiry);
	if (!desk_unsilence(inquiry->requests->desk, number, now_ms))
		return "no such silence is in force";
	log_notice("silence %lld: ended by %s", (long long)number, author);
	json_start(&json, inquiry->out);
	json_object(&json, NULL);
	json_integer(&json, "id", number);
	json_end_object(&json);
	return NULL;
}

static void list_silence(void *arg, const struct silence *silence)
{
	put_silence(arg, silence);
}

static const char *answer_silences(struct inquiry *inquiry)
{
	bool all = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(inquiry->object, "all"));
	struct json json;

	json_start(&json, inquiry->out);
	json_object(&json, NULL);
	json_array(&json, "silences");
	int result = decisions_each_silence(
		inquiry->store, all ? 0 : clock_wall_ms(), list_silence, &json);
	json_end_array(&json);
	json_end_object(&json);
	if (result == 0)
		return NULL;
	buffer_clear(inquiry->out);
	return store_failed(inquiry);
}

/* --- the alerts there are -------------------------------------------------- */

static void put_told_to(
	struct inquiry *inquiry, const struct active_alert *alert, struct json *json)
{
	const struct option_list *channels = &inquiry->requests->config->alerts.channels;
	const struct option_item *items = channels->items;

	json_array(json, "told_to");
	for (size_t i = 0; i < channels->count; i++) {
		const struct channel_common *common = items[i].common;

		if (common->audience == alert->rule->audience &&
			outbox_was_told(inquiry->store, items[i].name, alert->episode) >
				0)
			json_string(json, NULL, items[i].name);
	}
	json_end_array(json);
}

static void put_decisions(const struct inquiry *inquiry, const struct active_alert *alert,
	struct json *json)
{
	const struct desk *desk = inquiry->requests->desk;
	struct acknowledgement acknowledged = { .author = "" };
	int64_t silence = desk_covers(desk, alert->rule->name,
		alert->site.is_area ? "" : alert->site.place, alert->site.area,
		clock_wall_ms());

	if (desk_acknowledged(desk, alert->episode, &acknowledged))
		json_string(json, "acknowledged_by", acknowledged.author);
	else
		json_null(json, "acknowledged_by");
	if (silence > 0)
		json_integer(json, "silenced_by", silence);
	else
		json_null(json, "silenced_by");
}

static void put_alert(
	struct inquiry *inquiry, const struct active_alert *alert, struct json *json)
{
	const struct rule *rule = alert->rule;

	json_object(json, NULL);
	json_string(json, "id", *alert->episode ? alert->episode : NULL);
	json_string(json, "rule", rule->name);
	json_string(json, "hazard", hazard_name(rule_hazard(rule)));
	json_string(json, "severity", severity_names[alert->event.severity]);
	json_string(json, "audience", audience_names[rule->audience]);
	json_string(json, "station", alert->site.is_area ? NULL : alert->site.place);
	json_string(json, "station_name", alert->site.is_area ? NULL : alert->site.name);
	json_string(json, "area", *alert->site.area ? alert->site.area : NULL);
	json_string(json, "metric", rule->metric->name);
	json_number(json, "value", alert->event.value);
	json_string(json, "unit", rule->metric->unit);
	json_number(json, "threshold", alert->event.threshold);
	json_time(json, "since", alert->event.since_ms, VIEW_OFFSET_MINUTES);
	json_time(json, "at", alert->event.at_ms, VIEW_OFFSET_MINUTES);
	json_bool(json, "over", alert->over);
	json_bool(json, "in_digest", alert->in_digest);
	put_told_to(inquiry, alert, json);
	put_decisions(inquiry, alert, json);
	json_end_object(json);
}

/* A newer value than the one that was written with the alert. */
static void freshen(struct active_alert *alert, const struct latest_value *value)
{
	bool below = alert->rule->absent_for == 0 && isnan(alert->rule->above);

	if (value->time_ms < alert->event.at_ms || value->reading.flag == FLAG_FAIL ||
		value->status != STATUS_MEASURING)
		return;
	/* Of several sensors the worst counts. */
	if (value->time_ms == alert->event.at_ms &&
		(below ? value->reading.value > alert->event.value
		       : value->reading.value < alert->event.value))
		return;
	alert->event.value = value->reading.value;
	alert->event.at_ms = value->time_ms;
}

static bool freshen_from(void *arg, const struct latest_source *source)
{
	struct active_alerts *alerts = arg;

	for (size_t i = 0; i < alerts->count; i++) {
		struct active_alert *alert = &alerts->list[i];

		if (alert->rule->absent_for > 0 || alert->over || alert->site.is_area ||
			strcmp(alert->site.place, source->station) != 0)
			continue;
		for (size_t v = 0; v < source->count; v++)
			if (source->values[v].reading.metric == alert->rule->metric->id)
				freshen(alert, &source->values[v]);
	}
	return true;
}

static const char *read_active(struct inquiry *inquiry, struct active_alerts *alerts)
{
	const struct gateway_view *view = inquiry->requests->view;

	if (active_read(alerts, inquiry->requests->config, view->directory,
		    inquiry->store) < 0)
		return "the alerts cannot be read";
	if (alerts->count > 0)
		latest_each(view->latest, freshen_from, alerts);
	return NULL;
}

static const char *answer_list(struct inquiry *inquiry)
{
	struct active_alerts alerts;
	struct json json;
	const char *wrong = read_active(inquiry, &alerts);

	if (wrong)
		return wrong;
	json_start(&json, inquiry->out);
	json_object(&json, NULL);
	json_array(&json, "alerts");
	for (size_t i = 0; i < alerts.count; i++)
		put_alert(inquiry, &alerts.list[i], &json);
	json_end_array(&json);
	json_end_object(&json);
	active_free(&alerts);
	return NULL;
}

/* --- acknowledging ----------------------------------------------------------- */

static bool is_meant(const struct inquiry *inquiry, const struct active_alert *alert)
{
	const char *episode = text_of(inquiry, "episode");
	const char *rule = text_of(inquiry, "rule");
	const char *station = text_of(inquiry, "station");

	if (episode)
		return strcmp(alert->episode, episode) == 0;
	return rule && station && strcmp(alert->rule->name, rule) == 0 &&
		strcmp(alert->site.place, station) == 0;
}

static const char *acknowledge(
	struct inquiry *inquiry, const struct active_alert *alert, const char *author)
{
	struct desk *desk = inquiry->requests->desk;
	struct acknowledgement acknowledgement = { .time_ms = clock_wall_ms() };
	struct json json;

	snprintf(acknowledgement.episode, sizeof acknowledgement.episode, "%s",
		alert->episode);
	snprintf(acknowledgement.author, sizeof acknowledgement.author, "%s", author);
	if (decisions_keep_acknowledgement(inquiry->store, &acknowledgement) < 0)
		return store_failed(inquiry);
	desk_acknowledge(desk, &acknowledgement);
	desk_acknowledged(desk, alert->episode, &acknowledgement);
	log_notice("alert %s at %s: acknowledged by %s (%s)", alert->rule->name,
		alert->site.place, author, alert->episode);
	json_start(&json, inquiry->out);
	json_object(&json, NULL);
	json_string(&json, "rule", alert->rule->name);
	json_string(&json, "station", alert->site.place);
	json_string(&json, "episode", alert->episode);
	json_string(&json, "acknowledged_by", acknowledgement.author);
	json_end_object(&json);
	return NULL;
}

static const char *answer_ack(struct inquiry *inquiry)
{
	struct active_alerts alerts;
	char author[NAME_SIZE];
	const char *wrong = take_author(inquiry, author);
	size_t i = 0;

	if (!wrong)
		wrong = read_active(inquiry, &alerts);
	if (wrong)
		return wrong;
	while (i < alerts.count && !is_meant(inquiry, &alerts.list[i]))
		i++;
	if (i == alerts.count)
		wrong = "there is no such alert";
	else if (!*alerts.list[i].episode)
		wrong = "nobody has been told of it yet";
	else if (alerts.list[i].rule->audience != AUDIENCE_OPERATORS)
		wrong = "only operators' alerts are acknowledged; this one is for citizens";
	else
		wrong = acknowledge(inquiry, &alerts.list[i], author);
	active_free(&alerts);
	return wrong;
}

/* --- which of them ------------------------------------------------------------- */

static void treat(struct inquiry *inquiry, const char *(*answer)(struct inquiry *inquiry))
{
	char why[256];
	const char *wrong = why;

	inquiry->store = store_open(
		inquiry->requests->config->store.path, STORE_CLIENT, why, sizeof why);
	if (inquiry->store)
		wrong = answer(inquiry);
	if (wrong)
		requests_error(inquiry->out, wrong);
	store_close(inquiry->store);
}

void request_alert(const struct requests *requests, const char *rest, struct buffer *out)
{
	static const struct {
		const char *word;
		const char *(*answer)(struct inquiry *inquiry);
	} table[] = {
		{ "silence ", answer_silence },
		{ "unsilence ", answer_unsilence },
		{ "silences ", answer_silences },
		{ "ack ", answer_ack },
		{ "list ", answer_list },
	};
	struct inquiry inquiry = { .requests = requests, .out = out };

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t length = strlen(table[i].word);

		if (strncmp(rest, table[i].word, length) != 0)
			continue;
		cJSON *object = cJSON_Parse(rest + length);
		inquiry.object = object;
		if (cJSON_IsObject(object))
			treat(&inquiry, table[i].answer);
		else
			requests_error(out, "the request is not understood");
		cJSON_Delete(object);
		return;
	}
	requests_error(out, "unknown request");
}
