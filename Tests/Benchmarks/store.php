<?php
// What PHP's sessions in files cost: php store.php DIRECTORY SESSIONS OPERATIONS [ROW]
//
// session.save_path is "2;DIRECTORY" (256 directories by the first two digits), use_strict_mode is on as the manual asks for, lazy_write
// is on as by default: an unchanged session is only touched. Records are of 500 bytes. Every call begins and ends a session as a request
// does; cookies and cache headers are off. PHP does not sweep directories below the first level, so there is no such row.
//
// Prints rows of a Markdown table as store.c does, at the end: sessions cannot begin once there was output.
error_reporting(E_ALL);
set_error_handler(function ($number, $message) {
    fwrite(STDERR, "store.php: $message\n");
    exit(1);
});

if ($argc < 4) {
    fwrite(STDERR, "usage: php store.php DIRECTORY SESSIONS OPERATIONS [ROW]\n");
    exit(2);
}
[, $directory, $sessions, $operations] = $argv;
$sessions = (int) $sessions;
$operations = (int) $operations;
$only = $argv[4] ?? null;

$digits = '0123456789abcdef';
foreach (str_split($digits) as $first) {
    foreach (str_split($digits) as $second) mkdir("$directory/$first/$second", 0700, true);
}
foreach ([
    'session.save_handler' => 'files', 'session.save_path' => "2;$directory", 'session.use_cookies' => '0', 'session.use_only_cookies' => '0',
    'session.use_trans_sid' => '0', 'session.cache_limiter' => '', 'session.use_strict_mode' => '1', 'session.lazy_write' => '1',
    'session.gc_probability' => '0', 'session.sid_bits_per_character' => '4', 'session.sid_length' => '64',
] as $name => $value) ini_set($name, $value);

// "count|i:0;filler|s:NNN:"…";" of 500 bytes.
$filler = str_repeat('x', 500 - strlen('count|i:0;filler|s:474:"";'));

function create(): string
{
    global $filler;
    session_id('');
    session_start();
    $_SESSION = ['count' => 0, 'filler' => $filler];
    session_write_close();
    return session_id();
}

function count_of(string $id): ?int
{
    session_id($id);
    session_start(['read_and_close' => true]);
    return session_id() === $id ? $_SESSION['count'] ?? null : null;
}

/** The path of a session's file. */
function path_of(string $id): string
{
    global $directory;
    return "$directory/$id[0]/$id[1]/sess_$id";
}

$rows = [];
$passed = $failed = 0;

/** A system call that does nothing, to be found in the output of strace. */
function mark(string $name): void
{
    file_exists("store-bench:$name");
}

/** Microseconds of processor time used so far. */
function processor(): int
{
    $usage = getrusage();
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1000000 + $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
}

/** Measures `$body(0)` to `$body($operations - 1)`, then asks `$verify` whether the work was done. */
function measure(string $name, callable $body, callable $verify): void
{
    global $operations, $rows, $passed, $failed;
    $walls = array_fill(0, $operations, 0);
    mark("begin:$name");
    $begin = processor();
    $last = hrtime(true);
    for ($i = 0; $i < $operations; $i++) {
        $body($i);
        $now = hrtime(true);
        $walls[$i] = $now - $last;
        $last = $now;
    }
    $processor = processor() - $begin;
    mark("end:$name");
    $verified = $verify();
    sort($walls);
    $verified ? $passed++ : $failed++;
    $rows[] = sprintf(
        '| %s | %d | %.2f | %.2f | %.2f | %s |',
        $name,
        $operations,
        $operations ? $walls[intdiv($operations, 2)] / 1e3 : 0,
        $operations ? $walls[intdiv($operations * 99, 100)] / 1e3 : 0,
        $operations ? $processor / $operations : 0,
        $verified ? 'yes' : 'NO'
    );
}

function wanted(string $name): bool
{
    global $only;
    return $only === null || $only === $name;
}

function create_many(int $count): array
{
    $ids = [];
    for ($i = 0; $i < $count; $i++) $ids[] = create();
    return $ids;
}

$ids = create_many($sessions);
$sum = fn(array $ids) => array_sum(array_map('count_of', $ids));

if (wanted('read')) {
    $found = 0;
    measure('read', function ($i) use ($ids, $sessions, &$found) {
        $found += count_of($ids[$i % $sessions]) === 0 ? 1 : 0;
    }, function () use (&$found, $operations) {
        return $found === $operations;
    });
}
if (wanted('commit')) {
    measure('commit', function ($i) use ($ids, $sessions) {
        session_id($ids[$i % $sessions]);
        session_start();
        $_SESSION['count']++;
        session_write_close();
    }, fn() => $sum($ids) === $operations);
}
if (wanted('create')) {
    $made = [];
    measure('create', function ($i) use (&$made) {
        $made[] = create();
    }, function () use (&$made, $operations) {
        return count(array_filter($made, fn($id) => count_of($id) === 0)) === $operations;
    });
}
if (wanted('rotate')) {
    $old = create_many($operations);
    $new = [];
    measure('rotate', function ($i) use ($old, &$new) {
        session_id($old[$i]);
        session_start();
        $_SESSION['count']++;
        session_regenerate_id(true);
        $new[] = session_id();
        session_write_close();
    }, function () use ($old, &$new, $operations, $sum) {
        $left = array_filter(array_slice($old, 0, $operations), fn($id) => file_exists(path_of($id)));
        return $sum($new) === $operations && $left === [];
    });
}
if (wanted('end')) {
    $old = create_many($operations);
    measure('end', function ($i) use ($old) {
        session_id($old[$i]);
        session_start();
        session_destroy();
    }, fn() => array_filter(array_slice($old, 0, $operations), fn($id) => file_exists(path_of($id))) === []);
}

echo implode("\n", $rows), "\n\n$passed passed, $failed failed\n";
exit($failed > 0 ? 1 : 0);
