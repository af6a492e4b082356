/*
 * From the open minutes of all series into the store: the minutes, the hours made of
 * them, and what the judging of their sources remembers. Of the files of the pipeline
 * only.
 */
#ifndef MUABUI_GATEWAY_MINUTES_H
#define MUABUI_GATEWAY_MINUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "gateway/indices.h"
#include "gateway/sources.h"
#include "store/store.h"

struct minutes {
	struct store *store; /* NULL: nothing is kept, indices are made all the same */
	struct indices *indices; /* NULL: none are made */
	int64_t keep_ms;         /* how long the store keeps minutes; 0: for ever */
	int64_t hours_ms;        /* hours are made up to this end; 0: none yet */
	bool knows_series; /* which have minutes beyond hours_ms: after the first hour */
	struct buffer bytes; /* for saving state; the owner's to begin and to free */
};

/*
 * Merges what SOURCES have counted so far, and makes the hours that are over by NOW_MS or
 * touched by late minutes. Inside a transaction. 0 or -1.
 */
int minutes_merge(struct minutes *minutes, const struct sources *sources, int64_t now_ms);

#endif
