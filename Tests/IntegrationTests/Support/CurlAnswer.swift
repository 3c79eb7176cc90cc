import Foundation
import TestSupport

/// What curl got.
struct CurlAnswer: Sendable {
    /// The status; 0 when there was no answer.
    var status: Int
    /// Header fields in their order, names in lower case.
    var fields: [(name: String, value: String)]
    /// The body.
    var body: Data

    /// The body as text.
    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The values of a header field.
    func values(_ name: String) -> [String] {
        self.fields.filter { $0.name == name }.map(\.value)
    }

    /// The value of a header field; `nil` when it is absent.
    func value(_ name: String) -> String? { self.values(name).first }

    /// The body, decoded from JSON.
    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: self.body)
        } catch {
            throw TestFailure("status \(self.status), not the JSON that was expected: \(self.text.prefix(300))")
        }
    }

    /// The body as a report on the session.
    func report() throws -> SessionAnswer { try self.json() }
}

/// The report that `/session` and its relatives answer.
struct SessionAnswer: Decodable, Sendable, Equatable {
    var verdict: String
    var reason: String?
    var hits: Int
    var user: String?
    var fresh: Bool
}
