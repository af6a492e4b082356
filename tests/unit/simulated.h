/* Frames of simulated devices, for the tests of drivers. */
#ifndef TESTS_UNIT_SIMULATED_H
#define TESTS_UNIT_SIMULATED_H

#include <math.h>

#include "sensors/simulate.h"

/* The frame of the device NAME in a dust of PM25 (NAN: as captured); its length. */
static inline size_t simulated_frame(
	const char *name, double pm25, uint8_t frame[static SIMULATE_FRAME_MAX])
{
	static struct simulate_settings settings;
	static struct simulate_device device;
	size_t length = 0;
	char why[200];

	settings = (struct simulate_settings){
		.driver = simulate_find(name), .mode = SIMULATE_TALKING, .unit_id = 1
	};
	if (simulate_device_open(&device, &settings, why, sizeof(why)) == 0) {
		device.now.pm25 = pm25;
		length = simulate_device_say(&device, frame);
	}
	simulate_device_close(&device);
	return length;
}

#endif
