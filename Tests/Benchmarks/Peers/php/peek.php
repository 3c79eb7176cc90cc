<?php
// A look at PHP's own session.
session_start(['read_and_close' => true]);
header('Content-Type: application/json');
echo json_encode(['hits' => $_SESSION['hits'] ?? 0]), "\n";
