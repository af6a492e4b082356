#include "alerts/texts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/category.h"
#include "core/clock.h"
#include "core/utf8.h"

enum {
	PLACE_MAX = 40, /* code points of a name, so that the rest keeps its room */
	ID_MAX = 24,    /* and of a station's id beside its name */
	WORDS_SIZE = 768,
	HEAD_MIN = 12, /* code points of a title's danger that must stay */
};

/* What stands for the placeholders, rendered for one message. */
struct words {
	char head[WORDS_SIZE];
	char who[512];
	char place[256];
	char station[448];
	char name[256];
	char value[64];     /* with its unit */
	char number[48];    /* without */
	char threshold[64]; /* with its unit */
	char time[24];
	char since[24];
	char window[48];
	char category[64]; /* in small letters */
	const char *passes;
	const char *title_category; /* as it begins a title */
};

static const struct text_catalogue *catalogue_of(const char *language)
{
	return strcmp(language, texts_en.language) ? &texts_vi : &texts_en;
}

static void append(char *out, size_t size, size_t *used, const char *text, size_t length)
{
	if (length > size - 1 - *used)
		length = size - 1 - *used;
	memcpy(out + *used, text, length);
	*used += length;
	out[*used] = '\0';
}

/* Fills in TEMPLATE; a brace that names nothing stays. */
static void fill(char *out, size_t size, const char *template, const struct words *words)
{
	const struct {
		const char *key;
		const char *text;
	} keys[] = {
		{ "{head}", words->head },
		{ "{place}", words->place },
		{ "{station}", words->station },
		{ "{name}", words->name },
		{ "{value}", words->value },
		{ "{threshold}", words->threshold },
		{ "{time}", words->time },
		{ "{since}", words->since },
		{ "{who}", words->who },
		{ "{window}", words->window },
		{ "{passes}", words->passes },
		{ "{category}", words->category },
		{ "{Category}", words->title_category },
		{ "{last}", words->time },
	};
	size_t used = 0;

	out[0] = '\0';
	while (*template) {
		size_t plain = strcspn(template, "{");
		append(out, size, &used, template, plain);
		template += plain;
		size_t i = 0, count = sizeof(keys) / sizeof(keys[0]);
		while (i < count && strncmp(template, keys[i].key, strlen(keys[i].key)))
			i++;
		if (i < count) {
			append(out, size, &used, keys[i].text, strlen(keys[i].text));
			template += strlen(keys[i].key);
		} else if (*template) {
			append(out, size, &used, template ++, 1);
		}
	}
}

/* Fills in TEMPLATE and cuts it to MAX code points, behind a word. */
static void fill_cut(char *out, size_t size, const char *template,
	const struct words *words, size_t max)
{
	char text[WORDS_SIZE * 2];

	fill(text, sizeof(text), template, words);
	utf8_copy_cut(out, size, text, max);
}

/* VALUE with DECIMALS places, without needless zeros, with the language's own mark. */
static void format_fixed(char out[static 48], double value, int decimals, char mark)
{
	snprintf(out, 48, "%.*f", decimals, value);
	char *point = strpbrk(out, ".,"); /* whatever the locale put there */
	if (point) {
		char *end = out + strlen(out);
		while (end[-1] == '0')
			*--end = '\0';
		*point = mark;
		if (end - 1 == point)
			*point = '\0';
	}
	if (out[0] == '-' && out[1] == '0' && out[2] == '\0')
		memmove(out, out + 1, 2);
}

/* "14:35 22/11" in local time. */
static void format_time(char out[static 24], int64_t ms)
{
	char text[CLOCK_TEXT_SIZE]; /* YYYY-MM-DDThh:mm:ss… */

	clock_format(text, ms, TEXTS_OFFSET_MINUTES);
	snprintf(out, 24, "%.5s %.2s/%.2s", text + 11, text + 8, text + 5);
}

static void with_unit(char *out, size_t size, const char *number, const char *unit)
{
	bool bare = !unit[0] || !strcmp(unit, "index");

	if (bare)
		snprintf(out, size, "%s", number);
	else
		snprintf(out, size, "%s%s%s", number,
			strcmp(unit, "%") && strcmp(unit, "°") ? " " : "", unit);
}

static void word_numbers(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric)
{
	int decimals = metric ? metric->decimals : 1;
	char threshold[48] = "";

	/* Two different numbers must not look the same: 150.04 beside 150. */
	for (int more = 0; more <= 3; more++) {
		if (!isnan(message->threshold))
			format_fixed(threshold, message->threshold, decimals + more,
				catalogue->decimal);
		if (!isnan(message->value))
			format_fixed(words->number, message->value, decimals + more,
				catalogue->decimal);
		if (strcmp(words->number, threshold) ||
			message->value == message->threshold)
			break;
	}
	with_unit(words->value, sizeof(words->value), words->number, message->unit);
	with_unit(words->threshold, sizeof(words->threshold), threshold, message->unit);
}

/* "24 hours", "90 phút": in the largest unit that makes it whole, days from the third on.
 */
static void word_window(
	struct words *words, const struct text_catalogue *catalogue, int64_t window_ms)
{
	static const struct {
		int64_t ms, from;
	} units[TEXT_UNITS] = { { 1000, 0 }, { 60000, 60000 }, { 3600000, 3600000 },
		{ 86400000, 3 * 86400000 } };
	size_t unit = TEXT_UNITS - 1;

	while (unit > 0 &&
		(window_ms < units[unit].from || window_ms % units[unit].ms != 0))
		unit--;
	int64_t count = window_ms / units[unit].ms;
	snprintf(words->window, sizeof(words->window), "%lld %s", (long long)count,
		catalogue->units[unit][count != 1]);
}

/* "Cầu Giấy (HN-CG-01, giá trị tham khảo)": the place, its ID unless "", and NOTE. */
static void word_station(struct words *words, const char *id, const char *note)
{
	bool has_note = *note != '\0';

	if (!*id && !has_note)
		snprintf(words->station, sizeof(words->station), "%s", words->place);
	else
		snprintf(words->station, sizeof(words->station), "%s (%s%s%s)",
			words->place, id, *id && has_note ? ", " : "", note);
}

static void word_places(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct text_about *about)
{
	char id[160] = "";
	const char *note = about->is_indicative ? catalogue->indicative : "";

	utf8_copy_cut(
		words->place, sizeof(words->place), message->station_name, PLACE_MAX);
	if (!words->place[0])
		utf8_copy_cut(
			words->place, sizeof(words->place), message->station, PLACE_MAX);
	if (strcmp(message->station, message->station_name))
		utf8_copy_cut(id, sizeof(id), message->station, ID_MAX);
	word_station(words, id, note);
	format_time(words->time, message->at_ms);
	format_time(words->since, message->since_ms);
	word_window(words, catalogue, about->window_ms);
	struct words plain = *words;
	fill(words->who, sizeof(words->who), catalogue->who[about->is_area], &plain);
	size_t used = strlen(words->who);
	if (about->is_area && *note)
		snprintf(words->who + used, sizeof(words->who) - used, " (%s)", note);
}

/* 0 … 5 by the bands of Decision 1459/QĐ-TCMT. */
static int aqi_level(double value)
{
	size_t count;
	const struct category *table = category_table(METRIC_VN_AQI, &count);

	return (int)(category_of(METRIC_VN_AQI, value) - table);
}

static bool is_vn_aqi(const struct metric *metric)
{
	return metric && (metric->id == METRIC_VN_AQI || metric->id == METRIC_VN_AQI_DAY);
}

/* The category's name, where the title is made of it. */
static void word_category(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric)
{
	const struct category *category = metric && !isnan(message->value)
		? category_of(metric->id, message->value)
		: NULL;

	words->title_category = "";
	if (!category)
		return;
	words->title_category = catalogue == &texts_en ? category->en : category->vi;
	snprintf(words->category, sizeof(words->category), "%s", words->title_category);
	for (char *c = words->category; *c; c++) {
		/* Other letters are small as they stand. */
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
}

static const char *head_template(const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	const struct text_about *about, const struct words *words)
{
	const struct text_metric *entry = &catalogue->hazards[message->hazard];

	if (about->condition == TEXT_ABSENT)
		return catalogue->absent_head;
	if (about->measure == RULE_RISE)
		return catalogue->rise_head;
	if (words->category[0] && about->condition == TEXT_ABOVE &&
		about->moment != TEXT_OVER)
		return catalogue->index_heads[metric->id - METRIC_VN_AQI];
	if (metric && metric->id < METRIC_BUILTIN_END &&
		catalogue->metrics[metric->id].above)
		entry = &catalogue->metrics[metric->id];
	return about->condition == TEXT_BELOW ? entry->below : entry->above;
}

static void word_head(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	const struct text_about *about)
{
	const char *template = head_template(catalogue, message, metric, about, words);
	struct words plain = *words;

	/* Titles show the bare number; a template cannot hold its own head. */
	snprintf(plain.value, sizeof(plain.value), "%s", words->number);
	plain.head[0] = '\0';
	fill(words->head, sizeof(words->head), template, &plain);
}

static enum text_advice advice_kind(enum hazard hazard, enum text_condition condition)
{
	if (condition == TEXT_ABSENT || hazard == HAZARD_DEVICE)
		return TEXT_ADVICE_DEVICE;
	if (condition == TEXT_BELOW)
		return hazard == HAZARD_HEAT ? TEXT_ADVICE_COLD : TEXT_ADVICE_OTHER;
	static const enum text_advice kinds[HAZARD_COUNT] = {
		[HAZARD_AIR] = TEXT_ADVICE_AIR,
		[HAZARD_RAIN] = TEXT_ADVICE_RAIN,
		[HAZARD_WIND] = TEXT_ADVICE_WIND,
		[HAZARD_HEAT] = TEXT_ADVICE_HEAT,
		[HAZARD_WATER] = TEXT_ADVICE_WATER,
		[HAZARD_DEVICE] = TEXT_ADVICE_DEVICE,
	};
	return kinds[hazard];
}

static const char *advice_of(const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	const struct text_about *about)
{
	enum text_advice kind = advice_kind(message->hazard, about->condition);

	if (about->moment == TEXT_OVER)
		return catalogue->advice_over[kind];
	/* A rise of the index is no value of it. */
	if (kind == TEXT_ADVICE_AIR && is_vn_aqi(metric) && !isnan(message->value) &&
		about->measure != RULE_RISE)
		return catalogue->aqi_advice[aqi_level(message->value)];
	return catalogue->advice[kind][message->severity];
}

static const char *body_of(
	const struct text_catalogue *catalogue, const struct text_about *about)
{
	if (about->measure == RULE_RISE)
		return catalogue->rise_bodies[about->moment];
	return catalogue->bodies[about->condition][about->moment];
}

/* The metric's name, with what is made of it over which time. */
static void word_name(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	const struct text_about *about)
{
	const char *template = catalogue->measures[about->measure];
	const char *name = message->metric;

	if (metric && metric->id < METRIC_BUILTIN_END &&
		catalogue->metrics[metric->id].name)
		name = catalogue->metrics[metric->id].name;
	utf8_copy_cut(words->name, sizeof(words->name), name, PLACE_MAX);
	if (!template)
		return;
	struct words plain = *words;
	fill(words->name, sizeof(words->name), template, &plain);
}

static void word_message(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	const struct text_about *about)
{
	const char *passes = catalogue->passes[about->condition][about->inclusive];

	*words = (struct words){ .passes = passes ? passes : "", .title_category = "" };
	word_numbers(words, catalogue, message, metric);
	word_places(words, catalogue, message, about);
	word_name(words, catalogue, message, metric, about);
	word_category(words, catalogue, message, metric);
}

/*
 * A title too long is cut where it names the danger, in its head or the value's name: the
 * place behind that must stay.
 */
static void fill_title(struct message *message, const char *template, struct words *words)
{
	bool has_head = strstr(template, "{head}") != NULL;
	char *what = has_head ? words->head : words->name;
	size_t size = has_head ? sizeof words->head : sizeof words->name;
	char whole[WORDS_SIZE * 2];

	fill(whole, sizeof whole, template, words);
	size_t length = utf8_count(whole), left = utf8_count(what);
	size_t excess = length > TEXTS_TITLE_MAX ? length - TEXTS_TITLE_MAX : 0;
	if (excess > 0 && left > excess + HEAD_MIN) {
		utf8_copy_cut(whole, size, what, left - excess);
		memcpy(what, whole, size);
	}
	fill_cut(message->title, sizeof message->title, template, words, TEXTS_TITLE_MAX);
}

void texts_fill_about(struct message *message, const struct text_about *about)
{
	const struct text_catalogue *catalogue = catalogue_of(message->language);
	const struct metric *metric = metric_find(message->metric);
	bool is_back = about->condition == TEXT_ABSENT && about->moment == TEXT_OVER;
	struct words words;

	word_message(&words, catalogue, message, metric, about);
	word_head(&words, catalogue, message, metric, about);
	fill_title(message,
		is_back ? catalogue->absent_over_title : catalogue->titles[about->moment],
		&words);
	fill_cut(message->text, sizeof(message->text), body_of(catalogue, about), &words,
		TEXTS_BODY_MAX);
	fill_cut(message->instruction, sizeof(message->instruction),
		advice_of(catalogue, message, metric, about), &words, TEXTS_BODY_MAX);
}

struct text_about text_about_event(
	const struct rule *rule, const struct rule_event *event)
{
	static const enum text_moment moments[] = {
		[RULE_FIRE] = TEXT_FIRING,
		[RULE_REPEAT] = TEXT_STILL,
		[RULE_RESOLVE] = TEXT_OVER,
		[RULE_ESCALATE] = TEXT_WORSE,
		[RULE_EASE] = TEXT_STILL,
	};

	return (struct text_about){
		.condition = rule->absent_for > 0 ? TEXT_ABSENT
			: isnan(rule->above)      ? TEXT_BELOW
						  : TEXT_ABOVE,
		.moment = event->late ? TEXT_STILL : moments[event->kind],
		.measure = rule->measure,
		.window_ms = rule->window,
		.inclusive = rule->inclusive,
		.is_area = rule->scope == RULE_OF_AREA,
	};
}

void texts_expand(const struct message *message, const struct text_about *about,
	const char *template, char *out, size_t size, size_t max)
{
	struct words words;

	word_message(&words, catalogue_of(message->language), message,
		metric_find(message->metric), about);
	fill_cut(out, size, template, &words, max);
}

void texts_fill_trial(struct message *message)
{
	const struct text_about about = { .condition = TEXT_ABOVE };
	const struct text_catalogue *catalogue = catalogue_of(message->language);
	struct words words;

	word_message(&words, catalogue, message, NULL, &about);
	fill_cut(message->title, sizeof(message->title), catalogue->trial_title, &words,
		TEXTS_TITLE_MAX);
	fill_cut(message->text, sizeof(message->text), catalogue->trial_text, &words,
		TEXTS_BODY_MAX);
	fill_cut(message->instruction, sizeof(message->instruction),
		catalogue->trial_instruction, &words, TEXTS_BODY_MAX);
}
