/*
 * Formats: what senders of a known kind mean by their topics and bytes. A new one is
 * one const struct and one line in formats.c.
 *
 * All is pure but for a session, which belongs to one source: no I/O, no clock, no log.
 * The mqtt and http drivers, `muabui decode` and the fuzzers run the same code.
 */
#ifndef MUABUI_SENSORS_FORMAT_H
#define MUABUI_SENSORS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/sensor.h"

struct cJSON;
struct station;

/* What a user wants out of a payload besides what its format knows, or instead of it. */
struct payload_field {
	const struct metric *metric;
	const char *pointer; /* RFC 6901; of payloads without depth: '/' and the name */
	double scale, offset;
	bool optional;
};

/* The options every receiver of payloads has; their structs contain this one. */
struct payload_options {
	int format;                  /* index into formats[] */
	const struct metric *metric; /* of a payload that is one number, or NULL */
	struct option_list fields;   /* struct payload_field */
	const char *sensor;    /* template: {1} {2} … {device}; "": its own name */
	const char *time;      /* pointer to the time, "": where the format says */
	const char *time_zone; /* "+07:00" of times without one, "": not known */
	bool zero_when_missing;
	int64_t max_payload; /* bytes; 0: format_payload_max() says */
};

/* One message. */
struct payload {
	const char *topic; /* or the path of a request without its first '/'; "": none */
	const uint8_t *bytes;
	size_t length;
	const char *sender; /* who a header says sent it, "": not said */
};

/* What becomes of a message: nothing, one report or many. */
struct payload_sink {
	void *arg;
	/*
	 * Takes REPORT, which is the callee's to change. Its station is empty, its sensor
	 * the device as the payload names it or empty. With REPORT_DEVICE_TIME time_ms is
	 * the payload's own, whatever it is worth; else 0. Readings in it are good, also
	 * when the message as a whole is then called bad; but not so where the format is
	 * a batch (is_batch), whose reports name their own station and sensor.
	 */
	void (*report)(void *arg, struct report *report);
	/* The device WHO has come or gone. May be NULL. */
	void (*presence)(void *arg, const char *who, bool is_online);
	/* The sender should be sent this. May be NULL. */
	void (*ask)(void *arg, const char *topic, const void *bytes, size_t length);
	/* What exactly is wrong with the message, for the log. May be NULL. */
	void (*fault)(void *arg, const char *text);
	/* Something is called NAME that nobody has declared; it is left out. May be NULL.
	 */
	void (*unknown)(void *arg, const char *name);
};

struct payload_format {
	const char *name;
	const char *summary;
	bool is_binary;     /* else it has to be UTF-8 */
	bool is_number;     /* a payload is one number: the option metric has a meaning */
	bool names_device;  /* reports say which device they are of */
	bool is_batch;      /* many reports of any stations, taken all or none */
	bool asks;          /* senders may have to be asked back */
	size_t payload_max; /* bytes of the largest usual message; 0: 64 KiB */
	/*
	 * Availability: the level that ends such topics, and how many levels at the end
	 * of a topic of data it stands for. NULL: the format has none.
	 */
	const char *presence_level;
	int presence_drop;
	/* What such a message says of the sender's station. False: nothing, or nothing
	 * that could be true. May be NULL. */
	bool (*station)(const struct payload *payload, struct station *station);
	/*
	 * For formats of one JSON document with one report. REPORT has what the user's
	 * fields name; this adds what is not there yet, and the time. SENSOR_IGNORED: no
	 * message with data. NULL with decode also NULL: fields are all.
	 */
	enum sensor_result (*json)(const struct payload_options *options,
		const struct payload *payload, const struct cJSON *root,
		struct report *report);
	/* For all others. SESSION: what open() made, or NULL without open(). */
	enum sensor_result (*decode)(const struct payload_options *options, void *session,
		const struct payload *payload, const struct payload_sink *sink);
	/* What has to be remembered between messages, bounded. Both or none. */
	void *(*open)(void); /* NULL: no memory */
	void (*close)(void *session);
};

/* All formats, in the order of format_names. */
extern const struct payload_format *const formats[];
extern const char *const format_names[]; /* NULL-ended, for OPTION_CHOICE */

/* The index of the format called NAME, -1: there is none. */
int format_find(const char *name);

/* The options of a format by itself. */
struct payload_options format_defaults(int format);

/* The largest payload that OPTIONS allow. */
size_t format_payload_max(const struct payload_options *options);

/* Accepts what format->open returned, NULL included. */
void *format_open(const struct payload_format *format);
void format_close(const struct payload_format *format, void *session);

/*
 * Decodes PAYLOAD by OPTIONS (NULL: an object's members that are named as metrics) and
 * tells SINK. SENSOR_MISSING_FIELD and SENSOR_BAD_VALUE may come after good readings.
 */
enum sensor_result format_decode(const struct payload_options *options, void *session,
	const struct payload *payload, const struct payload_sink *sink);

enum presence { PRESENCE_UNKNOWN, PRESENCE_ONLINE, PRESENCE_OFFLINE };

/*
 * What an availability message says: the text ONLINE or OFFLINE, or where both are "" the
 * words that firmwares use, plain or as JSON {"state":…}.
 */
enum presence format_presence(
	const struct payload *payload, const char *online, const char *offline);

/* Is TOPIC one of FORMAT's own for availability? */
bool format_is_presence(const struct payload_format *format, const char *topic);

/*
 * Writes the filter for FORMAT's availability topics beside those of data, FILTER. False
 * when there are none, or FILTER has them already.
 */
bool format_presence_filter(
	const struct payload_format *format, const char *filter, char *out, size_t size);

/* option_group.check for the payload's part; TOPIC: filter its {1} count in. */
void format_check(const struct payload_options *options, const char *topic,
	const struct config_place *place);

extern const struct option_group format_field_group;

#define FORMAT_ROW(TYPE, MEMBER, NAME, KIND, ...)                                   \
	{                                                                           \
		.name = #NAME, .type = KIND, .offset = offsetof(TYPE, MEMBER.NAME), \
		__VA_ARGS__                                                         \
	}

/* The rows of struct payload_options, the MEMBER of struct TYPE. */
#define FORMAT_OPTIONS(TYPE, MEMBER)                                                    \
	FORMAT_ROW(TYPE, MEMBER, format, OPTION_CHOICE, .fallback = "auto",             \
		.choices = format_names,                                                \
		.help = "What sends: a known firmware or network, or plain or json; "   \
			"auto: what metric or fields say."),                            \
		FORMAT_ROW(TYPE, MEMBER, metric, OPTION_METRIC,                         \
			.help = "For payloads that are one plain number."),             \
		FORMAT_ROW(TYPE, MEMBER, fields, OPTION_LIST,                           \
			.group = &format_field_group,                                   \
			.help = "What to take out of a payload, before what its "       \
				"format knows."),                                       \
		FORMAT_ROW(TYPE, MEMBER, sensor, OPTION_STRING, .fallback = "",         \
			.max = 63,                                                      \
			.help = "Sensor name of the readings; {1} is what the first + " \
				"matched, {device} the sender's name in the payload; "  \
				"empty: this sensor's name."),                          \
		FORMAT_ROW(TYPE, MEMBER, time, OPTION_STRING, .fallback = "",           \
			.max = 255,                                                     \
			.help = "JSON pointer to the time: RFC 3339, or seconds or "    \
				"milliseconds since 1970."),                            \
		FORMAT_ROW(TYPE, MEMBER, time_zone, OPTION_STRING, .fallback = "",      \
			.max = 6,                                                       \
			.help = "Zone of times that come without one, such as "         \
				"\"+07:00\"; empty: such times are not used."),         \
		FORMAT_ROW(TYPE, MEMBER, zero_when_missing, OPTION_BOOL,                \
			.fallback = "false",                                            \
			.help = "Fields a message of data lacks are 0: for encoders "   \
				"that leave zeros out."),                               \
		FORMAT_ROW(TYPE, MEMBER, max_payload, OPTION_SIZE, .fallback = "0B",    \
			.min = 16, .max = 16777216, .unit = "size",                     \
			.help = "Larger messages are refused and counted; 0B: 64KiB, "  \
				"or what the format needs.")

#endif
