#include "sensors/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/ring.h"

enum {
	PRESENCES_MAX = 1024, /* devices that are away at one time and known by name */
	SAY_AGAIN_MS = 10 * 60 * 1000, /* one that comes and goes */
	UNKNOWNS_MAX = 256,            /* names that were told of */
	BATCH_BYTES = 4 * 1024 * 1024,
	DETAIL_SIZE = 400,
};

static const int64_t relayed_from_ms = INT64_C(1577836800000); /* 2020-01-01 */

struct unknowns {
	size_t count;
	uint64_t ids[UNKNOWNS_MAX]; /* hashes of names */
};

struct presence_entry {
	uint64_t id; /* hash of who it is, 0: free */
	bool is_away;
	bool was_said; /* that it is away */
	int64_t said_ms;
};

struct presences {
	size_t count; /* entries that were used */
	struct presence_entry entries[PRESENCES_MAX];
};

/* --- topics ------------------------------------------------------------ */

/* Of a topic or filter, the level that begins at AT. */
static size_t level_length(const char *at)
{
	return (size_t)(strchrnul(at, '/') - at);
}

bool inbox_topic_matches(const char *filter, const char *topic)
{
	/* Wildcards do not match what the broker says about itself. */
	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return false;
	for (;;) {
		size_t want = level_length(filter), have = level_length(topic);

		if (want == 1 && *filter == '#')
			return true;
		if (!(want == 1 && *filter == '+') &&
			(want != have || memcmp(filter, topic, want) != 0))
			return false;
		filter += want;
		topic += have;
		if (*filter == '\0' || *topic == '\0')
			break;
		filter++;
		topic++;
	}
	/* "a/#" matches "a" too. */
	return *topic == '\0' && (*filter == '\0' || strcmp(filter, "/#") == 0);
}

/* What the NUMBER-th + (from 1) of FILTER matched in TOPIC. */
static bool find_plus(const char *filter, const char *topic, int number,
	const char **match, size_t *length)
{
	for (;;) {
		size_t want = level_length(filter), have = level_length(topic);

		if (want == 1 && *filter == '+' && --number == 0) {
			*match = topic;
			*length = have;
			return true;
		}
		filter += want;
		topic += have;
		if (*filter == '\0' || *topic == '\0')
			return false;
		filter++;
		topic++;
	}
}

bool inbox_name(const char *template, const char *filter, const char *topic,
	const char *device, char name[static NAME_SIZE])
{
	size_t at = 0;

	while (*template) {
		const char *piece = template;
		size_t length = 1;

		if (template[0] == '{' && template[1] >= '1' && template[1] <= '9' &&
			template[2] == '}') {
			if (!find_plus(filter, topic, template[1] - '0', &piece, &length))
				return false;
			template += 2;
		} else if (strncmp(template, "{device}", 8) == 0) {
			piece = device;
			length = strlen(device);
			if (length == 0)
				return false;
			template += 7;
		}
		template ++;
		if (length >= NAME_SIZE - at)
			return false;
		memcpy(name + at, piece, length);
		at += length;
	}
	name[at] = '\0';
	return name_is_valid(name, at);
}

/* --- who is there --------------------------------------------------------- */

void inbox_note(struct inbox *inbox, enum sensor_result result, const char *detail)
{
	pthread_mutex_lock(&inbox->mutex);
	sensor_note(inbox->sensor, result, detail);
	pthread_mutex_unlock(&inbox->mutex);
}

/* The entry of WHO; a device that was never away needs none, and gets NULL. */
static struct presence_entry *find_entry(
	struct presences *presences, const char *who, bool is_away)
{
	uint64_t id = codec_hash(0, who, strlen(who));
	struct presence_entry *free_one = NULL;

	for (size_t i = 0; i < presences->count; i++) {
		struct presence_entry *entry = &presences->entries[i];
		if (entry->id == id)
			return entry;
		if (!free_one && !entry->is_away)
			free_one = entry;
	}
	if (!is_away)
		return NULL;
	if (presences->count < PRESENCES_MAX)
		free_one = &presences->entries[presences->count++];
	if (free_one)
		*free_one = (struct presence_entry){ .id = id };
	return free_one;
}

/* The state shows the latest; readings of other devices set it right again. */
static void show_presence(struct sensor *sensor, bool is_online)
{
	struct sensor_stats *stats = &sensor->stats;

	if (!is_online) {
		atomic_fetch_add(&stats->offline, 1);
		atomic_fetch_add(&stats->results[SENSOR_OFFLINE], 1);
		atomic_store(&stats->state, SENSOR_OFFLINE);
	} else if (atomic_fetch_sub(&stats->offline, 1) == 1 &&
		atomic_load(&stats->state) == SENSOR_OFFLINE) {
		atomic_store(&stats->state, SENSOR_OK);
	}
}

void inbox_presence(struct inbox *inbox, const char *who, bool is_online)
{
	struct presence_entry *entry = find_entry(inbox->presences, who, !is_online);
	int64_t now_ms = clock_real_ms();

	if (!entry || entry->is_away == !is_online)
		return;
	entry->is_away = !is_online;
	show_presence(inbox->sensor, is_online);
	if (is_online) {
		if (entry->was_said)
			log_notice("sensor %s: %s is back", inbox->sensor->name, who);
		entry->was_said = false;
	} else if (entry->said_ms == 0 || now_ms - entry->said_ms >= SAY_AGAIN_MS) {
		log_warning("sensor %s: %s is offline", inbox->sensor->name, who);
		entry->was_said = true;
		entry->said_ms = now_ms;
	}
}

/* --- messages ----------------------------------------------------------------- */

void inbox_stamp(struct report *report, int64_t now_ms)
{
	bool is_set = clock_is_plausible(now_ms);
	bool is_believed = (report->marks & REPORT_DEVICE_TIME) &&
		clock_is_plausible(report->time_ms) &&
		(is_set ? report->time_ms <= now_ms + INBOX_AHEAD_MS
			: clock_is_possible(report->time_ms));

	if (!is_believed) {
		report->marks &= (uint16_t)~REPORT_DEVICE_TIME;
		report->time_ms = now_ms;
		if (!is_set)
			report->marks |= REPORT_CLOCK_UNSET;
	} else if (is_set && report->time_ms < now_ms - INBOX_LATE_MS) {
		report->marks |= REPORT_BACKFILLED;
	}
}

bool inbox_stamp_relayed(struct report *report, int64_t now_ms)
{
	bool is_set = clock_is_plausible(now_ms);

	if (report->time_ms < relayed_from_ms ||
		(is_set && report->time_ms > now_ms + INBOX_RELAYED_AHEAD_MS))
		return false;
	if (is_set && report->time_ms < now_ms - INBOX_LATE_MS)
		report->marks |= REPORT_BACKFILLED;
	return true;
}

/* One message on its way. */
struct taking {
	struct inbox *inbox;
	const struct inbox_message *message;
	int64_t now_ms, mono_ms; /* of a batch */
	bool is_foreign; /* something speaks of a station that it may not speak of */
	size_t untimely; /* reports left out for their impossible time */
	char detail[DETAIL_SIZE];  /* what exactly is wrong */
	uint64_t index;            /* reports of it so far */
	enum sensor_result result; /* of what the format cannot know */
	int accepted;              /* reports; -1: one could not be handed over */
	bool is_confirmed;         /* nothing of it has to be kept before the answer */
};

static bool take_names(struct taking *taking, struct report *report)
{
	const struct inbox *inbox = taking->inbox;
	const struct sensor *sensor = inbox->sensor;
	const char *template =
		*inbox->options->sensor ? inbox->options->sensor : sensor->name;
	const char *topic = taking->message->payload.topic;
	char device[NAME_SIZE];

	memcpy(device, report->sensor, sizeof device);
	return inbox_name(
		       sensor->station, inbox->filter, topic, device, report->station) &&
		inbox_name(template, inbox->filter, topic, device, report->sensor);
}

/* Each report of a message has its own key, so that a crash between two loses none. */
static void take_report(void *arg, struct report *report)
{
	struct taking *taking = arg;
	const struct inbox_message *message = taking->message;
	struct sensor *sensor = taking->inbox->sensor;
	uint64_t index = taking->index++, key = message->key;

	if (key && index > 0)
		key = codec_hash(key, &index, sizeof index);
	if (!take_names(taking, report)) {
		taking->result = SENSOR_BAD_TOPIC;
		return;
	}
	if (message->is_repeated && key && ring_has_key(sensor->ring, key)) {
		atomic_fetch_add(&sensor->stats.duplicates, 1);
		taking->result = SENSOR_IGNORED;
		taking->is_confirmed = false;
		return;
	}
	int64_t now_ms;
	bool is_set = clock_stamp(&now_ms, &report->mono_ms);
	inbox_stamp(report, is_set ? now_ms : 0);
	if (message->is_retained)
		report->marks |= REPORT_RETAINED;
	if (!ring_push(sensor->ring, report, key, RING_WAIT)) {
		atomic_fetch_add(&sensor->stats.dropped, 1);
		taking->accepted = -1;
	} else if (taking->accepted >= 0) {
		taking->accepted++;
		taking->is_confirmed = false;
	}
}

/* --- batches ------------------------------------------------------------------ */

/* The same for the same content, however it is written; no marks, which hang on when it
 * is received. Never 0. */
static uint64_t content_key(const struct report *report)
{
	uint64_t hash = codec_mix_word(1, (uint64_t)report->time_ms), bits;

	hash = codec_mix(hash, report->station, strlen(report->station));
	hash = codec_mix(hash, report->sensor, strlen(report->sensor));
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		memcpy(&bits, &reading->value, sizeof bits);
		hash = codec_mix_word(codec_mix_word(hash, bits),
			(uint64_t)reading->metric << 8 | reading->flag);
	}
	return hash ? hash : 1;
}

/* May the message speak of this station? */
static bool may_speak_of(const struct taking *taking, const char *station)
{
	const struct inbox *inbox = taking->inbox;
	const struct sensor *sensor = inbox->sensor;
	const struct sensor_common *common = sensor->item ? sensor->item->common : NULL;
	char allowed[NAME_SIZE];

	if (!common || !common->station || !*common->station)
		return true;
	return inbox_name(common->station, inbox->filter, taking->message->payload.topic,
		       "", allowed) &&
		strcmp(allowed, station) == 0;
}

static void collect_report(void *arg, struct report *report)
{
	struct taking *taking = arg;
	struct ring_batch *batch = taking->inbox->batch;

	if (taking->is_foreign || batch->slots.failed)
		return;
	if (!may_speak_of(taking, report->station)) {
		taking->is_foreign = true;
		snprintf(taking->detail, sizeof taking->detail, "it speaks of %s",
			report->station);
		return;
	}
	if (!inbox_stamp_relayed(report, taking->now_ms)) {
		taking->untimely++;
		return;
	}
	report->mono_ms = taking->mono_ms;
	uint64_t key = content_key(report);
	if (taking->message->is_retained)
		report->marks |= REPORT_RETAINED;
	ring_batch_add(batch, report, key);
}

static void hand_over(struct taking *taking)
{
	const struct ring_batch *batch = taking->inbox->batch;
	struct sensor *sensor = taking->inbox->sensor;
	size_t known, pushed = ring_push_batch(sensor->ring, batch, &known);

	atomic_fetch_add(&sensor->stats.duplicates, known);
	if (known + pushed < batch->count) {
		atomic_fetch_add(&sensor->stats.dropped, batch->count - known - pushed);
		taking->accepted = -1;
		return;
	}
	taking->accepted = (int)pushed;
	if (taking->untimely > 0) {
		taking->result = SENSOR_BAD_VALUE;
		snprintf(taking->detail, sizeof taking->detail,
			"%zu reports of an impossible time are left out",
			taking->untimely);
	} else if (batch->count > 0 && pushed == 0) {
		taking->result = SENSOR_IGNORED;
	}
}

/* RESULT, or what is wrong with the whole batch beyond it. */
static enum sensor_result finish_batch(struct taking *taking, enum sensor_result result)
{
	struct ring_batch *batch = taking->inbox->batch;

	if (result == SENSOR_OK && taking->is_foreign)
		result = SENSOR_BAD_TOPIC;
	if (result == SENSOR_OK && batch->slots.failed)
		result = SENSOR_TOO_LARGE;
	if (result == SENSOR_OK) {
		taking->is_confirmed = false;
		hand_over(taking);
	}
	ring_batch_clear(batch);
	return result;
}

static void take_fault(void *arg, const char *text)
{
	struct taking *taking = arg;

	snprintf(taking->detail, sizeof taking->detail, "%s", text);
}

static void take_unknown(void *arg, const char *name)
{
	struct inbox *inbox = ((struct taking *)arg)->inbox;
	struct unknowns *unknowns = inbox->unknowns;
	uint64_t id = codec_hash(0, name, strlen(name));

	atomic_fetch_add(&inbox->sensor->stats.unknown, 1);
	for (size_t i = 0; i < unknowns->count; i++)
		if (unknowns->ids[i] == id)
			return;
	if (unknowns->count == UNKNOWNS_MAX)
		return;
	unknowns->ids[unknowns->count++] = id;
	log_warning("sensor %s: \"%s\" is left out: no such metric is declared here, or "
		    "not in this unit",
		inbox->sensor->name, name);
}

/* --- all of them -------------------------------------------------------------- */

static void take_presence(void *arg, const char *who, bool is_online)
{
	inbox_presence(((struct taking *)arg)->inbox, who, is_online);
}

static void take_ask(void *arg, const char *topic, const void *bytes, size_t length)
{
	struct inbox *inbox = ((struct taking *)arg)->inbox;

	if (inbox->ask)
		inbox->ask(inbox->ask_arg, topic, bytes, length);
}

/* The topic, and what exactly is wrong with what came on it. */
static void note(struct taking *taking, enum sensor_result result)
{
	const char *topic = taking->message->payload.topic;
	char text[DETAIL_SIZE + 256];

	if (!*taking->detail) {
		inbox_note(taking->inbox, result, topic);
		return;
	}
	snprintf(text, sizeof text, "%.200s: %s", topic, taking->detail);
	inbox_note(taking->inbox, result, text);
}

enum sensor_result inbox_take(
	struct inbox *inbox, const struct inbox_message *message, int *accepted)
{
	struct taking taking = {
		.inbox = inbox,
		.message = message,
		.result = SENSOR_OK,
		.is_confirmed = true,
	};
	struct payload_sink sink = {
		.arg = &taking,
		.report = inbox->batch ? collect_report : take_report,
		.presence = take_presence,
		.ask = take_ask,
		.fault = take_fault,
		.unknown = take_unknown,
	};

	if (inbox->batch) {
		taking.now_ms = clock_wall_ms();
		taking.mono_ms = clock_mono_ms();
	}
	if (message->is_retained)
		atomic_fetch_add(&inbox->sensor->stats.retained, 1);
	enum sensor_result result =
		format_decode(inbox->options, inbox->session, &message->payload, &sink);
	if (inbox->batch)
		result = finish_batch(&taking, result);
	if (taking.result == SENSOR_BAD_TOPIC || result == SENSOR_OK)
		result = taking.result;
	note(&taking, result);
	/* A repetition may be in the ring and not yet in the store. */
	if (!taking.is_confirmed && !ring_confirm(inbox->sensor->ring))
		taking.accepted = -1;
	if (accepted)
		*accepted = taking.accepted;
	return result;
}

int inbox_init(struct inbox *inbox, struct sensor *sensor,
	const struct payload_options *options, const char *filter)
{
	const struct payload_format *format = formats[options->format];

	*inbox = (struct inbox){ .sensor = sensor, .options = options, .filter = filter };
	pthread_mutex_init(&inbox->mutex, NULL);
	inbox->presences = calloc(1, sizeof *inbox->presences);
	inbox->unknowns = calloc(1, sizeof *inbox->unknowns);
	inbox->session = format_open(format);
	if (format->is_batch && (inbox->batch = calloc(1, sizeof *inbox->batch)))
		ring_batch_init(inbox->batch, BATCH_BYTES);
	if (inbox->presences && inbox->unknowns && (inbox->session || !format->open) &&
		(inbox->batch || !format->is_batch))
		return 0;
	inbox_finish(inbox);
	return -1;
}

void inbox_finish(struct inbox *inbox)
{
	if (!inbox->sensor)
		return;
	format_close(formats[inbox->options->format], inbox->session);
	if (inbox->batch)
		ring_batch_free(inbox->batch);
	free(inbox->batch);
	free(inbox->presences);
	free(inbox->unknowns);
	pthread_mutex_destroy(&inbox->mutex);
	*inbox = (struct inbox){ .sensor = NULL };
}
