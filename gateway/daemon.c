#include "gateway/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/http_client.h"
#include "core/log.h"
#include "core/mqtt_client.h"
#include "core/terminal.h"
#include "core/trim.h"
#include "gateway/parts.h"
#include "gateway/schema.h"
#include "web/table.h"

enum {
	TURN_MS = 500,
	STATUS_MS = 10000,
	ALIVE_MS = 10000,   /* a recorder that stands longer is not fed for */
	TRIM_MS = 5000,     /* after the start: connections are made by then */
	HEAL_MS = 60000,    /* between two new stores */
	FAILING_MS = 20000, /* until a store that does not work is left */
	LOOK_MS = 10000,    /* between two looks at the disk while it is in trouble */
	LINES_MS = 5000,    /* between tables where there is no terminal */
};

struct daemon {
	const struct daemon_settings *settings;
	struct config *config;
	struct parts *parts;
	int64_t next_status_ms, next_table_ms, next_heal_ms, next_look_ms, trim_ms;
};

static void take_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int wait_signal(const sigset_t *set)
{
	struct timespec turn = { .tv_nsec = TURN_MS * 1000000L };

	return sigtimedwait(set, NULL, &turn);
}

/* --- what is shown while it runs --------------------------------------- */

static void report_status(struct daemon *daemon, int64_t now_ms)
{
	const struct gateway_view *view = parts_view(daemon->parts);

	if (parts_are_alive(daemon->parts, ALIVE_MS))
		sd_notify(0, "WATCHDOG=1");
	if (now_ms < daemon->next_status_ms)
		return;
	daemon->next_status_ms = now_ms + STATUS_MS;
	sd_notifyf(0, "STATUS=%" PRIuFAST64 " reports stored, %zu sources",
		view->recorder->reports, latest_count(view->latest));
}

/* A line with the data's time, which may run faster, and the table. */
static void render(const struct daemon *daemon, bool live, struct buffer *table)
{
	const struct gateway_view *view = parts_view(daemon->parts);
	char now[CLOCK_TEXT_SIZE];
	int columns, rows;

	terminal_size(&columns, &rows);
	clock_format(now, clock_wall_ms() / 1000 * 1000, VIEW_OFFSET_MINUTES);
	buffer_printf(table, "--- %.10s %.5s --- %" PRIuFAST64 " readings stored\n", now,
		now + 11, view->recorder->readings);
	/* The line above, and the one where the cursor stands. */
	table_render(view, columns, live ? rows - 2 : 0, live, table);
}

static void draw_table(struct daemon *daemon, int64_t now_ms)
{
	struct buffer table;
	bool live = terminal_is_live();

	if (!daemon->settings->live || now_ms < daemon->next_table_ms)
		return;
	daemon->next_table_ms = now_ms + (live ? 0 : LINES_MS);
	buffer_init(&table, 256 * 1024);
	render(daemon, live, &table);
	terminal_table(buffer_text(&table));
	buffer_free(&table);
}

/* What the run came to, below the last table. */
static void print_summary(const struct daemon *daemon, uint64_t dropped)
{
	const struct gateway_view *view = parts_view(daemon->parts);
	struct buffer text;

	buffer_init(&text, 256 * 1024);
	if (terminal_is_live())
		render(daemon, true, &text);
	terminal_table("");
	buffer_printf(&text,
		"\n%" PRIuFAST64 " readings of %zu sensors stored, %" PRIu64
		" alerts sent, lost %" PRIu64 "\n",
		view->recorder->readings, latest_count(view->latest),
		parts_delivered(daemon->parts), dropped);
	terminal_print(buffer_text(&text));
	buffer_free(&text);
}

/* --- reload -------------------------------------------------------------- */

/*
 * The new configuration is loaded whole before anything is touched; one that turns
 * out not to start (a port in use) gives way to the old one again.
 */
static bool reload(struct daemon *daemon)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_real_ms() * 1000);
	/* Parts that cannot open the store again would be none. */
	bool works = !parts_view(daemon->parts)->recorder->failing;
	struct config *fresh =
		works ? gateway_load_config(daemon->settings->config_file) : NULL;
	if (!fresh) {
		log_error("%s: not loaded%s; the old configuration stays",
			daemon->settings->config_file,
			works ? "" : ", while the store does not work");
		sd_notify(0, "READY=1");
		return true;
	}
	parts_stop(daemon->parts);
	bool started = parts_start(daemon->parts, fresh);
	if (started) {
		config_free(daemon->config);
		daemon->config = fresh;
		log_notice("%s: loaded", daemon->settings->config_file);
	} else {
		started = parts_start(daemon->parts, daemon->config);
		log_error("the new configuration does not start; the old one %s",
			started ? "goes on" : "does not start again either");
		config_free(fresh);
	}
	daemon->trim_ms = clock_real_ms() + TRIM_MS;
	sd_notify(0, "READY=1");
	return started;
}

/*
 * The store turned out to be damaged while it was in use: a new one is begun, and what
 * was not stored comes out of the ring. Not too often: a dying disk damages the new one
 * too.
 */
static bool heal(struct daemon *daemon, int64_t now_ms)
{
	if (parts_want_restart(daemon->parts) && !store_is_damaged()) {
		log_notice("%s: what could be saved is saved; outputs begin",
			daemon->config->store.path);
		parts_stop(daemon->parts);
		return parts_start(daemon->parts, daemon->config);
	}
	if (!store_is_damaged() || now_ms < daemon->next_heal_ms)
		return true;
	daemon->next_heal_ms = now_ms + HEAL_MS;
	log_error("%s: damage was found; starting anew", daemon->config->store.path);
	parts_stop(daemon->parts);
	if (store_is_damaged())
		store_move_aside(parts_view(daemon->parts)->config->store.path);
	return parts_start(daemon->parts, daemon->config);
}

/*
 * A disk that takes nothing any more, and not for a moment only, is left; one that takes
 * something again is come home to.
 */
static bool follow_disk(struct daemon *daemon, int64_t now_ms)
{
	bool away = parts_are_away(daemon->parts);

	if (!away && !parts_view(daemon->parts)->recorder->failing) {
		daemon->next_look_ms = now_ms + FAILING_MS;
		return true;
	}
	if (now_ms < daemon->next_look_ms)
		return true;
	daemon->next_look_ms = now_ms + LOOK_MS;
	return away ? parts_move_home(daemon->parts) : parts_move_out(daemon->parts);
}

static uint64_t dropped_so_far(const struct daemon *daemon)
{
	struct ring_status status;

	ring_get_status(parts_view(daemon->parts)->ring, &status);
	return status.dropped;
}

/* Until a signal ends it. False when a reload left nothing running. */
static bool run_until_told(struct daemon *daemon, const sigset_t *signals)
{
	for (;;) {
		int64_t now_ms = clock_real_ms();

		if (!heal(daemon, now_ms) || !follow_disk(daemon, now_ms))
			return false;
		report_status(daemon, now_ms);
		draw_table(daemon, now_ms);
		if (daemon->trim_ms && now_ms >= daemon->trim_ms) {
			trim_memory();
			daemon->trim_ms = 0;
		}
		int signal = wait_signal(signals);
		if (signal == SIGTERM || signal == SIGINT)
			return true;
		if (signal == SIGHUP && !reload(daemon))
			return false;
	}
}

int daemon_run(const struct daemon_settings *settings, struct config *config)
{
	struct daemon daemon = {
		.settings = settings,
		.config = config,
		.parts = parts_new(),
		.trim_ms = clock_real_ms() + TRIM_MS,
	};
	sigset_t signals;
	int status = EXIT_FAILURE;

	/* First of all: a signal that comes early must not kill us. */
	take_signals(&signals);
	http_client_setup();
	mqtt_client_setup();
	if (daemon.parts && parts_start(daemon.parts, config)) {
		log_notice(
			"muabui %s: station %s runs", MUABUI_VERSION, config->station.id);
		sd_notify(0, "READY=1");
		trim_memory();
		bool told = run_until_told(&daemon, &signals);
		sd_notify(0, "STOPPING=1");
		uint64_t dropped = told ? dropped_so_far(&daemon) : 0;
		bool stored = parts_stop(daemon.parts);
		if (settings->live)
			print_summary(&daemon, dropped);
		log_notice("muabui: stopped, %s",
			stored ? "everything is stored" : "the rest waits in the ring");
		status = told && stored ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	parts_free(daemon.parts);
	config_free(daemon.config);
	http_client_cleanup();
	return status;
}
