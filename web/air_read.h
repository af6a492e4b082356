/*
 * A station's hours and minutes out of the store, for those who make indices of them:
 * the recorder at each hour's end, and whoever shows the present.
 *
 * What is kept: the minutes of every sensor, and, as series of the sensor INDEX_SENSOR in
 * the table of hours, what was made of them: the station's hourly means ("pm25_1h", …,
 * only complete ones) and the indices. Sub-indices, the pollutant that is highest, and
 * categories are not kept: they follow from the means by the functions of derive/.
 */
#ifndef MUABUI_WEB_AIR_READ_H
#define MUABUI_WEB_AIR_READ_H

#include "config/config.h"
#include "derive/air_hours.h"
#include "derive/air_report.h"
#include "derive/air_station.h"
#include "store/store.h"

/* The state (store_state_set()) of a source whose gateway makes its station's index;
 * empty where it is heard without that again. */
extern const char air_relayed[];

/* How the pollutants of SENSOR, by the configuration of SENSORS, count. */
enum air_role air_role_of(const struct option_list *sensors, const char *sensor);

/* What CONFIG says of indices; where it says nothing, the default. */
struct air_rules air_rules_of(const struct config *config);

struct air_minute {
	const char *station, *sensor;
	enum air_pollutant pollutant;
	int64_t end_ms, count;
	double sum;
};

/*
 * Calls EACH with the minutes of pollutants at STATION (NULL: everywhere) whose end lies
 * in (FROM_MS, TO_MS], oldest first; those of relayed sources only where RELAYED_TOO.
 * 0 or -1.
 */
int air_read_minutes(struct store *store, const char *station, bool relayed_too,
	int64_t from_ms, int64_t to_ms,
	void (*each)(void *arg, const struct air_minute *minute), void *arg);

/* The station's means of the AIR_HOURS hours up to END_MS, into HOURS. 0 or -1. */
int air_read_hours(struct store *store, const char *station, int64_t end_ms,
	struct air_hours *hours);

/* What is kept as the hour END_MS of METRIC of the station's index; NAN: nothing.
 * 0 or -1. */
int air_read_value(struct store *store, const char *station, uint16_t metric,
	int64_t end_ms, double *value);

#endif
