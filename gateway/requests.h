/* What the control socket is asked, and the answers: one JSON object for each request. */
#ifndef MUABUI_GATEWAY_REQUESTS_H
#define MUABUI_GATEWAY_REQUESTS_H

#include "config/config.h"
#include "core/buffer.h"
#include "store/calibrating.h"
#include "store/desk.h"
#include "web/view.h"

/* What the answers are made of; constant while the control thread runs. */
struct requests {
	const struct config *config;
	const struct gateway_view *view;
	struct calibrating *calibrating;
	struct desk *desk;
};

/*
 * Answers REQUEST into OUT, for control_start(); ARG is a struct requests. What went
 * wrong is {"error": "…"}. Requests are:
 *
 *   status                  as view_status_json()
 *   table COLUMNS ROWS live|plain   {"table"}: as table_render(); live: with colours
 *   alert test CHANNEL      {"outcome", "status", "reason"}
 *   alert WORD OBJECT       as request_alert()
 *   sensor OBJECT           as request_sensor()
 */
void requests_answer(void *arg, const char *request, struct buffer *out);

/* Writes {"error": WHY}. */
void requests_error(struct buffer *out, const char *why);

/*
 * JSON is {"name", "station", "for_ms", "author"}. With for_ms and author the sensor is
 * being calibrated from now on for so long (0: not any more). The answer, also without
 * them, is {"name", "calibration", "calibrating"} as view_put_calibrations() has it.
 */
void request_sensor(
	const struct requests *requests, const char *json, struct buffer *out);

/*
 * REST is a word and an object:
 *
 *   silence {"rule", "station", "area", "for_ms", "author", "reason"}
 *       (one of the first three at least) silences what they name: {"id", "until"}
 *   unsilence {"id", "author"}: {"id"}
 *   silences {"all"}: {"silences": […]}, those in force or all that are remembered
 *   ack {"episode"} or {"rule", "station"}, and {"author"}:
 *       {"rule", "station", "episode", "acknowledged_by"}, of the first who did
 *   list {}: {"alerts": […]}, those there are, the oldest first
 */
void request_alert(const struct requests *requests, const char *rest, struct buffer *out);

#endif
