<?php
// As many MiB of zeros as `mb` says.
$piece = str_repeat("\0", 262144);
$pieces = 4 * (int) ($_GET['mb'] ?? 0);
header('Content-Type: application/octet-stream');
header('Content-Length: ' . $pieces * 262144);
while (ob_get_level() > 0) {
    ob_end_clean();
}
for ($number = 0; $number < $pieces; $number++) {
    echo $piece;
}
