// What the bare file operations behind a session store cost: no checksum, no seal, no second state, no care for crashes.
//
//     store DIRECTORY SESSIONS OPERATIONS [ROW]
//
// SESSIONS files of 500 bytes in 256 directories; each operation opens its file by name, as code that keeps nothing does:
//
//     read    openat, pread, close
//     commit  openat, flock, pread, pwrite in place, close
//     create  openat (O_CREAT | O_EXCL), pwrite, close
//     rotate  openat, flock, pread, pwrite, renameat to the new name, close
//     end     unlinkat
//     sweep   the names of all directories, fstatat of each file
//
// Prints rows of a Markdown table (operation, calls, median, 99th percentile and CPU in µs, whether the work was verified) and
// `N passed, M failed`.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 500, NAME = 68 };

static int root;
static long sessions, operations;
static const char *only;
static int passed, failed;
static int64_t *walls;
static char filler[RECORD];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

// The name of session `number` of a kind: two digits, a slash and 64 digits.
static void name_of(uint64_t kind, uint64_t number, char name[NAME]) {
    uint64_t state = kind << 56 | number;
    char *end = name + 3;
    for (int word = 0; word < 4; word++) {
        uint64_t mixed = state += UINT64_C(0x9E3779B97F4A7C15);
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
        mixed ^= mixed >> 31;
        for (int shift = 60; shift >= 0; shift -= 4) *end++ = "0123456789abcdef"[mixed >> shift & 15];
    }
    *end = 0;
    name[0] = name[3];
    name[1] = name[4];
    name[2] = '/';
}

// A record: its counter and something to fill it up.
struct record {
    uint64_t count;
    char rest[RECORD - sizeof(uint64_t)];
};

static int open_file(const char *name, int flags) {
    int file = openat(root, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) die(name);
    return file;
}

static uint64_t read_count(uint64_t kind, long number) {
    char name[NAME];
    struct record record;
    name_of(kind, number, name);
    int file = open_file(name, O_RDONLY);
    if (pread(file, &record, sizeof record, 0) != sizeof record) die("pread");
    close(file);
    return record.count;
}

static void create(uint64_t kind, long number) {
    char name[NAME];
    struct record record = {0};
    memcpy(record.rest, filler, sizeof record.rest);
    name_of(kind, number, name);
    int file = open_file(name, O_RDWR | O_CREAT | O_EXCL);
    if (pwrite(file, &record, sizeof record, 0) != sizeof record) die("pwrite");
    close(file);
}

// Adds 1 to the counter; gives the file another name if there is one.
static void change(const char *name, const char *new_name) {
    struct record record;
    int file = open_file(name, O_RDWR);
    if (flock(file, LOCK_EX)) die("flock");
    if (pread(file, &record, sizeof record, 0) != sizeof record) die("pread");
    record.count++;
    if (pwrite(file, &record, sizeof record, 0) != sizeof record) die("pwrite");
    if (new_name && renameat(root, name, root, new_name)) die("renameat");
    close(file);
}

static int exists(uint64_t kind, long number) {
    char name[NAME];
    name_of(kind, number, name);
    return faccessat(root, name, F_OK, 0) == 0;
}

static void end(uint64_t kind, long number) {
    char name[NAME];
    name_of(kind, number, name);
    if (unlinkat(root, name, 0)) die("unlinkat");
}

// Looks at all files; returns how many there are.
static long sweep(void) {
    long found = 0;
    for (int shard = 0; shard < 256; shard++) {
        char name[3];
        snprintf(name, sizeof name, "%02x", shard);
        int number = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = number < 0 ? NULL : fdopendir(number);
        if (!directory) die(name);
        for (struct dirent *entry; (entry = readdir(directory));) {
            struct stat facts;
            if (entry->d_name[0] == '.') continue;
            if (fstatat(number, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW)) die("fstatat");
            found += facts.st_mtime > 0;
        }
        closedir(directory);
    }
    return found;
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void report(const char *name, long calls, long units, int64_t cpu, int verified) {
    verified = verified && (calls > 0 || operations == 0);
    if (calls > 0) qsort(walls, calls, sizeof *walls, by_size);
    double each = units > 0 ? (double)calls / units : 1;
    printf("| %s | %ld | %.2f | %.2f | %.2f | %s |\n", name, units, calls ? walls[calls / 2] / 1e3 * each : 0,
           calls ? walls[calls * 99 / 100] / 1e3 * each : 0, units ? cpu / 1e3 / units : 0, verified ? "yes" : "NO");
    verified ? passed++ : failed++;
}

// A system call that does nothing, to be found in the output of strace.
static void mark(const char *name) {
    if (access(name, F_OK) == 0) die(name);
}

static int wanted(const char *name) { return !only || !strcmp(only, name); }

#define MEASURE(name, cpu, count, body)                                \
    do {                                                             \
        mark("store-bench:begin:" name);                             \
        int64_t begin = now(CLOCK_PROCESS_CPUTIME_ID), last = now(CLOCK_MONOTONIC); \
        for (long i = 0; i < (count); i++) {                         \
            body;                                                    \
            int64_t time = now(CLOCK_MONOTONIC);                     \
            walls[i] = time - last;                                  \
            last = time;                                             \
        }                                                            \
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - begin;                 \
        mark("store-bench:end:" name);                               \
    } while (0)

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: store DIRECTORY SESSIONS OPERATIONS [ROW]\n");
        return 2;
    }
    root = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) die(words[1]);
    sessions = atol(words[2]);
    operations = atol(words[3]);
    only = count > 4 ? words[4] : NULL;
    if (sessions <= 0 || operations < 0) return 2;
    walls = malloc((operations + 8) * sizeof *walls);
    memset(filler, 'x', sizeof filler);
    for (int shard = 0; shard < 256; shard++) {
        char name[3];
        snprintf(name, sizeof name, "%02x", shard);
        if (mkdirat(root, name, 0700)) die(name);
    }
    for (long i = 0; i < sessions; i++) create(0, i);

    int64_t cpu;
    char name[NAME], new_name[NAME];
    if (wanted("read")) {
        uint64_t sum = 0;
        MEASURE("read", cpu, operations, sum += read_count(0, i % sessions) + 1);
        report("read", operations, operations, cpu, sum == (uint64_t)operations);
    }
    if (wanted("commit")) {
        uint64_t sum = 0;
        MEASURE("commit", cpu, operations, name_of(0, i % sessions, name); change(name, NULL));
        for (long i = 0; i < sessions; i++) sum += read_count(0, i);
        report("commit", operations, operations, cpu, sum == (uint64_t)operations);
    }
    if (wanted("sweep")) {
        long found = 0, rounds = 3;
        MEASURE("sweep", cpu, rounds, found += sweep());
        report("sweep", rounds, found, cpu, found == rounds * sessions);
    }
    if (wanted("create")) {
        uint64_t sum = 0;
        MEASURE("create", cpu, operations, create(1, i));
        for (long i = 0; i < operations; i++) sum += read_count(1, i) + 1;
        report("create", operations, operations, cpu, sum == (uint64_t)operations);
    }
    if (wanted("rotate")) {
        int verified = 1;
        for (long i = 0; i < operations; i++) create(2, i);
        MEASURE("rotate", cpu, operations, name_of(2, i, name); name_of(3, i, new_name); change(name, new_name));
        for (long i = 0; i < operations; i++) verified = verified && read_count(3, i) == 1 && !exists(2, i);
        report("rotate", operations, operations, cpu, verified);
    }
    if (wanted("end")) {
        int verified = 1;
        for (long i = 0; i < operations; i++) create(4, i);
        MEASURE("end", cpu, operations, end(4, i));
        for (long i = 0; i < operations; i++) verified = verified && !exists(4, i);
        report("end", operations, operations, cpu, verified);
    }
    printf("\n%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
