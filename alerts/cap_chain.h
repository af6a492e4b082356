/* From the history of an episode (store/episodes.h) to its messages in CAP. */
#ifndef MUABUI_ALERTS_CAP_CHAIN_H
#define MUABUI_ALERTS_CAP_CHAIN_H

#include <stdint.h>

#include "config/config.h"
#include "core/buffer.h"
#include "store/store.h"

/*
 * Appends the message REVISION of EPISODE as CAP, with references to those before that
 * still held when it was sent, or to the last one. 1, and when it was sent in SENT_MS; 0:
 * there is no such message for citizens, or it is an end of which nothing before is
 * known; -1: the store failed, or memory is out.
 */
int cap_chain_write(struct store *store, const struct config *config, const char *episode,
	int revision, struct buffer *out, int64_t *sent_ms);

#endif
