/* The newest values of the running gateway in a terminal, and what is amiss with sensors.
 */
#include <cjson/cJSON.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/log.h"
#include "core/terminal.h"
#include "gateway/arguments.h"
#include "gateway/command.h"
#include "gateway/control.h"
#include "gateway/schema.h"
#include "sensors/sensor.h"
#include "web/status_text.h"
#include "web/words.h"

enum { TEXT_MAX = 16 << 20, REDRAW_MS = 1000, ROWS_MIN = 5 };

static const char *string(const cJSON *object, const char *key)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return text ? text : "";
}

static bool is_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* A line for each sensor that is not well; their number. */
static int put_unwell(const cJSON *status, struct buffer *out)
{
	const cJSON *sensors = cJSON_GetObjectItemCaseSensitive(status, "sensors");
	const cJSON *sensor;
	int count = 0;

	cJSON_ArrayForEach(sensor, sensors)
	{
		const char *state = is_true(sensor, "connected")
			? string(sensor, "state")
			: sensor_result_name(SENSOR_PORT_ERROR);
		const char *hint = status_hint(state);

		if (!hint && !is_true(sensor, "silent"))
			continue;
		buffer_puts(out, "! ");
		words_plain(out, string(sensor, "name"));
		buffer_puts(out, " (");
		words_plain(out, state);
		buffer_printf(out, "): %s\n", hint ? hint : "no reading for long");
		count++;
	}
	return count;
}

static cJSON *ask(const char *path, const char *request)
{
	char why[PATH_MAX + 128];
	struct buffer answer;
	cJSON *root = NULL;

	buffer_init(&answer, TEXT_MAX);
	if (control_ask(path, request, &answer, why, sizeof why) < 0)
		log_error("%s", why);
	else if (!(root = cJSON_Parse(buffer_text(&answer))))
		log_error("the gateway's answer is not understood");
	buffer_free(&answer);
	return root;
}

/* The whole picture for the terminal as it is now; false when the gateway is gone. */
static bool draw(const char *path, struct buffer *out)
{
	bool live = terminal_is_live();
	int columns, rows, unwell;
	struct buffer lines;
	char request[64];
	cJSON *status = ask(path, "status"), *table = NULL;

	if (!status)
		return false;
	buffer_init(&lines, TEXT_MAX);
	terminal_size(&columns, &rows);
	unwell = put_unwell(status, &lines);
	rows -= unwell + 2;
	snprintf(request, sizeof request, "table %d %d %s", columns,
		!live                     ? 0
			: rows < ROWS_MIN ? ROWS_MIN
					  : rows,
		live ? "live" : "plain");
	table = ask(path, request);
	if (table) {
		buffer_puts(out, string(table, "table"));
		buffer_puts(out, buffer_text(&lines));
	}
	cJSON_Delete(table);
	cJSON_Delete(status);
	buffer_free(&lines);
	return table != NULL;
}

/* Draws again and again until a signal, or the gateway's end. */
static int watch(const char *path, bool once)
{
	struct pollfd signals = { .events = POLLIN };
	sigset_t ends;
	bool there;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signals.fd = signalfd(-1, &ends, SFD_CLOEXEC);
	do {
		struct buffer picture;

		buffer_init(&picture, TEXT_MAX);
		there = draw(path, &picture);
		if (there)
			terminal_table(buffer_text(&picture));
		buffer_free(&picture);
	} while (there && !once && poll(&signals, 1, REDRAW_MS) == 0);
	close(signals.fd);
	return there ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_watch(int argc, char **argv)
{
	const char *file = default_config;
	bool once = false;
	const struct argument table[] = {
		{ .name = "-c", .value = &file },
		{ .name = "--once", .flag = &once },
		{ .name = NULL },
	};
	char why[256], path[PATH_MAX];

	if (arguments_take(argc, argv, table, NULL, 0, why, sizeof why) < 0)
		return command_usage("watch", "%s", why);
	struct config *config = gateway_load_config(file);
	if (!config)
		return EXIT_FAILURE;
	control_path(config, path, sizeof path);
	config_free(config);
	return watch(path, once);
}
