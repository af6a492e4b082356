/*
 * Sparkplug B: spBv1.0/<group>/<type>/<edge node>[/<device>], protocol buffers.
 *
 * Births (NBIRTH, DBIRTH) name the metrics and give them aliases; data (NDATA, DDATA) may
 * carry the aliases alone. All messages of a node are numbered, 0..255. Where a number is
 * missing, so may be a birth, and an alias could stand for something else since: values
 * by alias are then refused, and the node is asked for a rebirth. NDEATH is the last
 * will; it belongs to the birth with the same bdSeq.
 *
 * A metric is taken by the user's fields ("/Air/PM2.5") or by what its name means.
 * Metrics have times of their own, so a message may be many reports.
 */
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/sparkplug.h"
#include "sensors/sparkplug.pb-c.h"
#include "store/codec.h"

enum { NAME_MAX_LENGTH = 255, TOPIC_SIZE = 600 };

/* Data types of whole numbers; others need no telling apart. */
enum { TYPE_INT8 = 1, TYPE_INT16, TYPE_INT32, TYPE_INT64, TYPE_DATE_TIME = 13 };

struct topic {
	const char *group, *type, *edge, *device; /* device: "" for the node itself */
	int group_length, type_length, edge_length;
};

struct message {
	const struct payload_options *options;
	const struct payload_sink *sink;
	struct topic topic;
	struct sparkplug_node *node;
	const Sparkplug__Payload *payload;
	uint32_t device; /* hash */
	bool is_birth;
	size_t reports;       /* handed on */
	struct report report; /* being filled */
	enum sensor_result result;
};

/* --- topics ------------------------------------------------------------- */

static const char *next_level(const char *at, const char **level, int *length)
{
	*level = at;
	*length = (int)strcspn(at, "/");
	at += *length;
	return *at ? at + 1 : at;
}

static bool read_topic(const char *text, struct topic *topic)
{
	const char *space;
	int length;

	text = next_level(text, &space, &length);
	if (length != 7 || memcmp(space, "spBv1.0", 7) != 0)
		return false;
	text = next_level(text, &topic->group, &topic->group_length);
	text = next_level(text, &topic->type, &topic->type_length);
	text = next_level(text, &topic->edge, &topic->edge_length);
	topic->device = text;
	return topic->group_length > 0 && topic->edge_length > 0 && !strchr(text, '/');
}

static bool type_is(const struct topic *topic, const char *type)
{
	return (size_t)topic->type_length == strlen(type) &&
		memcmp(topic->type, type, strlen(type)) == 0;
}

static uint64_t node_id(const struct topic *topic)
{
	uint64_t id = codec_hash(0, topic->group, (size_t)topic->group_length);

	id = codec_hash(codec_hash(id, "/", 1), topic->edge, (size_t)topic->edge_length);
	return id ? id : 1;
}

static uint32_t device_id(const struct topic *topic)
{
	uint64_t id = codec_hash(0, topic->device, strlen(topic->device));

	return !*topic->device ? 0 : (uint32_t)id ? (uint32_t)id : 1;
}

static void say_presence(const struct message *message, bool is_online)
{
	const struct topic *topic = &message->topic;
	char who[256];

	if (!message->sink->presence)
		return;
	snprintf(who, sizeof who, "%.*s/%.*s%s%s", topic->group_length, topic->group,
		topic->edge_length, topic->edge, *topic->device ? "/" : "",
		topic->device);
	message->sink->presence(message->sink->arg, who, is_online);
}

/* --- asking for a birth ------------------------------------------------------- */

static void ask_rebirth(const struct message *message)
{
	Sparkplug__Metric metric = SPARKPLUG__METRIC__INIT, *metrics = &metric;
	Sparkplug__Payload payload = SPARKPLUG__PAYLOAD__INIT;
	const struct topic *topic = &message->topic;
	static char name[] = "Node Control/Rebirth";
	char to[TOPIC_SIZE];
	uint8_t bytes[64];

	if (!message->sink->ask)
		return;
	metric.name = name;
	metric.has_datatype = 1;
	metric.datatype = 11;
	metric.value_case = SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE;
	metric.boolean_value = 1;
	payload.n_metrics = 1;
	payload.metrics = &metrics;
	int length = snprintf(to, sizeof to, "spBv1.0/%.*s/NCMD/%.*s",
		topic->group_length, topic->group, topic->edge_length, topic->edge);
	if (length < 0 || (size_t)length >= sizeof to ||
		sparkplug__payload__get_packed_size(&payload) > sizeof bytes)
		return;
	size_t size = sparkplug__payload__pack(&payload, bytes);
	message->sink->ask(message->sink->arg, to, bytes, size);
}

/* Something was missed: nothing that needs memory counts until the next birth. */
static void lose(struct message *message)
{
	message->node->is_live = false;
	message->result = SENSOR_BAD_SYNC;
	ask_rebirth(message);
}

/* --- metrics -------------------------------------------------------------------- */

static bool read_value(const Sparkplug__Metric *metric, uint32_t datatype, double *value)
{
	if (metric->has_is_null && metric->is_null)
		return false;
	if (metric->has_datatype)
		datatype = metric->datatype;
	switch (metric->value_case) {
	case SPARKPLUG__METRIC__VALUE_INT_VALUE:
		/* Negative ones are two's complement of 32 bits, or of their own size. */
		*value = datatype == TYPE_INT8   ? (int8_t)metric->int_value
			: datatype == TYPE_INT16 ? (int16_t)metric->int_value
			: datatype == TYPE_INT32 ? (int32_t)metric->int_value
						 : (double)metric->int_value;
		return true;
	case SPARKPLUG__METRIC__VALUE_LONG_VALUE:
		*value = datatype == TYPE_INT64 ? (double)(int64_t)metric->long_value
						: (double)metric->long_value;
		return true;
	case SPARKPLUG__METRIC__VALUE_FLOAT_VALUE:
		*value = metric->float_value;
		return true;
	case SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE:
		*value = metric->double_value;
		return true;
	case SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE:
		*value = metric->boolean_value;
		return true;
	case SPARKPLUG__METRIC__VALUE_STRING_VALUE:
		return payload_text_number(
			metric->string_value, strlen(metric->string_value), value);
	default:
		return false;
	}
}

/* What the name stands for: the user's word first, then the path's last part. */
static struct payload_key find_key(const struct message *message, const char *name)
{
	size_t length = strlen(name);
	const struct payload_field *field =
		payload_field_named(message->options, name, length);
	struct payload_key key = { .key = NULL };

	if (field)
		return (struct payload_key){ .metric = field->metric->id,
			.scale = field->scale,
			.offset = field->offset };
	const char *slash = strrchr(name, '/');
	const char *last = slash ? slash + 1 : name;
	if (length > NAME_MAX_LENGTH || strstr(name, "Control/") ||
		strncmp(name, "Properties/", 11) == 0 ||
		!payload_name_means(last, strlen(last), &key))
		key.metric = METRIC_NONE;
	key.key = NULL;
	return key;
}

static void flush(struct message *message)
{
	const struct topic *topic = &message->topic;
	struct report *report = &message->report;
	char device[NAME_SIZE];

	if (report->count > 0) {
		snprintf(device, sizeof device, "%.*s", topic->edge_length, topic->edge);
		payload_set_device(report, *topic->device ? topic->device : device);
		message->sink->report(message->sink->arg, report);
		message->reports++;
	}
	report_init(report);
}

static void put(struct message *message, const Sparkplug__Metric *metric,
	const struct payload_key *key, double value)
{
	const Sparkplug__Payload *payload = message->payload;
	struct report *report = &message->report;
	bool is_old = metric->has_is_historical && metric->is_historical;
	uint64_t time_ms = metric->has_timestamp ? metric->timestamp
		: payload->has_timestamp         ? payload->timestamp
						 : 0;

	if (time_ms > INT64_MAX)
		time_ms = 0;
	if (report->count == READINGS_MAX || report->time_ms != (int64_t)time_ms ||
		!(report->marks & REPORT_BACKFILLED) != !is_old ||
		report_find(report, key->metric))
		flush(message);
	if (time_ms > 0)
		payload_stamp_ms(report, (int64_t)time_ms);
	if (is_old)
		report->marks |= REPORT_BACKFILLED;
	if (!payload_add(report, key, value))
		message->result = SENSOR_BAD_VALUE;
}

/* What METRIC is, by its name or by its alias; false: not to be known. */
static bool identify(struct message *message, const Sparkplug__Metric *metric,
	struct sparkplug_alias *alias)
{
	const struct sparkplug_alias *known;

	*alias = (struct sparkplug_alias){ .alias = metric->alias,
		.device = message->device,
		.datatype = metric->has_datatype ? metric->datatype : 0 };
	if (metric->name && *metric->name) {
		alias->key = find_key(message, metric->name);
		return true;
	}
	if (!metric->has_alias || !message->node->is_live ||
		!(known = sparkplug_lookup(message->node, metric->alias)))
		return false;
	*alias = *known;
	return true;
}

static void take_metrics(struct message *message)
{
	const Sparkplug__Payload *payload = message->payload;
	struct sparkplug_alias alias;
	bool is_lost = false;
	double value;

	for (size_t i = 0; i < payload->n_metrics; i++) {
		const Sparkplug__Metric *metric = payload->metrics[i];

		if (!identify(message, metric, &alias)) {
			is_lost = true;
			continue;
		}
		if (message->is_birth && metric->has_alias &&
			!sparkplug_learn(message->node, &alias))
			message->result = SENSOR_TOO_LARGE;
		if (alias.key.metric == METRIC_NONE || alias.datatype == TYPE_DATE_TIME)
			continue;
		if (read_value(metric, alias.datatype, &value))
			put(message, metric, &alias.key, value);
	}
	flush(message);
	if (is_lost && message->result != SENSOR_BAD_SYNC)
		lose(message);
}

/* --- messages ------------------------------------------------------------------------
 */

static const Sparkplug__Metric *find_birth_seq(const Sparkplug__Payload *payload)
{
	for (size_t i = 0; i < payload->n_metrics; i++)
		if (payload->metrics[i]->name &&
			strcmp(payload->metrics[i]->name, "bdSeq") == 0)
			return payload->metrics[i];
	return NULL;
}

static bool read_birth_seq(const Sparkplug__Payload *payload, uint64_t *seq)
{
	const Sparkplug__Metric *metric = find_birth_seq(payload);

	if (metric && metric->value_case == SPARKPLUG__METRIC__VALUE_LONG_VALUE)
		*seq = metric->long_value;
	else if (metric && metric->value_case == SPARKPLUG__METRIC__VALUE_INT_VALUE)
		*seq = metric->int_value;
	else
		return false;
	return true;
}

static void take_death(struct message *message)
{
	struct sparkplug_node *node = message->node;
	uint64_t seq;

	message->result = SENSOR_IGNORED;
	/* The will of a connection before this one may come late. */
	if (node->has_birth_seq && read_birth_seq(message->payload, &seq) &&
		seq != node->birth_seq)
		return;
	node->is_live = false;
	say_presence(message, false);
}

static void check_seq(struct message *message)
{
	struct sparkplug_node *node = message->node;

	if (!message->payload->has_seq)
		return;
	uint8_t seq = (uint8_t)message->payload->seq;
	bool follows = seq == (uint8_t)(node->seq + 1);
	node->seq = seq;
	if (!node->is_live || !follows)
		lose(message);
}

static void take_message(struct message *message)
{
	const struct topic *topic = &message->topic;
	struct sparkplug_node *node = message->node;

	if (type_is(topic, "NDEATH")) {
		take_death(message);
		return;
	}
	if (type_is(topic, "NBIRTH")) {
		sparkplug_forget(node, 0);
		node->is_live = true;
		node->seq = (uint8_t)message->payload->seq;
		node->has_birth_seq = read_birth_seq(message->payload, &node->birth_seq);
	} else {
		check_seq(message);
	}
	message->is_birth = type_is(topic, "NBIRTH") || type_is(topic, "DBIRTH");
	if (type_is(topic, "DBIRTH"))
		sparkplug_forget(node, message->device);
	if (message->is_birth)
		say_presence(message, true);
	if (type_is(topic, "DDEATH"))
		say_presence(message, false);
	else
		take_metrics(message);
}

static bool is_wanted(const struct topic *topic)
{
	static const char *const types[] = { "NBIRTH", "NDATA", "NDEATH", "DBIRTH",
		"DDATA", "DDEATH" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (type_is(topic, types[i]))
			return (*types[i] == 'D') == (*topic->device != '\0');
	return false;
}

static enum sensor_result decode_sparkplug(const struct payload_options *options,
	void *session, const struct payload *payload, const struct payload_sink *sink)
{
	struct message message = { .options = options, .sink = sink };

	if (!read_topic(payload->topic, &message.topic) || !is_wanted(&message.topic))
		return SENSOR_IGNORED; /* commands, STATE */
	Sparkplug__Payload *parsed =
		sparkplug__payload__unpack(NULL, payload->length, payload->bytes);
	if (!parsed)
		return SENSOR_BAD_SYNTAX;
	if (parsed->uuid && strcmp(parsed->uuid, "SPBV1.0_COMPRESSED") == 0) {
		sparkplug__payload__free_unpacked(parsed, NULL);
		return SENSOR_BAD_SYNTAX;
	}
	report_init(&message.report);
	message.payload = parsed;
	message.node = sparkplug_node(session, node_id(&message.topic));
	message.device = device_id(&message.topic);
	take_message(&message);
	sparkplug__payload__free_unpacked(parsed, NULL);
	/* Births of devices without a metric of ours are no fault. */
	return message.result == SENSOR_OK && message.reports == 0 ? SENSOR_IGNORED
								   : message.result;
}

static void *open_session(void)
{
	return sparkplug_new();
}

static void close_session(void *session)
{
	sparkplug_free(session);
}

extern const struct payload_format format_sparkplug;
const struct payload_format format_sparkplug = {
	.name = "sparkplug",
	.summary = "Sparkplug B: spBv1.0/<group>/#; asks for rebirths.",
	.is_binary = true,
	.names_device = true,
	.decode = decode_sparkplug,
	.asks = true,
	.open = open_session,
	.close = close_session,
};
