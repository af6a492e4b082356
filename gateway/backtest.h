/*
 * The back-test: recorded readings through the gateway's own quality control,
 * derivation, indices and rules, by the readings' own clock, as fast as it goes. What
 * differs from a gateway that runs: the clock, which is the readings' (between them it
 * goes on by a minute at most); and that nothing is stored or sent. The alerts' states
 * and messages are in a file that has no name any more.
 */
#ifndef MUABUI_GATEWAY_BACKTEST_H
#define MUABUI_GATEWAY_BACKTEST_H

#include <stdio.h>

#include "config/config.h"

/*
 * Plays what IN, called NAME, has, by CONFIG; writes to OUT one JSON object per message
 * (that of the webhook), and one that sums them up. Freezes the process's clock. The
 * exit status: 0, or 1 with a logged reason.
 */
int backtest_run(struct config *config, FILE *in, const char *name, FILE *out);

#endif
