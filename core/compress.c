#include "core/compress.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum {
	STEP = 32 * 1024,
	/* Measured with tests/bench: an eighth is left. libdeflate takes 40 % of zlib's
	 * time for it, but has no way to unpack piece by piece under a ceiling. */
	GZIP_LEVEL = 1,
	GZIP = 16, /* added to zlib's window: with a gzip header */
	ZSTD_LEVEL = 1,
	ZSTD_WINDOW_LOG_MAX = 22, /* 4 MiB is the most that a sender can make us take */
};

const char *const compression_names[] = { "none", "gzip", "zstd", NULL };

/* --- making smaller --------------------------------------------------------- */

struct compressor {
	enum compression kind;
	struct libdeflate_compressor *gzip;
	ZSTD_CCtx *zstd;
};

struct compressor *compressor_new(enum compression kind)
{
	struct compressor *compressor = calloc(1, sizeof *compressor);

	if (!compressor)
		return NULL;
	compressor->kind = kind;
	if (kind == COMPRESSION_ZSTD)
		compressor->zstd = ZSTD_createCCtx();
	else
		compressor->gzip = libdeflate_alloc_compressor(GZIP_LEVEL);
	if (compressor->zstd || compressor->gzip)
		return compressor;
	compressor_free(compressor);
	return NULL;
}

void compressor_free(struct compressor *compressor)
{
	if (!compressor)
		return;
	libdeflate_free_compressor(compressor->gzip);
	ZSTD_freeCCtx(compressor->zstd);
	free(compressor);
}

static bool run_gzip(struct libdeflate_compressor *gzip, const void *bytes, size_t length,
	struct buffer *out)
{
	size_t most = libdeflate_gzip_compress_bound(gzip, length);
	char *room = buffer_reserve(out, most);

	if (!room)
		return false;
	size_t made = libdeflate_gzip_compress(gzip, bytes, length, room, most);
	buffer_advance(out, made);
	return made > 0;
}

static bool run_zstd(
	ZSTD_CCtx *context, const void *bytes, size_t length, struct buffer *out)
{
	size_t most = ZSTD_compressBound(length);
	char *room = buffer_reserve(out, most);

	if (!room)
		return false;
	size_t made = ZSTD_compressCCtx(context, room, most, bytes, length, ZSTD_LEVEL);
	if (ZSTD_isError(made))
		return false;
	buffer_advance(out, made);
	return true;
}

bool compressor_run(struct compressor *compressor, const void *bytes, size_t length,
	struct buffer *out)
{
	buffer_clear(out);
	if (compressor->kind == COMPRESSION_ZSTD)
		return run_zstd(compressor->zstd, bytes, length, out);
	return run_gzip(compressor->gzip, bytes, length, out);
}

/* --- making whole again ------------------------------------------------------ */

struct decompressor {
	z_stream inflate;
	bool has_inflate;
	ZSTD_DCtx *zstd;
};

enum compression compression_of(const void *bytes, size_t length)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b };
	static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (length >= sizeof gzip && memcmp(bytes, gzip, sizeof gzip) == 0)
		return COMPRESSION_GZIP;
	if (length >= sizeof zstd && memcmp(bytes, zstd, sizeof zstd) == 0)
		return COMPRESSION_ZSTD;
	return COMPRESSION_NONE;
}

struct decompressor *decompressor_new(void)
{
	struct decompressor *decompressor = calloc(1, sizeof *decompressor);

	if (!decompressor)
		return NULL;
	decompressor->has_inflate =
		inflateInit2(&decompressor->inflate, MAX_WBITS + GZIP) == Z_OK;
	decompressor->zstd = ZSTD_createDCtx();
	if (decompressor->has_inflate && decompressor->zstd &&
		!ZSTD_isError(ZSTD_DCtx_setParameter(
			decompressor->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
		return decompressor;
	decompressor_free(decompressor);
	return NULL;
}

void decompressor_free(struct decompressor *decompressor)
{
	if (!decompressor)
		return;
	if (decompressor->has_inflate)
		inflateEnd(&decompressor->inflate);
	ZSTD_freeDCtx(decompressor->zstd);
	free(decompressor);
}

/* The most that LENGTH bytes may become in OUT. */
static size_t ceiling(const struct buffer *out, size_t length)
{
	size_t most = length * COMPRESSION_RATIO_MAX;

	if (most < COMPRESSION_FREE)
		most = COMPRESSION_FREE;
	return most < out->limit ? most : out->limit;
}

/* Room at the end of OUT, of which *SIZE is wished for, below MOST. */
static char *make_room(struct buffer *out, size_t most, size_t *size)
{
	if (*size > most - out->length)
		*size = most - out->length;
	return *size > 0 ? buffer_reserve(out, *size) : NULL;
}

static enum decompressed run_inflate(
	z_stream *z, const void *bytes, size_t length, size_t most, struct buffer *out)
{
	int result = Z_OK;

	if (inflateReset(z) != Z_OK)
		return DECOMPRESSED_NO_MEMORY;
	z->next_in = (Bytef *)bytes;
	z->avail_in = (uInt)length;
	while (result != Z_STREAM_END) {
		size_t size = STEP;
		char *room = make_room(out, most, &size);
		if (!room)
			return out->failed ? DECOMPRESSED_NO_MEMORY
					   : DECOMPRESSED_TOO_LARGE;
		z->next_out = (Bytef *)room;
		z->avail_out = (uInt)size;
		result = inflate(z, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return DECOMPRESSED_BAD;
		buffer_advance(out, size - z->avail_out);
		if (result == Z_OK && z->avail_in == 0 && z->avail_out > 0)
			return DECOMPRESSED_BAD; /* cut */
	}
	return z->avail_in == 0 ? DECOMPRESSED : DECOMPRESSED_BAD;
}

/* A frame that says its size is unpacked in one go where there is room for it. */
static enum decompressed run_unzstd(ZSTD_DCtx *context, const void *bytes, size_t length,
	size_t most, struct buffer *out)
{
	unsigned long long said = ZSTD_getFrameContentSize(bytes, length);
	size_t size = said < most ? (size_t)said + 1 : STEP, left = 1;
	ZSTD_inBuffer in = { .src = bytes, .size = length };

	if (said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR &&
		said > most)
		return DECOMPRESSED_TOO_LARGE;
	ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
	while (left > 0) {
		char *room = make_room(out, most, &size);
		if (!room)
			return out->failed ? DECOMPRESSED_NO_MEMORY
					   : DECOMPRESSED_TOO_LARGE;
		ZSTD_outBuffer part = { .dst = room, .size = size };
		left = ZSTD_decompressStream(context, &part, &in);
		if (ZSTD_isError(left))
			return DECOMPRESSED_BAD;
		buffer_advance(out, part.pos);
		if (left > 0 && in.pos == in.size && part.pos < part.size)
			return DECOMPRESSED_BAD; /* cut */
		size = STEP;
	}
	return in.pos == in.size ? DECOMPRESSED : DECOMPRESSED_BAD;
}

enum decompressed decompressor_run(struct decompressor *decompressor,
	enum compression kind, const void *bytes, size_t length, struct buffer *out)
{
	buffer_clear(out);
	size_t most = ceiling(out, length);
	if (kind == COMPRESSION_ZSTD)
		return run_unzstd(decompressor->zstd, bytes, length, most, out);
	return run_inflate(&decompressor->inflate, bytes, length, most, out);
}
