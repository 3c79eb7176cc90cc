/// Waits until a condition holds, looking again and again.
///
/// - Throws: ``TestFailure`` when it does not hold within the time limit, which is only there so that a broken program ends the test.
public func eventually(_ what: String, within limit: Duration = .seconds(300), _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TestFailure("never: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Something that a test needs did not happen.
public struct TestFailure: Error, CustomStringConvertible {
    /// What did not happen.
    public let description: String

    /// Names what did not happen.
    public init(_ description: String) {
        self.description = description
    }
}
