// Tells the thread sanitizer about Synchronization.Mutex.
//
// The mutex's fast path is inlined into our instrumented code, but a contended lock or unlock runs in libswiftSynchronization.so, which is not
// instrumented; so the sanitizer misses that one thread's unlock comes before another one's lock, and reports what the mutex protects as a race.
// Preloaded, these functions stand in front of the library's and add the missing edges. They remove no report of a real race.
//
//     clang -O2 -shared -fPIC -o libtsan-mutex.so Tests/tsan-mutex.c -ldl
//     LD_PRELOAD=$PWD/libtsan-mutex.so swift test --sanitize=thread …
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) abort();
    return function;
}

// Synchronization._MutexHandle._lockSlow(Swift.UInt32) -> ()
SWIFT void lock_slow(uint32_t thread, SELF handle) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void lock_slow(uint32_t thread, SELF handle) {
    static SWIFT void (*original)(uint32_t, SELF);
    if (original == NULL) original = next("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
    original(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

// Synchronization._MutexHandle._tryLockSlow() -> Swift.Bool
SWIFT bool try_lock_slow(SELF handle) __asm__("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
SWIFT bool try_lock_slow(SELF handle) {
    static SWIFT bool (*original)(SELF);
    if (original == NULL) original = next("$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF");
    bool locked = original(handle);
    if (locked && __tsan_acquire) __tsan_acquire(handle);
    return locked;
}

// Synchronization._MutexHandle._unlockSlow() -> ()
SWIFT void unlock_slow(SELF handle) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
SWIFT void unlock_slow(SELF handle) {
    static SWIFT void (*original)(SELF);
    if (original == NULL) original = next("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
    if (__tsan_release) __tsan_release(handle);
    original(handle);
}
