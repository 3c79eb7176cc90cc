#ifndef PARANOID_CLINUX_EVENT_TIMER_H
#define PARANOID_CLINUX_EVENT_TIMER_H

#include <stdint.h>

/// timerfd_create(2) on CLOCK_MONOTONIC, non-blocking and close-on-exec.
int clinux_timer_create(void);
/// timerfd_settime(2): readable once after so many nanoseconds.
int clinux_timer_start(int timer, int64_t nanoseconds);

#endif
