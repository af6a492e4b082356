/* SensorThings entities and sets as JSON. */
#ifndef MUABUI_WEB_STA_WRITE_H
#define MUABUI_WEB_STA_WRITE_H

#include "core/json.h"
#include "web/sta_model.h"
#include "web/sta_query.h"

enum {
	STA_BUDGET = 20000,    /* entities of one answer */
	STA_ROWS_MAX = 300000, /* minutes that are looked at for one answer */
	STA_BASE_SIZE = 512,
};

enum sta_trouble { STA_FINE, STA_STORE_FAILED, STA_TOO_MUCH, STA_NO_MEMORY };

struct sta_writer {
	const struct sta_model *model;
	const struct sta_query *query;
	struct store *store;
	struct json json;
	char base[STA_BASE_SIZE]; /* "https://air.example/sta/v1.1" */
	const char *next; /* address of the whole set's next page, but its $skip */
	enum sta_trouble trouble;
	size_t written, rows;
};

/* Is NAME one that any entity has? */
bool sta_property_known(const char *name);

void sta_put_entity(struct sta_writer *writer, const struct sta_entity *entity,
	const struct sta_options *options);

/*
 * The set that WAY leads to from OF, or the whole of KIND (WAY NULL), as the members
 * "@iot.count", "value" and "@iot.nextLink" of the object that is open. REFERENCES: only
 * where its entities are.
 */
void sta_put_set(struct sta_writer *writer, enum sta_kind kind,
	const struct sta_entity *of, const struct sta_way *way,
	const struct sta_options *options, bool references);

/* The minute of ENTITY, an observation, that ends at END_MS. 1, 0 or -1. */
int sta_read_row(struct sta_writer *writer, struct sta_entity *entity, int64_t end_ms);

/* The one entity that WAY leads to from OF. */
struct sta_entity sta_follow(const struct sta_model *model, const struct sta_entity *of,
	const struct sta_way *way);

#endif
