/// A setting that cannot be used, in words for the person who has to change it.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the setting.
    public let setting: String
    /// What is wrong with it, and what is allowed.
    public let problem: String

    package init(setting: String, problem: String) {
        self.setting = setting
        self.problem = problem
    }

    /// The setting and what is wrong with it.
    public var description: String { "\(self.setting): \(self.problem)" }
}
