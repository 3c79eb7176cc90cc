internal import ArgumentParser
internal import ParanoidFastCGI

/// The option of commands that print something.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for programs.")
    var json = false

    /// Prints rows under a header line, or the same as JSON.
    ///
    /// - Parameters:
    ///   - names: A name for each column; JSON has them as names of members.
    ///   - json: A member for each column.
    func print(_ names: [String], rows: [[String]], json: [[JSONValue]]) {
        guard !self.json else {
            let members = names.map { $0.lowercased().replacing(" ", with: "_") }
            let rows = json.map { row in JSONValue.object(zip(members, row).map { JSONMember(name: $0, value: $1) }) }
            return Swift.print(JSONValue.list(rows).text)
        }
        Swift.print(TextTable.text([names.map { $0.uppercased() }] + rows))
    }

    /// Prints a line, or an object.
    func print(_ line: String, json: JSONValue) {
        Swift.print(self.json ? json.text : line)
    }
}

/// The option of commands that end many sessions.
struct ConfirmationOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Do it without asking at the terminal.")
    var yes = false

    /// Returns when the person at the terminal agrees; at once without a terminal, where a script has to end sessions in an emergency.
    ///
    /// - Throws: ``CommandFailure`` for another answer.
    func confirm(_ question: String) throws(CommandFailure) {
        guard !self.yes, CommandLineOutput.isInteractive else { return }
        CommandLineOutput.ask("\(question) Continue? [y/N] ")
        let answer = readLine(strippingNewline: true)?.lowercased()
        guard answer == "y" || answer == "yes" else { throw CommandFailure("nothing was done") }
    }
}

/// Rows of texts in columns.
enum TextTable {
    /// The rows as lines; every column but the last is as wide as its longest text.
    static func text(_ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].utf8.count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.utf8.count)
            }
            .joined(separator: "  ")
        }
        .joined(separator: "\n")
    }
}

extension Int {
    /// The number with the word for what it counts.
    func counted(_ one: String, _ many: String) -> String { self == 1 ? "1 \(one)" : "\(self) \(many)" }
}
