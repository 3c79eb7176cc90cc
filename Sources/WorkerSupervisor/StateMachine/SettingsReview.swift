/// What the program says of settings that a reload has read.
package struct SettingsReview: Sendable, Hashable {
    /// The names of settings that have changed and take full effect with a restart only.
    package var needsRestart: [String]
    /// The name of a setting that cannot be used; workers may know better, as they run a new program.
    package var unusable: String?

    package init(needsRestart: [String] = [], unusable: String? = nil) {
        self.needsRestart = needsRestart
        self.unusable = unusable
    }
}

/// What is to be known about the last reload as long as nothing has changed it.
package enum LastReload: Sendable, Hashable {
    /// Nothing: there was none, or everything that it has read is in force.
    case quiet
    /// These settings have changed and take full effect with a restart only.
    case needsRestart([String])
    /// It did not happen, as this setting cannot be used.
    case refused(String)
    /// It was given up, as no successor became ready.
    case abandoned

    /// What a person should know, on one line; `nil`: nothing.
    package var text: String? {
        switch self {
        case .quiet: nil
        case .needsRestart(let names): "restart for \(names.joined(separator: ", "))"
        case .refused(let name): "the last reload was refused: \(name) cannot be used"
        case .abandoned: "the last reload was abandoned, see the log"
        }
    }
}

/// Keeps what is to be known about the last reload, as a state machine learns it.
struct ReloadNote: Sendable {
    /// What is to be known.
    private(set) var last = LastReload.quiet
    /// The setting that has successors refuse the settings of the reload that is going on, if it is known.
    private var unusable: String?

    mutating func begin(_ review: SettingsReview) {
        self.unusable = review.unusable
        self.last = review.needsRestart.isEmpty ? .quiet : .needsRestart(review.needsRestart)
    }

    /// The file of settings cannot be used.
    mutating func refuseFile() { self.last = .refused("PARANOID_ENV_FILE") }

    /// - Parameter isHopeless: Whether a successor has refused the settings.
    mutating func abandon(isHopeless: Bool) {
        self.last = isHopeless ? self.unusable.map { .refused($0) } ?? .abandoned : .abandoned
    }
}
