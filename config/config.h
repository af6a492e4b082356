/*
 * The configuration of a gateway: loaded whole, constant afterwards, freed
 * whole. Wings hang their tables in through a schema, so this room does not
 * know them.
 */
#ifndef MUABUI_CONFIG_CONFIG_H
#define MUABUI_CONFIG_CONFIG_H

#include <stdint.h>

#include "config/option.h"
#include "core/buffer.h"

struct station_config {
	const char *id;
	const char *name;
	const char *area;
	double latitude;  /* °, NAN: not given */
	double longitude; /* °, NAN: not given */
	int indicative;   /* enum maybe: its air values are of low-cost sensors */
};

/* What an area is called by people; stations and messages name it by its id. */
struct area_config {
	const char *id;
	const char *name;
};

enum durability {
	DURABILITY_GROUPED, /* acknowledged when in the ring */
	DURABILITY_EACH,    /* acknowledged when synced to disk */
};

struct store_config {
	const char *path;
	const char *ring;     /* "" = beside the store */
	int64_t ring_size;    /* bytes */
	int64_t commit_every; /* ms */
	int durability;       /* enum durability */
	int64_t keep_raw;     /* ms */
	int64_t keep_minutes; /* ms */
	int64_t max_size;     /* bytes */
};

struct metric_config {
	const char *name;
	const char *unit;
	double min, max;
	int decimals; /* what people are shown */
	int hazard;   /* enum hazard */
};

struct cap_config {
	const char *sender;      /* "" = made of the station's id */
	const char *sender_name; /* "" = the station's name */
	int status;              /* Actual, Exercise, System, Test, Draft */
	const char *web;         /* "" = by http.listen */
	const char *contact;     /* "" = none */
	const char *geocode;     /* valueName */
	double radius;           /* km */
};

/* How many messages an area gets at most; the rest come together. */
struct limit_config {
	int per_area;         /* messages per audience within that time; 0: no limit */
	int64_t within;       /* ms */
	int64_t digest_every; /* ms between two digests of an area's hazard */
	int64_t gather;       /* ms in which alerts of a hazard join the one before */
};

struct alerts_config {
	int language; /* index into config_languages */
	struct limit_config limit;
	struct option_list rules; /* of the schema's rule group */
	struct option_list channels;
	int64_t keep_log;     /* ms */
	int64_t channel_down; /* ms */
	struct cap_config cap;
	struct option_list relay; /* of the schema's relay group */
	struct option_list texts; /* of the schema's text group */
};

struct clock_config {
	bool battery;          /* it goes on while the machine is off */
	int64_t wait_for_sync; /* ms, until a doubted clock is believed all the same */
};

struct indices_config {
	int nowcast;      /* enum nowcast_form of derive/nowcast.h */
	int completeness; /* % of an hour, and of a mean's hours, that must be there */
};

struct http_config {
	bool enabled;       /* the section is there */
	const char *listen; /* "127.0.0.1:8080", "[::1]:8080" */
};

struct control_config {
	const char *socket; /* "" = /run/muabui/control.sock, or beside the store */
};

struct config {
	struct station_config station;
	struct option_list stations; /* struct station_config: others it hears of */
	struct option_list areas;    /* struct area_config */
	struct store_config store;
	struct option_list metrics; /* struct metric_config; declared while loading */
	struct option_list quality; /* struct quality_config: of all sensors */
	struct option_list sensors; /* struct option_item */
	struct option_list outputs; /* struct option_item */
	struct alerts_config alerts;
	struct clock_config clock;
	struct indices_config indices;
	struct http_config http;
	struct control_config control;
	const struct config_schema *schema;
	struct arena *arena;
};

/* What the wings bring. */
struct config_schema {
	struct option_family sensors;
	struct option_family outputs;
	struct option_family channels;
	struct option_group rule; /* has an option "name", unique in the list */
	struct option_group relay, text;
	/*
	 * Checks that span sections. Only called when everything was read without an
	 * error. Reports by config_error() with PLACE (the sections), or the place of a
	 * list's item. May be NULL.
	 */
	void (*check)(const struct config *config, const struct config_place *place);
};

extern const char *const config_languages[]; /* "vi", "en", NULL */

/*
 * Loads FILE by SCHEMA. Returns NULL when there is any error, and then ERRORS
 * holds one line for each: "FILE:LINE: key: why". SCHEMA must outlive the
 * result.
 */
struct config *config_load(
	const char *file, const struct config_schema *schema, struct buffer *errors);

/*
 * The same for TEXT as if it stood in the file NAME, which need not exist; what
 * it includes must.
 */
struct config *config_load_text(const char *name, const char *text,
	const struct config_schema *schema, struct buffer *errors);

/*
 * Writes the effective configuration, defaults included, in the syntax it is
 * read in; it loads to an equal configuration. There are no secrets in it:
 * the configuration only names their files.
 */
void config_print(const struct config *config, struct buffer *out);

/* Writes the options of SCHEMA as text for people: name, type, range, default, sentence.
 */
void config_help(const struct config_schema *schema, struct buffer *out);

/* Accepts NULL. */
void config_free(struct config *config);

#endif
