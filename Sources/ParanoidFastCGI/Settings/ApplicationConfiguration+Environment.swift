internal import ParanoidLinux
internal import WorkerSupervisor

extension ApplicationConfiguration {
    /// The settings of a program, from its environment and from the file that `PARANOID_ENV_FILE` names, which is stronger.
    ///
    /// Blocks while the file is read. A value that cannot be used, or a name that is no setting but looks like one, ends the process with the
    /// exit code of the ``ConfigurationError`` and one line on standard error that says what is allowed, in the form that `PARANOID_LOG_FORMAT` names;
    /// ``init(environment:)`` throws instead.
    public static func fromEnvironment() -> ApplicationConfiguration { self.orEnd(as: nil) }

    /// The same for a command-line tool, whose errors a person reads: the line is text, whatever form the application's lines have.
    package static func forTool() -> ApplicationConfiguration { self.orEnd(as: .text) }

    /// - Parameter form: The form of the line that ends the process; `nil`: the one that the settings name.
    private static func orEnd(as form: LogFormat?) -> ApplicationConfiguration {
        var format = LogFormat.text
        do throws(ConfigurationError) {
            return try Self.ofThisProcess(&format)
        } catch {
            (form ?? format).fail(error, code: error.exitCode)
        }
    }

    private static func ofThisProcess(_ format: inout LogFormat) throws(ConfigurationError) -> ApplicationConfiguration {
        // What the program opens, or prints, before it serves must not get these numbers; one that cannot open anything fails soon enough.
        _ = try? StandardDescriptors.openMissing()
        var environment = ProcessEnvironment.current()
        format = LogFormat(ofSetting: environment["PARANOID_LOG_FORMAT"])
        var namesFromFile: Set<String> = []
        if let path = environment["PARANOID_ENV_FILE"], !path.isEmpty, path.lowercased() != "none" {
            do {
                let file = try ProcessEnvironment(file: path)
                namesFromFile.formUnion(file.names)
                environment.merge(file)
                format = LogFormat(ofSetting: environment["PARANOID_LOG_FORMAT"])
            } catch {
                throw ConfigurationError(setting: "PARANOID_ENV_FILE", problem: "\(path): \(error)", remedy: Remedy(of: error))
            }
        }
        var values: [String: String] = [:]
        for name in environment.names { values[name] = environment[name] }
        var defaultListener = DescriptorKind(of: 0) == .listeningStreamSocket ? "inherited" : nil
        if defaultListener == nil, !SocketActivation.ofThisProcess().entries.isEmpty { defaultListener = "systemd" }
        var configuration = try ApplicationConfiguration(
            Setting.Surroundings(
                environment: values,
                defaultListener: defaultListener,
                defaultWorkers: UsableProcessors.ofThisProcess().defaultWorkers(memory: .ofThisProcess())
            )
        )
        configuration.namesFromFile = namesFromFile
        return configuration
    }

    /// Reads all settings from names and texts, the rest being default; pure.
    ///
    /// By default connections come from a socket in the run-time or state directory, and there are 2 workers.
    ///
    /// - Throws: ``ConfigurationError`` for a value that cannot be used and for a name that is no setting but looks like one.
    public init(environment: [String: String]) throws(ConfigurationError) {
        try self.init(Setting.Surroundings(environment: environment, defaultWorkers: 2))
    }

    init(_ surroundings: Setting.Surroundings) throws(ConfigurationError) {
        let environment = surroundings.environment
        try SettingNames.check(environment, reserved: WorkerBootstrap.variables)
        self.init(stateDirectory: try Directories.state(environment))
        self.environment = environment
        for setting in Setting.all {
            if let text = environment[setting.name] {
                guard setting.read(text, &self) else { throw setting.unusable(text) }
            } else {
                setting.derive?(&self, surroundings)
            }
        }
        try self.check()
    }
}

/// Where an application keeps its files unless settings say otherwise.
enum Directories {
    /// The directory of the state: what systemd says, what the desktop says, the home directory.
    static func state(_ environment: [String: String]) throws(ConfigurationError) -> String {
        if let directory = Self.first(of: environment["STATE_DIRECTORY"]) { return directory }
        if let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") { return "\(base)/paranoid" }
        if let home = environment["HOME"], home.hasPrefix("/") { return "\(home == "/" ? "" : home)/.local/state/paranoid" }
        let needed = ["PARANOID_SESSION_DIR", "PARANOID_SECRET_FILE", "PARANOID_LISTEN"]
        // Nothing is put there: each of the three has a place of its own.
        if needed.allSatisfy({ environment[$0] != nil }) { return "/nonexistent" }
        throw ConfigurationError(
            setting: "STATE_DIRECTORY",
            problem: "neither it nor HOME is set; set it, or all of \(needed.joined(separator: ", "))"
        )
    }

    /// The directory of the socket by default, if systemd or the desktop name one.
    static func runtime(_ environment: [String: String]) -> String? {
        Self.first(of: environment["RUNTIME_DIRECTORY"]) ?? environment["XDG_RUNTIME_DIR"].map { "\($0)/paranoid" }
    }

    /// The first of the directories that systemd lists with colons.
    private static func first(of list: String?) -> String? {
        list.flatMap { $0.split(separator: ":").first }.map(String.init)
    }
}
