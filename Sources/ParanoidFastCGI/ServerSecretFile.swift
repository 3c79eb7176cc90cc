internal import ParanoidLinux
internal import ParanoidSessions

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

    static func freshSecret(number: UInt8) -> ServerSecret {
        var generator = SystemRandom()
        return ServerSecret(number: number, using: &generator)
    }

    /// Changes the list of secrets: whoever reads the file meanwhile sees the old list or the new one.
    static func change<Outcome>(
        _ path: String,
        _ body: (inout [ServerSecret]) throws(ConfigurationError) -> Outcome
    ) throws(ConfigurationError) -> Outcome {
        do {
            return try PrivateFile.withLock(beside: path) { () throws in
                guard let bytes = try PrivateFile.read(path) else { throw PrivateFile.Failure.notAFile }
                var secrets = try ServerSecrets.secrets(parsing: bytes)
                let outcome = try body(&secrets)
                try PrivateFile.replace(path, contents: secrets.flatMap(\.fileLine))
                return outcome
            }
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(setting: "PARANOID_SECRET_FILE", problem: "\(path) cannot be changed: \(error)")
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
