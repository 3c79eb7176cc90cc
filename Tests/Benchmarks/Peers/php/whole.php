<?php
// A counter in a session that is read and written back as a whole, without a lock, as many frameworks do.
$redis = new Redis();
$redis->pconnect($_SERVER['BENCH_REDIS']);
$name = $_COOKIE['whole'] ?? '';
if (!preg_match('/^[0-9a-f]{32}$/', $name)) {
    $name = bin2hex(random_bytes(16));
    setcookie('whole', $name, ['path' => '/', 'httponly' => true, 'secure' => true, 'samesite' => 'Lax']);
}
$session = json_decode($redis->get("whole:$name") ?: '{}', true);
$session['hits'] = ($session['hits'] ?? 0) + 1;
$redis->setEx("whole:$name", 1800, json_encode($session));
header('Content-Type: application/json');
echo json_encode(['hits' => $session['hits']]), "\n";
