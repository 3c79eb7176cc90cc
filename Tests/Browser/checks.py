"""What a trial expects: counted, and said in the closing line `N passed, N failed`."""
passed = failed = 0


def expect(holds, what):
    """Counts one expectation and says whether it holds."""
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"  {'ok   ' if holds else 'WRONG'}   {what}", flush=True)
    return holds


def finish():
    """Prints the closing line and gives the exit status."""
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
