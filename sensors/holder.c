#include "sensors/holder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Has the process whose descriptors are in FOLDER the device open? */
static bool has_open(const char *folder, dev_t device)
{
	DIR *directory = opendir(folder);
	bool found = false;

	if (directory == NULL)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(directory)) != NULL;) {
		struct stat status;

		found = fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 &&
			S_ISCHR(status.st_mode) && status.st_rdev == device;
	}
	closedir(directory);
	return found;
}

static void say(long pid, char *text, size_t size)
{
	char path[300], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	file = fopen(path, "re");
	if (file != NULL && fgets(name, sizeof(name), file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
	snprintf(text, size, "%s, process %ld", name[0] != '\0' ? name : "unknown", pid);
}

/* The process that has locked the file STATUS is of, as serial_open() does; 0: none. */
static long find_lock(const struct stat *status)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[200];
	long found = 0;

	while (locks != NULL && found == 0 && fgets(line, sizeof(line), locks) != NULL) {
		unsigned device_major, device_minor;
		unsigned long inode;
		long pid;

		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &device_major,
			    &device_minor, &inode) != 4)
			continue;
		if (inode == status->st_ino && device_major == major(status->st_dev) &&
			device_minor == minor(status->st_dev) && pid > 0 &&
			pid != (long)getpid())
			found = pid;
	}
	if (locks != NULL)
		fclose(locks);
	return found;
}

/* Another process than ours that has DEVICE open; 0: none is seen. */
static long find_open(dev_t device)
{
	DIR *processes = opendir("/proc");
	long found = 0;

	if (processes == NULL)
		return 0;
	for (struct dirent *entry; found == 0 && (entry = readdir(processes)) != NULL;) {
		long pid = strtol(entry->d_name, NULL, 10);
		char folder[64];

		if (pid <= 0 || pid == (long)getpid())
			continue;
		snprintf(folder, sizeof(folder), "/proc/%ld/fd", pid);
		if (has_open(folder, device))
			found = pid;
	}
	closedir(processes);
	return found;
}

bool holder_find(const char *port, char *text, size_t size)
{
	struct stat status;
	long pid;

	text[0] = '\0';
	if (stat(port, &status) != 0 || !S_ISCHR(status.st_mode))
		return false;
	pid = find_lock(&status);
	if (pid == 0)
		pid = find_open(status.st_rdev);
	if (pid != 0)
		say(pid, text, size);
	return pid != 0;
}
