#include "alerts/texts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"

enum {
	PLACE_MAX = 40, /* code points of a name, so that the rest keeps its room */
	ID_MAX = 24,    /* and of a station's id beside its name */
	WORDS_SIZE = 768,
};

/* What stands for the placeholders, rendered for one message. */
struct words {
	char head[WORDS_SIZE];
	char place[256];
	char station[448];
	char name[256];
	char value[64];     /* with its unit */
	char number[48];    /* without */
	char threshold[64]; /* with its unit */
	char time[24];
	char since[24];
};

static const struct text_catalogue *catalogue_of(const char *language)
{
	return strcmp(language, texts_en.language) ? &texts_vi : &texts_en;
}

/*
 * Copies TEXT to OUT so that at most MAX code points and SIZE bytes are taken; what
 * was cut shows by "…".
 */
static void copy_cut(char *out, size_t size, const char *text, size_t max)
{
	static const char dots[] = "…";
	size_t left = strlen(text), used = 0, count = 0, keep = 0;

	while (left > 0) {
		size_t n = utf8_char_length(text, left);
		if (n == 0) { /* not UTF-8: leave the byte out */
			text++;
			left--;
			continue;
		}
		if (count + 1 > max || used + n + 1 > size) {
			used = keep;
			memcpy(out + used, dots, sizeof(dots) - 1);
			used += sizeof(dots) - 1;
			break;
		}
		memcpy(out + used, text, n);
		used += n;
		count++;
		/* The last place where the dots would still fit. */
		if (count + 1 <= max && used + sizeof(dots) <= size)
			keep = used;
		text += n;
		left -= n;
	}
	out[used] = '\0';
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

static void word_places(struct words *words, const struct message *message)
{
	char id[160];

	copy_cut(words->place, sizeof(words->place), message->station_name, PLACE_MAX);
	if (!words->place[0])
		copy_cut(words->place, sizeof(words->place), message->station, PLACE_MAX);
	copy_cut(id, sizeof(id), message->station, ID_MAX);
	if (!message->station[0] || !strcmp(message->station, message->station_name))
		snprintf(words->station, sizeof(words->station), "%s", words->place);
	else
		snprintf(words->station, sizeof(words->station), "%s (%s)", words->place,
			id);
	format_time(words->time, message->at_ms);
	format_time(words->since, message->since_ms);
}

/* 0 … 5 by the bands of Decision 1459/QĐ-TCMT. */
static int aqi_level(double value)
{
	static const double ends[TEXT_AQI_LEVELS - 1] = { 50, 100, 150, 200, 300 };
	int level = 0;

	while (level < TEXT_AQI_LEVELS - 1 && value > ends[level])
		level++;
	return level;
}

static bool is_vn_aqi(const struct metric *metric)
{
	return metric && (metric->id == METRIC_VN_AQI || metric->id == METRIC_VN_AQI_DAY);
}

static const char *head_template(const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	enum text_condition condition, enum text_moment moment)
{
	const struct text_metric *entry = &catalogue->hazards[message->hazard];

	if (condition == TEXT_ABSENT)
		return catalogue->absent_head;
	if (metric && metric->id == METRIC_VN_AQI && condition == TEXT_ABOVE &&
		moment != TEXT_OVER && !isnan(message->value))
		return catalogue->aqi_heads[aqi_level(message->value)];
	if (metric && metric->id < METRIC_BUILTIN_END &&
		catalogue->metrics[metric->id].above)
		entry = &catalogue->metrics[metric->id];
	return condition == TEXT_BELOW ? entry->below : entry->above;
}

static void word_head(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric,
	enum text_condition condition, enum text_moment moment)
{
	const char *template =
		head_template(catalogue, message, metric, condition, moment);
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
	enum text_condition condition, enum text_moment moment)
{
	enum text_advice kind = advice_kind(message->hazard, condition);

	if (moment == TEXT_OVER)
		return catalogue->advice_over[kind];
	if (kind == TEXT_ADVICE_AIR && is_vn_aqi(metric) && !isnan(message->value))
		return catalogue->aqi_advice[aqi_level(message->value)];
	return catalogue->advice[kind][message->severity];
}

static void word_message(struct words *words, const struct text_catalogue *catalogue,
	const struct message *message, const struct metric *metric)
{
	const char *name = message->metric;

	*words = (struct words){ .head = "" };
	if (metric && metric->id < METRIC_BUILTIN_END &&
		catalogue->metrics[metric->id].name)
		name = catalogue->metrics[metric->id].name;
	copy_cut(words->name, sizeof(words->name), name, PLACE_MAX);
	word_numbers(words, catalogue, message, metric);
	word_places(words, message);
}

void texts_fill(
	struct message *message, enum text_condition condition, enum text_moment moment)
{
	const struct text_catalogue *catalogue = catalogue_of(message->language);
	const struct metric *metric = metric_find(message->metric);
	bool is_back = condition == TEXT_ABSENT && moment == TEXT_OVER;
	struct words words;

	word_message(&words, catalogue, message, metric);
	word_head(&words, catalogue, message, metric, condition, moment);
	fill_cut(message->title, sizeof(message->title),
		is_back ? catalogue->absent_over_title : catalogue->titles[moment],
		&words, TEXTS_TITLE_MAX);
	fill_cut(message->text, sizeof(message->text),
		catalogue->bodies[condition][moment], &words, TEXTS_BODY_MAX);
	fill_cut(message->instruction, sizeof(message->instruction),
		advice_of(catalogue, message, metric, condition, moment), &words,
		TEXTS_BODY_MAX);
}

void texts_fill_trial(struct message *message)
{
	const struct text_catalogue *catalogue = catalogue_of(message->language);
	struct words words;

	word_message(&words, catalogue, message, NULL);
	fill_cut(message->title, sizeof(message->title), catalogue->trial_title, &words,
		TEXTS_TITLE_MAX);
	fill_cut(message->text, sizeof(message->text), catalogue->trial_text, &words,
		TEXTS_BODY_MAX);
	fill_cut(message->instruction, sizeof(message->instruction),
		catalogue->trial_instruction, &words, TEXTS_BODY_MAX);
}
