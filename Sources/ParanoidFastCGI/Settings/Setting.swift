/// One setting: the only place where its name, place, type, range, purpose and documentation stand.
///
/// The default is the initial value of the property at the setting's place. The parser, the refusal of unknown names, the check of values set
/// in code, `paranoid config explain` and the page *Settings* all come from the table ``all``.
struct Setting: Sendable {
    /// Settings that stand together.
    enum Group: String, Sendable, CaseIterable {
        case theft = "Protection of sessions"
        case cookies = "Session cookies"
        case lifetimes = "Lifetimes"
        case listener = "Listener and user"
        case processes = "Processes"
        case requests = "Requests"
        case store = "Session store"
        case status = "Status"
        case logging = "Logging"
    }

    /// What a default may depend on besides the other settings.
    struct Surroundings: Sendable {
        /// The texts of all settings that are set.
        var environment: [String: String]
        /// Where requests come from by default; `nil`: a socket in the run-time or state directory.
        var defaultListener: String?
        /// How many workers processors and memory suggest.
        var defaultWorkers: Int
    }

    /// The name in the environment.
    let name: String
    /// The group it belongs to.
    let group: Group
    /// The texts that are allowed, with unit and range.
    let allowed: String
    /// What the setting does, as a sentence that stands alone.
    let purpose: String
    /// What the setting protects against; `nil` when it protects against nothing.
    let threat: String?
    /// The default in words, where it depends on more than the profile.
    let defaultText: String?
    /// Puts the value of a text in its place; returns whether the text is allowed.
    let read: @Sendable (String, inout ApplicationConfiguration) -> Bool
    /// The text of the value in force.
    let show: @Sendable (ApplicationConfiguration) -> String
    /// Puts a default in place that depends on other settings or on the surroundings; called when the setting is not set.
    let derive: (@Sendable (inout ApplicationConfiguration, Surroundings) -> Void)?

    /// Declares a setting.
    init<Value>(
        _ name: String,
        _ group: Group,
        at place: any WritableKeyPath<ApplicationConfiguration, Value> & Sendable,
        _ kind: SettingKind<Value>,
        _ purpose: String,
        against threat: String? = nil,
        default defaultText: String? = nil,
        derive: (@Sendable (inout ApplicationConfiguration, Surroundings) -> Void)? = nil
    ) {
        self.name = name
        self.group = group
        self.allowed = kind.allowed
        self.purpose = purpose
        self.threat = threat
        self.defaultText = defaultText
        self.derive = derive
        self.show = { kind.format($0[keyPath: place]) }
        self.read = { text, configuration in
            guard let value = kind.parse(text) else { return false }
            configuration[keyPath: place] = value
            return true
        }
    }

    /// Declares a setting that can be `none`.
    init<Value>(
        _ name: String,
        _ group: Group,
        atOptional place: any WritableKeyPath<ApplicationConfiguration, Value?> & Sendable,
        _ kind: SettingKind<Value>,
        _ purpose: String,
        against threat: String? = nil
    ) {
        self.init(name, group, at: place, kind.orNone, purpose, against: threat)
    }

    /// Declares a setting that is more than one property.
    init(
        _ name: String,
        _ group: Group,
        allowed: String,
        _ purpose: String,
        against threat: String? = nil,
        show: @escaping @Sendable (ApplicationConfiguration) -> String,
        read: @escaping @Sendable (String, inout ApplicationConfiguration) -> Bool
    ) {
        self.name = name
        self.group = group
        self.allowed = allowed
        self.purpose = purpose
        self.threat = threat
        self.defaultText = nil
        self.derive = nil
        self.show = show
        self.read = read
    }

    /// All settings in the order in which they are read: a setting whose default depends on others comes after them.
    static let all =
        Self.theft + Self.mount + Self.cookies + Self.lifetimes + Self.listener + Self.processes + Self.requests + Self.store + Self.status
        + Self.logging

    /// Purpose and threat in one line.
    var explanation: String { self.threat.map { "\(self.purpose) (against \($0))" } ?? self.purpose }

    /// The error for a text that is not allowed.
    func unusable(_ text: String) -> ConfigurationError {
        ConfigurationError(
            setting: self.name,
            problem: "'\(SettingText.printable(text))' cannot be used; allowed is \(self.allowed)"
        )
    }

    /// Checks the value in force exactly as a text from the environment is checked.
    func check(_ configuration: ApplicationConfiguration) throws(ConfigurationError) {
        let text = self.show(configuration)
        var copy = configuration
        guard self.read(text, &copy) else { throw self.unusable(text) }
    }
}
