/* muabui store: look into a store, take data out of it, deal with dead letters. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/number.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/export.h"
#include "gateway/schema.h"
#include "outputs/tt10_export.h"
#include "store/dead_letters.h"
#include "store/inspect.h"
#include "store/store.h"

enum { TEXT_MAX = 64 << 20, OFFSET_MINUTES = 420 };

/* What the commands have in common. */
struct request {
	const char *config_file, *file; /* FILE: instead of the configuration's store */
	const char *words[4];
	int count;
	struct export_choice choice;
	const char *from, *to, *format;
	const char *output, *into; /* of station files */
};

/* The store's path, to be freed; NULL with a logged reason. */
static char *find_path(const struct request *request)
{
	if (request->file)
		return strdup(request->file);
	struct config *config = gateway_load_config(request->config_file);
	char *path = config ? strdup(config->store.path) : NULL;
	config_free(config);
	return path;
}

static struct store *open_store(const struct request *request, enum store_role role)
{
	char *path = find_path(request), why[256];
	struct store *store = path ? store_open(path, role, why, sizeof why) : NULL;

	if (path && !store)
		log_error("%s", why);
	free(path);
	return store;
}

/* --- check ------------------------------------------------------------------- */

static int check(const struct request *request)
{
	char *path = find_path(request);
	struct buffer text;

	if (!path)
		return EXIT_FAILURE;
	buffer_init(&text, TEXT_MAX);
	bool whole = inspect_store(path, &text);
	fputs(buffer_text(&text), stdout);
	buffer_free(&text);
	free(path);
	return whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- export ------------------------------------------------------------------- */

static int take_time(const char *name, const char *text, int64_t *ms)
{
	if (!text || clock_parse(text, ms))
		return 0;
	return command_usage(
		"store", "%s is a time like 2026-11-25T07:00:00+07:00", name);
}

/* The output of type tt10 that is asked for; the only one, where none is named. */
static const struct option_item *find_tt10(
	const struct request *request, const struct config *config)
{
	const struct option_item *items = config->outputs.items, *found = NULL;

	for (size_t i = 0; i < config->outputs.count; i++) {
		const struct option_item *item = &items[i];

		if (strcmp(item->kind->name, "tt10") != 0 ||
			(request->output && strcmp(item->name, request->output) != 0))
			continue;
		if (found) {
			log_error("%s: there are several outputs of type tt10: which "
				  "one? --output NAME",
				request->config_file);
			return NULL;
		}
		found = item;
	}
	if (!found)
		log_error("%s: there is no output%s%s%s of type tt10",
			request->config_file, request->output ? " \"" : "",
			request->output ? request->output : "",
			request->output ? "\"" : "");
	return found;
}

/* Station files, as the output of the configuration would send them. */
static int export_station_files(const struct request *request)
{
	const struct export_choice *choice = &request->choice;
	struct config *config = gateway_load_config(request->config_file);
	const struct option_item *item = config ? find_tt10(request, config) : NULL;
	const char *path = request->file || !config ? request->file : config->store.path;
	struct store *store = NULL;
	int64_t count = -1;
	char why[512] = "";

	if (item && (store = store_open(path, STORE_READER, why, sizeof why)))
		count = tt10_export(store, item, choice->from_ms, choice->to_ms,
			request->into, why, sizeof why);
	if (count < 0 && *why)
		log_error("%s", why);
	if (count >= 0)
		printf("%" PRId64 " files in %s\n", count, request->into);
	store_close(store);
	config_free(config);
	return count < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int export(struct request *request)
{
	struct export_choice *choice = &request->choice;
	int status;

	choice->from_ms = 0;
	choice->to_ms = INT64_MAX / 2;
	if ((status = take_time("--from", request->from, &choice->from_ms)) ||
		(status = take_time("--to", request->to, &choice->to_ms)))
		return status;
	bool is_tt10 = request->format && strcmp(request->format, "tt10") == 0;
	if (is_tt10 != (request->into != NULL) || (request->output && !is_tt10))
		return command_usage("store",
			"--into FOLDER, and --output where there are several, go with "
			"--format tt10");
	if (is_tt10)
		return export_station_files(request);
	choice->lines = request->format && strcmp(request->format, "line") == 0;
	if (request->format && !choice->lines && strcmp(request->format, "csv") != 0)
		return command_usage("store", "--format is csv, line or tt10");
	struct store *store = open_store(request, STORE_READER);
	if (!store)
		return EXIT_FAILURE;
	bool all = export_reports(store, choice, stdout);
	store_close(store);
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- dead letters --------------------------------------------------------------- */

static void print_line(void *arg, const struct dead_letter *letter)
{
	char time[CLOCK_TEXT_SIZE];

	(void)arg;
	clock_format(time, letter->time_ms, OFFSET_MINUTES);
	printf("%" PRId64 "\t%s\t%s\treport %" PRId64 "\t%s%s\n", letter->id,
		letter->output, time, letter->report,
		letter->again ? "(to be sent again) " : "", letter->reason);
}

static void print_whole(void *arg, const struct dead_letter *letter)
{
	print_line(arg, letter);
	printf("%s\n", letter->body);
}

/* [OUTPUT] [ID], in this order; a number alone is an ID. */
static bool take_which(const struct request *request, const char **output, int64_t *id)
{
	double number;

	*output = NULL;
	*id = 0;
	for (int i = 2; i < request->count; i++) {
		const char *word = request->words[i];
		if (i == request->count - 1 &&
			number_parse(word, strlen(word), &number) && number >= 1 &&
			number < 9e15)
			*id = (int64_t)number;
		else if (i == 2)
			*output = word;
		else
			return false;
	}
	return true;
}

static int dead_letters(const struct request *request)
{
	static const char *const verbs[] = { "list", "show", "retry", "drop" };
	const char *output, *verb = request->count > 1 ? request->words[1] : "";
	size_t what = 0;
	int64_t id, count;

	while (what < 4 && strcmp(verb, verbs[what]) != 0)
		what++;
	if (what == 4 || !take_which(request, &output, &id))
		return command_usage(
			"store", "dead-letters list|show|retry|drop [OUTPUT] [ID]");
	struct store *store = open_store(request, what < 2 ? STORE_READER : STORE_CLIENT);
	if (!store)
		return EXIT_FAILURE;
	if (what < 2)
		count = dead_letters_each(
			store, output, id, what ? print_whole : print_line, NULL);
	else
		count = what == 2 ? dead_letters_send_again(store, output, id)
				  : dead_letters_drop(store, output, id);
	if (count < 0)
		log_error("%s", store_error(store));
	else if (what == 2)
		printf("%" PRId64 " to be sent again\n", count);
	else if (what == 3)
		printf("%" PRId64 " dropped\n", count);
	store_close(store);
	return count > 0 || (count == 0 && id == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_store(int argc, char **argv)
{
	struct request request = { .config_file = default_config };
	const struct argument table[] = {
		{ .name = "-c", .value = &request.config_file },
		{ .name = "--file", .value = &request.file },
		{ .name = "--from", .value = &request.from },
		{ .name = "--to", .value = &request.to },
		{ .name = "--format", .value = &request.format },
		{ .name = "--into", .value = &request.into },
		{ .name = "--output", .value = &request.output },
		{ .name = "--station", .value = &request.choice.station },
		{ .name = "--sensor", .value = &request.choice.sensor },
		{ .name = "--metric", .value = &request.choice.metric },
		{ .name = NULL },
	};
	char why[256];

	request.count =
		arguments_take(argc, argv, table, request.words, 4, why, sizeof why);
	if (request.count < 0)
		return command_usage("store", "%s", why);
	if (request.count == 1 && strcmp(request.words[0], "check") == 0)
		return check(&request);
	if (request.count == 1 && strcmp(request.words[0], "export") == 0)
		return export(&request);
	if (request.count > 0 && strcmp(request.words[0], "dead-letters") == 0)
		return dead_letters(&request);
	return command_usage("store", "what to do?");
}
