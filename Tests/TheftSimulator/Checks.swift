/// Counts what holds and says what does not.
final class Checks {
    private var passed = 0
    private var failed = 0

    func expect(_ condition: Bool, _ what: String) {
        if condition { self.passed += 1 } else { self.failed += 1 }
        if !condition { print("FAILED: \(what)") }
    }

    /// Prints the sums and returns the exit code.
    func close() -> Int32 {
        print("\(self.passed) passed, \(self.failed) failed")
        return self.failed == 0 ? 0 : 1
    }
}
