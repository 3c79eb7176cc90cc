import Crypto
import CryptoExtras
import FoundationEssentials

/// A password as it is stored: hashed with scrypt (RFC 7914), so that somebody who reads the file has to guess each password slowly.
struct PasswordHash: Codable, Sendable {
    private var salt: [UInt8]
    private var key: [UInt8]
    /// The cost, stored beside the hash so that it can grow later: 16 MiB and five passes, as OWASP recommends.
    private var rounds = 1 << 14
    private var blockSize = 8
    private var parallelism = 5

    /// Hashes a password; takes about a tenth of a second of the thread.
    init(of password: String) throws {
        self.salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        self.key = []
        self.key = try unsafe self.derivedKey(password).withUnsafeBytes { unsafe Array($0) }
    }

    /// Whether this is the hash of a password; compares in constant time.
    func matches(_ password: String) throws -> Bool {
        try self.derivedKey(password) == SymmetricKey(data: self.key)
    }

    private func derivedKey(_ password: String) throws -> SymmetricKey {
        try KDF.Scrypt.deriveKey(
            from: Array(password.utf8),
            salt: self.salt,
            outputByteCount: 32,
            rounds: self.rounds,
            blockSize: self.blockSize,
            parallelism: self.parallelism
        )
    }
}
