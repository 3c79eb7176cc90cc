internal import ParanoidSessions

// The server's secrets as a file that people look after.
extension ApplicationConfiguration {
    /// Adds a fresh secret in front of the others: new sessions use it from the next reload on, existing ones stay as they are.
    ///
    /// Blocks until the file is on the disk.
    ///
    /// - Returns: The number of the new secret.
    /// - Throws: ``ConfigurationError`` when the file cannot be used or there are 256 secrets already; it is as before then.
    public func addServerSecret() throws(ConfigurationError) -> UInt8 {
        try ServerSecretFile.change(self.secretFile) { (secrets) throws(ConfigurationError) in
            let taken = Set(secrets.map(\.number))
            let newest = secrets.first?.number ?? 0
            // The numbers go round, so that a number that was removed lately is not the next to be used.
            guard let number = (1...256).map({ newest &+ UInt8(truncatingIfNeeded: $0) }).first(where: { !taken.contains($0) }) else {
                throw ConfigurationError(setting: "PARANOID_SECRET_FILE", problem: "\(self.secretFile) holds 256 secrets; remove one first")
            }
            secrets.insert(ServerSecretFile.freshSecret(number: number), at: 0)
            return number
        }
    }

    /// The numbers of the secrets, newest first.
    public func serverSecretNumbers() throws(ConfigurationError) -> [UInt8] {
        try ServerSecretFile.load(self.secretFile).all.map(\.number)
    }

    /// Removes a secret: all sessions that were begun under it end when the workers are reloaded.
    ///
    /// - Throws: ``ConfigurationError`` when there is no such secret, or no other one.
    public func removeServerSecret(_ number: UInt8) throws(ConfigurationError) {
        try ServerSecretFile.change(self.secretFile) { (secrets) throws(ConfigurationError) in
            guard let index = secrets.firstIndex(where: { $0.number == number }) else {
                throw ConfigurationError(setting: "PARANOID_SECRET_FILE", problem: "\(self.secretFile) holds no secret \(number)")
            }
            guard secrets.count > 1 else {
                throw ConfigurationError(
                    setting: "PARANOID_SECRET_FILE",
                    problem: "\(self.secretFile) holds no other secret; add one first"
                )
            }
            secrets.remove(at: index)
        }
    }
}
