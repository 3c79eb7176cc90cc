// Counts the heap allocations of the process it is loaded into (LD_PRELOAD), those of libfcgi apart from the others.
//
// The counters are in a file $ALLOCATION_COUNTS/PID that is mapped, so another process reads them at any moment without a
// signal to this one: two numbers of 64 bits in the order of the machine, the first without libfcgi's.
//
//     gcc -O2 -shared -fPIC -o allocations.so allocations.c -ldl

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Those of glibc behind the names that are replaced: no dlsym, which allocates itself.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Atomic uint64_t before_start[2];
static _Atomic uint64_t *counters = before_start;
static uintptr_t library_begin, library_end;

static void count(void *caller)
{
    uintptr_t address = (uintptr_t)caller;
    int is_library = address >= library_begin && address < library_end;
    atomic_fetch_add_explicit(&counters[is_library], 1, memory_order_relaxed);
}

static int find_library(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    if (strstr(info->dlpi_name, "libfcgi") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
            continue;
        library_begin = info->dlpi_addr + header->p_vaddr;
        library_end = library_begin + header->p_memsz;
    }
    return 0;
}

__attribute__((constructor)) static void start(void)
{
    dl_iterate_phdr(find_library, NULL);
    const char *directory = getenv("ALLOCATION_COUNTS");
    if (directory == NULL)
        return;
    char path[4096];
    snprintf(path, sizeof path, "%s/%d", directory, (int)getpid());
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    if (ftruncate(file, 4096) == 0) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (page != MAP_FAILED)
            counters = page;
    }
    close(file);
}

void *malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    void *got = __libc_memalign(alignment, size);
    if (got == NULL)
        return ENOMEM;
    *block = got;
    return 0;
}
