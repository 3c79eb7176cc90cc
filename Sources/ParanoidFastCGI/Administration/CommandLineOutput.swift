internal import ParanoidLinux

/// Standard output of the command-line tool.
package enum CommandLineOutput {
    /// Has closed descriptors lead nowhere, so that nothing that a command opens gets what it prints; call it first.
    package static func prepare() {
        _ = try? StandardDescriptors.openMissing()
    }

    /// Writes what was printed; ends the process with exit code 1 if that is not possible: a list that a full disk cuts must not look whole.
    package static func finish() {
        do throws(SystemCallError) {
            try StandardOutput.flush()
        } catch {
            ProcessExit.fail("Error: the output could not be written: \(error)", code: 1)
        }
    }

    /// Writes what was printed so far.
    package static func flush() {
        do throws(SystemCallError) { try StandardOutput.flush() } catch {
            ProcessExit.fail("Error: the output could not be written", code: 1)
        }
    }

    /// Whether a person can be asked: standard input and standard error are terminals.
    package static var isInteractive: Bool { StandardDescriptors.isTerminal(0) && StandardDescriptors.isTerminal(2) }

    /// Asks the person at the terminal.
    package static func ask(_ question: String) {
        StandardError.write(Array(question.utf8))
    }

    /// The exit code of a command that nobody has to change anything for, as its error passes or is the system's: 75 or 71 (`sysexits.h`); `nil` for
    /// every other error.
    package static func exitCode(toTryAgain error: any Error) -> Int32? {
        let remedy = Remedy(of: error)
        return remedy == .change ? nil : remedy.exitCode
    }

    /// Writes one line to standard error and ends the process.
    package static func fail(_ message: String, code: Int32) -> Never { ProcessExit.fail(message, code: code) }
}
