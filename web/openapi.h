/* GET /api/v1/openapi.json: the interfaces described, web/openapi.json. */
#ifndef MUABUI_WEB_OPENAPI_H
#define MUABUI_WEB_OPENAPI_H

#include "web/route.h"

void openapi_handle(const struct web_request *request, struct web_reply *reply);

#endif
