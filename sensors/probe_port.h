/* The port that `muabui probe` looks at, for its own files: see sensors/probe.h. */
#ifndef MUABUI_SENSORS_PROBE_PORT_H
#define MUABUI_SENSORS_PROBE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/probe.h"
#include "sensors/serial.h"

enum {
	PROBE_SETTLE_MS = 60,   /* what a USB adapter still holds comes meanwhile */
	PROBE_SAMPLE_SIZE = 16, /* bytes shown of what nobody understands */
	PROBE_SDI12_MS = 120, /* an adapter speaks with 1200 baud behind: so much more */
	PROBE_UNITS_FACTORY = 3, /* with other numbers than the usual ones */
};

struct probe {
	const struct probe_settings *settings;
	const struct probe_sink *sink;
	struct serial_options serial; /* as the port is set now */
	int fd;
	bool is_stopped, is_lost;
	size_t found, damaged;
	size_t heard; /* bytes that no frame was made of, and the first of them */
	uint8_t sample[PROBE_SAMPLE_SIZE];
	int slow_units[4];
	size_t slow_count;
};

/* Neither stopped nor lost: the rest does nothing any more where it is not. */
bool probe_goes_on(const struct probe *probe);

/* Reads what comes until UNTIL_MS (clock_real_ms()); 0: the time is over, or it ends. */
size_t probe_read(struct probe *probe, int64_t until_ms, uint8_t *bytes, size_t size);

/* Lets what is late pass, so that it is not taken for the next answer. */
void probe_drain(struct probe *probe, int64_t ms);

/* Writes REQUEST. False: it does not go on. */
bool probe_ask(struct probe *probe, const uint8_t *request, size_t length);

void probe_set_baud(struct probe *probe, int baud);

/* FOUND is there, with the port as it is set now. */
void probe_tell(struct probe *probe, struct probe_found *found);

/* Modbus units and SDI-12 addresses, one after the other: sensors/probe_buses.c. */
void probe_ask_units(struct probe *probe);
void probe_ask_addresses(struct probe *probe);

#endif
