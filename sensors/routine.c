#include "sensors/routine.h"

#include <assert.h>
#include <string.h>

enum phase { PHASE_START, PHASE_WAKE, PHASE_SETUP, PHASE_WARM, PHASE_READ, PHASE_SLEEP };

enum {
	TRIES_MAX = 3,       /* of one command */
	READINGS_TRIED = 10, /* in one duty cycle, until it sleeps without a value */
	ANSWER_MS = 1000,
	BETWEEN_MS = 200, /* two commands */
	ASLEEP_MIN_MS = 1000,
};

void routine_command_set(struct routine_command *command, const uint8_t *bytes,
	size_t length, bool is_answered)
{
	assert(length <= ROUTINE_COMMAND_MAX);
	memcpy(command->bytes, bytes, length);
	command->length = (uint8_t)length;
	command->is_answered = is_answered;
}

static void enter(struct routine_session *session, enum phase phase)
{
	session->phase = (uint8_t)phase;
	session->step = session->tries = session->misses = 0;
	session->is_sent = false;
	if (phase == PHASE_WAKE)
		session->readings = 0;
}

static struct sensor_turn send(const struct routine_command *command, int64_t pause_ms,
	uint8_t request[static SENSOR_REQUEST_MAX])
{
	memcpy(request, command->bytes, command->length);
	return (struct sensor_turn){
		.length = command->length,
		.wait_ms = command->is_answered ? ANSWER_MS : 0,
		.pause_ms = pause_ms,
	};
}

static struct sensor_turn wake(const struct routine *routine,
	struct routine_session *session, uint8_t request[static SENSOR_REQUEST_MAX])
{
	struct sensor_turn turn = send(&routine->wake, ROUTINE_WAKE_MS, request);

	turn.wait_ms = 0; /* many say nothing, or garbage, when they wake */
	turn.warmup_ms = routine->warmup_ms;
	enter(session, PHASE_SETUP);
	return turn;
}

/* True with the next command in TURN; false when all were sent. */
static bool set_up(const struct routine *routine, struct routine_session *session,
	enum sensor_result last, struct sensor_turn *turn,
	uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct routine_command *command = &routine->setup[session->step];

	if (session->is_sent) {
		bool is_done = !command->is_answered || last == SENSOR_IGNORED;

		if (is_done || session->tries >= TRIES_MAX) {
			/* Not understood or not heard: what it says will show. */
			session->step++;
			session->tries = 0;
			command++;
		}
	}
	if (session->step >= routine->setup_count)
		return false;
	session->is_sent = true;
	session->tries++;
	*turn = send(command, BETWEEN_MS, request);
	return true;
}

/* Had the question an answer that shows the device at work? */
static bool is_miss(const struct routine *routine, enum sensor_result last)
{
	/* What talks by itself, however garbled, is awake: waking it anew would only cost
	 * the good frames of another warm-up. */
	if (routine->ask.length == 0)
		return last == SENSOR_TIMEOUT;
	return last != SENSOR_OK && last != SENSOR_IGNORED && last != SENSOR_WARMING_UP;
}

static struct sensor_turn ask(const struct routine *routine,
	struct routine_session *session, uint8_t request[static SENSOR_REQUEST_MAX])
{
	bool is_check = routine->check.length > 0 && routine->check_every > 0 &&
		++session->asked >= routine->check_every;
	struct sensor_turn turn;

	if (is_check)
		session->asked = 0;
	session->is_sent = true;
	if (session->readings < UINT8_MAX)
		session->readings++;
	turn = send(
		is_check ? &routine->check : &routine->ask, routine->every_ms, request);
	turn.wait_ms = routine->answer_ms > 0 ? routine->answer_ms : ANSWER_MS;
	if (routine->ask.length == 0)
		turn.pause_ms = 0;
	else if (routine->duty_ms > 0)
		turn.pause_ms = ANSWER_MS;
	return turn;
}

/* Where does the reading lead? */
static enum phase read_on(const struct routine *routine, struct routine_session *session,
	enum sensor_result last)
{
	if (!session->is_sent)
		return PHASE_READ;
	session->misses = is_miss(routine, last) ? session->misses + 1 : 0;
	if (routine->duty_ms > 0)
		return last == SENSOR_OK || session->readings >= READINGS_TRIED
			? PHASE_SLEEP
			: PHASE_READ;
	if (session->misses < ROUTINE_MISSES_MAX)
		return PHASE_READ;
	if (routine->wake.length > 0)
		return PHASE_WAKE;
	return routine->setup_count > 0 ? PHASE_SETUP : PHASE_READ;
}

/* Only data that still come say that it has not gone to sleep. */
static struct sensor_turn sleep_or_rest(const struct routine *routine,
	struct routine_session *session, enum sensor_result last,
	uint8_t request[static SENSOR_REQUEST_MAX])
{
	bool is_awake = last == SENSOR_OK || last == SENSOR_WARMING_UP;
	int64_t rest_ms = routine->duty_ms - routine->warmup_ms - ROUTINE_SETTLE_MS;
	struct sensor_turn turn;

	if (!session->is_sent || (is_awake && session->tries < TRIES_MAX)) {
		session->is_sent = true;
		session->tries++;
		turn = send(&routine->sleep, ROUTINE_SETTLE_MS, request);
		turn.wait_ms = 0;
		return turn;
	}
	/* Not a byte until then: any byte wakes some of them. */
	enter(session, PHASE_WAKE);
	return (struct sensor_turn){
		.pause_ms = rest_ms > ASLEEP_MIN_MS ? rest_ms : ASLEEP_MIN_MS
	};
}

static struct sensor_turn next_turn(const struct routine *routine,
	struct routine_session *session, enum sensor_result last,
	uint8_t request[static SENSOR_REQUEST_MAX])
{
	struct sensor_turn turn;
	enum phase next;

	if (session->phase == PHASE_START)
		enter(session, routine->duty_ms > 0 ? PHASE_WAKE : PHASE_SETUP);
	if (session->phase == PHASE_READ) {
		next = read_on(routine, session, last);
		if (next != PHASE_READ)
			enter(session, next);
	}
	if (session->phase == PHASE_WAKE)
		return wake(routine, session, request);
	if (session->phase == PHASE_SETUP) {
		if (set_up(routine, session, last, &turn, request))
			return turn;
		enter(session, routine->duty_ms > 0 ? PHASE_WARM : PHASE_READ);
	}
	if (session->phase == PHASE_WARM) {
		enter(session, PHASE_READ);
		return (struct sensor_turn){ .pause_ms = routine->warmup_ms };
	}
	if (session->phase == PHASE_SLEEP)
		return sleep_or_rest(routine, session, last, request);
	return ask(routine, session, request);
}

struct sensor_turn routine_turn(const struct routine *routine, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	struct routine_session *own = session;
	bool is_opening = own->phase == PHASE_START;
	struct sensor_turn turn = next_turn(routine, own, last, request);

	if (is_opening && turn.warmup_ms < routine->opening_ms)
		turn.warmup_ms = routine->opening_ms;
	return turn;
}
