/*
 * What is new since the last look: of the newest values by what is in memory, of alerts
 * by the store. Written as server-sent events.
 */
#ifndef MUABUI_WEB_WATCHER_H
#define MUABUI_WEB_WATCHER_H

#include <stdint.h>

#include "core/buffer.h"
#include "web/readers.h"
#include "web/view.h"

struct watcher;

/*
 * Called with a piece of what is to be sent: its fields "event" and "data", without the
 * empty line that ends it. LANGUAGE -1: it is for all.
 */
typedef void watcher_tell(
	void *arg, const char *station, int language, const struct buffer *text);

/* NULL: memory is out. The free accepts NULL. */
struct watcher *watcher_new(const struct gateway_view *view, struct readers *readers);
void watcher_free(struct watcher *watcher);

/* From now on only what comes is new. */
void watcher_begin(struct watcher *watcher);

/* Tells what is new at NOW_MS (real time). */
void watcher_look(struct watcher *watcher, int64_t now_ms, watcher_tell *tell, void *arg);

#endif
