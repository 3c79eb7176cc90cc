internal import Glibc

/// Counts checks and names those that failed.
struct CheckList {
    private(set) var passed = 0
    private(set) var failed = 0

    /// Counts one check.
    mutating func expect(_ isFulfilled: Bool, _ what: @autoclosure () -> String) {
        if isFulfilled {
            self.passed += 1
        } else {
            self.failed += 1
            print("failed: \(what())")
        }
    }

    /// Prints the closing line and ends the program.
    func finish() -> Never {
        print("\(self.passed) passed, \(self.failed) failed")
        exit(self.failed == 0 && self.passed > 0 ? 0 : 1)
    }
}
