#if Redis
internal import ParanoidSessions
package import RedisSessionStore

// What the Redis says that keeps the sessions.
extension Doctor {
    /// What is wrong with the Redis, as far as it says; nothing when the sessions are in files.
    package func storeFindings() async -> [Finding] {
        guard !self.configuration.store.isFiles, let address = try? self.configuration.store.address() else { return [] }
        let place = self.configuration.storePlace
        do throws(SessionStoreError) {
            let store = try RedisSessionStore(.init(address: address))
            return Self.findings(of: try await store.health(), place)
        } catch {
            let change = "start Redis, or correct PARANOID_STORE; `paranoid store acl USER` prints the rights that the store needs"
            return [Finding(gravity: .error, problem: "\(place): \(error)", change: change)]
        }
    }

    /// What a server's own words come to.
    package static func findings(of health: RedisHealth, _ place: String) -> [Finding] {
        var found: [Finding] = []
        func add(_ gravity: Finding.Gravity, _ problem: String, _ change: String) {
            found.append(Finding(gravity: gravity, problem: "\(place): \(problem)", change: change))
        }
        if health.majorVersion < 6 { add(.error, "version \(health.version) is too old", "install Redis 6.0 or newer") }
        if health.policy != "noeviction" {
            add(.error, "the server removes sessions when it has no memory left (\(health.policy))", "maxmemory-policy noeviction")
        }
        if !health.isAppending { add(.warning, "a restart of the server loses sessions", "appendonly yes") }
        if abs(health.clockLead) > 60 {
            add(.warning, "its clock is \(health.clockLead) s before this host's", "run a time service (NTP) on both hosts")
        }
        return found
    }
}
#else
extension Doctor {
    /// Without the trait the sessions are in files.
    package func storeFindings() async -> [Finding] { [] }
}
#endif
