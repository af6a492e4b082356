#include "sensors/candidates.h"

#include <stdlib.h>
#include <string.h>

enum { CANDIDATES_MAX = 64 };

int candidate_baud(const struct sensor_driver *driver)
{
	const struct option *option = driver->kind.group.options;

	for (; option->name != NULL; option++)
		if (strcmp(option->name, "baud") == 0 && option->fallback != NULL)
			return (int)strtol(option->fallback, NULL, 10);
	return 0;
}

bool candidate_is_catch_all(const struct sensor_driver *driver)
{
	return strcmp(driver->kind.name, "text") == 0;
}

/* Is a frame with this RESULT by DRIVER's own word one of its device? */
static bool is_its_own(const struct sensor_driver *driver, enum sensor_result result)
{
	if (result == SENSOR_OK || result == SENSOR_MISSING_FIELD)
		return true;
	/* Without a checksum, other words are no evidence. */
	return !driver->is_text &&
		(result == SENSOR_IGNORED || result == SENSOR_WARMING_UP ||
			result == SENSOR_DEVICE_ERROR);
}

void candidate_feed(struct candidate *candidate, const uint8_t *bytes, size_t length,
	const uint8_t *request, size_t request_length)
{
	struct report report;
	enum sensor_result result;

	report_init(&report);
	while (length > 0) {
		size_t taken = framer_put(&candidate->framer, bytes, length);

		bytes += taken;
		length -= taken;
		while (framer_next(&candidate->framer, &report, &result)) {
			const struct framer *framer = &candidate->framer;
			bool is_echo = request_length > 0 &&
				framer->frame_length == request_length &&
				memcmp(framer->frame, request, request_length) == 0;

			if (!is_echo && is_its_own(candidate->driver, result))
				candidate->good++;
		}
	}
}

struct candidate *candidates_make(void)
{
	struct candidate *candidates = calloc(CANDIDATES_MAX, sizeof(*candidates));
	size_t count = 0;

	for (size_t i = 0; candidates != NULL && sensor_drivers[i] != NULL; i++) {
		struct framer_code code = framer_code_of(sensor_drivers[i], NULL);

		if (sensor_drivers[i]->bus != SENSOR_BUS_STREAM ||
			count + 1 == CANDIDATES_MAX)
			continue;
		candidates[count].driver = sensor_drivers[i];
		framer_init(&candidates[count++].framer, &code);
	}
	return candidates;
}

bool candidates_understand(const struct candidate *candidates)
{
	for (const struct candidate *one = candidates; one->driver != NULL; one++)
		if (one->good >= 2 && !candidate_is_catch_all(one->driver))
			return true;
	return false;
}
