/*
 * What a user's own fields take out of JSON. Most senders send one flat object, and
 * wanted of it are plain numbers: a tree of it, which is cJSON's, would cost more than
 * all that is done with the message afterwards.
 */
#include "sensors/payload.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "core/json_scan.h"

/* What stands where a field points to. */
struct found {
	bool is_there; /* and not null */
	bool is_number;
	double value;
};

static enum sensor_result take_field(const struct payload_field *field,
	const struct found *found, struct report *report)
{
	if (!found->is_there)
		return field->optional ? SENSOR_OK : SENSOR_MISSING_FIELD;
	if (!found->is_number)
		return SENSOR_BAD_VALUE;
	double value = payload_scaled(found->value, field->scale, field->offset);
	if (!isfinite(value))
		return SENSOR_BAD_VALUE;
	return report_add(report, field->metric->id, value) ? SENSOR_OK
							    : SENSOR_TOO_LARGE;
}

/* All fields, each as LOOK_UP finds it. */
static enum sensor_result take_fields(const struct payload_options *options,
	struct found (*look_up)(const void *arg, const struct payload_field *field),
	const void *arg, struct report *report, size_t *missing)
{
	const struct payload_field *fields = options->fields.items;
	enum sensor_result result = SENSOR_OK;

	for (size_t i = 0; i < options->fields.count; i++) {
		struct found found = look_up(arg, &fields[i]);
		enum sensor_result one = take_field(&fields[i], &found, report);
		if (one == SENSOR_MISSING_FIELD)
			++*missing;
		else if (one != SENSOR_OK)
			result = one;
	}
	return result;
}

/* --- of a tree -------------------------------------------------------------- */

static struct found find_in_tree(const void *root, const struct payload_field *field)
{
	const cJSON *item = payload_pointer(root, field->pointer);
	struct found found = { .is_there = item && !cJSON_IsNull(item) };

	found.is_number = found.is_there && payload_number(item, &found.value);
	return found;
}

enum sensor_result payload_take_fields(const struct payload_options *options,
	const cJSON *root, struct report *report, size_t *missing)
{
	return take_fields(options, find_in_tree, root, report, missing);
}

/* --- of a flat object --------------------------------------------------------- */

struct flat {
	const struct payload_field *fields;
	size_t count;
	bool failed;              /* a tree is needed */
	bool known[READINGS_MAX]; /* the first count only */
	struct found found[READINGS_MAX];
};

static struct found find_in_flat(const void *arg, const struct payload_field *field)
{
	const struct flat *flat = arg;

	return flat->found[field - flat->fields];
}

/* Does POINTER mean a member of the outermost object by its plain name? */
static bool is_flat(const char *pointer)
{
	return *pointer == '/' && !strpbrk(pointer + 1, "/~");
}

/* Does POINTER mean a member of the outermost object that is called KEY? */
static bool is_meant(const char *pointer, const struct json_text *key)
{
	/* Most are told by the first byte. */
	if (*pointer++ != '/' || (key->length > 0 && *pointer != *key->bytes))
		return false;
	for (size_t i = 0; i < key->length; i++) {
		char c = pointer[i];
		if (c != key->bytes[i] || c == '/' || c == '~')
			return false;
	}
	return pointer[key->length] == '\0';
}

/*
 * Of members with the same name the first counts, as in a tree. One that is neither
 * number nor null may still mean a number, but that is not decided here.
 */
static void put_member(
	struct flat *flat, const struct json_text *key, const struct found *found)
{
	for (size_t i = 0; i < flat->count; i++) {
		if (flat->known[i] || !is_meant(flat->fields[i].pointer, key))
			continue;
		flat->found[i] = *found;
		flat->known[i] = true;
		flat->failed |= found->is_there && !found->is_number;
	}
}

static void scan_number(struct json_scan *scan, struct found *found)
{
	enum { NUMBER_MAX = 60 }; /* cJSON's own limit is 63 */
	const char *before = scan->at;

	json_scan_number(scan, &found->value);
	found->is_there = found->is_number = true;
	scan->failed |= scan->at - before > NUMBER_MAX;
}

static struct found scan_value(struct json_scan *scan)
{
	struct found found = { .is_there = false };
	char next = json_scan_peek(scan);

	if (next == '-' || (next >= '0' && next <= '9')) {
		scan_number(scan, &found);
	} else if (next == '{' || next == '[') {
		scan->failed = true;
	} else if (!json_scan_null(scan)) {
		json_scan_skip(scan);
		found.is_there = true;
	}
	return found;
}

static bool scan_members(struct flat *flat, struct json_scan *scan)
{
	struct json_text key;
	bool first = true;

	json_scan_enter(scan, '{');
	while (!flat->failed && json_scan_member(scan, &first, &key)) {
		struct found found = scan_value(scan);
		put_member(flat, &key, &found);
	}
	json_scan_end(scan);
	return !scan->failed && !flat->failed;
}

/* Can what was not found not be there at all? */
static bool is_all(const struct flat *flat)
{
	for (size_t i = 0; i < flat->count; i++)
		if (!flat->known[i] && !is_flat(flat->fields[i].pointer))
			return false;
	return true;
}

bool payload_scan_fields(const struct payload_options *options, const char *text,
	size_t length, struct report *report, size_t *missing, enum sensor_result *result)
{
	struct json_scan scan;
	struct flat flat;

	flat.fields = options->fields.items;
	flat.count = options->fields.count;
	flat.failed = false;
	/* Whether an escape is right, and what it means, is left to the tree. */
	if (flat.count > READINGS_MAX || memchr(text, '\\', length))
		return false;
	for (size_t i = 0; i < flat.count; i++) {
		flat.known[i] = false;
		flat.found[i] = (struct found){ .is_there = false };
	}
	json_scan_start(&scan, text, length);
	if (!scan_members(&flat, &scan) || !is_all(&flat))
		return false;
	*result = take_fields(options, find_in_flat, &flat, report, missing);
	return true;
}

/* --- the fields themselves ----------------------------------------------------- */

void payload_fill_zeros(const struct payload_options *options, struct report *report)
{
	const struct payload_field *fields = options->fields.items;

	for (size_t i = 0; i < options->fields.count; i++)
		if (!fields[i].optional && !report_find(report, fields[i].metric->id))
			report_add(report, fields[i].metric->id,
				payload_scaled(0, fields[i].scale, fields[i].offset));
}

const struct payload_field *payload_field_named(
	const struct payload_options *options, const char *name, size_t length)
{
	const struct payload_field *fields = options->fields.items;

	for (size_t i = 0; i < options->fields.count; i++) {
		const char *pointer = fields[i].pointer;
		pointer += *pointer == '/';
		if (strncmp(pointer, name, length) == 0 && pointer[length] == '\0')
			return &fields[i];
	}
	return NULL;
}
