/*
 * Ring, store, room and cursors against a simple model, with crashes and faults. Each run
 * is a life of several processes on the same files: they push reports, store them as the
 * recorder does, move an output's cursor, meet a full disk, errors and half writes, and
 * die at any moment: killed, at times in the middle of a write, or by a power cut that
 * takes any of what was not synced and any page of the ring. The model is a table of what
 * was accepted, and what was committed.
 *
 *     MODEL_RUNS=10000 build/unit/model_test      so many crashes
 *     MUABUI_SEED=n    build/unit/model_test      the run that was printed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/cursors.h"
#include "store/reports.h"
#include "store/ring.h"
#include "store/room.h"
#include "store/salvage.h"
#include "store/state.h"
#include "tests/unit/chance.h"
#include "tests/unit/fault_vfs.h"
#include "tests/unit/temp_store.h"

enum {
	SERIES = 3,
	NUMBERS = 20000,
	RING_SIZE = 64 * 1024,
	BATCH = 300,
	LIVES = 4, /* processes in a run, at most */
	CRASHED = 77,
	DONE = 0,
};

static const int64_t first_ms = 1795000000000;

/* What outlives the processes. */
struct model {
	uint8_t accepted[NUMBERS], committed[NUMBERS];
	int pushed;      /* numbers used */
	int64_t dropped; /* by the ring, in lives that are over, and in this one */
	int64_t dropped_now;
	int64_t cursor; /* the highest that was set */
	bool power;     /* there was a power cut: the ring's word is nothing any more */
	bool flipped;   /* bits of the file were: what is there is what could be saved */
	uint64_t faults, rollbacks, commits, losses;
};

static struct model *model;
static struct temp temp;
static char ring_path[128];
static struct chance chance;
static struct ring *ring;
static struct store *store, *client;
static struct room room;
static uint64_t run_seed;
static uint8_t ring_before[RING_SIZE + 4096];

static _Noreturn void wrong(const char *what, int64_t number)
{
	fprintf(stderr, "MUABUI_SEED=%llu: %s (%lld)\n", (unsigned long long)run_seed,
		what, (long long)number);
	_exit(1);
}

/* cmocka's own would try to return from a child. */
#define MUST(CONDITION, NUMBER)                               \
	do {                                                  \
		if (!(CONDITION))                             \
			wrong(#CONDITION, (int64_t)(NUMBER)); \
	} while (0)

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	if (getenv("MODEL_LOG"))
		fprintf(stderr, "%s\n", line);
}

/* --- a process's life -------------------------------------------------------------- */

static void open_all(void)
{
	char why[256] = "";
	const struct room_limits limits = {
		.keep_raw_ms = INT64_C(1000) * 86400000,
		.keep_minutes_ms = INT64_C(1000) * 86400000,
		.max_bytes = 1 << 30,
	};

	fault_install();
	ring = ring_open(ring_path, RING_SIZE, why, sizeof why);
	MUST(ring, 0);
	store = store_open(temp.path, STORE_RECORDER, why, sizeof why);
	if (!store)
		fprintf(stderr, "%s\n", why);
	MUST(store, 0);
	ring_number_after(ring, (uint64_t)store_mark(store, STORE_RING_SEQ));
	room_init(&room, store, &limits);
	client = store_open(temp.path, STORE_CLIENT, why, sizeof why);
	MUST(client, 0);
}

static void note_dropped(void)
{
	struct ring_status status;

	ring_get_status(ring, &status);
	model->dropped_now = (int64_t)status.dropped;
}

static void push(int count)
{
	for (; count > 0 && model->pushed < NUMBERS - 1; count--) {
		int number = ++model->pushed;
		char sensor[8];

		snprintf(sensor, sizeof sensor, "s%d", number % SERIES);
		struct report report =
			temp_report("S", sensor, first_ms + number, number);
		model->accepted[number] =
			ring_push(ring, &report, (uint64_t)number, RING_DROP_OLDEST);
		note_dropped();
	}
}

static int store_batch(uint64_t *last, int numbers[static BATCH], int *count)
{
	uint64_t had = (uint64_t)store_mark(store, STORE_RING_SEQ), seq;
	int most = (int)chance_between(&chance, 1, BATCH);
	struct report report;

	if (store_join(store) < 0)
		return -1;
	*last = had;
	while (*count < most && ring_next(ring, &report, &seq)) {
		uint8_t packed[CODEC_MAX];
		int64_t source;

		if (seq <= had)
			continue;
		size_t length = codec_pack(&report, packed);
		if (store_source(store, report.station, report.sensor, &source) < 0 ||
			store_append(
				store, source, report.time_ms, packed, length, NULL) < 0)
			return -1;
		numbers[(*count)++] = (int)(report.time_ms - first_ms);
		*last = seq;
	}
	if (store_set_mark(store, STORE_RING_SEQ, (int64_t)*last) < 0 ||
		room_keep(&room, first_ms, *count) < 0)
		return -1;
	if (chance_below(&chance, 10) == 0 && room_tidy(&room, first_ms) < 0)
		return -1;
	return store_commit(store);
}

/* As gateway/recorder.c does it. */
static void record(void)
{
	static int numbers[BATCH];
	uint64_t last;
	int count = 0;

	if (store_batch(&last, numbers, &count) == 0) {
		for (int i = 0; i < count; i++)
			model->committed[numbers[i]] = 1;
		model->commits++;
		ring_release(ring);
		room_grow(&room);
		return;
	}
	model->rollbacks++;
	store_rollback(store);
	if (store_is_full(store))
		room_relieve(&room);
	ring_rewind(ring);
	note_dropped();
}

struct sending {
	int last[SERIES];
	int64_t id;
};

static bool send_one(void *arg, const struct stored_report *stored)
{
	struct sending *sending = arg;
	int number = (int)(stored->report.time_ms - first_ms);

	if (!model->flipped) {
		MUST(number > sending->last[number % SERIES], number);
		MUST(stored->report.readings[0].value == number, number);
		sending->last[number % SERIES] = number;
	}
	MUST(stored->id > sending->id, stored->id);
	sending->id = stored->id;
	return true;
}

/* An output that delivers a portion; it may fail like anything else. */
static void deliver(void)
{
	struct sending sending = { .id = 0 };
	int64_t cursor;

	if (store_cursor_get(client, "city", &cursor) < 0 ||
		store_scan(client, cursor, 200, send_one, &sending) <= 0)
		return;
	if (store_cursor_set(client, "city", sending.id) == 0 &&
		sending.id > model->cursor)
		model->cursor = sending.id;
}

/* --- the end of it --------------------------------------------------------------------
 */

static void end_life(void)
{
	model->faults += fault.faults;
	model->dropped += model->dropped_now;
	model->dropped_now = 0;
	_exit(CRASHED);
}

/* Any page of the ring may be as it was when the process began. */
static void cut_ring(void)
{
	static uint8_t now[sizeof ring_before];
	FILE *file = fopen(ring_path, "r+");

	MUST(file && fread(now, 1, sizeof now, file) == sizeof now, 0);
	int odds = (int)chance_below(&chance, 101);
	for (size_t at = 0; at < sizeof now; at += 4096) {
		size_t length = 4096;
		if ((int)chance_below(&chance, 100) < odds)
			continue;
		if (chance_below(&chance, 6) == 0) /* torn */
			length = 512 * chance_below(&chance, 8);
		memcpy(now + at, ring_before + at, length);
	}
	rewind(file);
	MUST(fwrite(now, 1, sizeof now, file) == sizeof now, 0);
	fclose(file);
}

static void cut_power(void)
{
	static const int odds[] = { 0, 30, 70, 100 };

	model->power = true;
	fault_power_cut(&chance, odds[chance_below(&chance, 4)]);
	cut_ring();
	end_life();
}

static void flip_bits(void)
{
	FILE *file = fopen(temp.path, "r+");
	uint8_t byte = 0;

	MUST(file, 0);
	model->flipped = model->power = true;
	fseek(file, 0, SEEK_END);
	uint64_t size = (uint64_t)ftell(file);
	for (uint64_t i = chance_below(&chance, 8) + 1; i > 0; i--) {
		/* The identity says whose file it is: another's is not touched. */
		long at = (long)(100 + chance_below(&chance, size - 100));
		fseek(file, at, SEEK_SET);
		MUST(fread(&byte, 1, 1, file) == 1, at);
		byte ^= (uint8_t)(1 << chance_below(&chance, 8));
		fseek(file, at, SEEK_SET);
		MUST(fwrite(&byte, 1, 1, file) == 1, at);
	}
	fclose(file);
	end_life();
}

static void fail_soon(void)
{
	static const enum fault_kind kinds[] = { FAULT_FULL, FAULT_EIO, FAULT_SHORT };

	fault.kind = kinds[chance_below(&chance, 3)];
	fault.left = (long)chance_below(&chance, 30);
}

/* Killed, or without power, in the middle of a write that comes some time. */
static void crash_soon(void)
{
	fault.kind = FAULT_CRASH;
	fault.crash = chance_below(&chance, 2) ? cut_power : end_life;
	fault.left = (long)chance_below(&chance, 60);
}

static void live(bool may_flip)
{
	FILE *file = fopen(ring_path, "r");

	memset(ring_before, 0, sizeof ring_before);
	if (file && fread(ring_before, 1, sizeof ring_before, file) == 0)
		memset(ring_before, 0, sizeof ring_before);
	if (file)
		fclose(file);
	open_all();
	/* The head is synced at opening. */
	file = fopen(ring_path, "r");
	MUST(file && fread(ring_before, 1, 4096, file) == 4096, 0);
	fclose(file);
	int steps = (int)chance_between(&chance, 10, 120);
	for (int i = 0; i < steps; i++) {
		uint64_t dice = chance_below(&chance, 100);
		if (dice < 45)
			push((int)chance_between(&chance, 1, dice < 3 ? 900 : 40));
		else if (dice < 78)
			record();
		else if (dice < 90)
			deliver();
		else if (dice < 93)
			fail_soon();
		else if (dice < 96)
			fault.full = !fault.full;
		else if (i > steps / 2)
			crash_soon();
	}
	if (may_flip && chance_below(&chance, 10) == 0) {
		store_close(client);
		store_close(store);
		flip_bits();
	}
	if (chance_below(&chance, 2))
		cut_power();
	end_life();
}

/* --- what must hold ---------------------------------------------------------------- */

static uint8_t seen[NUMBERS];

static bool see(void *arg, const struct stored_report *stored)
{
	int64_t number = stored->report.time_ms - first_ms;

	if (model->flipped && (number <= 0 || number > model->pushed))
		return true;
	MUST(number > 0 && number <= model->pushed, number);
	MUST(model->flipped || seen[number] == 0, number);
	seen[number] = 1;
	return send_one(arg, stored);
}

static void save_all(void)
{
	struct salvage *salvage;

	while ((salvage = salvage_resume(store))) {
		struct salvage_result result;
		int rc;
		while ((rc = salvage_step(salvage, &result)) == 1)
			room_grow(&room);
		MUST(rc == 0 || store_is_full(store), rc);
		if (rc == 0)
			MUST(store_commit(store) == 0, rc);
		else
			room_relieve(&room);
		salvage_close(salvage);
	}
}

/* Everything that waits is stored; then it is looked at. */
static void verify(void)
{
	struct sending sending = { .id = 0 };
	struct ring_status status;
	int64_t lost = 0;

	open_all();
	for (int i = 0; i < 500; i++) {
		record();
		ring_get_status(ring, &status);
		if (status.used == 0)
			break;
	}
	if (store_is_damaged()) {
		MUST(model->flipped, 0);
		_exit(DONE);
	}
	MUST(status.used == 0, status.used);
	save_all();
	MUST(model->flipped ||
			temp_number(store,
				"SELECT count(*) FROM pragma_quick_check"
				" WHERE quick_check = 'ok'") == 1,
		0);
	int got = store_scan(store, 0, INT32_MAX, see, &sending);
	MUST(got >= 0 || model->flipped, got);
	if (model->flipped)
		_exit(DONE);
	/* A full disk's oldest: they went from the lowest id on. */
	int64_t first =
		(int64_t)temp_number(store, "SELECT ifnull(min(id), 0) FROM report");
	int64_t forgotten = first > 0 ? first - 1 : store_last_id(store);
	for (int number = 1; number <= model->pushed; number++) {
		bool must =
			model->power ? model->committed[number] : model->accepted[number];
		lost += must && !seen[number];
	}
	int64_t most = forgotten + (model->power ? 0 : model->dropped);
	if (model->power)
		MUST(lost <= most, lost - most);
	else
		MUST(lost == most, lost - most);
	int64_t cursor;
	MUST(store_cursor_get(store, "city", &cursor) == 0, 0);
	MUST(cursor <= model->cursor && cursor <= store_last_id(store), cursor);
	model->losses += (uint64_t)lost;
	_exit(DONE);
}

/* --- runs ------------------------------------------------------------------------- */

static int run_child(void (*run)(bool), bool flag)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		clock_freeze(first_ms + NUMBERS, 1000);
		log_set_sink(no_log);
		run(flag);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void verify_child(bool flag)
{
	(void)flag;
	verify();
}

static int run(uint64_t seed)
{
	chance = (struct chance){ .state = seed };
	run_seed = seed;
	memset(model, 0, offsetof(struct model, faults));
	temp_make(&temp);
	snprintf(ring_path, sizeof ring_path, "%s/test.ring", temp.directory);
	int lives = (int)chance_between(&chance, 1, LIVES);
	for (int i = 0; i < lives; i++) {
		chance_bits(&chance);
		int status = run_child(live, i == lives - 1);
		if (status != CRASHED)
			fail_msg("MUABUI_SEED=%llu: life %d ended with %d",
				(unsigned long long)seed, i, status);
	}
	int status = run_child(verify_child, false);
	if (status != DONE)
		fail_msg("MUABUI_SEED=%llu: does not hold (%d)", (unsigned long long)seed,
			status);
	temp_remove(&temp);
	return lives;
}

static void holds_after_every_crash(void **state)
{
	(void)state;
	const char *wanted = getenv("MODEL_RUNS");
	long runs = wanted ? strtol(wanted, NULL, 10) : 60, crashes = 0;

	model = mmap(NULL, sizeof *model, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(model, MAP_FAILED);
	if (getenv("MUABUI_SEED") && !wanted) {
		run(chance_seed());
		return;
	}
	for (uint64_t seed = chance_seed(); crashes < runs; seed++)
		crashes += run(seed);
	print_message("%ld crashes, %llu commits, %llu of them undone, %llu faults\n",
		crashes, (unsigned long long)model->commits,
		(unsigned long long)model->rollbacks, (unsigned long long)model->faults);
	assert_true(model->commits > 0 && model->faults > 0 && model->rollbacks > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_after_every_crash),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
