internal import ArgumentParser
internal import ParanoidFastCGI

/// The option of commands that ask a running application.
struct SocketOptions: ParsableArguments {
    @Option(
        help: "The status socket, as a path or in the form of PARANOID_STATUS; unless given, the one that the settings name.",
        completion: .file()
    )
    var socket: String?

    func client() throws -> StatusClient {
        if let socket = self.socket { return try StatusClient(ApplicationConfiguration(stateDirectory: "/nonexistent"), address: socket) }
        return try StatusClient(.forTool(), address: nil)
    }

    /// Asks a running application; one that is not found is an error that names those which are.
    func get(_ path: String) throws -> StatusClient.Answer {
        do {
            return try self.client().get(path)
        } catch {
            let sockets = RunningApplications.sockets.map { "    --socket \($0)" }
            guard !sockets.isEmpty, self.socket == nil else { throw error }
            throw CommandFailure("\(error)\nstatus sockets of this machine:\n\(sockets.joined(separator: "\n"))")
        }
    }

    /// The page of a running application.
    func page(_ path: String) throws -> String {
        let answer = try self.get(path)
        guard answer.status == 200 else { throw CommandFailure("the application answers with status \(answer.status)") }
        return answer.body
    }
}

/// `paranoid status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Prints how the running application is: workers, requests, routes, limits, sessions.",
        discussion: "Exits with 1 when nobody answers on the status socket."
    )

    @Flag(help: "Print it again every two seconds until the command is interrupted.")
    var watch = false
    @OptionGroup var place: SocketOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        while true {
            let page = try self.place.page(self.output.json ? "/status.json" : "/status.txt")
            // From the top of a clear screen.
            print(self.watch && !self.output.json ? "\u{1B}[H\u{1B}[2J\(page)" : page, terminator: "")
            guard self.watch else { return }
            CommandLineOutput.flush()
            try await Task.sleep(for: .seconds(2))
        }
    }
}

/// `paranoid workers`.
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Prints each worker of the running application, and the requests that it serves at this moment."
    )

    @OptionGroup var place: SocketOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        print(try self.place.page(self.output.json ? "/workers.json" : "/workers.txt"), terminator: "")
    }
}

/// `paranoid reload`.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Has the running application read its settings anew and replace its workers; returns when it has.",
        discussion: """
            Names settings that have changed and need a restart. Exits with 1 when the reload was refused or abandoned: the workers of before stay.
            """
    )

    @OptionGroup var place: SocketOptions

    /// The supervisor's word for what it does, and how many reloads it has finished and abandoned.
    private struct State {
        var phase: Substring
        var finished: Int
        var abandoned: Int
        /// What a person should know about the last one, or nothing.
        var note: String

        init(_ text: String) throws {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let words = lines[0].split(separator: " ")
            self.note = lines.dropFirst().first.map { "; \($0)" } ?? ""
            if self.note == "; " { self.note = "" }
            guard words.count == 3, let finished = Int(words[1]), let abandoned = Int(words[2]) else {
                throw CommandFailure("the application's answer cannot be understood: is it of another version?")
            }
            self.phase = words[0]
            self.finished = finished
            self.abandoned = abandoned
        }
    }

    func run() async throws {
        let client = try self.place.client()
        let answer = try self.place.get("/reloads")
        guard let process = answer.process else { throw CommandFailure("only an application of this host can be told to reload") }
        let before = try State(answer.body)
        try client.signal(.reload, to: process)
        while true {
            try await Task.sleep(for: .milliseconds(100))
            let now = try State(client.get("/reloads").body)
            if now.abandoned > before.abandoned {
                throw CommandFailure("the workers of before stay\(now.note)")
            }
            if now.finished > before.finished { return print("reloaded\(now.note)") }
        }
    }
}

/// `paranoid stop`.
struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Has the running application finish its requests and end; returns when nobody answers any more."
    )

    @OptionGroup var place: SocketOptions

    func run() async throws {
        let client = try self.place.client()
        guard let process = try self.place.get("/live").process else {
            throw CommandFailure("only an application of this host can be stopped")
        }
        try client.signal(.stop, to: process)
        while (try? client.get("/live")) != nil { try await Task.sleep(for: .milliseconds(100)) }
        print("stopped")
    }
}
