/* What the citizens' pages say, in both languages; metrics and ages are in web/words.h.
 */
#ifndef MUABUI_WEB_PAGE_WORDS_H
#define MUABUI_WEB_PAGE_WORDS_H

#include "derive/air_hours.h"
#include "web/words.h"

enum { PAGE_PLACES = 4, PAGE_LEVELS = 6 };

struct page_words {
	/* the frame */
	const char *code, *brand, *description, *skip, *navigation;
	const char *places[PAGE_PLACES]; /* of the navigation */
	const char *other, *other_code;
	const char *offline, *updated, *note, *about_link, *data;
	/* values */
	const char *no_data, *stale, *unknown_age, *calibrating, *fault, *few;
	/* home and lists */
	const char *home_title, *search, *search_hint, *near, *as_list, *as_map, *found;
	const char *own, *worst, *all_of, *all_title, *no_area, *area_count, *choose_area;
	const char *no_index, *indicative;
	/* a station */
	const char *air_title, *hour_to, *highest, *everybody, *sensitive;
	const char *parts_title, *part_head, *mean_head, *share_head;
	const char *provisional, *provisional_why, *day, *others, *why_none;
	const char *up, *down, *same, *hour_before;
	const char *rain_title, *rain_now, *values_title, *charts_title, *charts_none;
	const char *how_title, *how, *by, *indicative_why, *sensor, *not_found;
	/* alerts */
	const char *active_title, *none_active, *not_known, *history_title, *none_before;
	const char *subscribe, *subscribe_lead, *over, *expired, *since, *until,
		*what_to_do;
	const char *severities[4];
	const char *about_title, *about; /* HTML */
	/* by level of VN_AQI, best first: tables 4 and 5 of Decision 1459/QĐ-TCMT */
	const char *effect[PAGE_LEVELS];
	const char *for_all[PAGE_LEVELS];
	const char *for_sensitive[PAGE_LEVELS];
};

extern const struct page_words page_words_vi, page_words_en;

const struct page_words *page_words_of(enum words_language language);

/* "PM2.5", "O₃": what POLLUTANT is called between people. */
const char *page_pollutant(enum air_pollutant pollutant);

#endif
