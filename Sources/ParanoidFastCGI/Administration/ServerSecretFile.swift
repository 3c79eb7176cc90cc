internal import ParanoidLinux
internal import ParanoidSessions

/// The file that holds the server's secrets: made by the first process of an application, read by all.
enum ServerSecretFile {
    private static let setting = "PARANOID_SECRET_FILE"

    /// Reads the secrets; blocks for as long as the disk takes.
    static func read(_ path: String) throws(ConfigurationError) -> ServerSecrets {
        guard let secrets = try self.readIfThere(path) else {
            throw ConfigurationError(
                setting: self.setting,
                problem: "\(path) is not there; only the first process of an application makes it"
            )
        }
        return secrets
    }

    /// Reads the secrets, after making the file with one fresh secret where there is none.
    ///
    /// - Parameter sessionDirectory: A directory with sessions, which a new secret would end: then no secret is made.
    static func readOrMake(_ path: String, unlessSessionsIn sessionDirectory: String?) throws(ConfigurationError) -> ServerSecrets {
        if let secrets = try self.readIfThere(path) { return secrets }
        if let sessionDirectory {
            throw ConfigurationError(
                setting: self.setting,
                problem:
                    "\(path) is not there, but \(sessionDirectory) holds sessions, which a new secret would end; put the file back, or "
                    + "remove the sessions"
            )
        }
        do throws(PrivateFile.Failure) {
            // Of several first processes at the same time one makes the file; then the contents of the file count.
            _ = try PrivateFile.create(path, contents: Self.freshSecret(number: 1).fileLine)
        } catch {
            throw ConfigurationError(setting: self.setting, problem: "\(path) cannot be made: \(error)", remedy: Remedy(of: error))
        }
        return try self.read(path)
    }

    private static func readIfThere(_ path: String) throws(ConfigurationError) -> ServerSecrets? {
        do throws(PrivateFile.Failure) {
            guard let bytes = try PrivateFile.read(path) else { return nil }
            return try Self.parse(bytes)
        } catch {
            throw ConfigurationError(setting: self.setting, problem: "\(path) cannot be used: \(error)", remedy: Remedy(of: error))
        }
    }

    private static func freshSecret(number: UInt8) -> ServerSecret {
        var generator = SystemRandom()
        return ServerSecret(number: number, using: &generator)
    }

    private static func parse(_ bytes: [UInt8]) throws(PrivateFile.Failure) -> ServerSecrets {
        do {
            return try ServerSecrets(parsing: bytes)
        } catch {
            throw .malformed("line \(error.line): \(error.description)")
        }
    }

    // MARK: Changes

    /// Adds a fresh secret in front of the others, and returns its number.
    static func add(to path: String) throws(ConfigurationError) -> UInt8 {
        try self.change(path) { (secrets) throws(ConfigurationError) in
            let taken = Set(secrets.map(\.number))
            let newest = secrets.first?.number ?? 0
            // The numbers go round, so that a number that was removed lately is not the next to be used.
            guard let number = (1...256).map({ newest &+ UInt8(truncatingIfNeeded: $0) }).first(where: { !taken.contains($0) }) else {
                throw ConfigurationError(setting: self.setting, problem: "\(path) holds 256 secrets; remove one first")
            }
            secrets.insert(self.freshSecret(number: number), at: 0)
            return number
        }
    }

    /// Removes a secret that is not the only one.
    static func remove(_ number: UInt8, from path: String) throws(ConfigurationError) {
        try self.change(path) { (secrets) throws(ConfigurationError) in
            guard let index = secrets.firstIndex(where: { $0.number == number }) else {
                throw ConfigurationError(setting: self.setting, problem: "\(path) holds no secret \(number)")
            }
            guard secrets.count > 1 else {
                throw ConfigurationError(setting: self.setting, problem: "\(path) holds no other secret; add one first")
            }
            secrets.remove(at: index)
        }
    }

    /// Changes the list of secrets; another reader sees the old list or the new one.
    private static func change<Outcome>(
        _ path: String,
        _ body: (inout [ServerSecret]) throws(ConfigurationError) -> Outcome
    ) throws(ConfigurationError) -> Outcome {
        // Before the lock, which would make a file beside a secret that is not there.
        _ = try self.read(path)
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
            throw ConfigurationError(setting: self.setting, problem: "\(path) cannot be changed: \(error)", remedy: Remedy(of: error))
        }
    }
}

// The server's secrets as a file that operators look after.
extension ApplicationConfiguration {
    /// Adds a fresh secret in front of the others: new sessions use it from the next reload on, existing ones stay as they are.
    ///
    /// Blocks until the file is on the disk.
    ///
    /// - Returns: The number of the new secret.
    /// - Throws: ``ConfigurationError`` when the file is absent or cannot be used, or holds 256 secrets already; it is as before then.
    package func addServerSecret() throws(ConfigurationError) -> UInt8 { try ServerSecretFile.add(to: self.secretFile) }

    /// The numbers of the secrets, newest first.
    package func serverSecretNumbers() throws(ConfigurationError) -> [UInt8] {
        try ServerSecretFile.read(self.secretFile).all.map(\.number)
    }

    /// Removes a secret: all sessions that were begun under it end when the workers are reloaded.
    ///
    /// - Throws: ``ConfigurationError`` when there is no such secret, or no other one.
    package func removeServerSecret(_ number: UInt8) throws(ConfigurationError) {
        try ServerSecretFile.remove(number, from: self.secretFile)
    }
}
