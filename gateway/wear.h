/*
 * What a configuration costs: how much a power cut may take, and what is written to the
 * flash card in a day. An estimate, for `check`; the daemon does not use it.
 */
#ifndef MUABUI_GATEWAY_WEAR_H
#define MUABUI_GATEWAY_WEAR_H

#include <stdint.h>

#include "config/config.h"

struct wear {
	int64_t lost_ms;         /* of readings, at most, in a power cut */
	bool acknowledged;       /* nothing acknowledged is among them */
	double reports, commits; /* in a day */
	double bytes;            /* written in a day */
};

/*
 * A sensor that is asked reports as often as its option `every` says, one that talks by
 * itself every second, and one whose messages come over MQTT or HTTP every 10 s.
 *
 *     commits = the smaller of reports and 1 d / commit_every
 *               ("each": reports by message, and of the others as before)
 *     pages   = 2 · commits + 1440 · (6 + 6 · sensors)     WAL, minutes every minute
 *     bytes   = 4120 · pages                               WAL frames; check-points are
 * few
 *             + 2 · 100 · reports                          ring and store
 *             + 2880 · 8192                                the ring's head, every 30 s
 *
 * Measured against the kernel's count of written bytes it is right within an eighth
 * (docs/durability.md).
 */
void wear_estimate(const struct config *config, struct wear *wear);

#endif
