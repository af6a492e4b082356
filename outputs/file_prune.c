#include "outputs/file_prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILES_MAX = 100000, /* looked at; a folder with more is somebody else's */
	NUMBER_MAX = 4,     /* digits of what is behind the name: keep is at most 1000 */
};

struct old_file {
	int64_t written_ms, bytes;
	char *name;
};

struct old_files {
	struct old_file *all;
	size_t count, room;
	int64_t bytes;
};

/* --- names ---------------------------------------------------------------- */

static bool are_digits(const char *text, size_t count)
{
	return strnlen(text, count) == count && strspn(text, "0123456789") >= count;
}

bool file_prune_fits(const char *template, const char *name)
{
	for (; *template; template ++) {
		size_t digits = 0;

		if (*template == '%' && *++template != '%')
			digits = *template == 'Y' ? 4 : 2;
		if (digits == 0 ? *name != *template : !are_digits(name, digits))
			return false;
		name += digits > 0 ? digits : 1;
	}
	if (*name == '\0')
		return true;
	size_t number = strspn(name + 1, "0123456789");
	return *name == '.' && number > 0 && number <= NUMBER_MAX &&
		name[1 + number] == '\0';
}

/* Behind the last '/'. */
static const char *own_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool file_prune_has_dated_folder(const char *template)
{
	const char *name = own_name(template);

	for (const char *c = template; (c = strchr(c, '%')) && c < name; c += 2)
		if (c[1] != '%')
			return true;
	return false;
}

/* --- the folder -------------------------------------------------------------- */

static bool add(struct old_files *files, const char *name, const struct stat *info)
{
	if (files->count == files->room) {
		size_t room = files->room ? files->room * 2 : 64;
		struct old_file *all = realloc(files->all, room * sizeof *all);
		if (!all)
			return false;
		files->all = all;
		files->room = room;
	}
	struct old_file *file = &files->all[files->count];
	*file = (struct old_file){
		.written_ms = (int64_t)info->st_mtim.tv_sec * 1000 +
			info->st_mtim.tv_nsec / 1000000,
		.bytes = info->st_size,
		.name = strdup(name),
	};
	files->count += file->name != NULL;
	files->bytes += info->st_size;
	return file->name != NULL;
}

static void find(struct old_files *files, DIR *folder, const struct file_prune *prune)
{
	const char *template = own_name(prune->template);
	const char *current = own_name(prune->current);
	const struct dirent *entry;
	struct stat info;

	for (int seen = 0; seen < FILES_MAX && (entry = readdir(folder)); seen++) {
		if (!file_prune_fits(template, entry->d_name) ||
			fstatat(dirfd(folder), entry->d_name, &info,
				AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(info.st_mode))
			continue;
		if (strcmp(entry->d_name, current) == 0)
			files->bytes += info.st_size;
		else if (!add(files, entry->d_name, &info))
			return;
	}
}

static int by_age(const void *one, const void *other)
{
	const struct old_file *a = one, *b = other;

	if (a->written_ms != b->written_ms)
		return a->written_ms < b->written_ms ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int remove_old(struct old_files *files, int folder, const struct file_prune *prune)
{
	int removed = 0;

	if (files->count > 0)
		qsort(files->all, files->count, sizeof *files->all, by_age);
	for (size_t i = 0; i < files->count; i++) {
		const struct old_file *file = &files->all[i];
		bool is_old = file->written_ms < prune->before_ms;
		bool is_much = prune->bytes > 0 && files->bytes > prune->bytes;

		if (!is_old && !is_much)
			break;
		if (unlinkat(folder, file->name, 0) < 0)
			continue;
		files->bytes -= file->bytes;
		removed++;
	}
	return removed;
}

int file_prune(const struct file_prune *prune)
{
	struct old_files files = { .count = 0 };
	char folder[PATH_MAX] = ".";
	size_t length = (size_t)(own_name(prune->current) - prune->current);

	if (length >= sizeof folder) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (length > 0) {
		memcpy(folder, prune->current, length);
		folder[length] = '\0';
	}
	DIR *open_folder = opendir(folder);
	if (!open_folder)
		return -1;
	find(&files, open_folder, prune);
	int removed = remove_old(&files, dirfd(open_folder), prune);
	closedir(open_folder);
	for (size_t i = 0; i < files.count; i++)
		free(files.all[i].name);
	free(files.all);
	return removed;
}
