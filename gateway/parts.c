#include "gateway/parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/outage.h"
#include "alerts/relay.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "gateway/control.h"
#include "gateway/lodging.h"
#include "gateway/recorder.h"
#include "gateway/requests.h"
#include "gateway/treating.h"
#include "store/calibrating.h"
#include "store/desk.h"
#include "store/cursors.h"
#include "store/directory.h"
#include "store/reports.h"
#include "store/salvage.h"
#include "store/state.h"
#include "web/server.h"

enum {
	GRACE_MS = 1500,    /* for what is still to be sent at the end */
	PATIENCE_MS = 1000, /* of messages that a full ring keeps waiting, at the end */
	LATEST_REPORTS = 20000, /* looked through for the newest values at the start */
};

struct parts {
	const struct config *config; /* what runs: that of home, or of the lodging */
	const struct config *home;   /* as the operator wrote it */
	struct lodging lodging;
	struct store *store;
	struct ring *ring;
	struct latest *latest;
	struct directory *directory;
	struct desk *desk;
	struct outputs *outputs; /* NULL: they wait */
	bool outputs_wait;       /* until what a damaged store has left is saved */
	struct notifier *notifier;
	struct outage_watch *outages;
	struct relay *relay;
	struct recorder *recorder;
	struct sensors *sensors;
	struct web *web;
	struct control *control;
	struct calibrating *calibrating;
	struct requests requests;
	struct treating treating;
	struct recorder_stats stats;
	uint64_t delivered;
	struct gateway_view view;
};

struct parts *parts_new(void)
{
	struct parts *parts = calloc(1, sizeof *parts);

	if (!parts || !(parts->latest = latest_new()) ||
		!(parts->directory = directory_new()) || !(parts->desk = desk_new()) ||
		!(parts->calibrating = calibrating_new())) {
		log_error("out of memory");
		parts_free(parts);
		return NULL;
	}
	parts->view = (struct gateway_view){
		.latest = parts->latest,
		.directory = parts->directory,
		.calibrating = parts->calibrating,
		.desk = parts->desk,
		.recorder = &parts->stats,
		.version = MUABUI_VERSION,
		.started_ms = clock_wall_ms(),
		.started_mono_ms = clock_mono_ms(),
	};
	return parts;
}

void parts_free(struct parts *parts)
{
	if (!parts)
		return;
	latest_free(parts->latest);
	directory_free(parts->directory);
	desk_free(parts->desk);
	calibrating_free(parts->calibrating);
	free(parts);
}

/* --- store and ring ----------------------------------------------------- */

/* The folder of PATH is made if only its last level is missing. */
static void make_folder(const char *path)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	if (mkdir(folder, 0750) < 0 && errno != EEXIST)
		log_warning("%s: %s", folder, strerror(errno));
}

static bool put_latest(void *arg, const struct stored_report *stored)
{
	return latest_put(arg, 0, &stored->report) > 0;
}

/* So that the page shows something before the first new reading, with its true age. */
static void fill_latest(struct parts *parts)
{
	int64_t last = store_last_id(parts->store);
	int64_t from = last > LATEST_REPORTS ? last - LATEST_REPORTS : 0;

	if (store_scan(parts->store, from, LATEST_REPORTS, put_latest, parts->latest) < 0)
		log_warning("%s", store_error(parts->store));
}

/* An output that is no longer configured holds nothing back. */
static int keep_cursors(struct parts *parts)
{
	const struct option_item *items = parts->config->outputs.items;
	size_t count = parts->config->outputs.count;
	const char **names = calloc(count + 1, sizeof *names);

	if (!names)
		return -1;
	for (size_t i = 0; i < count; i++)
		names[i] = items[i].name;
	int result = store_cursors_keep(parts->store, names, count);
	free(names);
	return result;
}

static bool open_store(struct parts *parts)
{
	const struct store_config *config = &parts->config->store;
	char why[512], path[PATH_MAX];

	/* The ring first: its lock keeps a second gateway off the same files. */
	make_folder(config->path);
	lodging_ring_path(config, path);
	parts->ring = ring_open(path, (size_t)config->ring_size, why, sizeof why);
	if (!parts->ring) {
		log_error("ring: %s", why);
		return false;
	}
	if (config->durability == DURABILITY_EACH)
		ring_confirm_stored(parts->ring);
	parts->store = store_open(config->path, STORE_RECORDER, why, sizeof why);
	if (!parts->store) {
		log_error("store: %s", why);
		return false;
	}
	ring_number_after(
		parts->ring, (uint64_t)store_mark(parts->store, STORE_RING_SEQ));
	if (store_begin(parts->store) < 0 || store_write_metrics(parts->store) < 0 ||
		keep_cursors(parts) < 0 || store_commit(parts->store) < 0) {
		store_rollback(parts->store);
		log_warning("store: %s", store_error(parts->store));
	}
	if (parts_are_away(parts) &&
		!lodging_move_in(parts->store, parts->config, parts->home->store.path))
		return false;
	if (!parts_are_away(parts))
		lodging_bring_home(parts->store, parts->config);
	if (calibrating_open(parts->calibrating, parts->store) < 0)
		log_warning("store: %s", store_error(parts->store));
	if (desk_open(parts->desk, parts->store) < 0)
		log_warning("store: %s", store_error(parts->store));
	if (directory_open(parts->directory, parts->config, parts->store) < 0)
		log_warning("store: %s", store_error(parts->store));
	if (latest_count(parts->latest) == 0)
		fill_latest(parts);
	return true;
}

/* --- starting ----------------------------------------------------------- */

static void on_reports(void *arg)
{
	struct outputs *outputs = ((struct parts *)arg)->outputs;

	if (outputs)
		outputs_ring(outputs);
}

static void on_messages(void *arg)
{
	notifier_ring(((struct parts *)arg)->notifier);
}

static int add_messages(void *arg, struct store *store, int64_t now_ms)
{
	struct parts *parts = arg;
	int told = outage_look(parts->outages, store, now_ms);
	int relayed = told < 0 ? -1 : relay_take(parts->relay, store, now_ms);

	return relayed < 0 ? -1 : told + relayed;
}

static void messages_ended(void *arg, bool committed)
{
	struct parts *parts = arg;

	relay_ended(parts->relay, committed);
	if (!committed)
		outage_rolled_back(parts->outages);
}

static void wake_recorder(void *arg)
{
	ring_wake(((struct parts *)arg)->ring);
}

static int64_t find_newest(void *arg, const char *station, uint16_t metric)
{
	return latest_time_of(((struct parts *)arg)->latest, station, metric);
}

static bool make_relay(struct parts *parts)
{
	const struct relay_env env = {
		.directory = parts->directory,
		.wake = wake_recorder,
		.newest = find_newest,
		.arg = parts,
	};

	parts->relay = relay_new(parts->config, &env);
	return parts->relay != NULL;
}

static bool start_senders(struct parts *parts)
{
	const struct config *config = parts->config;

	/* Reports may still come in below their places. */
	parts->outputs_wait = salvage_is_pending(parts->store);
	if (!parts->outputs_wait)
		parts->outputs = outputs_start(&config->outputs, config->store.path);
	if (!parts->outputs && !parts->outputs_wait)
		return false;
	parts->notifier = notifier_start(config, config->store.path);
	if (!parts->notifier)
		return false;
	parts->outages = outage_watch_new(config, parts->notifier);
	return parts->outages && make_relay(parts);
}

static bool start_recorder(struct parts *parts)
{
	struct recorder_settings settings = {
		.config = parts->config,
		.store = parts->store,
		.ring = parts->ring,
		.latest = parts->latest,
		.directory = parts->directory,
		.desk = parts->desk,
		.calibrating = parts->calibrating,
		.stats = &parts->stats,
		.treat = treating_find,
		.treat_arg = &parts->treating,
		.on_reports = on_reports,
		.on_messages = on_messages,
		.add_messages = add_messages,
		.messages_ended = messages_ended,
		.arg = parts,
	};

	parts->treating = (struct treating){
		.config = parts->config,
		.calibrating = parts->calibrating,
	};
	parts->recorder = recorder_start(&settings);
	return parts->recorder != NULL;
}

static bool start_web(struct parts *parts)
{
	char why[256];

	if (!parts->config->http.enabled)
		return true;
	parts->web = web_start(parts->config->http.listen, &parts->view, why, sizeof why);
	if (parts->web)
		return true;
	log_error("http: %s", why);
	return false;
}

static void show(struct parts *parts)
{
	parts->requests = (struct requests){
		.config = parts->config,
		.view = &parts->view,
		.calibrating = parts->calibrating,
		.desk = parts->desk,
	};
	parts->view.config = parts->config;
	parts->view.in_refuge = parts_are_away(parts);
	parts->view.ring = parts->ring;
	parts->view.sensors = parts->sensors;
	parts->view.outputs = parts->outputs;
	parts->view.notifier = parts->notifier;
	parts->view.relay = parts->relay;
}

static bool start_all(struct parts *parts)
{
	const struct config *config = parts->config;
	char path[PATH_MAX];

	if (!open_store(parts) || !start_senders(parts) || !start_recorder(parts))
		return false;
	parts->sensors = sensors_start(
		&config->sensors, config->station.id, parts->ring, parts->directory);
	if (!parts->sensors)
		return false;
	show(parts);
	if (!start_web(parts))
		return false;
	control_path(parts->home, path, sizeof path);
	parts->control = control_start(path, requests_answer, &parts->requests);
	return true;
}

bool parts_are_away(const struct parts *parts)
{
	return parts->config == &parts->lodging.config;
}

/* From now on, at the next start, the store is in its place of refuge. */
static bool move_out(struct parts *parts, int trouble)
{
	if (trouble == 0 || !lodging_take(&parts->lodging, parts->home, trouble))
		return false;
	parts->config = &parts->lodging.config;
	return true;
}

/* With the configuration as it stands, once more with a new store if it is damaged. */
static bool start_here(struct parts *parts)
{
	if (start_all(parts))
		return true;
	parts_stop(parts);
	if (!store_is_damaged())
		return false;
	store_move_aside(parts->config->store.path);
	if (start_all(parts))
		return true;
	parts_stop(parts);
	return false;
}

bool parts_start(struct parts *parts, const struct config *config)
{
	parts->home = parts->config = config;
	if (start_here(parts))
		return true;
	return move_out(parts, lodging_trouble(&parts->home->store)) && start_here(parts);
}

bool parts_move_out(struct parts *parts)
{
	int trouble = lodging_trouble(&parts->home->store);

	if (trouble == 0)
		return true;
	parts_stop(parts);
	return (move_out(parts, trouble) && start_here(parts)) ||
		parts_start(parts, parts->home);
}

bool parts_move_home(struct parts *parts)
{
	if (lodging_trouble(&parts->home->store) != 0)
		return true;
	parts_stop(parts);
	parts->config = parts->home;
	/* What looked well enough and is not: back. */
	return start_here(parts) || (move_out(parts, EIO) && start_here(parts));
}

bool parts_stop(struct parts *parts)
{
	control_stop(parts->control);
	parts->control = NULL;
	web_stop(parts->web);
	parts->web = NULL;
	if (parts->ring)
		ring_stop_waiting(parts->ring, PATIENCE_MS);
	sensors_stop(parts->sensors);
	parts->sensors = NULL;
	relay_stop(parts->relay);
	bool stored = recorder_stop(parts->recorder) == 0;
	parts->recorder = NULL;
	relay_free(parts->relay);
	parts->relay = NULL;
	outage_watch_free(parts->outages);
	parts->outages = NULL;
	parts->delivered += notifier_stop(parts->notifier, GRACE_MS);
	parts->notifier = NULL;
	outputs_stop(parts->outputs, GRACE_MS);
	parts->outputs = NULL;
	store_close(parts->store);
	parts->store = NULL;
	ring_close(parts->ring);
	parts->ring = NULL;
	show(parts);
	return stored;
}

uint64_t parts_delivered(const struct parts *parts)
{
	return parts->delivered;
}

const struct gateway_view *parts_view(const struct parts *parts)
{
	return &parts->view;
}

bool parts_want_restart(const struct parts *parts)
{
	return parts->outputs_wait && !parts->stats.salvaging;
}

bool parts_are_alive(const struct parts *parts, int64_t limit_ms)
{
	return clock_real_ms() - recorder_alive_ms(parts->recorder) < limit_ms;
}
