internal import LinuxSupport
internal import SessionSecurity

/// The file that holds the server's secrets: read by every process, created by the first.
enum ServerSecretFile {
    /// Reads the secrets, after creating the file with one fresh secret where there is none.
    static func load(_ path: String) throws(ConfigurationError) -> ServerSecrets {
        do throws(PrivateFile.Failure) {
            var bytes = try PrivateFile.read(path)
            if bytes == nil {
                var generator = SystemRandom()
                _ = try PrivateFile.create(path, contents: ServerSecret(number: 1, using: &generator).fileLine)
                // Whoever was first: what is in the file now counts.
                bytes = try PrivateFile.read(path)
            }
            return try Self.parse(bytes ?? [], path)
        } catch {
            throw ConfigurationError(setting: "PARANOID_SECRET_FILE", problem: "\(path) cannot be used: \(error)")
        }
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(PrivateFile.Failure) -> ServerSecrets {
        do {
            return try ServerSecrets(parsing: bytes)
        } catch {
            throw .malformed("line \(error.line): \(error.description)")
        }
    }
}
