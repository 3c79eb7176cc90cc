internal import FileSessionStore
internal import Logging
internal import ParanoidLinux
internal import ParanoidSessions
#if Redis
internal import RedisSessionStore
#endif

// The stores that the settings name.
extension SessionAccess {
    func makeStore() throws(ConfigurationError) -> any SessionStore {
        #if Redis
        if self.configuration.previousStore != nil { return try self.makeMigratingStore() }
        if !self.configuration.store.isFiles { return try self.makeRedisStore(self.configuration.store) }
        #endif
        return try self.makeFileStore()
    }

    private func makeFileStore() throws(ConfigurationError) -> FileSessionStore {
        let settings = FileSessionStoreConfiguration(
            directory: self.configuration.sessionDirectory,
            durability: self.configuration.durability,
            maximumPayloadSize: self.configuration.sessions.valueLimits.sessionByteCount + 16 * 1024,
            reservedPercent: self.configuration.reservedPercent,
            maximumAnonymousSessions: self.configuration.anonymousLimit,
            allowsNetworkFileSystem: self.configuration.allowsNetworkStore
        )
        do throws(SessionStoreError) {
            return try FileSessionStore(configuration: settings, logger: self.logger) { [weak self] wait in
                self?.sharedRegistry?.count(wait)
            }
        } catch {
            throw self.unusableDirectory(error)
        }
    }

    #if Redis
    private func makeRedisStore(_ choice: SessionStoreChoice, makesNumbers: Bool = true) throws(ConfigurationError) -> RedisSessionStore {
        do {
            var settings = RedisSessionStore.Configuration(address: try choice.address())
            settings.maximumPayloadSize = self.configuration.sessions.valueLimits.sessionByteCount + 16 * 1024
            settings.makesNumbers = makesNumbers
            settings.lockTimeout = self.configuration.lockTimeout
            settings.maximumAnonymousSessions = self.configuration.anonymousLimit
            settings.observe = { [weak self] event in self?.sharedRegistry?.count(event) }
            return try RedisSessionStore(settings)
        } catch {
            throw ConfigurationError(setting: "PARANOID_STORE", problem: "\(error)", remedy: Remedy(of: error))
        }
    }

    /// The store of `PARANOID_STORE` and that of `PARANOID_STORE_FROM` as one.
    func makeMigratingStore() throws(ConfigurationError) -> MigratingSessionStore {
        let files = try self.makeFileStore()
        let timeout = self.configuration.lockTimeout
        guard let previous = self.configuration.previousStore, !previous.isFiles else {
            let redis = try self.makeRedisStore(self.configuration.store, makesNumbers: false)
            return MigratingSessionStore(to: redis, from: files, locks: files, timeout: timeout)
        }
        let redis = try self.makeRedisStore(previous, makesNumbers: false)
        return MigratingSessionStore(to: files, from: redis, locks: files, timeout: timeout)
    }
    #endif
}
