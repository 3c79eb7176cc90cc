<?php
// The bytes of a body, read piece by piece.
$body = fopen('php://input', 'rb');
$count = 0;
while (!feof($body)) {
    $count += strlen(fread($body, 262144));
}
header('Content-Type: text/plain; charset=utf-8');
echo $count;
