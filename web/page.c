#include "web/page.h"

#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "core/utf8.h"
#include "web/asset.h"
#include "web/stations.h"
#include "web/words.h"

struct texts {
	const char *code, *title, *lead;
	const char *other, *other_code, *other_link;
	const char *offline;
	const char *updated, *no_data, *stale;
	const char *unknown_age, *calibrating, *fault;
	const char *note, *data;
};

static const struct texts texts[WORDS_LANGUAGES] = {
	[WORDS_VI] = {
		.code = "vi",
		.title = "Không khí và mưa",
		.lead = "Số đo mới nhất của các trạm",
		.other = "English",
		.other_code = "en",
		.other_link = "/?lang=en",
		.offline = "Không kết nối được với trạm. Số liệu dưới đây có thể đã cũ.",
		.updated = "Cập nhật ",
		.no_data = "Chưa có số liệu.",
		.stale = "Số liệu cũ",
		.unknown_age = "không rõ thời điểm đo",
		.calibrating = "đang hiệu chuẩn",
		.fault = "thiết bị lỗi",
		.note = "Số đo tức thời của cảm biến, giờ Việt Nam. Không thay cho bản tin "
			"chính thức.",
		.data = "Dữ liệu JSON",
	},
	[WORDS_EN] = {
		.code = "en",
		.title = "Air and rain",
		.lead = "The newest readings of the stations",
		.other = "Tiếng Việt",
		.other_code = "vi",
		.other_link = "/",
		.offline = "The station cannot be reached. What is shown may be old.",
		.updated = "Updated ",
		.no_data = "No data yet.",
		.stale = "Old data",
		.unknown_age = "time of measurement unknown",
		.calibrating = "calibrating",
		.fault = "instrument fault",
		.note = "Momentary sensor readings, Viet Nam time. They do not replace "
			"official bulletins.",
		.data = "Data as JSON",
	},
};

struct page {
	struct buffer *out;
	const struct gateway_view *view;
	const struct texts *texts;
	enum words_language language;
	int64_t now_ms;
	bool in_list;
};

void page_escape(struct buffer *out, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t length = utf8_char_length(text, left);
		unsigned char c = (unsigned char)*text;

		if (length == 0) {
			buffer_puts(out, "\xef\xbf\xbd");
			length = 1;
		} else if (c < 0x20 || c == 0x7f) {
			buffer_putc(out, ' ');
		} else if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') {
			buffer_printf(out, "&#%d;", c);
		} else {
			buffer_append(out, text, length);
		}
		text += length;
		left -= length;
	}
}

static void put_time(struct page *page, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	buffer_printf(page->out, "<time datetime=\"%s\">",
		clock_format(text, ms, VIEW_OFFSET_MINUTES));
	words_age(page->out, page->now_ms - ms, page->language);
	/* "2026-11-22T09:30:00+07:00": the day only where it is not today's. */
	if (page->now_ms - ms >= 12 * 3600 * 1000)
		buffer_printf(page->out, " (%.2s:%.2s %.2s/%.2s/%.4s)", text + 11,
			text + 14, text + 8, text + 5, text);
	buffer_puts(page->out, "</time>");
}

static void begin(void *arg, const struct station_view *station)
{
	struct page *page = arg;

	page->in_list = false;
	buffer_puts(page->out, "<section class=\"station\">\n<h2>");
	page_escape(page->out, station->name);
	buffer_puts(page->out, "</h2>\n");
	if (strcmp(station->name, station->id) != 0) {
		buffer_puts(page->out, "<p class=\"id\">");
		page_escape(page->out, station->id);
		buffer_puts(page->out, "</p>\n");
	}
}

/* Why the value must not be taken as it stands; NULL: it may. */
static const char *doubt(const struct page *page, const struct latest_value *value)
{
	const char *flag = words_flag(value->reading.flag, page->language);

	if (flag[0])
		return flag;
	if (value->status == STATUS_CALIBRATING)
		return page->texts->calibrating;
	if (value->status == STATUS_FAULT)
		return page->texts->fault;
	if (value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET))
		return page->texts->unknown_age;
	return NULL;
}

static void put_value(
	struct page *page, const char *sensor, const struct latest_value *value)
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
	buffer_puts(out, "</span><span class=\"much\"><b>");
	words_value(out, metric, value->reading.value, page->language);
	buffer_puts(out, "</b> <span class=\"unit\">");
	page_escape(out, words_unit(metric));
	buffer_puts(out, "</span></span><span class=\"when\">");
	put_time(page, value->time_ms);
	if (!current && !(value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET)))
		buffer_printf(out, " · <strong>%s</strong>", page->texts->stale);
	if (why)
		buffer_printf(out, " · <strong>%s</strong>", why);
	buffer_puts(out, "</span></li>\n");
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct page *page = arg;
	const struct latest_value *values[READINGS_MAX];
	size_t count = stations_order(source, values);

	buffer_puts(page->out, "<h3>");
	page_escape(page->out, source->sensor);
	buffer_puts(page->out, "</h3>\n<ul>\n");
	for (size_t i = 0; i < count; i++)
		put_value(page, source->sensor, values[i]);
	buffer_puts(page->out, "</ul>\n");
	page->in_list = true;
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	struct page *page = arg;

	(void)station;
	(void)newest_ms;
	if (!page->in_list)
		buffer_printf(
			page->out, "<p class=\"none\">%s</p>\n", page->texts->no_data);
	buffer_puts(page->out, "</section>\n");
}

static void put_head(struct page *page)
{
	struct buffer *out = page->out;
	const struct texts *t = page->texts;

	buffer_printf(out,
		"<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s – ",
		t->code, t->title);
	page_escape(out, page->view->config->station.name);
	buffer_puts(out, "</title>\n<link rel=\"icon\" type=\"image/svg+xml\" href=\"");
	asset_link(out, "/icon.svg");
	buffer_puts(out, "\">\n<link rel=\"stylesheet\" href=\"");
	asset_link(out, "/style.css");
	buffer_puts(out, "\">\n<script type=\"module\" src=\"");
	asset_link(out, "/page.js");
	/* Where scripts run, page.js refreshes; elsewhere the browser does. */
	buffer_puts(out,
		"\"></script>\n<noscript><meta http-equiv=\"refresh\" content=\"60\"></noscript>\n"
		"</head>\n<body>\n");
	buffer_printf(out,
		"<header>\n<h1>%s</h1>\n<p>%s</p>\n<nav><a href=\"%s\" lang=\"%s\" "
		"hreflang=\"%s\">%s</a></nav>\n</header>\n"
		"<p id=\"offline\" role=\"status\" hidden>%s</p>\n<main>\n",
		t->title, t->lead, t->other_link, t->other_code, t->other_code, t->other,
		t->offline);
}

static void put_foot(struct page *page)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(text, page->now_ms, VIEW_OFFSET_MINUTES);
	buffer_printf(page->out,
		"</main>\n<footer>\n<p>%s%.2s:%.2s:%.2s %.2s/%.2s/%.4s</p>\n<p>%s</p>\n"
		"<p><a href=\"/api/v1/stations\">%s</a></p>\n</footer>\n</body>\n</html>\n",
		page->texts->updated, text + 11, text + 14, text + 17, text + 8, text + 5,
		text, page->texts->note, page->texts->data);
}

void page_handle(const struct web_request *request, struct web_reply *reply)
{
	static const struct station_visitor visitor = {
		.begin = begin,
		.sensor = sensor,
		.end = end,
	};
	struct page page = {
		.out = &reply->body,
		.view = request->view,
		.texts = &texts[request->language],
		.language = request->language,
		.now_ms = clock_wall_ms(),
	};

	reply->type = "text/html; charset=utf-8";
	reply->cache = "no-cache";
	put_head(&page);
	stations_walk(request->view, NULL, &visitor, &page);
	put_foot(&page);
}
