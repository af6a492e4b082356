#include "sensors/sparkplug.h"

#include <stdlib.h>
#include <string.h>

struct sparkplug *sparkplug_new(void)
{
	return calloc(1, sizeof(struct sparkplug));
}

void sparkplug_free(struct sparkplug *sparkplug)
{
	if (!sparkplug)
		return;
	for (size_t i = 0; i < SPARKPLUG_NODES; i++)
		free(sparkplug->nodes[i].aliases);
	free(sparkplug);
}

struct sparkplug_node *sparkplug_node(struct sparkplug *sparkplug, uint64_t id)
{
	struct sparkplug_node *oldest = &sparkplug->nodes[0];

	sparkplug->heard++;
	for (size_t i = 0; i < SPARKPLUG_NODES; i++) {
		struct sparkplug_node *node = &sparkplug->nodes[i];
		if (node->id == id) {
			node->used = sparkplug->heard;
			return node;
		}
		if (node->used < oldest->used)
			oldest = node;
	}
	free(oldest->aliases);
	*oldest = (struct sparkplug_node){ .id = id, .used = sparkplug->heard };
	return oldest;
}

void sparkplug_forget(struct sparkplug_node *node, uint32_t device)
{
	size_t kept = 0;

	for (size_t i = 0; i < node->count; i++)
		if (device != 0 && node->aliases[i].device != device)
			node->aliases[kept++] = node->aliases[i];
	node->count = kept;
}

/* Where ALIAS is, or would be. */
static size_t find(const struct sparkplug_node *node, uint64_t alias)
{
	size_t low = 0, high = node->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (node->aliases[middle].alias < alias)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct sparkplug_alias *sparkplug_lookup(
	const struct sparkplug_node *node, uint64_t alias)
{
	size_t at = find(node, alias);

	return at < node->count && node->aliases[at].alias == alias ? &node->aliases[at]
								    : NULL;
}

static bool make_room(struct sparkplug_node *node)
{
	size_t capacity = node->capacity ? node->capacity * 2 : 16;

	if (node->count < node->capacity)
		return true;
	if (node->count >= SPARKPLUG_ALIASES)
		return false;
	struct sparkplug_alias *aliases =
		realloc(node->aliases, capacity * sizeof *aliases);
	if (!aliases)
		return false;
	node->aliases = aliases;
	node->capacity = capacity;
	return true;
}

bool sparkplug_learn(struct sparkplug_node *node, const struct sparkplug_alias *alias)
{
	size_t at = find(node, alias->alias);

	if (at == node->count || node->aliases[at].alias != alias->alias) {
		if (!make_room(node))
			return false;
		memmove(&node->aliases[at + 1], &node->aliases[at],
			(node->count - at) * sizeof *node->aliases);
		node->count++;
	}
	node->aliases[at] = *alias;
	return true;
}
