/*
 * `muabui probe`: which devices are on a serial port. It listens first, then asks what
 * only reads: never a write, a calibration or a broadcast. The port is ours meanwhile.
 */
#ifndef MUABUI_SENSORS_PROBE_H
#define MUABUI_SENSORS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/sensor.h"
#include "sensors/serial.h"

enum { PROBE_ALIKE_MAX = 8, PROBE_LINE_MAX = 600, PROBE_UNITS_USUAL = 20 };

struct probe_settings {
	const char *port;
	int baud;   /* 0: those that are usual */
	int parity; /* enum serial_parity */
	bool all;   /* every Modbus unit and SDI-12 address, whatever else is found */
	int64_t timeout_ms; /* real time for an answer */
	int stop_fd;        /* readable: end */
};

/* A device that was found. */
struct probe_found {
	const struct sensor_driver *driver;
	struct serial_options serial;
	bool talks;   /* by itself */
	bool is_slow; /* its answer came when the next was asked already */
	int unit;     /* Modbus */
	char address; /* SDI-12 */
	size_t alike_count;
	const struct sensor_driver *alike[PROBE_ALIKE_MAX]; /* could be these as well */
};

struct probe_sink {
	void *arg;
	void (*found)(void *arg, const struct probe_found *found);
	void (*note)(void *arg, const char *text); /* a sentence for people */
};

enum probe_end { PROBE_DONE, PROBE_STOPPED, PROBE_FAILED };

/* Tries one port. With PROBE_FAILED the reason is in WHY: it is taken, or goes away. */
enum probe_end probe_run(const struct probe_settings *settings,
	const struct probe_sink *sink, char *why, size_t size);

/* Real time that asking takes at most, without listening. */
int64_t probe_duration_ms(const struct probe_settings *settings);

/*
 * The configuration's entry for FOUND, as sensor NAME: it is accepted as it is, but what
 * a driver for anything measures (modbus, umb, sdi12, text) is only an example.
 */
void probe_configuration(const struct probe_found *found, const char *name,
	char text[static PROBE_LINE_MAX]);

#endif
