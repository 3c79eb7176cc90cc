/// A message for the page that the user sees next.
///
/// It is text; escape it before it goes into HTML.
public struct FlashMessage: Sendable, Hashable, Codable {
    /// What kind of message it is.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// Something to know.
        case information
        /// Something went well.
        case success
        /// Something went wrong.
        case failure
    }

    /// What kind of message it is.
    public var kind: Kind
    /// What the user is to read.
    public var text: String

    package init(_ text: String, kind: Kind = .information) {
        self.kind = kind
        self.text = text
    }
}

// Messages for the next page.
extension Session {
    /// The most messages that wait; of more the oldest go.
    package static let maximumFlashes = 16

    /// Leaves a message for the page that the user sees next, usually behind a redirect; begins a session if there is none.
    ///
    /// Stored with the response. Messages of concurrent requests add up.
    public func flash(_ text: String, kind: FlashMessage.Kind = .information) async throws {
        let message = FlashMessage(text, kind: kind)
        let limits = self.transaction.limits
        try await self.writable().edit { state in
            state.edits.add(
                .transform { bytes in
                    let messages = (Self.flashes(in: bytes) + [message]).suffix(Self.maximumFlashes)
                    let changed = try SessionValueCoding.encode(Array(messages))
                    try limits.check(changed)
                    return changed
                },
                to: ReservedKeys.flashes
            )
        }
    }

    /// Takes the messages that wait, oldest first: of several requests at once, one gets them.
    ///
    /// Where none waits nothing is written. Else it commits at once: a handler that fails later has taken them all the same.
    public func takeFlashes() async throws -> [FlashMessage] {
        let state = try await self.state()
        guard state.edits.value(of: ReservedKeys.flashes, over: state.session?.record.values) != nil else { return [] }
        var messages: [FlashMessage] = []
        try await self.writable().update { values in
            messages = Self.flashes(in: values[ReservedKeys.flashes])
            values[ReservedKeys.flashes] = nil
        }
        return messages
    }

    private static func flashes(in bytes: [UInt8]?) -> [FlashMessage] {
        bytes.flatMap { try? SessionValueCoding.decode([FlashMessage].self, from: $0) } ?? []
    }
}
