#if Redis
package import RedisSessionStore
#endif

/// Where the sessions are kept (`PARANOID_STORE`): in files, or in a Redis.
package struct SessionStoreChoice: Sendable, Hashable {
    /// Files below the session directory.
    package static let files = SessionStoreChoice(text: "files")

    /// The setting as it was given; it may hold a password.
    private let text: String

    package init(text: String) {
        self.text = text
    }

    /// Whether the sessions are in files.
    package var isFiles: Bool { self.text == "files" }

    #if Redis
    /// The address of the Redis.
    package func address() throws(RedisAddressError) -> RedisAddress { try RedisAddress(self.text) }
    #endif

    /// Why it cannot be used, without a part of the text that may be a password; `nil`: it can.
    var problem: String? {
        if self.isFiles { return nil }
        #if Redis
        do throws(RedisAddressError) {
            let address = try self.address()
            if address.isEncrypted { return "rediss:// needs TLS, which this build has not; use a tunnel and redis://" }
            return nil
        } catch {
            return "\(error); allowed is \(Self.allowed)"
        }
        #else
        if self.text.hasPrefix("redis") { return "this program was built without the package trait Redis" }
        return "allowed is \(Self.allowed)"
        #endif
    }

    /// The texts that are allowed.
    static let allowed =
        "files, or redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] or redis+unix:PATH, with ?prefix=TEXT, &timeout=SECONDS, &wait=REPLICAS, and &cluster or &sentinel=NAME"
}

extension SessionStoreChoice: CustomStringConvertible, CustomDebugStringConvertible {
    /// The setting without the password.
    package var description: String {
        let bytes = Array(self.text.utf8)
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { return self.text }
        let scheme = Array("://".utf8)
        let begin = bytes.indices.first { bytes[$0...].starts(with: scheme) }.map { $0 + scheme.count } ?? 0
        guard begin <= at else { return self.text }
        guard let colon = bytes[begin..<at].firstIndex(of: UInt8(ascii: ":")) else {
            return String(decoding: bytes[..<begin] + "***".utf8 + bytes[at...], as: UTF8.self)
        }
        return String(decoding: bytes[...colon] + "***".utf8 + bytes[at...], as: UTF8.self)
    }

    /// The same.
    package var debugDescription: String { self.description }
}

extension ApplicationConfiguration {
    /// The command that makes a user of Redis with the rights that the store needs; the password is to be put in its place.
    package func storeAccessRule(user: String) throws(ConfigurationError) -> String {
        #if Redis
        guard !self.store.isFiles, let address = try? self.store.address() else {
            throw ConfigurationError(setting: "PARANOID_STORE", problem: "the sessions are in files")
        }
        guard let rule = RedisAccess.rule(user: user, prefix: address.prefix) else {
            throw ConfigurationError(
                setting: "PARANOID_STORE",
                problem: "a user's name has letters, digits, points, hyphens and underscores"
            )
        }
        return (rule.prefix(5) + [">PASSWORD"] + rule.dropFirst(5)).joined(separator: " ")
        #else
        throw ConfigurationError(setting: "PARANOID_STORE", problem: "this program was built without the package trait Redis")
        #endif
    }
}
