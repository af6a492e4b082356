/*
 * The thread of a port with Modbus devices on it: asks each in turn, the one
 * that has waited longest first. libmodbus sends and receives; the port is
 * opened and closed here, because libmodbus takes it without a lock and its
 * own recovery never ends.
 */
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "sensors/modbus.h"

enum {
	WHY_SIZE = 200,
	DETAIL_SIZE = 96,
	BYTE_TIMEOUT_MS = 200, /* between two bytes of an answer; USB adapters batch */
	SETTLE_MS = 100,       /* after silence: a late answer is let pass */
	QUARANTINE_AFTER = 3,  /* silences in a row */
	QUARANTINE_FIRST_MS = 1000,
	QUARANTINE_MAX_MS = 30 * 1000,
};

/* One device on the bus. */
struct slot {
	struct sensor *sensor;
	const struct modbus_options *options;
	int64_t next_ms;   /* real time of the next poll */
	unsigned silences; /* polls without an answer, in a row */
	size_t block_count;
	struct modbus_block blocks[READINGS_MAX];
};

struct modbus_bus {
	const struct serial_options *port;
	struct serial_backoff backoff;
	modbus_t *rtu;
	int fd; /* the port, -1 while it is closed */
	int wake_fd;
	bool stopping;
	int64_t quiet_ms; /* real time until which the line must stay silent */
	int64_t silence_ms;
	const struct slot *silent; /* whose request was the last one, and got no answer */
	char detail[DETAIL_SIZE];  /* of the latest failure */
	pthread_t thread;
	size_t used; /* bytes of the exchanges of the poll under way */
	uint8_t exchanges[MODBUS_EXCHANGE_MAX * READINGS_MAX];
	size_t count;
	struct slot slots[];
};

static bool is_port_lost(int error)
{
	return error == EIO || error == EBADF || error == ENXIO || error == ENODEV ||
		error == ECONNRESET || error == EPIPE || error == ENOTTY;
}

/* What libmodbus's errno means for an answer that had begun. */
static enum sensor_result result_of_error(int error)
{
	if (is_port_lost(error))
		return SENSOR_PORT_ERROR;
	switch (error) {
	case EMBBADCRC:
		return SENSOR_BAD_CHECKSUM;
	case EMBBADDATA:
	case EMBMDATA:
	case ETIMEDOUT: /* it began, and stopped half way */
		return SENSOR_BAD_LENGTH;
	case EMBBADSLAVE:
		return SENSOR_BAD_SYNC;
	default:
		return error > MODBUS_ENOBASE && error < EMBBADCRC ? SENSOR_DEVICE_ERROR
								   : SENSOR_BAD_SYNC;
	}
}

/* --- one request --------------------------------------------------------- */

/* Keeps the line silent as long as it must be. False when told to stop. */
static bool keep_silence(struct modbus_bus *bus)
{
	int64_t wait_ms = bus->quiet_ms - clock_real_ms();

	if (wait_ms > 0 && serial_wait(-1, bus->wake_fd, wait_ms) == SERIAL_WOKEN)
		bus->stopping = true;
	return !bus->stopping;
}

static enum sensor_result receive(struct modbus_bus *bus, const struct slot *slot,
	uint8_t response[static MODBUS_MAX_ADU_LENGTH], size_t *length)
{
	/* The request has to leave first; USB adapters add up to 16 ms each way. */
	int64_t limit = slot->options->timeout + 40 +
		RTU_REQUEST_SIZE * serial_char_us(bus->port) / 1000;
	int received;

	switch (serial_wait(bus->fd, bus->wake_fd, limit)) {
	case SERIAL_WOKEN:
		bus->stopping = true;
		return SENSOR_TIMEOUT;
	case SERIAL_QUIET:
		snprintf(bus->detail, sizeof(bus->detail), "unit %d, %lld ms",
			slot->options->unit_id, (long long)slot->options->timeout);
		return SENSOR_TIMEOUT;
	case SERIAL_GONE:
		return SENSOR_PORT_ERROR;
	case SERIAL_READY:
		break;
	}
	received = modbus_receive_confirmation(bus->rtu, response);
	if (received < 0) {
		int error = errno;

		snprintf(bus->detail, sizeof(bus->detail), "unit %d: %s",
			slot->options->unit_id, modbus_strerror(error));
		return result_of_error(error);
	}
	*length = (size_t)received;
	if (received == 0) { /* libmodbus's way to say: of another unit */
		snprintf(bus->detail, sizeof(bus->detail),
			"unit %d was asked, another answered", slot->options->unit_id);
		return SENSOR_BAD_SYNC;
	}
	return SENSOR_OK;
}

/* Is RESPONSE the answer to the request for BLOCK? */
static enum sensor_result judge(struct modbus_bus *bus, const struct slot *slot,
	const struct modbus_block *block, const uint8_t *response, size_t length)
{
	struct rtu_message message;
	enum sensor_result result = rtu_parse(response, length, &message);

	if (result != SENSOR_OK)
		return result;
	if (message.unit != slot->options->unit_id || message.function != block->function)
		return SENSOR_BAD_SYNC;
	if (message.kind == RTU_EXCEPTION) {
		snprintf(bus->detail, sizeof(bus->detail),
			"exception %u, %s; register %u", message.exception,
			rtu_exception_name(message.exception), block->address);
		return SENSOR_DEVICE_ERROR;
	}
	if (message.kind != RTU_RESPONSE)
		return SENSOR_BAD_SYNC;
	if (message.count != block->count) {
		snprintf(bus->detail, sizeof(bus->detail),
			"%u registers asked for, %u came", block->count, message.count);
		return SENSOR_BAD_LENGTH;
	}
	return SENSOR_OK;
}

/* Asks SLOT for BLOCK; a good exchange is added to the bus's exchanges. */
static enum sensor_result ask(
	struct modbus_bus *bus, const struct slot *slot, const struct modbus_block *block)
{
	uint8_t request[RTU_REQUEST_SIZE];
	uint8_t response[MODBUS_MAX_ADU_LENGTH];
	size_t length = 0;
	enum sensor_result result;

	if (!keep_silence(bus))
		return SENSOR_TIMEOUT;
	rtu_request(request, (uint8_t)slot->options->unit_id, block->function,
		block->address, block->count);
	/* What is still there answers somebody else's question. */
	if (modbus_flush(bus->rtu) < 0 && is_port_lost(errno))
		return SENSOR_PORT_ERROR;
	if (modbus_set_slave(bus->rtu, slot->options->unit_id) != 0)
		return SENSOR_BAD_SYNC;
	if (modbus_send_raw_request(bus->rtu, request, RTU_REQUEST_SIZE - 2) < 0)
		return SENSOR_PORT_ERROR;
	result = receive(bus, slot, response, &length);
	if (result == SENSOR_OK)
		result = judge(bus, slot, block, response, length);
	bus->quiet_ms = clock_real_ms() + bus->silence_ms;
	if (result != SENSOR_OK) {
		bus->quiet_ms += SETTLE_MS;
		return result;
	}
	memcpy(bus->exchanges + bus->used, request, sizeof(request));
	memcpy(bus->exchanges + bus->used + sizeof(request), response, length);
	bus->used += sizeof(request) + length;
	return SENSOR_OK;
}

/*
 * Many slaves take whatever follows a request to another unit for that unit's answer, and
 * so miss the first request after a silence that is not theirs: it is sent twice.
 */
static enum sensor_result ask_after_silence(
	struct modbus_bus *bus, const struct slot *slot, const struct modbus_block *block)
{
	bool may_be_missed = bus->silent != NULL && bus->silent != slot;
	enum sensor_result result = ask(bus, slot, block);

	if (result == SENSOR_TIMEOUT && may_be_missed && !bus->stopping)
		result = ask(bus, slot, block);
	bus->silent = result == SENSOR_TIMEOUT ? slot : NULL;
	return result;
}

/* --- one device ----------------------------------------------------------- */

/*
 * Fetches all blocks of SLOT and notes what fails, except the loss of the port. Silence
 * ends it: the others shall not wait for it again.
 */
static enum sensor_result fetch(struct modbus_bus *bus, const struct slot *slot)
{
	enum sensor_result worst = SENSOR_OK;

	bus->used = 0;
	for (size_t i = 0; i < slot->block_count; i++) {
		enum sensor_result result;

		bus->detail[0] = '\0';
		result = ask_after_silence(bus, slot, &slot->blocks[i]);
		if (bus->stopping)
			return SENSOR_TIMEOUT;
		if (result == SENSOR_OK)
			continue;
		worst = result;
		if (result == SENSOR_PORT_ERROR)
			break;
		sensor_note(slot->sensor, result, bus->detail);
		if (result == SENSOR_TIMEOUT)
			break;
	}
	return worst;
}

/* False when the port is lost. */
static bool poll_slot(struct modbus_bus *bus, struct slot *slot)
{
	struct report report;
	enum sensor_result fetched = fetch(bus, slot);
	enum sensor_result decoded = SENSOR_TIMEOUT;

	if (bus->stopping)
		return true;
	if (bus->used > 0) {
		bus->backoff.failures = 0;
		report_init(&report);
		decoded = slot->sensor->driver->decode(
			slot->options, bus->exchanges, bus->used, &report);
	}
	if (decoded == SENSOR_OK && fetched == SENSOR_OK)
		sensor_deliver(slot->sensor, &report);
	else if (decoded == SENSOR_OK)
		sensor_deliver_part(slot->sensor, &report);
	if (fetched == SENSOR_PORT_ERROR)
		return false;
	if (bus->used > 0 && decoded != SENSOR_OK)
		sensor_note(slot->sensor, decoded, NULL);
	slot->silences =
		fetched == SENSOR_TIMEOUT && bus->used == 0 ? slot->silences + 1 : 0;
	return true;
}

/* When SLOT is asked again: in step, unless it is late or has long been silent. */
static void plan_next(struct slot *slot)
{
	int64_t now_ms = clock_real_ms();
	int64_t period_ms = clock_to_real_ms(slot->options->every);
	int64_t delay_ms = QUARANTINE_FIRST_MS;

	if (period_ms < 1)
		period_ms = 1;
	slot->next_ms += period_ms;
	if (slot->next_ms < now_ms)
		slot->next_ms = now_ms;
	if (slot->silences < QUARANTINE_AFTER)
		return;
	for (unsigned i = QUARANTINE_AFTER;
		i < slot->silences && delay_ms < QUARANTINE_MAX_MS; i++)
		delay_ms *= 2;
	if (delay_ms > QUARANTINE_MAX_MS)
		delay_ms = QUARANTINE_MAX_MS;
	if (slot->next_ms < now_ms + delay_ms)
		slot->next_ms = now_ms + delay_ms;
}

static struct slot *find_next(struct modbus_bus *bus)
{
	struct slot *next = &bus->slots[0];

	for (size_t i = 1; i < bus->count; i++)
		if (bus->slots[i].next_ms < next->next_ms)
			next = &bus->slots[i];
	return next;
}

/* --- the port --------------------------------------------------------------- */

static void note_all(struct modbus_bus *bus, const char *why)
{
	for (size_t i = 0; i < bus->count; i++)
		sensor_note(bus->slots[i].sensor, SENSOR_PORT_ERROR, why);
}

static void set_connected(struct modbus_bus *bus, bool connected)
{
	for (size_t i = 0; i < bus->count; i++)
		atomic_store(&bus->slots[i].sensor->stats.connected, connected);
}

static void close_port(struct modbus_bus *bus)
{
	if (bus->rtu != NULL)
		modbus_free(bus->rtu); /* leaves the descriptor alone */
	bus->rtu = NULL;
	serial_close(bus->fd);
	bus->fd = -1;
	set_connected(bus, false);
}

static int attach_libmodbus(struct modbus_bus *bus)
{
	const struct serial_options *port = bus->port;
	static const char parities[] = {
		[SERIAL_PARITY_NONE] = 'N',
		[SERIAL_PARITY_EVEN] = 'E',
		[SERIAL_PARITY_ODD] = 'O',
	};

	bus->rtu = modbus_new_rtu(port->port, port->baud, parities[port->parity],
		port->data_bits, port->stop_bits);
	if (bus->rtu == NULL)
		return -1;
	if (modbus_set_socket(bus->rtu, bus->fd) != 0)
		return -1;
	modbus_set_error_recovery(bus->rtu, MODBUS_ERROR_RECOVERY_NONE);
	modbus_set_response_timeout(bus->rtu, 0, BYTE_TIMEOUT_MS * 1000);
	modbus_set_byte_timeout(bus->rtu, 0, BYTE_TIMEOUT_MS * 1000);
	return 0;
}

/* False when told to stop. */
static bool wait_and_open(struct modbus_bus *bus)
{
	char why[WHY_SIZE];

	for (;;) {
		bus->fd = serial_open(bus->port, why, sizeof(why));
		if (bus->fd >= 0 && attach_libmodbus(bus) == 0)
			break;
		if (bus->fd >= 0)
			snprintf(why, sizeof(why), "%s: %s", bus->port->port,
				modbus_strerror(errno));
		close_port(bus);
		note_all(bus, why);
		if (serial_wait(-1, bus->wake_fd, serial_backoff_ms(&bus->backoff)) ==
			SERIAL_WOKEN)
			return false;
	}
	set_connected(bus, true);
	for (size_t i = 0; i < bus->count; i++) {
		bus->slots[i].next_ms = clock_real_ms();
		bus->slots[i].silences = 0;
	}
	bus->quiet_ms = clock_real_ms() + bus->silence_ms;
	return true;
}

/* Waits for the next poll. False when the port is lost. */
static bool idle_until(struct modbus_bus *bus, int64_t when_ms)
{
	uint8_t unasked[RTU_MAX];

	for (;;) {
		int64_t wait_ms = when_ms - clock_real_ms();
		ssize_t length;

		switch (serial_wait(bus->fd, bus->wake_fd, wait_ms > 0 ? wait_ms : 0)) {
		case SERIAL_WOKEN:
			bus->stopping = true;
			return true;
		case SERIAL_GONE:
			return false;
		case SERIAL_QUIET:
			if (clock_real_ms() >= when_ms)
				return true;
			break;
		case SERIAL_READY:
			/* Nobody was asked: noise, or an answer that comes too late. */
			length = serial_read(bus->fd, unasked, sizeof(unasked));
			if (length < 0)
				return false;
			atomic_fetch_add(&bus->slots[0].sensor->stats.skipped_bytes,
				(uint_fast64_t)length);
			if (clock_real_ms() >= when_ms)
				return true;
			break;
		}
	}
}

static void *bus_run(void *arg)
{
	struct modbus_bus *bus = arg;
	char why[WHY_SIZE];

	while (!bus->stopping && wait_and_open(bus)) {
		for (;;) {
			struct slot *slot = find_next(bus);

			if (!idle_until(bus, slot->next_ms) || bus->stopping)
				break;
			if (!poll_slot(bus, slot) || bus->stopping)
				break;
			plan_next(slot);
		}
		close_port(bus);
		if (bus->stopping)
			break;
		serial_say_gone(bus->port, why, sizeof(why));
		note_all(bus, why);
		if (serial_wait(-1, bus->wake_fd, serial_backoff_ms(&bus->backoff)) ==
			SERIAL_WOKEN)
			break;
	}
	close_port(bus);
	return NULL;
}

/* --- start and stop ----------------------------------------------------------- */

static void set_up_slots(struct modbus_bus *bus, struct sensor *const *sensors)
{
	/* 3.5 characters, which are 1.75 ms above 19200 baud; one more to be sure. */
	int64_t silence_ms = serial_char_us(bus->port) * 35 / 10 / 1000 + 2;

	for (size_t i = 0; i < bus->count; i++) {
		struct slot *slot = &bus->slots[i];

		slot->sensor = sensors[i];
		slot->options = sensors[i]->item->options;
		slot->block_count = modbus_plan(slot->options, slot->blocks);
		if (silence_ms < slot->options->pause)
			silence_ms = slot->options->pause;
	}
	bus->silence_ms = silence_ms;
}

struct modbus_bus *modbus_bus_start(struct sensor *const *sensors, size_t count)
{
	struct modbus_bus *bus = calloc(1, sizeof(*bus) + count * sizeof(struct slot));
	char name[16];

	if (bus == NULL)
		return NULL;
	bus->count = count;
	bus->fd = -1;
	bus->port = sensors[0]->item->options;
	set_up_slots(bus, sensors);
	bus->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bus->wake_fd < 0)
		goto no_wake_fd;
	snprintf(name, sizeof(name), "m:%.12s", sensors[0]->name);
	if (thread_start(&bus->thread, name, bus_run, bus) != 0)
		goto no_thread;
	return bus;
no_thread:
	close(bus->wake_fd);
no_wake_fd:
	log_error("port %s: cannot start: %s", bus->port->port, strerror(errno));
	free(bus);
	return NULL;
}

void modbus_bus_stop(struct modbus_bus *bus)
{
	if (bus == NULL)
		return;
	eventfd_write(bus->wake_fd, 1);
	pthread_join(bus->thread, NULL);
	close(bus->wake_fd);
	free(bus);
}
