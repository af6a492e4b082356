/* What every page for citizens has in common: head, navigation, foot, and small parts. */
#ifndef MUABUI_WEB_PAGE_FRAME_H
#define MUABUI_WEB_PAGE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "web/page_words.h"
#include "web/route.h"

struct page {
	struct buffer *out;
	const struct gateway_view *view;
	const struct page_words *words;
	enum words_language language;
	int64_t now_ms;
};

/* The pages of the navigation; PAGE_STATION is none of them. */
enum page_kind { PAGE_HOME, PAGE_STATIONS, PAGE_ALERTS, PAGE_ABOUT, PAGE_STATION };

/* PAGE for REQUEST, which REPLY answers with HTML. */
void page_start(
	struct page *page, const struct web_request *request, struct web_reply *reply);

/*
 * Writes everything before the content: TITLE stands in the window's frame; PATH ("/",
 * "/stations/HN-1") is where the other language is, DESCRIPTION (may be NULL) what
 * searchers are shown.
 */
void page_head(struct page *page, enum page_kind kind, const char *title,
	const char *path, const char *description);

/* Writes everything behind the content. */
void page_foot(struct page *page);

/*
 * Appends TEXT so that it is text wherever HTML stands: & < > " ' become references,
 * control characters blanks, invalid UTF-8 U+FFFD.
 */
void page_escape(struct buffer *out, const char *text);

/* Appends TEXT so that it is one segment or argument of an address. */
void page_escape_address(struct buffer *out, const char *text);

/* Appends what keeps the language in an address that has no query: "?lang=en" or "". */
void page_put_language(const struct page *page);

/* Appends MS as an age in a <time>, with clock time and date where it is not recent. */
void page_put_age(const struct page *page, int64_t ms);

/* Appends the clock time "14:00", with the date where it is not today's, in a <time>. */
void page_put_clock(const struct page *page, int64_t ms);

/* Appends TEXT and the link "/stations/ID" around it; both may be anything. */
void page_put_station_link(const struct page *page, const char *id, const char *text);

#endif
