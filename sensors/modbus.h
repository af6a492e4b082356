/*
 * Modbus devices: which registers mean what, the requests that fetch them, and
 * the bus that asks.
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
};

struct modbus_options {
	struct serial_options serial; /* first: see serial.h */
	int unit_id;                  /* 1..247 */
	int64_t every;                /* ms of data time */
	int64_t timeout;              /* ms until an answer must have begun */
	int64_t pause;                /* ms of silence before each request, at least */
	int function;                 /* 3, 4 */
	int max_gap;                  /* registers nobody wants that a request may span */
	struct option_list registers; /* struct modbus_register, 1..READINGS_MAX */
};

/* One request: registers that are fetched together. */
struct modbus_block {
	uint8_t function;
	uint16_t address;
	uint16_t count;
};

/* The requests that fetch all registers, in order of function and address. */
size_t modbus_plan(const struct modbus_options *options,
	struct modbus_block blocks[static READINGS_MAX]);

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
