internal import ParanoidFastCGI

/// The files of the application that the environment names.
enum Installation {
    /// Opens its sessions.
    ///
    /// - Throws: ``CommandFailure`` that names the directory, and the command lines for applications that run here with other settings.
    static func administration(_ configuration: ApplicationConfiguration = .forTool()) throws -> SessionAdministration {
        do throws(ConfigurationError) {
            return try SessionAdministration(configuration: configuration)
        } catch {
            if CommandLineOutput.exitCode(toTryAgain: error) != nil { throw error }
            let lines = RunningApplications.commandLines
            guard !lines.isEmpty else { throw CommandFailure("\(error)") }
            let words = CommandLine.arguments.dropFirst().map(\.printable).joined(separator: " ")
            throw CommandFailure(
                "\(error)\nfor an application that is running here:\n" + lines.map { "    \($0) \(words)" }.joined(separator: "\n")
            )
        }
    }
}
