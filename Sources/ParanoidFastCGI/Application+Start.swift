internal import FastCGIServer
internal import ParanoidLinux
internal import Logging

/// What the first process of an application does before everything else, as it may still be root.
extension Application {
    /// Sends standard error to the log file, and if another user is asked for opens the listener, makes the directories and becomes that user.
    ///
    /// - Returns: The listener, if it was opened here.
    /// - Throws: ``ConfigurationError``.
    static func prepare(_ configuration: ApplicationConfiguration) throws(ConfigurationError) -> Listener? {
        let identity = try Self.identity(configuration)
        guard let identity, ProcessIdentity.isRoot else {
            try Self.openLogFile(configuration, owner: nil)
            if let identity, identity.user != ProcessIdentity.currentUser {
                throw ConfigurationError(
                    setting: "PARANOID_USER",
                    problem: "only a process that is started as root can become another user"
                )
            }
            return nil
        }
        try Self.openLogFile(configuration, owner: identity)
        for path in ["\(configuration.sessionDirectory)/.", configuration.secretFile] { PrivateFile.makeParents(of: path, owner: identity) }
        let listener = try Self.openListener(configuration, owner: identity)
        do throws(SystemCallError) {
            try identity.dropPrivileges()
        } catch {
            throw ConfigurationError(setting: "PARANOID_USER", problem: "the process cannot become this user: \(error)")
        }
        return listener
    }

    /// Opens the listener that the settings name.
    ///
    /// - Parameter owner: Whose a unix socket and the directories to it are to be, unless a setting says otherwise.
    static func openListener(
        _ configuration: ApplicationConfiguration,
        owner: ProcessIdentity? = nil
    ) throws(ConfigurationError) -> Listener {
        var permissions = UnixSocketFile.Permissions(mode: configuration.listenMode, owner: owner?.user, group: owner?.group)
        if let text = configuration.listenOwner {
            guard let user = UserDatabase.user(text) else {
                throw ConfigurationError(setting: "PARANOID_LISTEN_OWNER", problem: "there is no user '\(text)'")
            }
            permissions.owner = user.number
        }
        if let text = configuration.listenGroup {
            guard let group = UserDatabase.group(text) else {
                throw ConfigurationError(setting: "PARANOID_LISTEN_GROUP", problem: "there is no group '\(text)'")
            }
            permissions.group = group
        }
        do throws(FastCGIServerError) {
            let address = try ListenerAddress(configuration.listen)
            if case .unix(let path) = address { PrivateFile.makeParents(of: path, owner: owner) }
            return try Listener.open(address, permissions: permissions)
        } catch {
            throw ConfigurationError(setting: "PARANOID_LISTEN", problem: "\(error)")
        }
    }

    private static func openLogFile(_ configuration: ApplicationConfiguration, owner: ProcessIdentity?) throws(ConfigurationError) {
        guard let path = configuration.logFile else { return }
        do throws(SystemCallError) {
            try LogFile(path).openAsStandardError(owner: owner)
        } catch {
            throw ConfigurationError(setting: "PARANOID_LOG_FILE", problem: "\(path) cannot be used: \(error)")
        }
    }

    private static func identity(_ configuration: ApplicationConfiguration) throws(ConfigurationError) -> ProcessIdentity? {
        guard let text = configuration.user else {
            guard configuration.group == nil else {
                throw ConfigurationError(setting: "PARANOID_GROUP", problem: "it needs PARANOID_USER beside it")
            }
            return nil
        }
        guard let user = UserDatabase.user(text) else {
            throw ConfigurationError(setting: "PARANOID_USER", problem: "there is no user '\(text)'")
        }
        var group = user.group
        if let text = configuration.group {
            group = UserDatabase.group(text)
            guard group != nil else { throw ConfigurationError(setting: "PARANOID_GROUP", problem: "there is no group '\(text)'") }
        }
        guard let group else {
            throw ConfigurationError(setting: "PARANOID_USER", problem: "nobody has the number \(text): set PARANOID_GROUP as well")
        }
        return ProcessIdentity(user: user, group: group)
    }
}
