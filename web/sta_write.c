#include "web/sta_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/percent.h"
#include "web/sta_entity.h"

/* --- properties, for filters and orders -----------------------------------------------
 */

static bool text_value(const char *text, struct sta_value *value)
{
	*value = (struct sta_value){ .type = STA_TEXT, .text = text };
	return true;
}

static bool time_value(int64_t ms, struct sta_value *value)
{
	*value = (struct sta_value){ .type = STA_TIME, .time_ms = ms };
	return true;
}

static bool own_property(const struct sta_model *model, const struct sta_entity *entity,
	const char *name, char scratch[static STA_ID_SIZE], struct sta_value *value)
{
	const struct station *station = sta_station_of(model, entity);
	const struct metric *metric = sta_metric_of(model, entity);

	if (strcmp(name, "id") == 0 || strcmp(name, "@iot.id") == 0) {
		sta_id(model, entity, scratch);
		return text_value(scratch, value);
	}
	if (strcmp(name, "name") == 0)
		return sta_name_of(model, entity, scratch) && text_value(scratch, value);
	if (strcmp(name, "description") == 0)
		return sta_description_of(model, entity, scratch) &&
			text_value(scratch, value);
	if (strcmp(name, "properties/area") == 0)
		return entity->kind == STA_THINGS && station->area[0] &&
			text_value(station->area, value);
	if (strncmp(name, "unitOfMeasurement/", 18) == 0)
		return entity->kind == STA_DATASTREAMS && text_value(metric->unit, value);
	if (entity->kind != STA_OBSERVATIONS)
		return false;
	if (strcmp(name, "result") == 0) {
		*value = (struct sta_value){
			.type = STA_NUMBER,
			.number = sta_result_of(model, entity),
		};
		return true;
	}
	return (strcmp(name, "phenomenonTime") == 0 || strcmp(name, "resultTime") == 0) &&
		time_value(entity->row.end_ms, value);
}

/* The property NAME of ENTITY; SCRATCH is where its text may be. False: it has none. */
static bool property_of(const struct sta_model *model, const struct sta_entity *entity,
	const char *name, char scratch[static STA_ID_SIZE], struct sta_value *value)
{
	size_t level = strcspn(name, "/");
	char way_name[STA_NAME_SIZE];

	if (name[level] && level < sizeof way_name) {
		memcpy(way_name, name, level);
		way_name[level] = '\0';
		const struct sta_way *way = sta_way_find(entity->kind, way_name);
		if (way && !way->is_many) {
			struct sta_entity other = sta_follow(model, entity, way);
			return property_of(
				model, &other, name + level + 1, scratch, value);
		}
	}
	return own_property(model, entity, name, scratch, value);
}

bool sta_property_known(const char *name)
{
	static const char *const names[] = { "id", "@iot.id", "name", "description",
		"properties/area", "unitOfMeasurement/name", "unitOfMeasurement/symbol",
		"result", "phenomenonTime", "resultTime" };
	static const char *const levels[] = { "Thing/", "Sensor/", "ObservedProperty/",
		"Datastream/", "FeatureOfInterest/" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strncmp(levels[i], name, strlen(levels[i])) == 0)
			return sta_property_known(name + strlen(levels[i]));
	return false;
}

struct looking {
	const struct sta_model *model;
	const struct sta_entity *entity;
	char scratch[2][STA_ID_SIZE]; /* both sides of a comparison may be texts */
	int turn;
};

static bool look(void *arg, const char *name, struct sta_value *value)
{
	struct looking *looking = arg;

	looking->turn = !looking->turn;
	return property_of(looking->model, looking->entity, name,
		looking->scratch[looking->turn], value);
}

static bool passes(const struct sta_model *model, const struct sta_filter *filter,
	const struct sta_entity *entity)
{
	struct looking looking = { .model = model, .entity = entity };

	return sta_filter_passes(filter, look, &looking);
}

struct sta_entity sta_follow(const struct sta_model *model, const struct sta_entity *of,
	const struct sta_way *way)
{
	struct sta_entity other = { .kind = way->to };
	const struct sta_stream *stream = sta_stream_of(model, of);

	if (way->to == STA_DATASTREAMS)
		other.index = of->index;
	else if (way->to == STA_SENSORS)
		other.index = stream->sensor;
	else if (way->to == STA_OBSERVED_PROPERTIES)
		other.index = stream->property;
	else
		other.index = (size_t)(sta_station_of(model, of) - model->stations);
	return other;
}

/* --- observations ---------------------------------------------------------------------
 */

struct rows {
	struct sta_writer *writer;
	const struct sta_options *options;
	struct sta_entity entity;
	struct aggregate *rows; /* top of them */
	size_t count, total;
	bool has_more;
};

static bool take_row(void *arg, const struct aggregate *row)
{
	struct rows *rows = arg;
	const struct sta_options *options = rows->options;

	if (++rows->writer->rows > STA_ROWS_MAX) {
		rows->writer->trouble = STA_TOO_MUCH;
		return false;
	}
	rows->entity.row = *row;
	if (!passes(rows->writer->model, &options->filter, &rows->entity))
		return true;
	if (++rows->total <= (size_t)options->skip)
		return true;
	if (rows->count < (size_t)options->top)
		rows->rows[rows->count++] = *row;
	else
		rows->has_more = true;
	return !rows->has_more || options->count;
}

static int scan_rows(struct rows *rows, int64_t from_ms, int64_t to_ms)
{
	const struct sta_model *model = rows->writer->model;
	const struct sta_options *options = rows->options;
	bool oldest_first = *options->order && !options->descending;

	return (oldest_first ? aggregates_scan : aggregates_scan_back)(
		rows->writer->store, sta_step_of(model, &rows->entity),
		sta_station_of(model, &rows->entity)->id,
		sta_sensor_of(model, &rows->entity)->name,
		sta_metric_of(model, &rows->entity)->id, from_ms, to_ms, take_row, rows);
}

int sta_read_row(struct sta_writer *writer, struct sta_entity *entity, int64_t end_ms)
{
	struct aggregate row;
	struct sta_options any = { .top = 1, .filter = { .root = -1 } };
	struct rows rows = {
		.writer = writer,
		.options = &any,
		.entity = *entity,
		.rows = &row,
	};

	if (!writer->store || scan_rows(&rows, end_ms - 1, end_ms) < 0) {
		writer->trouble = STA_STORE_FAILED;
		return -1;
	}
	if (rows.count > 0)
		entity->row = row;
	return rows.count > 0;
}

/* --- addresses ------------------------------------------------------------------------
 */

/* Where ENTITY is: "https://…/Things('HN-CG-01')". */
static void put_address(struct buffer *out, const struct sta_writer *writer,
	const struct sta_entity *entity)
{
	char id[STA_ID_SIZE];

	sta_id(writer->model, entity, id);
	buffer_printf(out, "%s/%s('", writer->base, sta_sets[entity->kind]);
	for (char *quote = id; *quote; quote++) {
		char text[2] = { *quote, '\0' };
		/* A quote in it is written twice. */
		if (*quote == '\'')
			buffer_puts(out, "%27%27");
		else
			percent_append(out, text);
	}
	buffer_puts(out, "')");
}

static void put_link(struct sta_writer *writer, const char *key,
	const struct sta_entity *entity, const char *way)
{
	struct buffer link;

	buffer_init(&link, 4096);
	put_address(&link, writer, entity);
	if (way)
		buffer_printf(&link, "/%s", way);
	json_string(&writer->json, key, buffer_text(&link));
	buffer_free(&link);
}

/* --- entities -------------------------------------------------------------------------
 */

static void put_many(struct sta_writer *writer, const char *prefix, enum sta_kind kind,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, bool references);

static void put_way(struct sta_writer *writer, const struct sta_entity *entity,
	const struct sta_way *way, const struct sta_options *options)
{
	const struct sta_expand *expand =
		sta_query_expanded(writer->query, options, way->name);
	char key[64];

	if (!expand) {
		if (!sta_query_selects(options, way->name))
			return;
		snprintf(key, sizeof key, "%s@iot.navigationLink", way->name);
		put_link(writer, key, entity, way->name);
	} else if (way->is_many) {
		put_many(
			writer, way->name, way->to, entity, way, &expand->options, false);
	} else {
		struct sta_entity other = sta_follow(writer->model, entity, way);
		json_object(&writer->json, way->name);
		sta_put_entity(writer, &other, &expand->options);
		json_end_object(&writer->json);
	}
}

/* Writes ENTITY's members into the object that is open. */
void sta_put_entity(struct sta_writer *writer, const struct sta_entity *entity,
	const struct sta_options *options)
{
	char id[STA_ID_SIZE];

	if (++writer->written > STA_BUDGET)
		writer->trouble = STA_TOO_MUCH;
	if (writer->trouble)
		return;
	if (sta_query_selects(options, "@iot.id")) {
		sta_id(writer->model, entity, id);
		json_string(&writer->json, "@iot.id", id);
	}
	if (sta_query_selects(options, "@iot.selfLink"))
		put_link(writer, "@iot.selfLink", entity, NULL);
	sta_put_properties(&writer->json, writer->model, entity, options);
	for (const struct sta_way *way = sta_way_next(entity->kind, NULL); way;
		way = sta_way_next(entity->kind, way))
		put_way(writer, entity, way, options);
}

static void put_item(struct sta_writer *writer, const struct sta_entity *entity,
	const struct sta_options *options, bool reference)
{
	json_object(&writer->json, NULL);
	if (reference)
		put_link(writer, "@iot.selfLink", entity, NULL);
	else
		sta_put_entity(writer, entity, options);
	json_end_object(&writer->json);
}

/* --- sets -----------------------------------------------------------------------------
 */

/* "next" of what was written of a set: up to SKIP, and there is more. */
static void put_next(struct sta_writer *writer, const char *prefix,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options)
{
	struct buffer link;
	char key[80];

	/* Within another entity the options would have to be said again. */
	bool is_plain = !*options->order && options->selected_count == 0 &&
		options->expanded_count == 0 && options->filter.root < 0;
	if (*prefix && !is_plain)
		return;
	buffer_init(&link, 8192);
	if (*prefix) {
		put_address(&link, writer, of);
		buffer_printf(&link, "/%s?$top=%d&", way->name, options->top);
	} else {
		buffer_puts(&link, writer->next);
	}
	buffer_printf(&link, "$skip=%d", options->skip + options->top);
	snprintf(key, sizeof key, "%s@iot.nextLink", prefix);
	json_string(&writer->json, key, link.failed ? NULL : buffer_text(&link));
	buffer_free(&link);
}

static void begin_set(
	struct sta_writer *writer, const char *prefix, bool counts, size_t total)
{
	char key[80];

	if (counts) {
		snprintf(key, sizeof key, "%s@iot.count", prefix);
		json_integer(&writer->json, key, (int64_t)total);
	}
	json_array(&writer->json, *prefix ? prefix : "value");
}

/*
 * Of all observations, or of those at a feature, which are more than anybody wants: the
 * newest of each Datastream.
 */
static void put_newest(struct sta_writer *writer, const char *prefix,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, bool references)
{
	static const struct sta_way streams = { .to = STA_DATASTREAMS };
	struct sta_options one = *options;
	struct aggregate row, *kept = calloc((size_t)options->top + 1, sizeof *kept);
	size_t first = 0, last = writer->model->stream_count, total = 0, count = 0;
	size_t *found = calloc((size_t)options->top + 1, sizeof *found);
	bool has_more = false;

	one.top = 1;
	one.skip = 0;
	one.count = false;
	one.order[0] = '\0';
	if (of)
		sta_range(writer->model, of, &streams, &first, &last);
	if (!kept || !found || !writer->store)
		writer->trouble = writer->store ? STA_NO_MEMORY : STA_STORE_FAILED;
	for (size_t i = first; i < last && !writer->trouble; i++) {
		struct rows rows = {
			.writer = writer,
			.options = &one,
			.entity = { .kind = STA_OBSERVATIONS, .index = i },
			.rows = &row,
		};
		if (scan_rows(&rows, INT64_MIN + 1, INT64_MAX) < 0)
			writer->trouble = STA_STORE_FAILED;
		if (rows.count == 0 || ++total <= (size_t)options->skip)
			continue;
		has_more = count == (size_t)options->top;
		if (has_more && !options->count)
			break;
		if (has_more)
			continue;
		found[count] = i;
		kept[count++] = row;
	}
	begin_set(writer, prefix, options->count, total);
	for (size_t i = 0; i < count && !writer->trouble; i++) {
		struct sta_entity entity = {
			.kind = STA_OBSERVATIONS,
			.index = found[i],
			.row = kept[i],
		};
		put_item(writer, &entity, options, references);
	}
	json_end_array(&writer->json);
	if (has_more)
		put_next(writer, prefix, of, way, options);
	free(found);
	free(kept);
}

static void put_observations(struct sta_writer *writer, const char *prefix,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, bool references)
{
	struct rows rows = {
		.writer = writer,
		.options = options,
		.entity = { .kind = STA_OBSERVATIONS, .index = of->index },
		.rows = calloc((size_t)options->top + 1, sizeof *rows.rows),
	};
	int64_t from_ms = INT64_MIN + 1, to_ms = INT64_MAX;

	sta_filter_bounds(&options->filter, "phenomenonTime", &from_ms, &to_ms);
	sta_filter_bounds(&options->filter, "resultTime", &from_ms, &to_ms);
	if (!rows.rows)
		writer->trouble = STA_NO_MEMORY;
	else if (!writer->store ||
		(from_ms < to_ms && scan_rows(&rows, from_ms, to_ms) < 0))
		writer->trouble = STA_STORE_FAILED;
	begin_set(writer, prefix, options->count, rows.total);
	for (size_t i = 0; i < rows.count && !writer->trouble; i++) {
		rows.entity.row = rows.rows[i];
		put_item(writer, &rows.entity, options, references);
	}
	json_end_array(&writer->json);
	if (rows.has_more)
		put_next(writer, prefix, of, way, options);
	free(rows.rows);
}

struct order {
	const struct sta_model *model;
	const struct sta_options *options;
	enum sta_kind kind;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct order *order = arg;
	struct sta_entity left = { .kind = order->kind, .index = *(const size_t *)a };
	struct sta_entity right = { .kind = order->kind, .index = *(const size_t *)b };
	char texts[2][STA_ID_SIZE];
	struct sta_value values[2] = { { .text = "" }, { .text = "" } };

	property_of(order->model, &left, order->options->order, texts[0], &values[0]);
	property_of(order->model, &right, order->options->order, texts[1], &values[1]);
	int result = strcmp(values[0].type == STA_TEXT ? values[0].text : "",
		values[1].type == STA_TEXT ? values[1].text : "");
	return order->options->descending ? -result : result;
}

/* The indices of what belongs to the set, in its order. NULL: memory is out. */
static size_t *choose(struct sta_writer *writer, enum sta_kind kind,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, size_t *count)
{
	const struct sta_model *model = writer->model;
	static const struct sta_way everywhere[] = { { STA_LOCATIONS, "", STA_LOCATIONS,
		true } };
	size_t first = 0, last = sta_count(model, kind);

	*count = 0;
	if (way)
		sta_range(model, of, way, &first, &last);
	size_t *chosen = calloc(last - first + 1, sizeof *chosen);
	if (!chosen)
		return NULL;
	for (size_t i = first; i < last; i++) {
		struct sta_entity entity = { .kind = kind, .index = i };
		if (way ? !sta_leads_to(model, of, way, &entity)
			: kind == STA_LOCATIONS &&
					!sta_leads_to(
						model, &entity, everywhere, &entity))
			continue;
		if (passes(model, &options->filter, &entity))
			chosen[(*count)++] = i;
	}
	if (*options->order) {
		struct order order = { model, options, kind };
		qsort_r(chosen, *count, sizeof *chosen, compare, &order);
	}
	return chosen;
}

static void put_many(struct sta_writer *writer, const char *prefix, enum sta_kind kind,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, bool references)
{
	size_t count, skip = (size_t)options->skip, top = (size_t)options->top;

	if (kind == STA_OBSERVATIONS && (!of || of->kind != STA_DATASTREAMS)) {
		put_newest(writer, prefix, of, way, options, references);
		return;
	}
	if (kind == STA_OBSERVATIONS) {
		put_observations(writer, prefix, of, way, options, references);
		return;
	}
	size_t *chosen = choose(writer, kind, of, way, options, &count);
	if (!chosen) {
		writer->trouble = STA_NO_MEMORY;
		count = 0;
	}
	begin_set(writer, prefix, options->count, count);
	for (size_t i = skip; i < count && i - skip < top && !writer->trouble; i++) {
		struct sta_entity entity = { .kind = kind, .index = chosen[i] };
		put_item(writer, &entity, options, references);
	}
	json_end_array(&writer->json);
	if (count > skip + top)
		put_next(writer, prefix, of, way, options);
	free(chosen);
}

void sta_put_set(struct sta_writer *writer, enum sta_kind kind,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, bool references)
{
	put_many(writer, "", kind, of, way, options, references);
}
