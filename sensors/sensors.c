/* All sensors of a configuration together: what they share, start and stop. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "sensors/http.h"
#include "sensors/modbus.h"
#include "sensors/mqtt.h"
#include "sensors/sdi12.h"
#include "sensors/sensor.h"
#include "sensors/serial.h"
#include "sensors/stream.h"

/* One thread, or one of Paho's. */
struct source {
	enum sensor_bus bus;
	union {
		struct stream *stream;
		struct modbus_bus *modbus;
		struct sdi12_bus *sdi12;
		struct mqtt_source *mqtt;
		struct http_receiver *http;
	};
};

struct sensors {
	size_t count;
	size_t source_count;
	struct sensor *all;
	struct source *sources;
};

static const struct sensor_driver *driver_of(const struct option_item *item)
{
	return (const struct sensor_driver *)((const char *)item->kind -
		offsetof(struct sensor_driver, kind));
}

/* What ITEM hangs on alone or with others: a serial port, a Modbus TCP address; or NULL.
 */
static const char *line_of(const struct option_item *item)
{
	const struct serial_options *serial = item->options;
	const struct modbus_options *modbus = item->options;

	if (driver_of(item)->bus == SENSOR_BUS_MQTT ||
		driver_of(item)->bus == SENSOR_BUS_HTTP)
		return NULL;
	if (driver_of(item)->bus == SENSOR_BUS_MODBUS && modbus_is_tcp(modbus))
		return modbus->url;
	return serial->port;
}

static const struct http_options *http_of(const struct option_item *item)
{
	return driver_of(item)->bus == SENSOR_BUS_HTTP ? item->options : NULL;
}

/* Does one server answer for both? */
static bool share_server(const struct option_item *one, const struct option_item *other)
{
	const struct http_options *a = http_of(one);
	const struct http_options *b = http_of(other);

	return a != NULL && b != NULL && a->listen != NULL && b->listen != NULL &&
		strcmp(a->listen, b->listen) == 0;
}

static bool share_line(const struct option_item *one, const struct option_item *other)
{
	const char *a = line_of(one), *b = line_of(other);

	return a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0;
}

/* Many devices share a line, if they agree about it. */
static void check_settings(const struct option_item *earlier,
	const struct option_item *later, const struct config_place *place)
{
	const struct serial_options *a = earlier->options, *b = later->options;

	if (a->baud != b->baud)
		config_error(place, "baud", "sensor \"%s\" on the same port says %d",
			earlier->name, a->baud);
	else if (a->parity != b->parity)
		config_error(place, "parity",
			"sensor \"%s\" on the same port says \"%s\"", earlier->name,
			serial_parity_names[a->parity]);
	else if (a->stop_bits != b->stop_bits || a->data_bits != b->data_bits)
		config_error(place, "port",
			"sensor \"%s\" on the same port has other data or stop bits",
			earlier->name);
}

static void check_modbus_pair(const struct option_item *earlier,
	const struct option_item *later, const struct config_place *place)
{
	const struct modbus_options *one = earlier->options, *other = later->options;

	if (modbus_is_tcp(one))
		return; /* has no settings */
	check_settings(earlier, later, place);
	if (one->rs485 != other->rs485)
		config_error(place, "rs485", "sensor \"%s\" on the same port says %s",
			earlier->name, one->rs485 ? "true" : "false");
}

static void check_pair(const struct option_item *earlier, const struct option_item *later,
	const struct config_place *place)
{
	enum sensor_bus bus = driver_of(earlier)->bus;

	if (bus != driver_of(later)->bus ||
		(bus != SENSOR_BUS_MODBUS && bus != SENSOR_BUS_SDI12))
		config_error(place, "port", "sensor \"%s\" has this port already",
			earlier->name);
	else if (bus == SENSOR_BUS_MODBUS)
		check_modbus_pair(earlier, later, place);
	else
		check_settings(earlier, later, place);
}

/* Its readings could not be told from those that the gateway makes itself. */
static void check_name(const struct option_item *item, const struct config_place *place)
{
	struct config_place here = item->place;

	here.errors = place->errors;
	if (strcmp(item->name, INDEX_SENSOR) == 0)
		config_error(&here, "name",
			"\"%s\" is what the gateway calls its own indices", INDEX_SENSOR);
}

void sensors_check(const struct option_list *items, const struct config_place *place)
{
	const struct option_item *list = items->items;

	for (size_t i = 0; i < items->count; i++)
		check_name(&list[i], place);

	for (size_t later = 1; later < items->count; later++) {
		struct config_place here = list[later].place;

		here.errors = place->errors;
		for (size_t earlier = 0; earlier < later; earlier++) {
			if (share_server(&list[earlier], &list[later]) &&
				strcmp(http_of(&list[earlier])->path,
					http_of(&list[later])->path) == 0)
				config_error(&here, "path",
					"sensor \"%s\" has this path already",
					list[earlier].name);
			if (!share_line(&list[earlier], &list[later]))
				continue;
			check_pair(&list[earlier], &list[later], &here);
			break;
		}
	}
}

static bool share_source(const struct option_item *one, const struct option_item *other)
{
	return share_server(one, other) || share_line(one, other);
}

/* Modbus or SDI-12 sensors of one port, HTTP sensors of one address. */
static bool start_shared(struct sensors *sensors, struct source *source, size_t first)
{
	struct sensor **shared = calloc(sensors->count, sizeof(struct sensor *));
	size_t count = 0;
	bool started;

	if (shared == NULL)
		return false;
	for (size_t i = first; i < sensors->count; i++)
		if (share_source(sensors->all[first].item, sensors->all[i].item))
			shared[count++] = &sensors->all[i];
	if (source->bus == SENSOR_BUS_MODBUS) {
		source->modbus = modbus_bus_start(shared, count);
		started = source->modbus != NULL;
	} else if (source->bus == SENSOR_BUS_SDI12) {
		source->sdi12 = sdi12_bus_start(shared, count);
		started = source->sdi12 != NULL;
	} else {
		source->http = http_receiver_start(shared, count);
		started = source->http != NULL;
	}
	free(shared);
	return started;
}

static bool has_thread_already(const struct sensors *sensors, size_t index)
{
	enum sensor_bus bus = sensors->all[index].driver->bus;

	if (bus != SENSOR_BUS_MODBUS && bus != SENSOR_BUS_SDI12 && bus != SENSOR_BUS_HTTP)
		return false;
	for (size_t i = 0; i < index; i++)
		if (share_source(sensors->all[i].item, sensors->all[index].item))
			return true;
	return false;
}

static bool start_source(struct sensors *sensors, size_t index)
{
	struct sensor *sensor = &sensors->all[index];
	struct source *source = &sensors->sources[sensors->source_count];
	bool started = false;

	source->bus = sensor->driver->bus;
	switch (source->bus) {
	case SENSOR_BUS_STREAM:
		source->stream = stream_start(sensor);
		started = source->stream != NULL;
		break;
	case SENSOR_BUS_MODBUS:
	case SENSOR_BUS_SDI12:
	case SENSOR_BUS_HTTP:
		started = start_shared(sensors, source, index);
		break;
	case SENSOR_BUS_MQTT:
		source->mqtt = mqtt_source_start(sensor);
		started = source->mqtt != NULL;
		break;
	}
	if (started)
		sensors->source_count++;
	return started;
}

static void set_up(struct sensor *sensor, const struct option_item *item,
	const char *station_id, struct ring *ring)
{
	const struct sensor_common *common = item->common;

	sensor->name = item->name;
	sensor->gateway = station_id;
	sensor->station = common->station != NULL && common->station[0] != '\0'
		? common->station
		: station_id;
	sensor->driver = driver_of(item);
	sensor->item = item;
	sensor->ring = ring;
}

struct sensors *sensors_start(const struct option_list *items, const char *station_id,
	struct ring *ring, struct directory *directory)
{
	const struct option_item *list = items->items;
	struct sensors *sensors = calloc(1, sizeof(*sensors));

	if (sensors == NULL)
		goto no_memory;
	sensors->count = items->count;
	sensors->all = calloc(items->count + 1, sizeof(struct sensor));
	sensors->sources = calloc(items->count + 1, sizeof(struct source));
	if (sensors->all == NULL || sensors->sources == NULL)
		goto no_memory;
	for (size_t i = 0; i < items->count; i++) {
		set_up(&sensors->all[i], &list[i], station_id, ring);
		sensors->all[i].directory = directory;
	}
	for (size_t i = 0; i < items->count; i++) {
		if (has_thread_already(sensors, i))
			continue;
		if (!start_source(sensors, i)) {
			sensors_stop(sensors);
			return NULL;
		}
	}
	return sensors;
no_memory:
	log_error("sensors: no memory");
	sensors_stop(sensors);
	return NULL;
}

void sensors_stop(struct sensors *sensors)
{
	if (sensors == NULL)
		return;
	for (size_t i = 0; i < sensors->source_count; i++) {
		struct source *source = &sensors->sources[i];

		switch (source->bus) {
		case SENSOR_BUS_STREAM:
			stream_stop(source->stream);
			break;
		case SENSOR_BUS_MODBUS:
			modbus_bus_stop(source->modbus);
			break;
		case SENSOR_BUS_SDI12:
			sdi12_bus_stop(source->sdi12);
			break;
		case SENSOR_BUS_MQTT:
			mqtt_source_stop(source->mqtt);
			break;
		case SENSOR_BUS_HTTP:
			http_receiver_stop(source->http);
			break;
		}
	}
	free(sensors->sources);
	free(sensors->all);
	free(sensors);
}

size_t sensors_count(const struct sensors *sensors)
{
	return sensors->count;
}

const struct sensor *sensors_get(const struct sensors *sensors, size_t index)
{
	return index < sensors->count ? &sensors->all[index] : NULL;
}
