#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/errors.h"

/* A file that is being read, and the one that includes it. */
struct opened {
	const struct opened *parent;
	size_t number; /* in the source's names */
	dev_t device;
	ino_t inode;
	int depth;
};

void text_init(struct text *source, struct arena *arena, struct arena *keep)
{
	*source = (struct text){ .arena = arena, .keep = keep };
}

void text_free(struct text *source)
{
	free(source->names);
	free(source->tokens);
	text_init(source, source->arena, source->keep);
}

const char *text_file(const struct text *source, size_t file)
{
	return file < source->name_count ? source->names[file] : "?";
}

/* The number of the file NAME, which is copied; 0, the main file's, when memory is out.
 */
static size_t number_of(struct text *source, const char *name)
{
	for (size_t i = 0; i < source->name_count; i++)
		if (strcmp(source->names[i], name) == 0)
			return i;
	const char **names =
		reallocarray(source->names, source->name_count + 1, sizeof *names);
	if (!names)
		return 0;
	source->names = names;
	names[source->name_count] = arena_string(source->keep, name);
	if (!names[source->name_count])
		return 0;
	return source->name_count++;
}

static bool add_token(struct text *source, const struct token *token)
{
	if (source->count == SOURCE_TOKENS_MAX)
		return false;
	if (source->count == source->capacity) {
		size_t capacity = source->capacity ? source->capacity * 2 : 256;
		struct token *tokens =
			reallocarray(source->tokens, capacity, sizeof *tokens);
		if (!tokens)
			return false;
		source->tokens = tokens;
		source->capacity = capacity;
	}
	source->tokens[source->count++] = *token;
	return true;
}

/* Everything FD gives, at most what is left of SOURCE_BYTES_MAX; NULL with WHY. */
static char *read_all(struct text *source, int fd, size_t *length, const char **why)
{
	size_t room = SOURCE_BYTES_MAX - source->bytes + 1, used = 0;
	char *copy = NULL, *bytes = malloc(room);

	if (!bytes) {
		*why = strerror(ENOMEM);
		return NULL;
	}
	while (used < room) {
		ssize_t got = read(fd, bytes + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*why = strerror(errno);
			goto done;
		}
		if (got == 0)
			break;
		used += (size_t)got;
	}
	if (used == room) {
		*why = "the configuration is larger than 1 MiB";
		goto done;
	}
	copy = arena_copy(source->arena, bytes, used);
	if (!copy)
		*why = strerror(ENOMEM);
	source->bytes += used;
	*length = used;
done:
	free(bytes);
	return copy;
}

static bool is_being_read(const struct opened *opened, const struct stat *status)
{
	for (; opened; opened = opened->parent)
		if (opened->device == status->st_dev && opened->inode == status->st_ino)
			return true;
	return false;
}

/* Opens and reads PATH for PARENT (NULL: it is the main file). NULL with WHY. */
static char *read_path(struct text *source, const char *path, const struct opened *parent,
	struct opened *opened, size_t *length, const char **why)
{
	struct stat status;
	char *text = NULL;
	/* Waiting for somebody to write into a pipe is only right for the main file. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | (parent ? O_NONBLOCK : 0));

	if (fd < 0 || fstat(fd, &status) < 0)
		*why = strerror(errno);
	else if (S_ISDIR(status.st_mode) || (parent && !S_ISREG(status.st_mode)))
		*why = "not a file";
	else if (is_being_read(parent, &status))
		*why = "it includes itself";
	else
		text = read_all(source, fd, length, why);
	if (fd >= 0)
		close(fd);
	if (text) {
		opened->device = status.st_dev;
		opened->inode = status.st_ino;
	}
	return text;
}

/* The path of what TOKEN includes, seen from the file NAME. */
static char *included_path(
	const struct text *source, const char *name, const struct token *token)
{
	const char *slash = strrchr(name, '/');
	int folder = slash && token->text[0] != '/' ? (int)(slash + 1 - name) : 0;
	size_t size = (size_t)folder + token->length + 1;
	char *path = arena_alloc(source->arena, size);

	if (path)
		snprintf(path, size, "%.*s%.*s", folder, name, (int)token->length,
			token->text);
	return path;
}

static void read_tokens(struct text *source, const struct opened *opened,
	const char *text, size_t length, struct config_errors *errors);

static void include(struct text *source, const struct opened *parent,
	const struct token *token, struct config_errors *errors)
{
	struct opened opened = { .parent = parent, .depth = parent->depth + 1 };
	const char *why = NULL, *text = NULL;
	size_t length = 0;
	char *path = included_path(source, source->names[parent->number], token);

	if (!path)
		why = strerror(ENOMEM);
	else if (opened.depth > SOURCE_DEPTH_MAX)
		why = "includes are nested too deeply";
	else if (source->reads >= SOURCE_FILES_MAX)
		why = "there are too many includes";
	else
		text = read_path(source, path, parent, &opened, &length, &why);
	if (!text) {
		errors_add(errors, parent->number, token->line, "@include",
			"cannot read \"%s\": %s", path ? path : "", why);
		return;
	}
	source->reads++;
	opened.number = number_of(source, path);
	read_tokens(source, &opened, text, length, errors);
}

/*
 * A value that is wrong in itself leaves the rest of its line as it is. What is wrong
 * elsewhere often spoils it: of that only the first is reported.
 */
static void report(const struct text *source, const struct token *token,
	struct config_errors *errors)
{
	/* Nothing may have been read yet, and there is no array then. */
	const struct token *end =
		source->count > 0 ? source->tokens + source->count : NULL;
	char key[64];

	if (source->count >= 2 && token_is(end - 1, '=') && end[-2].type == TOKEN_NAME) {
		snprintf(key, sizeof key, "%.*s", (int)end[-2].length, end[-2].text);
		errors_add(errors, token->file, token->line, key, "%s", token->problem);
	} else if (!errors_has_line(errors, token->file, token->line)) {
		errors_add(errors, token->file, token->line, NULL, "syntax error: %s",
			token->problem);
	}
}

static void read_tokens(struct text *source, const struct opened *opened,
	const char *text, size_t length, struct config_errors *errors)
{
	struct lexer lexer;
	struct token token;

	lexer_init(&lexer, text, length);
	while (lexer_next(&lexer, &token)) {
		token.file = opened->number;
		if (token.problem)
			report(source, &token, errors);
		if (token.type == TOKEN_INCLUDE) {
			include(source, opened, &token, errors);
		} else if (token.type != TOKEN_BAD && !add_token(source, &token)) {
			errors_add(errors, token.file, token.line, NULL,
				"the configuration is too large");
			return;
		}
	}
}

void text_read_text(struct text *source, const char *file, const char *text,
	size_t length, struct config_errors *errors)
{
	struct opened opened = { .number = number_of(source, file) };
	char *copy;

	if (source->name_count == 0)
		return;
	if (length > SOURCE_BYTES_MAX) {
		errors_add(errors, 0, 1, NULL, "the configuration is larger than 1 MiB");
		return;
	}
	source->bytes = length;
	source->reads = 1;
	copy = arena_copy(source->arena, text, length);
	if (copy)
		read_tokens(source, &opened, copy, length, errors);
	else
		errors_add(errors, 0, 1, NULL, "%s", strerror(ENOMEM));
}

void text_read_file(struct text *source, const char *file, struct config_errors *errors)
{
	struct opened opened = { .number = number_of(source, file) };
	const char *why = NULL;
	size_t length;
	char *text = read_path(source, file, NULL, &opened, &length, &why);

	source->reads = 1;
	if (text)
		read_tokens(source, &opened, text, length, errors);
	else
		errors_add(errors, 0, 1, NULL, "cannot be read: %s", why);
}
