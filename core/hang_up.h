/*
 * Ends connections that a library holds and does not show. Paho acknowledges every
 * message whose callback returns; the only way to keep a broker from believing that a
 * message has arrived which could not be kept is to break the connection first.
 */
#ifndef MUABUI_CORE_HANG_UP_H
#define MUABUI_CORE_HANG_UP_H

/*
 * Breaks every TCP connection of this process to PORT of any host. Several clients may
 * have one to the same broker, and which is whose is not to be told from outside: those
 * that did not have to be broken connect again, and lose nothing.
 */
void hang_up_on(unsigned port);

#endif
