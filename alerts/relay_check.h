/*
 * Is what came over the broker an alert that may be relayed? As far as that can be said
 * without the store. Pure but for the key file, which is read each time so that a key may
 * be changed while the gateway runs.
 */
#ifndef MUABUI_ALERTS_RELAY_CHECK_H
#define MUABUI_ALERTS_RELAY_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/envelope.h"
#include "alerts/relay_options.h"
#include "core/mqtt_client.h"

enum relay_verdict {
	RELAY_TAKEN,    /* it goes on */
	RELAY_KNOWN,    /* was here before, or is older than what was */
	RELAY_RETAINED, /* the broker's copy of something old */
	RELAY_NONSENSE, /* no envelope */
	RELAY_STRANGER, /* no box of ours, or not its topic */
	RELAY_UNSIGNED, /* the signature is wrong, or the key cannot be read */
	RELAY_FOREIGN,  /* about a station or an episode that is not the box's */
	RELAY_UNTIMELY, /* expired, or from the future */
	RELAY_UNTOLD,   /* the end of what was never taken */
	RELAY_OWN,      /* this gateway's own rule looks at that */
	RELAY_CAPPED,   /* more than the box may bring */
	RELAY_VERDICTS,
};

/* "signature", …: for logs and metrics. */
const char *relay_verdict_name(enum relay_verdict verdict);

/* What goes on: the envelope, and the box it came from. */
struct relayed {
	struct envelope envelope;
	const struct relay_box *box;
};

/*
 * Reads MESSAGE, which came by RELAY at NOW_MS (0: the clock is not believed, and no time
 * can be judged). RELAY_TAKEN: RELAYED is filled.
 */
enum relay_verdict relay_check(const struct relay_options *relay,
	const struct mqtt_message *message, int64_t now_ms, struct relayed *relayed);

#endif
