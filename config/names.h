/* The names of the things in a list. */
#ifndef MUABUI_CONFIG_NAMES_H
#define MUABUI_CONFIG_NAMES_H

#include "config/option.h"

/*
 * Reports names in LIST that cannot stand in topics and files (name_is_valid()) or
 * stand there twice. Items have SIZE bytes, the name (NULL: none) is at OFFSET.
 */
void names_check(const struct option_list *list, size_t size, size_t offset);

#endif
