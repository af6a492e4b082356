#include "web/page_air.h"

#include <math.h>

#include "core/category.h"
#include "core/metric.h"
#include "web/page_cards.h"

/* Differences below it are noise. */
static const double trend_least = 5;

static int level_of(int index)
{
	const struct category *category = category_of(METRIC_VN_AQI, index);
	size_t count;

	return (int)(category - category_table(METRIC_VN_AQI, &count));
}

/* What there is to do, for everybody and for the sensitive. */
static void put_advice(const struct page *page, int index)
{
	int level = level_of(index);

	buffer_printf(page->out,
		"<p class=\"effect\">%s</p>\n<dl class=\"advice\"><div><dt>%s</dt><dd>%s</dd></div>"
		"<div><dt>%s</dt><dd>%s</dd></div></dl>\n",
		page->words->effect[level], page->words->everybody,
		page->words->for_all[level], page->words->sensitive,
		page->words->for_sensitive[level]);
}

static void put_trend(const struct page *page, double now, double before)
{
	const struct page_words *words = page->words;

	if (isnan(before))
		return;
	bool up = now - before >= trend_least, down = before - now >= trend_least;
	buffer_printf(page->out,
		"<p class=\"trend\"><span aria-hidden=\"true\">%s</span> %s (%s: %.0f)</p>\n",
		up             ? "▲"
			: down ? "▼"
			       : "▬",
		up             ? words->up
			: down ? words->down
			       : words->same,
		words->hour_before, before);
}

static void put_hour(const struct page *page, const struct air_now *air, double before)
{
	const struct air_now_span *hour = &air->hour;
	const struct page_words *words = page->words;
	struct buffer *out = page->out;
	bool stale = page->now_ms - hour->end_ms >= PAGE_INDEX_STALE_MS;

	buffer_printf(out, "<div class=\"index aqi%d%s\"><p class=\"big\">",
		level_of(hour->vn.index) + 1, stale ? " stale" : "");
	page_put_badge(page, hour->vn.index, stale);
	buffer_puts(out, "</p><p class=\"of\">VN_AQI · ");
	buffer_printf(out, "%s ", words->hour_to);
	page_put_clock(page, hour->end_ms);
	if (stale)
		buffer_printf(out, " · <strong>%s</strong>", words->stale);
	if (hour->indicative)
		buffer_printf(out, " · <em>%s</em>", words->indicative);
	buffer_printf(out, "<br>%s: <strong>%s</strong></p></div>\n", words->highest,
		page_pollutant(hour->vn.pollutant));
	put_trend(page, hour->vn.index, before);
	put_advice(page, hour->vn.index);
}

/* --- all sub-indices ----------------------------------------------------------- */

static void put_concentration(
	const struct page *page, const struct air_now_span *hour, enum air_pollutant p)
{
	bool dust = p == AIR_PM25 || p == AIR_PM10;
	double value = p == AIR_PM25 ? hour->vn.pm25
		: p == AIR_PM10      ? hour->vn.pm10
				     : hour->means[p];

	words_value(page->out, metric_by_id(METRIC_PM25), value, page->language);
	if (dust && !isnan(value))
		buffer_puts(page->out, " <small>NowCast</small>");
}

static void put_parts(const struct page *page, const struct air_now_span *hour)
{
	const struct page_words *words = page->words;
	struct buffer *out = page->out;

	buffer_printf(out,
		"<table class=\"parts\"><caption>%s</caption><thead><tr><td></td>"
		"<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
		"</tr></thead><tbody>\n",
		words->parts_title, words->part_head, words->mean_head,
		words->share_head);
	for (int p = 0; p < AIR_POLLUTANTS; p++) {
		if (hour->vn.parts[p] < 0 && isnan(hour->means[p]))
			continue;
		buffer_printf(out, "<tr><th scope=\"row\">%s</th><td>",
			page_pollutant((enum air_pollutant)p));
		if (hour->vn.parts[p] >= 0)
			buffer_printf(out, "<span class=\"dot aqi%d\">%d</span>",
				level_of(hour->vn.parts[p]) + 1, hour->vn.parts[p]);
		else
			buffer_puts(out, "–");
		buffer_puts(out, "</td><td>");
		put_concentration(page, hour, (enum air_pollutant)p);
		if (hour->completeness[p] > 0)
			buffer_printf(out, "</td><td>%.0f %%</td></tr>\n",
				100 * hour->completeness[p]);
		else
			buffer_puts(out, "</td><td>–</td></tr>\n");
	}
	buffer_puts(out, "</tbody></table>\n");
}

/* --- beside the hour -------------------------------------------------------------- */

static const char *name_of(const struct page *page, uint16_t metric, int index)
{
	const struct category *category = category_of(metric, index);

	return page->language == WORDS_EN ? category->en : category->vi;
}

static void put_provisional(const struct page *page, const struct air_now_span *running)
{
	if (running->end_ms == 0 || running->vn.index < 0)
		return;
	buffer_printf(page->out,
		"<p class=\"provisional\"><em>%s</em>: <span class=\"dot aqi%d\">%d</span> %s "
		"<small>(%s)</small></p>\n",
		page->words->provisional, level_of(running->vn.index) + 1,
		running->vn.index, name_of(page, METRIC_VN_AQI, running->vn.index),
		page->words->provisional_why);
}

static void put_day(const struct page *page, const struct air_now_span *day)
{
	char text[CLOCK_TEXT_SIZE];

	if (day->end_ms == 0 || day->vn.index < 0)
		return;
	/* The midnight that ends a day belongs to it. */
	clock_format(text, day->end_ms - 1, VIEW_OFFSET_MINUTES);
	buffer_printf(page->out,
		"<p class=\"day\">%s %.2s/%.2s: <span class=\"dot aqi%d\">%d</span> %s · %s: "
		"%s</p>\n",
		page->words->day, text + 8, text + 5, level_of(day->vn.index) + 1,
		day->vn.index, name_of(page, METRIC_VN_AQI, day->vn.index),
		page->words->highest, page_pollutant(day->vn.pollutant));
}

static void put_others(const struct page *page, const struct air_now_span *hour)
{
	const struct {
		const char *name;
		uint16_t metric;
		int index;
	} others[] = {
		{ "US AQI", METRIC_US_AQI, hour->us.index },
		{ page->language == WORDS_EN ? "European index" : "Chỉ số châu Âu",
			METRIC_EAQI, hour->eu.index },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (others[i].index < 0)
			continue;
		if (any)
			buffer_puts(page->out, " · ");
		else
			buffer_printf(page->out,
				"<p class=\"others\">%s: ", page->words->others);
		buffer_printf(page->out, "%s <b>%d</b> (%s)", others[i].name,
			others[i].index,
			name_of(page, others[i].metric, others[i].index));
		any = true;
	}
	if (any)
		buffer_puts(page->out, "</p>\n");
}

static void put_how(const struct page *page, const struct station *station)
{
	const struct page_words *words = page->words;

	buffer_printf(page->out, "<details><summary>%s</summary><p>%s</p><p>%s ",
		words->how_title, words->how, words->by);
	page_escape(page->out, station->name);
	if (station->latitude >= -90)
		buffer_printf(page->out, " (%.4f; %.4f)", station->latitude,
			station->longitude);
	buffer_puts(page->out, ".</p>");
	if (station->indicative)
		buffer_printf(page->out, "<p>%s</p>", words->indicative_why);
	buffer_puts(page->out, "</details>\n");
}

void page_put_air(const struct page *page, const struct station *station,
	const struct air_now *air, double before)
{
	bool is_known = air && air->hour.end_ms > 0;

	buffer_printf(page->out, "<h2>%s</h2>\n", page->words->air_title);
	if (is_known && air->hour.vn.index >= 0)
		put_hour(page, air, before);
	else
		buffer_printf(page->out,
			"<div class=\"index\"><p class=\"big\"><span class=\"badge none\">%s</span>"
			"</p><p>%s</p></div>\n",
			page->words->no_index, page->words->why_none);
	if (air)
		put_provisional(page, &air->running);
	if (is_known) {
		put_parts(page, &air->hour);
		put_others(page, &air->hour);
	}
	if (air)
		put_day(page, &air->day);
	put_how(page, station);
}
