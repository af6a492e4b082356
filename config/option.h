/*
 * Options as data. Every key a user may write is one row of a table; the rows
 * read the file, check it, print it back, and make the help and manual page.
 *
 * The tables of drivers, outputs and channels stand in their own files; this
 * room only knows how to read by a table.
 */
#ifndef MUABUI_CONFIG_OPTION_H
#define MUABUI_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {     /* member behind .offset          written as            */
	OPTION_STRING, /* const char *                   "text"                */
	OPTION_PATH,   /* const char *                   "/path"               */
	OPTION_SECRET, /* const char *: name of a file   "/path", see core/secret.h */
	OPTION_URL, /* const char *; .choices: schemes allowed; no user:password in it */
	OPTION_NUMBER,   /* double                         12 or 12.5            */
	OPTION_LEVEL,    /* struct option_level            12.5 or "name"        */
	OPTION_INTEGER,  /* int                            12                    */
	OPTION_BOOL,     /* bool                           true                  */
	OPTION_MAYBE,    /* int, enum maybe                true; or left out     */
	OPTION_DURATION, /* int64_t, ms; .min/.max in ms   "10s" "1m30s" "500ms" */
	OPTION_SIZE,     /* int64_t, bytes                 "64KiB" "2GiB"        */
	OPTION_CHOICE,   /* int, index into .choices       "none"                */
	OPTION_METRIC,   /* const struct metric *          "pm25"                */
	OPTION_NUMBERS,  /* struct option_numbers          [ 65535, 32767 ]      */
	OPTION_STRINGS,  /* struct option_strings          [ "a", "b" ]          */
	OPTION_GROUP,    /* the group's struct itself      { … }                 */
	OPTION_LIST,     /* struct option_list             ( { … }, { … } )      */
	OPTION_KINDS,    /* struct option_list of struct option_item: each group
			  * names its kind (driver, type) and has that kind's options too */
};

enum maybe { MAYBE_UNSAID, MAYBE_NO, MAYBE_YES };

struct config;
struct option_group;
struct option_kind;

struct option {
	const char *name; /* NULL ends a table */
	enum option_type type;
	size_t offset; /* offsetof() in the struct of the table */
	bool required;
	const char *fallback; /* the default as a user would write it, without quotes;
			       * NULL: zeroed, except OPTION_NUMBER, OPTION_LEVEL: NAN */
	double min, max;      /* inclusive; both 0: no limit; max < min or INFINITY: no
			       * upper one. For text: bytes; for ms see the type. The
			       * default may stand outside: 0 = off */
	const char *unit;     /* for help; NULL: none */
	const char *const *choices;         /* NULL-ended; OPTION_CHOICE and OPTION_URL */
	const struct option_group *group;   /* OPTION_GROUP, OPTION_LIST */
	const struct option_family *family; /* OPTION_KINDS */
	const char *help;                   /* one sentence */
};

/* A number, or a name that the group's settle() makes one. */
struct option_level {
	double number;    /* NAN: not given, or not known yet */
	const char *word; /* as written; NULL: a number was */
};

struct option_numbers {
	double *values;
	size_t count;
};

struct option_strings {
	const char **values;
	size_t count;
};

struct option_list {
	void *items; /* array of the group's struct; of struct option_item for
			OPTION_KINDS */
	size_t count;
	struct config_place *places; /* one per item */
};

/* Where in the user's files something stands. After loading only .file and .line hold. */
struct config_place {
	const char *file;
	int line;
	struct config_errors *errors;
	const void *setting; /* the loader's own; lets config_error() find a key's line */
};

/*
 * Says that KEY (NULL: the group as a whole) of the group at PLACE is wrong.
 * The text is what follows "FILE:LINE: key: ".
 */
void config_error(const struct config_place *place, const char *key, const char *format,
	...) __attribute__((format(printf, 3, 4)));

/*
 * In a list of groups whose option "name" is required, names must be unique and
 * pass name_is_valid().
 */
struct option_group {
	const char *name; /* for messages: "rule", "register" */
	const struct option *options;
	size_t size; /* of the struct the offsets are in */
	/*
	 * Completes VALUES once all rows are read, where one follows from others; before
	 * check(). Also where a row was wrong, which then has its default, a required one
	 * zero. May be NULL.
	 */
	void (*settle)(void *values, const struct config_place *place);
	/*
	 * What a row cannot say (this needs that). Reports by config_error(). Only called
	 * for a group without other errors, so that values are what the rows promise.
	 * May be NULL.
	 */
	void (*check)(const void *values, const struct config_place *place);
};

/* One driver, output or channel type, as far as configuration goes. */
struct option_kind {
	const char *name;
	const char *const *aliases; /* NULL-ended, or NULL */
	const char *summary;        /* one sentence */
	struct option_group
		group; /* what this kind has besides the family's common options */
	/*
	 * NULL, or lets the item NAME take into its OPTIONS what it wants to know of the
	 * rest of CONFIG, once all of that is read without an error. What it points to
	 * lives as long as the options.
	 */
	void (*attach)(void *options, const char *name, const struct config *config);
};

/* All kinds that may stand in one list. */
struct option_family {
	const char *key;  /* the key that names the kind: "driver", "type" */
	const char *noun; /* for messages: "driver", "output type", "channel type" */
	struct option_group common;
	const struct option_kind *const *kinds; /* NULL-ended */
};

/* One element of an OPTION_KINDS list. "name" is read here and must be unique in its
 * list. */
struct option_item {
	const char *name;
	const struct option_kind *kind; /* container_of() leads to the driver */
	void *common;                   /* the family's common struct */
	void *options;                  /* the kind's own struct */
	struct config_place place;      /* .errors is not valid after loading */
};

#endif
