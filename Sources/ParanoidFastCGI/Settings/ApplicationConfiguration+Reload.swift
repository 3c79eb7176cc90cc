internal import ParanoidLinux
internal import WorkerSupervisor

extension Setting {
    /// The settings that the first process reads once: it keeps them, in full or in part, until it is started anew.
    static let needingRestart: Set<String> = [
        "PARANOID_LISTEN", "PARANOID_LISTEN_MODE", "PARANOID_LISTEN_OWNER", "PARANOID_LISTEN_GROUP", "PARANOID_USER", "PARANOID_GROUP",
        "PARANOID_WORKERS", "PARANOID_SCALING", "PARANOID_WORKERS_MIN", "PARANOID_WORKERS_MAX", "PARANOID_WORKER_MEMORY",
        "PARANOID_HEARTBEAT_TIMEOUT", "PARANOID_DRAIN_TIMEOUT", "PARANOID_ENV_FILE", "PARANOID_STORE", "PARANOID_SESSION_DIR",
        "PARANOID_SECRET_FILE", "PARANOID_SWEEP_INTERVAL", "PARANOID_SWEEP_RATE", "PARANOID_EVENT_FILE", "PARANOID_STATUS",
        "PARANOID_STATUS_MODE", "PARANOID_STATUS_CLIENTS", "PARANOID_LOG_FILE", "PARANOID_LOG_FORMAT", "PARANOID_LOG_LEVEL",
    ]
}

extension ApplicationConfiguration {
    /// What a reload to the settings of an environment cannot do for a first process that runs with these settings.
    func review(_ environment: ProcessEnvironment) -> SettingsReview {
        var values: [String: String] = [:]
        for name in environment.names { values[name] = environment[name] }
        // What was found at the start is not looked for again: the descriptors of then have other owners now.
        let surroundings = Setting.Surroundings(
            environment: values,
            defaultListener: self.environment["PARANOID_LISTEN"] == nil ? self.listen : nil,
            defaultWorkers: self.environment["PARANOID_WORKERS"] == nil
                ? self.workers : UsableProcessors.ofThisProcess().defaultWorkers(memory: .ofThisProcess())
        )
        do throws(ConfigurationError) {
            let next = try ApplicationConfiguration(surroundings)
            // A default that follows another setting changes with that one, which is named.
            let changed = Setting.all.filter { setting in
                Setting.needingRestart.contains(setting.name) && self.environment[setting.name] != values[setting.name]
                    && setting.show(self) != setting.show(next)
            }
            return SettingsReview(needsRestart: changed.map(\.name))
        } catch {
            return SettingsReview(unusable: error.setting)
        }
    }
}
