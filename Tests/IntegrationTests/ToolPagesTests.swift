import Foundation
import Testing

extension Integration {
    @Suite("The manual page and the completions of the tool")
    struct ToolPages {
        /// A command as the parser knows it.
        private struct Command: Decodable {
            /// What completes a value: an object whose only member is the kind.
            struct Completion: Decodable {
                let isFile: Bool

                init(from decoder: any Decoder) throws {
                    struct Key: CodingKey {
                        let stringValue: String
                        let intValue: Int? = nil
                        init?(stringValue: String) { self.stringValue = stringValue }
                        init?(intValue: Int) { nil }
                    }
                    self.isFile = try decoder.container(keyedBy: Key.self).allKeys.map(\.stringValue) == ["file"]
                }
            }

            struct Argument: Decodable {
                struct Name: Decodable {
                    let kind: String
                    let name: String
                    var text: String { (self.kind == "long" ? "--" : "-") + self.name }
                }

                let kind: String
                let names: [Name]?
                let valueName: String?
                let completionKind: Completion?
                let shouldDisplay: Bool
            }

            let commandName: String
            let subcommands: [Command]?
            let arguments: [Argument]?

            var children: [Command] { (self.subcommands ?? []).filter { $0.commandName != "help" } }
            /// The names of its options that help shows, those of every command left out.
            var options: Set<String> {
                let all = (self.arguments ?? []).filter { $0.shouldDisplay && $0.kind != "positional" }.flatMap { $0.names ?? [] }.map(
                    \.text
                )
                return Set(all).subtracting(["--help", "-h", "--version"])
            }
            var values: [String] {
                (self.arguments ?? []).filter { $0.kind == "positional" && $0.shouldDisplay }.compactMap(\.valueName)
            }

            /// Itself and all below it, by the words that call it.
            func all(_ path: [String] = []) -> [(path: [String], command: Command)] {
                let path = path + [self.commandName]
                return [(path, self)] + self.children.flatMap { $0.all(path) }
            }
        }

        private func run(_ words: [String]) async throws -> String {
            let folder = try TestFolder()
            defer { folder.remove() }
            let tool = try SpawnedCommand(words, environment: Requirements.environment, output: folder["out"], errors: folder["err"])
            #expect(await tool.waitForEnd() == .exited(0), "\(words): \(folder.text(of: "err"))")
            return folder.text(of: "out")
        }

        private func tool(_ words: String...) async throws -> String { try await self.run(["\(Requirements.programs)/paranoid"] + words) }

        /// All commands that the parser knows.
        private func commands() async throws -> [(path: [String], command: Command)] {
            struct Help: Decodable { let command: Command }
            let text = try await self.tool("--experimental-dump-help")
            let all = try JSONDecoder().decode(Help.self, from: Data(text.utf8)).command.all()
            #expect(all.count > 20)
            return all
        }

        /// The names of options in a text.
        private func options(in text: String) -> Set<String> {
            Set(text.matches(of: /(?:^|[^A-Za-z0-9_-])(--?[a-z][a-z-]*)/).map { String($0.1) })
        }

        @Test("say of each command what the parser takes, and nothing else", .timeLimit(.minutes(5)))
        func manual() async throws {
            let page = try await self.tool("manual").replacing("\\-", with: "-").replacing("\\e", with: "\\")
            // The part of a command begins with its name in bold.
            var parts: [String: String] = [:]
            let body = try #require(page.range(of: ".SH COMMANDS\n")).upperBound
            let end = try #require(page.range(of: "\n.SH OPTIONS")).lowerBound
            let general = page[end...].prefix(200)
            #expect(general.contains("--help") && general.contains("--version"))
            var current = ""
            for line in page[body..<end].split(separator: "\n") {
                if line.hasPrefix(".B paranoid ") { current = String(line.dropFirst(3)) }
                parts[current, default: ""] += "\(line)\n"
            }
            parts[""] = nil
            let leaves = try await self.commands().filter(\.command.children.isEmpty)
            #expect(parts.keys.sorted() == leaves.map { $0.path.joined(separator: " ") }.sorted())
            for (path, command) in leaves {
                let part = parts[path.joined(separator: " "), default: ""]
                let bold = part.split(separator: "\n").filter { $0.hasPrefix(".B ") }.dropFirst().joined(separator: "\n")
                #expect(self.options(in: bold) == command.options, "\(path)")
                for value in command.values { #expect(bold.contains("<\(value)>"), "\(path)") }
            }
        }

        @Test("bash completes every command and option, and nothing that does not exist", .timeLimit(.minutes(5)))
        func bash() async throws {
            let folder = try TestFolder()
            defer { folder.remove() }
            try Data(try await self.tool("--generate-completion-script", "bash").utf8).write(to: URL(filePath: folder["completion"]))
            let script = #"""
                . "$1"; shift
                for line in "$@"; do
                    IFS=' ' read -ra COMP_WORDS <<< "$line"; [[ $line == *' ' ]] && COMP_WORDS+=("")
                    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
                    $(complete -p paranoid | sed 's/.*-F \([^ ]*\).*/\1/') paranoid "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
                    echo "${COMPREPLY[*]}"
                done
                """#
            let all = try await self.commands()
            let asked = all.flatMap { [$0.path.joined(separator: " ") + " ", $0.path.joined(separator: " ") + " -"] }
            let answers = try await self.run(["bash", "-c", script, "bash", folder["completion"]] + asked)
                .split(separator: "\n", omittingEmptySubsequences: false).map { Set($0.split(separator: " ").map(String.init)) }
            try #require(answers.count == asked.count + 1)
            for (index, (path, command)) in all.enumerated() {
                let words = answers[2 * index].filter { !$0.hasPrefix("-") }
                let names = Set(command.children.map(\.commandName))
                #expect(
                    path.count == 1 ? words.subtracting(["help"]) == names : words == names || command.children.isEmpty,
                    "\(path): \(words)"
                )
                let options = answers[2 * index + 1].subtracting(["--help", "-h", "--version"])
                #expect(options == command.options, "\(path)")
            }
        }

        @Test("an option whose value is a file is completed with files", .timeLimit(.minutes(5)))
        func files() async throws {
            var found: Set<String> = []
            for (_, command) in try await self.commands() {
                for argument in command.arguments ?? [] where argument.completionKind?.isFile == true {
                    found.formUnion((argument.names ?? []).map(\.text))
                }
            }
            #expect(found == ["--nginx", "--socket"])
        }

        @Test("the scripts for zsh and fish name every command and option, and nothing that does not exist", .timeLimit(.minutes(5)))
        func others() async throws {
            let all = try await self.commands()
            let zsh = try await self.tool("--generate-completion-script", "zsh")
            for (path, command) in all {
                let begin = try #require(zsh.range(of: "\n_\(path.joined(separator: "_"))() {\n"), "\(path)").upperBound
                let part = zsh[begin...]
                let body = part[..<(part.range(of: "\n}\n")?.lowerBound ?? part.endIndex)]
                let options = Set(body.matches(of: /['{,(](--?[a-z][a-z-]*)(?=[\[:'},)])/).map { String($0.1) })
                #expect(options.subtracting(["--help", "-h", "--version"]) == command.options, "\(path)")
                for child in command.children { #expect(body.contains("'\(child.commandName):"), "\(path)") }
            }
            let fish = try await self.tool("--generate-completion-script", "fish").split(separator: "\n")
            var options: [String: Set<String>] = [:]
            var names: [String: Set<String>] = [:]
            for line in fish where line.hasPrefix("complete -c 'paranoid' -n ") {
                let path = try #require(line.firstMatch(of: /"(paranoid[a-z -]*)"/), "\(line)").1
                for match in line.matches(of: /\ -(?:l '([a-z-]+)'|s '([a-z])')/) {
                    options[String(path), default: []].insert(match.1.map { "--\($0)" } ?? "-\(match.2 ?? "")")
                }
                if let match = line.firstMatch(of: /\ -fa '([a-z-]+)' -d/) { names[String(path), default: []].insert(String(match.1)) }
            }
            for (path, command) in all {
                let path = path.joined(separator: " ")
                #expect(options[path, default: []].subtracting(["--help", "-h", "--version"]) == command.options, "\(path)")
                #expect(names[path, default: []].subtracting(["help"]) == Set(command.children.map(\.commandName)), "\(path)")
            }
            #expect(Set(options.keys).isSubset(of: Set(all.map { $0.path.joined(separator: " ") } + ["paranoid help"])))
        }
    }
}
