#include "web/page_cards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/station.h"
#include "core/category.h"
#include "core/metric.h"
#include "web/page_values.h"
#include "web/stations.h"

struct gathering {
	const struct page *page;
	struct page_card *cards;
	size_t count, room;
};

static void begin(void *arg, const struct station_view *station)
{
	struct gathering *gathering = arg;

	if (gathering->count == gathering->room) {
		size_t room = gathering->room ? gathering->room * 2 : 64;
		struct page_card *more = realloc(gathering->cards, room * sizeof *more);
		if (!more)
			return;
		gathering->cards = more;
		gathering->room = room;
	}
	struct page_card *card = &gathering->cards[gathering->count++];
	*card = (struct page_card){ .own = station->own, .pm25 = NAN, .rain = NAN };
	directory_find(gathering->page->view->directory, station->id, &card->station);
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct gathering *gathering = arg;
	const struct page *page = gathering->page;

	if (gathering->count == 0)
		return;
	struct page_card *card = &gathering->cards[gathering->count - 1];
	if (strcmp(card->station.id, source->station) != 0)
		return;
	if (strcmp(source->sensor, INDEX_SENSOR) == 0) {
		index_now_read(source, page->now_ms, &card->index);
		return;
	}
	for (size_t i = 0; i < source->count; i++) {
		const struct latest_value *value = &source->values[i];
		uint16_t metric = value->reading.metric;
		bool usable = value->reading.flag <= FLAG_SUSPECT &&
			value->status == STATUS_MEASURING;

		usable = usable &&
			view_is_current(page->view, source->sensor, value, page->now_ms);
		if (usable && metric == METRIC_PM25 && isnan(card->pm25))
			card->pm25 = value->reading.value;
		if (usable && metric == METRIC_RAIN_1H && isnan(card->rain))
			card->rain = value->reading.value;
	}
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	struct gathering *gathering = arg;

	if (gathering->count > 0 &&
		strcmp(gathering->cards[gathering->count - 1].station.id, station->id) ==
			0)
		gathering->cards[gathering->count - 1].newest_ms = newest_ms;
}

struct page_card *page_cards(const struct page *page, size_t *count)
{
	static const struct station_visitor visitor = {
		.begin = begin,
		.sensor = sensor,
		.end = end,
		.silent_too = true,
	};
	struct gathering gathering = { .page = page };

	stations_walk(page->view, NULL, &visitor, &gathering);
	*count = gathering.count;
	return gathering.cards;
}

/* --- order --------------------------------------------------------------------- */

static int compare_index(const void *a, const void *b)
{
	const struct page_card *left = a, *right = b;

	if (left->own != right->own)
		return left->own ? -1 : 1;
	int left_index = left->index.end_ms ? left->index.value : -1;
	int right_index = right->index.end_ms ? right->index.value : -1;
	if (left_index != right_index)
		return left_index > right_index ? -1 : 1;
	return strcmp(left->station.id, right->station.id);
}

void page_cards_by_index(struct page_card *cards, size_t count)
{
	if (count > 1)
		qsort(cards, count, sizeof *cards, compare_index);
}

static int compare_area(const void *a, const void *b)
{
	const struct page_card *left = a, *right = b;
	bool left_none = !left->station.area[0], right_none = !right->station.area[0];

	if (left_none != right_none)
		return left_none ? 1 : -1;
	int order = strcmp(left->station.area, right->station.area);
	if (order == 0)
		order = strcmp(left->station.name, right->station.name);
	return order ? order : strcmp(left->station.id, right->station.id);
}

void page_cards_by_area(struct page_card *cards, size_t count)
{
	if (count > 1)
		qsort(cards, count, sizeof *cards, compare_area);
}

/* --- writing ------------------------------------------------------------------------ */

void page_put_badge(const struct page *page, int index, bool is_stale)
{
	const struct category *category = category_of(METRIC_VN_AQI, index);
	size_t count;

	if (index < 0) {
		buffer_printf(page->out, "<span class=\"badge none\">%s</span>",
			page->words->no_index);
		return;
	}
	buffer_printf(page->out,
		"<span class=\"badge aqi%d%s\"><b>%d</b> <span>%s</span></span>",
		(int)(category - category_table(METRIC_VN_AQI, &count)) + 1,
		is_stale ? " stale" : "", index,
		page->language == WORDS_EN ? category->en : category->vi);
}

static void put_fact(const struct page *page, uint16_t id, double value)
{
	const struct metric *metric = metric_by_id(id);

	if (isnan(value))
		return;
	buffer_puts(page->out, "<span class=\"fact\">");
	page_escape(page->out, words_metric(metric, page->language));
	buffer_putc(page->out, ' ');
	page_put_number(page, metric, value);
	buffer_puts(page->out, "</span>");
}

/* Where it is, where that has a name of its own. */
static void put_area(const struct page *page, const struct station *station)
{
	const char *name = config_area_name(page->view->config, station->area);

	if (strcmp(name, station->area) == 0 || strcmp(name, station->name) == 0)
		return;
	buffer_puts(page->out, "<small>");
	page_escape(page->out, name);
	buffer_puts(page->out, "</small>");
}

void page_put_card(const struct page *page, const struct page_card *card)
{
	struct buffer *out = page->out;

	buffer_puts(out, "<li class=\"card\"><a href=\"/stations/");
	page_escape_address(out, card->station.id);
	page_put_language(page);
	buffer_puts(out, "\"><span class=\"name\">");
	page_escape(out, card->station.name);
	put_area(page, &card->station);
	buffer_puts(out, "</span>");
	const struct index_now *index = &card->index;
	page_put_badge(page, index->end_ms ? index->value : -1,
		page->now_ms - index->end_ms >= PAGE_INDEX_STALE_MS);
	buffer_puts(out, "<span class=\"facts\">");
	if (index->end_ms && index->has_pollutant)
		buffer_printf(out, "<span class=\"fact\">%s <b>%s</b></span>",
			page->words->highest, page_pollutant(index->pollutant));
	put_fact(page, METRIC_PM25, card->pm25);
	put_fact(page, METRIC_RAIN_1H, card->rain);
	if (card->newest_ms > 0)
		page_put_age(page, card->newest_ms);
	else
		buffer_puts(out, page->words->no_data);
	if (card->station.indicative || index->indicative)
		buffer_printf(out, "<em>%s</em>", page->words->indicative);
	buffer_puts(out, "</span></a></li>\n");
}
