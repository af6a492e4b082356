/*
 * SDI-12 sensors behind a transparent serial adapter: what their lines mean, and the bus
 * that holds the conversation.
 */
#ifndef MUABUI_SENSORS_SDI12_H
#define MUABUI_SENSORS_SDI12_H

#include <stdbool.h>
#include <stddef.h>

#include "sensors/ask.h"
#include "sensors/line.h"
#include "sensors/mapping.h"
#include "sensors/sensor.h"
#include "sensors/serial.h"

enum {
	SDI12_COMMAND_MAX = 8,     /* "0MC9!" */
	SDI12_RESPONSE_MAX = 100,  /* 75 characters of values, address, CRC, line end */
	SDI12_EXCHANGE_MAX = 1400, /* a measurement with all its data */
	SDI12_VALUES_MAX = 99,
	SDI12_DATA_MAX = 10, /* D0 to D9 */
};

struct sdi12_value {
	struct mapping mapping; /* first: see mapping.h */
	int index;              /* from 1, through all of the measurement's data */
};

struct sdi12_options {
	struct serial_options serial; /* first: see serial.h */
	struct ask_options ask;
	const char *address;       /* one character */
	const char *measurement;   /* "M", "MC1", "C", "CC", "R0", …, without address */
	struct option_list values; /* struct sdi12_value */
};

/* What a measurement command asks for. */
struct sdi12_measurement {
	bool is_concurrent; /* C: other sensors may be asked meanwhile */
	bool is_continuous; /* R: the values come at once */
	bool has_crc;
};

/* Reads "M", "MC", "M1" … "CC9", "R0" … "RC9". False: it is none of these. */
bool sdi12_read_measurement(struct span text, struct sdi12_measurement *measurement);

/*
 * Reads RESPONSE, "atttn" or with C "atttnn", without its line end. False: it is none
 * of the sensor ADDRESS.
 */
bool sdi12_read_start(struct span response, char address, bool is_concurrent,
	int *seconds, size_t *count);

/*
 * Reads RESPONSE, "a+1.2-3", and appends its values. Nothing is appended unless it is
 * SENSOR_OK; no value at all is SENSOR_OK.
 */
enum sensor_result sdi12_read_values(struct span response, char address, bool has_crc,
	double values[static SDI12_VALUES_MAX], size_t *count);

/* --- the bus (sdi12_bus.c) ----------------------------------------------- */

struct sdi12_bus;

/*
 * Starts the thread of the port that all COUNT sensors share; they must outlive it.
 * An absent port is no failure. NULL when there is no memory or no thread.
 */
struct sdi12_bus *sdi12_bus_start(struct sensor *const *sensors, size_t count);

/* Joins the thread at once, whatever it waits for. Accepts NULL. */
void sdi12_bus_stop(struct sdi12_bus *bus);

#endif
