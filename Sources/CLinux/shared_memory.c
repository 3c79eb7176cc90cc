#define _GNU_SOURCE
#include "shared_memory.h"

#include <fcntl.h>
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

void *clinux_map_shared(int descriptor, size_t size, int writable) {
    void *address = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0);
    return address == MAP_FAILED ? NULL : address;
}

void clinux_unmap(void *address, size_t size) {
    munmap(address, size);
}

uint64_t clinux_shared_load(const void *memory, size_t index) {
    return __atomic_load_n((const uint64_t *)memory + index, __ATOMIC_SEQ_CST);
}

void clinux_shared_store(void *memory, size_t index, uint64_t value) {
    __atomic_store_n((uint64_t *)memory + index, value, __ATOMIC_SEQ_CST);
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
