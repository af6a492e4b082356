/*
 * gzip and zstd, whole pieces at a time: what outputs send and what is sent to us.
 */
#ifndef MUABUI_CORE_COMPRESS_H
#define MUABUI_CORE_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
};

extern const char *const compression_names[]; /* NULL-ended, for OPTION_CHOICE */

struct compressor;

/* For GZIP or ZSTD. NULL: out of memory. The free accepts NULL. */
struct compressor *compressor_new(enum compression kind);
void compressor_free(struct compressor *compressor);

/* BYTES compressed replace what is in OUT. False: out of memory, or OUT's limit met. */
bool compressor_run(struct compressor *compressor, const void *bytes, size_t length,
	struct buffer *out);

/* What BYTES are compressed with, by their first bytes. */
enum compression compression_of(const void *bytes, size_t length);

enum {
	COMPRESSION_RATIO_MAX = 200,  /* more was made to do harm */
	COMPRESSION_FREE = 64 * 1024, /* below it no ratio is looked at */
};

enum decompressed {
	DECOMPRESSED,
	DECOMPRESSED_BAD,       /* damaged, cut, or with something behind it */
	DECOMPRESSED_TOO_LARGE, /* OUT's limit or the ratio would be exceeded */
	DECOMPRESSED_NO_MEMORY,
};

struct decompressor;

/* NULL: out of memory. The free accepts NULL. */
struct decompressor *decompressor_new(void);
void decompressor_free(struct decompressor *decompressor);

/* BYTES, one piece of KIND, decompressed replace what is in OUT. */
enum decompressed decompressor_run(struct decompressor *decompressor,
	enum compression kind, const void *bytes, size_t length, struct buffer *out);

#endif
