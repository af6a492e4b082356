#include "core/terminal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/buffer.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *table; /* what stands at the bottom now */
static int table_lines;

bool terminal_is_live(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

void terminal_size(int *columns, int *rows)
{
	struct winsize size = { 0 };

	*columns = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		*columns = size.ws_col;
		*rows = size.ws_row;
	}
}

static void erase_table(void)
{
	if (table_lines > 0)
		printf("\033[%dA\033[J", table_lines);
}

/* The table anew over the old one, in one piece and without erasing: no flicker. */
static void draw_over(void)
{
	struct buffer screen;

	buffer_init(&screen, 1 << 20);
	if (table_lines > 0)
		buffer_printf(&screen, "\033[%dA", table_lines);
	for (const char *line = table; line && *line;) {
		size_t length = strcspn(line, "\n");

		buffer_append(&screen, line, length);
		buffer_puts(&screen, terminal_is_live() ? "\033[K\n" : "\n");
		line += length + (line[length] == '\n');
	}
	if (table_lines > 0)
		buffer_puts(&screen, "\033[J");
	fputs(buffer_text(&screen), stdout);
	fflush(stdout);
	buffer_free(&screen);
}

static void draw_table(void)
{
	if (table)
		fputs(table, stdout);
	fflush(stdout);
}

void terminal_print(const char *text)
{
	pthread_mutex_lock(&mutex);
	erase_table();
	fputs(text, stdout);
	draw_table();
	pthread_mutex_unlock(&mutex);
}

void terminal_log(const char *line)
{
	pthread_mutex_lock(&mutex);
	bool shared = table_lines > 0 && isatty(STDERR_FILENO);
	if (shared) {
		erase_table();
		fflush(stdout);
	}
	/* One write, so that lines of several processes do not mix. */
	if (write(STDERR_FILENO, line, strlen(line)) < 0) {
		/* Nobody reads our messages; the work goes on. */
	}
	if (shared)
		draw_table();
	pthread_mutex_unlock(&mutex);
}

void terminal_table(const char *text)
{
	pthread_mutex_lock(&mutex);
	free(table);
	table = *text ? strdup(text) : NULL;
	draw_over();
	table_lines = 0;
	if (terminal_is_live())
		for (const char *c = text; *c; c++)
			table_lines += *c == '\n';
	if (table_lines == 0) {
		/* No terminal: what was printed has scrolled away already. */
		free(table);
		table = NULL;
	}
	pthread_mutex_unlock(&mutex);
}
