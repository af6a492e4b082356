#include "web/page_frame.h"

#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "web/asset.h"

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

void page_escape_address(struct buffer *out, const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (; *text; text++)
		if (strchr(plain, *text))
			buffer_putc(out, *text);
		else
			buffer_printf(out, "%%%02X", (unsigned char)*text);
}

void page_put_language(const struct page *page)
{
	if (page->language == WORDS_EN)
		buffer_puts(page->out, "?lang=en");
}

/* "2026-11-22T09:30:00+07:00" in Viet Nam. */
static void put_opened(const struct page *page, int64_t ms, char text[CLOCK_TEXT_SIZE])
{
	buffer_printf(page->out, "<time datetime=\"%s\">",
		clock_format(text, ms, VIEW_OFFSET_MINUTES));
}

void page_put_age(const struct page *page, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	buffer_puts(page->out, "<span class=\"age\">");
	put_opened(page, ms, text);
	words_age(page->out, page->now_ms - ms, page->language);
	buffer_puts(page->out, "</time>");
	/* The day only where it need not be today. */
	if (page->now_ms - ms >= 12 * 3600 * 1000)
		buffer_printf(page->out, " (%.2s:%.2s %.2s/%.2s/%.4s)", text + 11,
			text + 14, text + 8, text + 5, text);
	buffer_puts(page->out, "</span>");
}

void page_put_clock(const struct page *page, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE], today[CLOCK_TEXT_SIZE];

	buffer_printf(page->out, "<time class=\"clock\" datetime=\"%s\">%.2s:%.2s",
		clock_format(text, ms, VIEW_OFFSET_MINUTES), text + 11, text + 14);
	clock_format(today, page->now_ms, VIEW_OFFSET_MINUTES);
	if (strncmp(text, today, 10) != 0)
		buffer_printf(page->out, " %.2s/%.2s", text + 8, text + 5);
	buffer_puts(page->out, "</time>");
}

void page_put_station_link(const struct page *page, const char *id, const char *text)
{
	buffer_puts(page->out, "<a href=\"/stations/");
	page_escape_address(page->out, id);
	page_put_language(page);
	buffer_puts(page->out, "\">");
	page_escape(page->out, text);
	buffer_puts(page->out, "</a>");
}

void page_start(
	struct page *page, const struct web_request *request, struct web_reply *reply)
{
	*page = (struct page){
		.out = &reply->body,
		.view = request->view,
		.words = page_words_of(request->language),
		.language = request->language,
		.now_ms = clock_wall_ms(),
	};
	reply->type = "text/html; charset=utf-8";
	reply->cache = "no-cache";
}

/* --- head and foot ------------------------------------------------------------- */

static void put_links(struct page *page, const char *title, const char *description)
{
	struct buffer *out = page->out;

	buffer_printf(out,
		"<!doctype html>\n<html lang=\"%s\" data-now=\"%lld\">\n<head>\n"
		"<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n"
		"<meta name=\"theme-color\" content=\"#0b5cad\">\n<title>",
		page->words->code, (long long)page->now_ms);
	page_escape(out, title);
	buffer_puts(out, "</title>\n<meta name=\"description\" content=\"");
	page_escape(out, description ? description : page->words->description);
	buffer_puts(out, "\">\n");
	buffer_puts(out, "<link rel=\"stylesheet\" href=\"");
	asset_link(out, "style.css");
	buffer_puts(out, "\">\n");
	buffer_puts(out,
		"<link rel=\"icon\" type=\"image/svg+xml\" href=\"/icon.svg\">\n"
		"<link rel=\"apple-touch-icon\" href=\"/icon-mask.png\">\n");
	buffer_puts(out,
		"<link rel=\"manifest\" href=\"/manifest.json\">\n"
		"<script type=\"module\" src=\"");
	asset_link(out, "page.js");
	/* Where scripts run, page.js refreshes; elsewhere the browser does. */
	buffer_puts(out,
		"\"></script>\n<noscript><meta http-equiv=\"refresh\" content=\"120\">"
		"</noscript>\n</head>\n");
}

static void put_navigation(struct page *page, enum page_kind kind)
{
	static const char *const paths[] = { "/", "/stations", "/alerts", "/about" };
	struct buffer *out = page->out;

	buffer_printf(out, "<nav aria-label=\"%s\"><ul>\n", page->words->navigation);
	for (int i = PAGE_HOME; i <= PAGE_ABOUT; i++) {
		buffer_printf(out, "<li><a href=\"%s", paths[i]);
		page_put_language(page);
		buffer_printf(out, "\"%s>%s</a></li>\n",
			i == (int)kind ? " aria-current=\"page\"" : "",
			page->words->places[i]);
	}
	buffer_puts(out, "</ul></nav>\n");
}

void page_head(struct page *page, enum page_kind kind, const char *title,
	const char *path, const char *description)
{
	static const char *const names[] = { "home", "stations", "alerts", "about",
		"station" };
	struct buffer *out = page->out;
	const struct page_words *words = page->words;

	put_links(page, title, description);
	buffer_printf(out,
		"<body data-page=\"%s\">\n<a class=\"skip\" href=\"#content\">%s</a>\n"
		"<header>\n<p class=\"brand\"><a href=\"/",
		names[kind], words->skip);
	page_put_language(page);
	buffer_printf(out,
		"\">%s</a></p>\n<p class=\"tools\"><a class=\"tongue\" href=\"%s?lang=%s\" "
		"lang=\"%s\" hreflang=\"%s\">%s</a></p>\n",
		words->brand, path, words->other_code, words->other_code,
		words->other_code, words->other);
	put_navigation(page, kind);
	buffer_printf(out,
		"</header>\n<p id=\"offline\" role=\"status\" hidden>%s</p>\n"
		"<main id=\"content\" tabindex=\"-1\">\n",
		words->offline);
}

void page_foot(struct page *page)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(text, page->now_ms, VIEW_OFFSET_MINUTES);
	buffer_printf(page->out,
		"</main>\n<footer>\n<p id=\"updated\">%s %.2s:%.2s:%.2s, %.2s/%.2s/%.4s</p>\n"
		"<p>%s <a href=\"/about",
		page->words->updated, text + 11, text + 14, text + 17, text + 8, text + 5,
		text, page->words->note);
	page_put_language(page);
	buffer_printf(page->out,
		"\">%s</a> · <a href=\"/api/v1/stations\">%s</a></p>\n</footer>\n</body>\n"
		"</html>\n",
		page->words->about_link, page->words->data);
}
