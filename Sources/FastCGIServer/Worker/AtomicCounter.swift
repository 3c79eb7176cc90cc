internal import Synchronization

/// A count that several threads change and one looks at.
final class AtomicCounter: Sendable {
    private let value = Atomic<Int>(0)

    /// Whether it is zero.
    var isZero: Bool { self.value.load(ordering: .acquiring) == 0 }

    /// Adds one.
    ///
    /// - Returns: How many there are now.
    @discardableResult
    func add() -> Int {
        self.value.add(1, ordering: .relaxed).newValue
    }

    /// Takes one away; what was done before is seen by whoever sees zero.
    func subtract() {
        self.value.subtract(1, ordering: .releasing)
    }
}
