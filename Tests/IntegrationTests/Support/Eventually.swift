/// Waits until a condition holds, looking again and again.
///
/// - Throws: ``TestFailure`` when it does not hold within the time limit, which is only there so that a broken program ends the test.
func eventually(_ what: String, within limit: Duration = .seconds(300), _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TestFailure("never: \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}
