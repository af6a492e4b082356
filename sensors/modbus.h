/*
 * Modbus devices: which registers mean what, the requests that fetch them, and
 * the bus that asks.
 *
 * modbus.c           what the bytes mean, and the driver
 * modbus_options.c   the configuration's tables
 * modbus_plan.c      which requests fetch the registers
 * modbus_schedule.c  who is asked next
 * rtu_reply.c        the answer among what the line brings
 * modbus_line.c      one request and its answer, over a port; modbus_tcp.c: over TCP
 * modbus_bus.c       the thread of all devices on one line
 */
#ifndef MUABUI_SENSORS_MODBUS_H
#define MUABUI_SENSORS_MODBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/metric.h"
#include "sensors/rtu.h"
#include "sensors/sensor.h"
#include "sensors/serial.h"

enum modbus_type {
	MODBUS_INT16,
	MODBUS_UINT16,
	MODBUS_INT32,
	MODBUS_UINT32,
	MODBUS_FLOAT32,
};

/* How the bytes of a value, A the most significant, follow each other on the wire. */
enum modbus_order { MODBUS_ABCD, MODBUS_CDAB, MODBUS_BADC, MODBUS_DCBA };

struct modbus_register {
	const struct metric *metric;
	int address; /* on the wire, 0..65535 */
	int type;    /* enum modbus_type */
	int order;   /* enum modbus_order; of 16 bits, BADC and DCBA swap the two bytes */
	double scale; /* value = number × scale + offset, in the metric's unit */
	double offset;
	struct option_numbers invalid; /* numbers, before scaling, that mean "no value" */
	int function;                  /* 3, 4; 0: the sensor's */
	bool clear_on_read; /* reading it sets it to 0: never asked for twice */
};

/* A request as the user wants it. */
struct modbus_wish {
	int address;
	int count;
	int function; /* 3, 4; 0: the sensor's */
};

struct modbus_options {
	struct serial_options serial; /* first: see serial.h; .port "" with a url */
	const char *url;              /* modbus://HOST:PORT, "" with a port */
	bool rs485;                   /* the kernel is to turn the line around */
	int unit_id;                  /* 1..255 */
	int64_t every;                /* ms of data time */
	int64_t timeout;              /* ms until an answer must have begun */
	int64_t pause;                /* ms of silence before each request, at least */
	int function;                 /* 3, 4 */
	int max_gap;                  /* registers nobody wants that a request may span */
	struct option_list registers; /* struct modbus_register, 1..READINGS_MAX */
	struct option_list blocks;    /* struct modbus_wish, 0..READINGS_MAX */
};

/* For the driver: the rows of modbus_options, and its option_group.check. */
extern const struct option modbus_table[];
void modbus_check(const void *values, const struct config_place *place);

/* Is it Modbus TCP, to a url, and not a serial port? */
bool modbus_is_tcp(const struct modbus_options *options);

/* Registers that REG takes: 1 or 2. */
unsigned modbus_words(const struct modbus_register *reg);

/* One request: registers that are fetched together. */
struct modbus_block {
	uint8_t function;
	uint16_t address;
	uint16_t count;
};

/*
 * The requests that fetch all registers: those of options.blocks as they are, or else as
 * few as max_gap allows, in order of function and address.
 */
size_t modbus_plan(const struct modbus_options *options,
	struct modbus_block blocks[static READINGS_MAX]);

/* Does BLOCK fetch REG, the whole of it? */
bool modbus_holds(const struct modbus_options *options, const struct modbus_block *block,
	const struct modbus_register *reg);

/* Does BLOCK fetch a register that reading clears? */
bool modbus_clears(
	const struct modbus_options *options, const struct modbus_block *block);

enum {
	/* A request and its response behind it: what the driver's decode is made of. */
	MODBUS_EXCHANGE_MAX = RTU_REQUEST_SIZE + RTU_MAX,
};

/* --- the bus (modbus_bus.c) ------------------------------------------- */

struct modbus_bus;

/*
 * Starts the thread of the port that all COUNT sensors share; they must outlive it.
 * An absent port is no failure. NULL when there is no memory or no thread.
 */
struct modbus_bus *modbus_bus_start(struct sensor *const *sensors, size_t count);

/* Joins the thread at once, whatever it waits for. Accepts NULL. */
void modbus_bus_stop(struct modbus_bus *bus);

#endif
