#include "web/page_values.h"

#include <string.h>

#include "core/metric.h"

static bool is_rain(uint16_t metric)
{
	return stations_is_rain_sum(metric) || metric == METRIC_RAIN_RATE;
}

/* Why the value must not be taken as it stands; NULL: it may. */
static const char *doubt(const struct page *page, const struct latest_value *value)
{
	const char *flag = words_flag(value->reading.flag, page->language);

	/* Of a rain sum, flag 3 says that its window was not watched as a whole. */
	if (value->reading.flag == FLAG_SUSPECT &&
		stations_is_rain_sum(value->reading.metric))
		return page->words->few;
	if (flag[0])
		return flag;
	if (value->status == STATUS_CALIBRATING)
		return page->words->calibrating;
	if (value->status == STATUS_FAULT)
		return page->words->fault;
	if (value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET))
		return page->words->unknown_age;
	return NULL;
}

void page_put_number(const struct page *page, const struct metric *metric, double value)
{
	buffer_puts(page->out, "<b>");
	words_value(page->out, metric, value, page->language);
	buffer_puts(page->out, "</b> <span class=\"unit\">");
	page_escape(page->out, words_unit(metric));
	buffer_puts(page->out, "</span>");
}

static void put_value(
	const struct page *page, const char *sensor, const struct latest_value *value)
{
	const struct metric *metric = metric_by_id(value->reading.metric);
	struct buffer *out = page->out;

	if (!metric)
		return;
	bool current = view_is_current(page->view, sensor, value, page->now_ms);
	bool bad =
		value->reading.flag == FLAG_FAIL || value->reading.flag == FLAG_MISSING;
	const char *why = doubt(page, value);

	buffer_printf(out, "<li class=\"value%s%s\"><span class=\"what\">",
		current ? "" : " stale",
		bad           ? " bad"
			: why ? " doubtful"
			      : "");
	page_escape(out, words_metric(metric, page->language));
	buffer_puts(out, "</span><span class=\"much\">");
	page_put_number(page, metric, value->reading.value);
	buffer_puts(out, "</span><span class=\"when\">");
	page_put_age(page, value->time_ms);
	if (!current && !(value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET)))
		buffer_printf(out, " · <strong>%s</strong>", page->words->stale);
	if (why)
		buffer_printf(out, " · <strong>%s</strong>", why);
	buffer_puts(out, "</span></li>\n");
}

static void put_list(const struct page *page, const struct latest_source *source,
	bool rain, const char *title)
{
	const struct latest_value *values[READINGS_MAX];
	size_t count = stations_order(source, values);
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (is_rain(values[i]->reading.metric) != rain)
			continue;
		if (!any) {
			buffer_puts(page->out, rain ? "<h2>" : "<h3>");
			page_escape(page->out, title);
			buffer_printf(page->out, "</%s>\n<ul class=\"values%s\">\n",
				rain ? "h2" : "h3", rain ? " rain" : "");
		}
		any = true;
		put_value(page, source->sensor, values[i]);
	}
	if (any)
		buffer_puts(page->out, "</ul>\n");
}

void page_put_rain(const struct page *page, const struct latest_source *source)
{
	put_list(page, source, true, page->words->rain_title);
}

void page_put_values(const struct page *page, const struct latest_source *source)
{
	put_list(page, source, false, source->sensor);
}
