#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "outputs/drivers.h"
#include "outputs/tt10_collect.h"
#include "outputs/tt10_options.h"
#include "store/reports.h"

/*
 * The department's station files (TT 10/2021), by FTP, FTPS or SFTP: strictly oldest
 * first, one file per period, as the receiver takes no file whose name sorts before the
 * last one it has read. Repeats do no harm there: it knows values by station and time.
 */
struct tt10 {
	const struct tt10_options *options;
	struct file_client *client;
	char prefix[TT10_PREFIX_MAX + 1];
	struct tt10_parameter defaults[TT10_PARAMETERS_MAX];
	struct tt10_settings settings;
	struct tt10_collector collector;
	struct store *store;
	bool ready; /* a report behind the open period has been seen */
};

static void tt10_close(void *arg)
{
	struct tt10 *self = arg;

	file_client_free(self->client);
	free(self);
}

static void *tt10_open(const void *arg, char *why, size_t size)
{
	const struct tt10_options *options = arg;
	struct tt10 *self = calloc(1, sizeof *self);
	char password[SECRET_MAX] = "";
	struct file_settings files = {
		.url = options->server.url,
		.username = options->server.username,
		.tls = (enum file_tls)options->tls,
		.ca_file = options->server.ca_file,
		.key_file = options->key_file,
		.known_hosts = options->known_hosts,
		.host_fingerprint = options->host_fingerprint,
		.timeout_ms = options->server.timeout,
	};

	if (!self) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	self->options = options;
	tt10_settings_from(options, &self->settings, self->prefix, self->defaults);
	bool has_secret = connection_has(options->server.password_file);
	if (!has_secret ||
		secret_read(options->server.password_file, password, why, size)) {
		files.password = password;
		self->client = file_client_new(&files, why, size);
	}
	secret_wipe(password, sizeof password);
	if (self->client)
		return self;
	free(self);
	return NULL;
}

static int tt10_begin(void *arg, struct store *store, int64_t sent_ms, int64_t running_ms)
{
	struct tt10 *self = arg;

	self->store = store;
	self->ready = false;
	tt10_collect_begin(
		&self->collector, &self->settings, self->options->settle, sent_ms);
	self->collector.running_ms = running_ms;
	return 0;
}

static bool tt10_take(void *arg, const struct stored_report *stored, int64_t latest_ms)
{
	struct tt10 *self = arg;

	self->ready = !tt10_collect(&self->collector, stored, latest_ms);
	return !self->ready;
}

static bool tt10_make(void *arg, bool all_taken, int64_t now_ms, struct buffer *batch)
{
	struct tt10 *self = arg;
	uint32_t wanted;

	if (tt10_wanted(self->options, &self->settings, self->store, &wanted) < 0)
		return false;
	for (;;) {
		struct tt10_collector *collector = &self->collector;
		bool over = all_taken && now_ms > 0 &&
			tt10_collect_is_over(collector, now_ms);
		if (!self->ready && !over)
			return false;
		if (tt10_collect_has_file(collector))
			break;
		/* The gateway was off: no data, no file. */
		tt10_collect_advance(collector, 0);
		self->ready = false;
	}
	tt10_write(&self->settings, &self->collector.open,
		wanted | tt10_period_seen(&self->collector.open), batch);
	return true;
}

static void tt10_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	struct tt10 *self = arg;
	char folder[TT10_FOLDER_SIZE], name[TT10_NAME_SIZE];
	int64_t end_ms = self->collector.open.end_ms;

	tt10_name(&self->settings, end_ms, name);
	tt10_folder(&self->settings, end_ms, folder);
	file_put(self->client, folder, name, batch, answer);
}

static int64_t tt10_sent(void *arg, int64_t *scanned)
{
	struct tt10 *self = arg;
	int64_t end_ms = self->collector.open.end_ms;

	*scanned = tt10_collect_advance(&self->collector, *scanned);
	self->ready = false;
	return end_ms;
}

static void tt10_abort(void *arg)
{
	struct tt10 *self = arg;

	file_client_abort(self->client);
}

static const struct output_periods tt10_periods = {
	.begin = tt10_begin,
	.take = tt10_take,
	.make = tt10_make,
	.sent = tt10_sent,
};

const struct output_driver output_tt10 = {
	.kind = {
		.name = "tt10",
		.summary = "Station files of TT 10/2021 by FTP, FTPS or SFTP.",
		.group = {
			.name = "output",
			.options = tt10_table,
			.size = sizeof(struct tt10_options),
			.check = tt10_check,
		},
	},
	.open = tt10_open,
	.close = tt10_close,
	.send = tt10_send,
	.abort = tt10_abort,
	.periods = &tt10_periods,
	.oldest_first = true,
};
