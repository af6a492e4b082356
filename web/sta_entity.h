/* What each kind of SensorThings entity has of its own: its properties. */
#ifndef MUABUI_WEB_STA_ENTITY_H
#define MUABUI_WEB_STA_ENTITY_H

#include "core/json.h"
#include "web/sta_model.h"

/* Writes those properties of ENTITY that OPTIONS select, but ids and links. */
void sta_put_properties(struct json *json, const struct sta_model *model,
	const struct sta_entity *entity, const struct sta_options *options);

/* "name" and "description", as far as the kind has them. False: it has not. */
bool sta_name_of(const struct sta_model *model, const struct sta_entity *entity,
	char out[static STA_ID_SIZE]);
bool sta_description_of(const struct sta_model *model, const struct sta_entity *entity,
	char out[static STA_ID_SIZE]);

/* An observation's result: what fell, of rain; else the mean. */
double sta_result_of(const struct sta_model *model, const struct sta_entity *entity);

#endif
