#define _GNU_SOURCE
#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int clinux_memory_file(const char *name, size_t size) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -1;
    if (ftruncate(descriptor, (off_t)size) == 0 &&
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return descriptor;
    close(descriptor);
    return -1;
}

// The mappings of files: touching one whose file was cut short raises SIGBUS.
enum { mapping_limit = 4096 };
static struct {
    uintptr_t address;
    size_t size;
} mappings[mapping_limit];
static struct sigaction former_action;

// Puts zeros where the file's bytes were. Whoever reads them has to see that they are not the file's.
static void replace_lost_page(int number, siginfo_t *facts, void *context) {
    (void)context;
    int error = errno;
    uintptr_t place = (uintptr_t)facts->si_addr;
    for (int index = 0; index < mapping_limit; index++) {
        uintptr_t address = __atomic_load_n(&mappings[index].address, __ATOMIC_ACQUIRE);
        size_t size = __atomic_load_n(&mappings[index].size, __ATOMIC_RELAXED);
        if (address == 0 || place < address || place - address >= size) continue;
        void *zeros = mmap((void *)address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros != MAP_FAILED) {
            errno = error;
            return;
        }
    }
    // Not ours: the instruction runs again, and what was there before us gets the signal.
    sigaction(number, &former_action, NULL);
    errno = error;
}

static void handle_lost_pages(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = replace_lost_page;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &former_action);
}

static int note_mapping(void *address, size_t size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, handle_lost_pages);
    for (int index = 0; index < mapping_limit; index++) {
        uintptr_t none = 0;
        // 1 is no address of a mapping: the slot is taken, and its size not there yet.
        if (!__atomic_compare_exchange_n(&mappings[index].address, &none, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
        __atomic_store_n(&mappings[index].size, size, __ATOMIC_RELAXED);
        __atomic_store_n(&mappings[index].address, (uintptr_t)address, __ATOMIC_RELEASE);
        return 1;
    }
    return 0;
}

static void forget_mapping(void *address) {
    for (int index = 0; index < mapping_limit; index++) {
        uintptr_t known = (uintptr_t)address;
        if (__atomic_compare_exchange_n(&mappings[index].address, &known, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_store_n(&mappings[index].size, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&mappings[index].address, 0, __ATOMIC_RELEASE);
            return;
        }
    }
}

void *clinux_map_shared(int descriptor, size_t size, int writable) {
    void *address = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) return NULL;
    if (note_mapping(address, size)) return address;
    munmap(address, size);
    errno = ENOMEM;
    return NULL;
}

void clinux_unmap(void *address, size_t size) {
    forget_mapping(address);
    munmap(address, size);
}

uint64_t clinux_shared_load(const void *memory, size_t index) {
    return __atomic_load_n((const uint64_t *)memory + index, __ATOMIC_SEQ_CST);
}

void clinux_shared_store(void *memory, size_t index, uint64_t value) {
    __atomic_store_n((uint64_t *)memory + index, value, __ATOMIC_SEQ_CST);
}

void clinux_shared_store_releasing(void *memory, size_t index, uint64_t value) {
    __atomic_store_n((uint64_t *)memory + index, value, __ATOMIC_RELEASE);
}

void clinux_shared_write(void *memory, size_t offset, const void *bytes, size_t count) {
    uint64_t *place = (uint64_t *)((char *)memory + offset);
    const char *from = bytes;
    uint64_t word;
    for (; count >= sizeof word; count -= sizeof word) {
        memcpy(&word, from, sizeof word);
        __atomic_store_n(place++, word, __ATOMIC_RELAXED);
        from += sizeof word;
    }
    // Sequentially consistent, so that nothing that is loaded later was loaded before.
    if (count > 0) {
        word = __atomic_load_n(place, __ATOMIC_RELAXED);
        memcpy(&word, from, count);
        __atomic_store_n(place, word, __ATOMIC_SEQ_CST);
    } else {
        __atomic_store_n(place - 1, word, __ATOMIC_SEQ_CST);
    }
}

uint64_t clinux_shared_add(void *memory, size_t index, uint64_t value) {
    return __atomic_add_fetch((uint64_t *)memory + index, value, __ATOMIC_SEQ_CST);
}

uint64_t clinux_shared_raise(void *memory, size_t index, uint64_t value) {
    uint64_t *word = (uint64_t *)memory + index;
    uint64_t seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    while (seen < value) {
        if (__atomic_compare_exchange_n(word, &seen, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return value;
    }
    return seen;
}
