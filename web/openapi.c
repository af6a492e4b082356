#include "web/openapi.h"

/* As in web/asset.c; the Makefile lets this object depend on the file. */
__asm__(".pushsection .rodata\n"
	".globl openapi_begin\n"
	".globl openapi_end\n"
	"openapi_begin:\n"
	".incbin \"web/openapi.json\"\n"
	"openapi_end:\n"
	".byte 0\n"
	".popsection\n");
extern const char openapi_begin[], openapi_end[];

void openapi_handle(const struct web_request *request, struct web_reply *reply)
{
	(void)request;
	reply->type = "application/json";
	reply->cache = "public, max-age=3600";
	/* Not as a fixed body: it is worth compressing, once in a minute. */
	buffer_append(&reply->body, openapi_begin, (size_t)(openapi_end - openapi_begin));
}
