/*
 * Giving back what only the start needed. Libraries' code is mapped in large pieces
 * while they initialise; the pages a resting gateway does not run need not be resident.
 */
#ifndef MUABUI_CORE_TRIM_H
#define MUABUI_CORE_TRIM_H

/*
 * Drops the process's clean code and constant pages, and free heap. What is needed again
 * is mapped again from the page cache: some hundred minor faults, once.
 */
void trim_memory(void);

#endif
