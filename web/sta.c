#include "web/sta.h"

#include <stdio.h>
#include <string.h>

#include "alerts/cap.h"
#include "core/percent.h"
#include "web/readers.h"
#include "web/sta_write.h"

enum { VALUE_SIZE = 2048 };

static const char root_path[] = "/sta/v1.1";

const char *const sta_arguments[] = { "$top", "$skip", "$count", "$orderby", "$select",
	"$expand", "$filter", NULL };

/* Where a path leads to. */
struct place {
	bool is_root;
	bool is_set;
	enum sta_kind kind; /* of the set */
	bool has_of;        /* it belongs to OF, by WAY */
	struct sta_entity of;
	const struct sta_way *way;
	struct sta_entity entity;     /* where it is no set */
	char property[STA_NAME_SIZE]; /* of the entity; "": all of it */
	bool is_value, is_reference;
};

struct answering {
	const struct web_request *request;
	struct web_reply *reply;
	struct sta_model model;
	struct sta_query query;
	struct sta_writer writer;
	struct buffer next;
};

/* --- the options ----------------------------------------------------------------------
 */

/* Are all the properties known that are asked about? */
static bool check_names(const struct sta_options *options, char why[static STA_WHY_SIZE])
{
	const char *unknown = sta_filter_unknown(&options->filter, sta_property_known);

	if (!unknown && *options->order && !sta_property_known(options->order))
		unknown = options->order;
	if (unknown)
		snprintf(why, STA_WHY_SIZE, "There is no property \"%.60s\".", unknown);
	return !unknown;
}

/* Reads the options, and keeps what a next page's address has to say again. */
static bool read_options(struct answering *answering)
{
	char value[VALUE_SIZE], why[STA_WHY_SIZE];

	for (size_t i = 0; sta_arguments[i]; i++) {
		const char *name = sta_arguments[i];
		int found = web_query(answering->request, name, value, sizeof value);
		if (found < 0) {
			web_problem(answering->reply, 400,
				"An option is too long, or no text.");
			return false;
		}
		if (found == 0)
			continue;
		if (!sta_query_take(&answering->query, name, value, why)) {
			web_problem(answering->reply, 400, why);
			return false;
		}
		if (strcmp(name, "$skip") == 0)
			continue;
		buffer_printf(&answering->next, "%s=", name);
		percent_append(&answering->next, value);
		buffer_putc(&answering->next, '&');
	}
	bool known = check_names(&answering->query.options, why);
	for (size_t i = 0; known && i < answering->query.expand_count; i++)
		known = check_names(&answering->query.expands[i].options, why);
	if (!known)
		web_problem(answering->reply, 400, why);
	return known;
}

/* --- the path -------------------------------------------------------------------------
 */

static bool find_kind(const char *name, enum sta_kind *kind)
{
	for (int i = 0; i < STA_KINDS; i++)
		if (strcmp(sta_sets[i], name) == 0) {
			*kind = (enum sta_kind)i;
			return true;
		}
	return false;
}

/* The one of PLACE's set that SEGMENT names. */
static bool pick(struct answering *answering, struct place *place,
	const struct sta_segment *segment)
{
	const struct sta_model *model = &answering->model;
	int64_t end_ms;

	if (!sta_find(model, place->kind, segment->id, &place->entity, &end_ms))
		return false;
	place->is_set = false;
	if (place->kind == STA_OBSERVATIONS &&
		sta_read_row(&answering->writer, &place->entity, end_ms) <= 0)
		return false;
	if (!place->has_of)
		return true;
	if (place->kind == STA_OBSERVATIONS)
		return place->of.kind == STA_DATASTREAMS
			? place->of.index == place->entity.index
			: sta_station_of(model, &place->of) ==
				sta_station_of(model, &place->entity);
	return sta_leads_to(model, &place->of, place->way, &place->entity);
}

/* From an entity along SEGMENT. */
static bool step(struct answering *answering, struct place *place,
	const struct sta_segment *segment)
{
	const struct sta_way *way = sta_way_find(place->entity.kind, segment->name);

	if (!way && !segment->has_id) {
		snprintf(place->property, sizeof place->property, "%s", segment->name);
		return true;
	}
	if (!way)
		return false;
	if (!way->is_many) {
		place->entity = sta_follow(&answering->model, &place->entity, way);
		return !segment->has_id;
	}
	place->has_of = true;
	place->of = place->entity;
	place->way = way;
	place->kind = way->to;
	place->is_set = true;
	return !segment->has_id || pick(answering, place, segment);
}

static bool walk(
	struct answering *answering, const struct sta_path *path, struct place *place)
{
	const struct sta_segment *segment = path->segments;

	*place = (struct place){ .is_root = path->count == 0 };
	if (place->is_root)
		return true;
	if (!find_kind(segment->name, &place->kind))
		return false;
	place->is_set = true;
	if (segment->has_id && !pick(answering, place, segment))
		return false;
	for (size_t i = 1; i < path->count; i++) {
		segment++;
		if (place->is_value || place->is_reference)
			return false;
		if (strcmp(segment->name, "$ref") == 0 && !*place->property)
			place->is_reference = true;
		else if (strcmp(segment->name, "$value") == 0 && *place->property)
			place->is_value = true;
		else if (place->is_set || *place->property ||
			!step(answering, place, segment))
			return false;
	}
	return true;
}

/* --- answers --------------------------------------------------------------------------
 */

static void put_root(struct sta_writer *writer)
{
	static const char *const conformance[] = { "datamodel", "resource-path",
		"request-data", "filtering/filter" };
	char url[STA_BASE_SIZE + 64];
	struct json *json = &writer->json;

	json_array(json, "value");
	for (size_t i = 0; i < STA_KINDS; i++) {
		json_object(json, NULL);
		json_string(json, "name", sta_sets[i]);
		snprintf(url, sizeof url, "%s/%s", writer->base, sta_sets[i]);
		json_string(json, "url", url);
		json_end_object(json);
	}
	json_end_array(json);
	json_object(json, "serverSettings");
	json_array(json, "conformance");
	/* Parts of these: what is read, and no functions. */
	for (size_t i = 0; i < 3; i++) {
		snprintf(url, sizeof url,
			"http://www.opengis.net/spec/iot_sensing/1.1/req/%s",
			conformance[i]);
		json_string(json, NULL, url);
	}
	json_end_array(json);
	json_end_object(json);
}

/*
 * One property, {"name": …}: the entity is written with it alone selected. False: it has
 * no such property.
 */
static bool put_property(struct answering *answering, const struct place *place)
{
	struct sta_options only = { .selected_count = 1, .filter = { .root = -1 } };
	struct buffer *out = &answering->reply->body;
	size_t before = out->length;

	snprintf(only.selected[0], STA_NAME_SIZE, "%s", place->property);
	sta_put_entity(&answering->writer, &place->entity, &only);
	return out->length > before;
}

/* What stands behind {"name": in TEXT, without quotes where it is a text. */
static void cut_value(struct buffer *out, const char *name)
{
	size_t head = strlen(name) + 4;
	const char *text = buffer_text(out);
	struct buffer value;

	buffer_init(&value, out->length + 1);
	if (out->length > head + 2) {
		size_t length = out->length - head - 1;
		bool quoted = text[head] == '"';
		buffer_append(&value, text + head + quoted, length - 2 * quoted);
	}
	buffer_clear(out);
	buffer_append(out, buffer_text(&value), value.length);
	buffer_free(&value);
}

static void put_place(struct answering *answering, const struct place *place)
{
	struct sta_writer *writer = &answering->writer;
	const struct sta_options *options = &answering->query.options;
	bool found = true;

	json_object(&writer->json, NULL);
	if (place->is_root)
		put_root(writer);
	else if (place->is_set)
		sta_put_set(writer, place->kind, place->has_of ? &place->of : NULL,
			place->has_of ? place->way : NULL, options, place->is_reference);
	else if (*place->property)
		found = put_property(answering, place);
	else
		sta_put_entity(writer, &place->entity, options);
	json_end_object(&writer->json);
	if (!found)
		web_problem(answering->reply, 404, "It has no property of this name.");
	else if (place->is_value)
		cut_value(&answering->reply->body, place->property);
}

static void say_trouble(struct answering *answering)
{
	switch (answering->writer.trouble) {
	case STA_FINE:
		break;
	case STA_TOO_MUCH:
		web_problem(answering->reply, 400,
			"That is too much at once: expand or skip less, or filter by a "
			"shorter phenomenonTime.");
		break;
	default:
		web_problem(answering->reply, 503,
			"The store cannot be read now; try again.");
	}
}

static void answer(struct answering *answering)
{
	struct web_reply *reply = answering->reply;
	struct sta_writer *writer = &answering->writer;
	const char *rest = answering->request->path + sizeof root_path - 1;
	struct sta_path path;
	struct place place;

	buffer_printf(&answering->next, "%s%s?", writer->base, rest);
	if (!read_options(answering))
		return;
	writer->next = buffer_text(&answering->next);
	json_start(&writer->json, &reply->body);
	if (!sta_path_parse(&path, rest + (*rest == '/')) ||
		!walk(answering, &path, &place)) {
		if (writer->trouble)
			say_trouble(answering);
		else
			web_problem(reply, 404, "There is nothing at this address.");
		return;
	}
	reply->type = place.is_value ? "text/plain; charset=utf-8" : "application/json";
	reply->cache = "public, max-age=5";
	put_place(answering, &place);
	say_trouble(answering);
}

void sta_handle(const struct web_request *request, struct web_reply *reply)
{
	struct answering answering = { .request = request, .reply = reply };
	char web[CAP_WEB_SIZE];

	buffer_init(&answering.next, 8192);
	cap_web(request->view->config, web);
	snprintf(answering.writer.base, STA_BASE_SIZE, "%.400s%s", web, root_path);
	answering.writer.model = &answering.model;
	answering.writer.query = &answering.query;
	answering.writer.store = readers_take(request->readers);
	if (sta_model_make(&answering.model, request->view) &&
		sta_query_init(&answering.query))
		answer(&answering);
	else
		web_problem(reply, 503, "There is no memory for this now; try again.");
	sta_query_free(&answering.query);
	sta_model_free(&answering.model);
	readers_give(request->readers, answering.writer.store,
		answering.writer.trouble != STA_STORE_FAILED);
	buffer_free(&answering.next);
}
