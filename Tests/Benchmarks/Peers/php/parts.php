<?php
// The sizes of a form's fields and files; PHP writes the files to its temporary directory first.
header('Content-Type: text/plain; charset=utf-8');
$lines = [];
foreach ($_POST as $name => $value) {
    $lines[] = $name . ' ' . strlen($value);
}
foreach ($_FILES as $name => $file) {
    $lines[] = $name . ' ' . $file['size'];
}
echo implode("\n", $lines);
