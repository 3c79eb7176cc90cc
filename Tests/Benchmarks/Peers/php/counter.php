<?php
// A counter in PHP's own session.
session_start();
$_SESSION['hits'] = ($_SESSION['hits'] ?? 0) + 1;
header('Content-Type: application/json');
echo json_encode(['hits' => $_SESSION['hits']]), "\n";
