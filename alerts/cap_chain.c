#include "alerts/cap_chain.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/cap.h"
#include "store/episodes.h"

/* The one that is asked for, and what has gone before. */
struct chain {
	int revision;
	bool found, is_public, is_readable;
	int64_t earlier_expires_ms[CAP_REFERENCES_MAX];
	struct message messages[CAP_LANGUAGES];
	struct cap_alert alert;
};

static void add_reference(struct chain *chain, const struct episode_message *message)
{
	struct cap_alert *alert = &chain->alert;

	if (alert->reference_count == CAP_REFERENCES_MAX) {
		alert->reference_count--;
		memmove(alert->references, alert->references + 1,
			alert->reference_count * sizeof alert->references[0]);
		memmove(chain->earlier_expires_ms, chain->earlier_expires_ms + 1,
			alert->reference_count * sizeof chain->earlier_expires_ms[0]);
	}
	chain->earlier_expires_ms[alert->reference_count] = message->expires_ms;
	alert->references[alert->reference_count++] =
		(struct cap_reference){ .revision = message->revision,
			.sent_ms = message->created_ms };
}

static void take(void *arg, const struct episode_message *message)
{
	struct chain *chain = arg;

	if (message->revision != chain->revision) {
		add_reference(chain, message);
		return;
	}
	chain->found = true;
	chain->is_public = message->is_public;
	chain->alert.sent_ms = message->created_ms;
	chain->alert.latitude = message->latitude;
	chain->alert.longitude = message->longitude;
	chain->is_readable = true;
	for (int i = 0; i < CAP_LANGUAGES; i++) {
		chain->alert.messages[i] = &chain->messages[i];
		if (!message_from_json(&chain->messages[i], message->bodies[i]))
			chain->is_readable = false;
	}
}

/* Of those before only what still held then is superseded; the last one always is. */
static void drop_expired(struct chain *chain)
{
	struct cap_alert *alert = &chain->alert;
	size_t kept = 0;

	for (size_t i = 0; i < alert->reference_count; i++)
		if (chain->earlier_expires_ms[i] > alert->sent_ms ||
			i + 1 == alert->reference_count)
			alert->references[kept++] = alert->references[i];
	alert->reference_count = kept;
}

int cap_chain_write(struct store *store, const struct config *config, const char *episode,
	int revision, struct buffer *out, int64_t *sent_ms)
{
	struct chain *chain = calloc(1, sizeof *chain); /* too large for a stack */
	int result = -1;

	if (!chain)
		return -1;
	chain->revision = revision;
	if (history_chain(store, episode, revision, take, chain) >= 0) {
		drop_expired(chain);
		result = chain->found && chain->is_public && chain->is_readable &&
			!(chain->messages[0].resolved &&
				chain->alert.reference_count == 0);
	}
	if (result == 1) {
		*sent_ms = chain->alert.sent_ms;
		cap_write(config, &chain->alert, out);
	}
	free(chain);
	return result;
}
