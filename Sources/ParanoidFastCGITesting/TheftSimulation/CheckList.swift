internal import Glibc

/// Counts checks and names those that failed.
package struct CheckList {
    package private(set) var passed = 0
    package private(set) var failed = 0

    package init() {}

    /// Counts one check.
    package mutating func expect(_ isFulfilled: Bool, _ what: @autoclosure () -> String) {
        if isFulfilled {
            self.passed += 1
        } else {
            self.failed += 1
            print("failed: \(what())")
        }
    }

    /// Prints the closing line and ends the program.
    package func finish() -> Never {
        print("\(self.passed) passed, \(self.failed) failed")
        exit(self.failed == 0 && self.passed > 0 ? 0 : 1)
    }
}
