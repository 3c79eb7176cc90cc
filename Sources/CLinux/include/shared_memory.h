// Words of memory that several processes map.
#ifndef PARANOID_SHARED_MEMORY_H
#define PARANOID_SHARED_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// memfd_create(2) of `size` bytes, close-on-exec and sealed against other lengths. The descriptor or -1.
int clinux_memory_file(const char *name, size_t size);
/// mmap(2) of the first `size` bytes of a file, shared, for reading and, if asked for, writing; NULL on failure.
///
/// Where the file is cut short later, the memory becomes private and zero when it is touched: this replaces the signal SIGBUS, which would end the
/// process. For other addresses SIGBUS does what it did before the first call.
void *clinux_map_shared(int descriptor, size_t size, int writable);
/// munmap(2).
void clinux_unmap(void *address, size_t size);
/// Atomic operations on word `index` of a mapping; sequentially consistent.
uint64_t clinux_shared_load(const void *memory, size_t index);
void clinux_shared_store(void *memory, size_t index, uint64_t value);
void clinux_shared_store_releasing(void *memory, size_t index, uint64_t value);
/// Copies bytes to an offset that is a multiple of 8, word by word; a byte behind the last is written as it was. What is loaded afterwards shows
/// whether the memory was still the file's: it is all zeros where it is not.
void clinux_shared_write(void *memory, size_t offset, const void *bytes, size_t count);
/// Adds and returns the new value.
uint64_t clinux_shared_add(void *memory, size_t index, uint64_t value);
/// Stores `value` if it is greater than what is there; returns what is there afterwards.
uint64_t clinux_shared_raise(void *memory, size_t index, uint64_t value);

#endif
