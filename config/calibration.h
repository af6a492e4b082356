/*
 * How a sensor's values are corrected, per metric: the rows of its `calibration` list.
 * derive/calibration.h says what is computed from them.
 */
#ifndef MUABUI_CONFIG_CALIBRATION_H
#define MUABUI_CONFIG_CALIBRATION_H

#include "config/option.h"
#include "core/buffer.h"
#include "core/metric.h"

/* Which correction for humidity, in the order of the words in the file. */
enum humidity_method {
	HUMIDITY_NONE,
	HUMIDITY_EPA,
	HUMIDITY_EPA2021,
	HUMIDITY_KAPPA,
	HUMIDITY_LINEAR,
};

enum { CALIBRATION_TERMS = 6 }; /* of a polynomial */

struct calibration_config {
	const struct metric *metric;
	const char *station;              /* "": every station of the sensor */
	double offset, gain;              /* NAN: not given */
	struct option_numbers polynomial; /* a0, a1, a2 … */
	int humidity;                     /* enum humidity_method */
	struct option_numbers
		coefficients; /* HUMIDITY_LINEAR: of dust, humidity, and 1 */
	double kappa;         /* hygroscopicity */
	double density;       /* of dry particles, g/cm³ */
	double humidity_cap;  /* %: a higher one counts as this, suspect */
	const char *date, *by, *certificate; /* certificate: "" for none */
};

extern const struct option_group calibration_group;

/* Complains of rows about a metric and station that have one already. */
void calibration_check_rows(
	const struct option_list *rows, const struct config_place *place);

/* The row of METRIC for STATION: one that names it, else one for every station; or NULL.
 */
const struct calibration_config *calibration_find(
	const struct option_list *rows, const char *station, uint16_t metric);

/*
 * Appends what CONFIG computes in canonical words, "offset -1.2, gain 0.93, humidity
 * kappa 0.3 density 1.65 cap 95": the same for equal computations. "none" where it only
 * says that the sensor was looked at.
 */
void calibration_describe(const struct calibration_config *config, struct buffer *out);

#endif
