/*
 * Other gateways' alerts, with libFuzzer: what may come over the broker from anybody.
 * What is read can be written and read again as the same; nothing is signed that was not.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->count; i++) {
		struct message again;
		struct buffer body;

		buffer_init(&body, 4 * OUTBOX_BODY_MAX);
		message_to_json(&envelope->messages[i], &body);
		if (body.failed || !message_from_json(&again, buffer_text(&body)) ||
			again.revision != envelope->messages[i].revision ||
			strcmp(again.id, envelope->messages[i].id) != 0)
			abort();
		buffer_free(&body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct envelope envelope;
	static struct envelope_key *key;
	char why[256], name[] = "/tmp/fuzz-envelope-XXXXXX";

	if (!key) {
		int fd = mkstemp(name);
		FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
		if (!file || fputs("nobody knows this one", file) < 0 ||
			fclose(file) != 0)
			abort();
		key = envelope_key_read(name, why, sizeof why);
		remove(name);
	}
	if (!key || envelope_is_signed(key, (const char *)data, size))
		abort();
	if (envelope_read(&envelope, (const char *)data, size))
		write_again(&envelope);
	return 0;
}
