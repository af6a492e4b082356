/*
 * The alerts there are, as the store keeps them, for those who list them: any thread,
 * with a connection of its own.
 */
#ifndef MUABUI_ALERTS_ACTIVE_H
#define MUABUI_ALERTS_ACTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/message.h"
#include "alerts/rule.h"
#include "alerts/site.h"
#include "config/config.h"
#include "store/directory.h"
#include "store/outbox.h"
#include "store/store.h"

struct active_alert {
	const struct rule *rule;
	struct site site;
	char episode[EPISODE_SIZE]; /* "": none yet, quiet hours hold it back */
	int revision;               /* of its latest message; 0: there was none */
	struct rule_event
		event;  /* as rule_present() has it, of when it was last written */
	bool over;      /* and the all-clear is held back */
	bool told;      /* by a message of its own */
	bool in_digest; /* by a digest */
};

struct active_alerts {
	struct active_alert *list; /* the oldest first */
	size_t count;
};

/*
 * Reads them; CONFIG must outlive the result. 0, or -1: the store failed (store_error()),
 * memory is out.
 */
int active_read(struct active_alerts *alerts, const struct config *config,
	const struct directory *directory, struct store *store);
void active_free(struct active_alerts *alerts);

#endif
