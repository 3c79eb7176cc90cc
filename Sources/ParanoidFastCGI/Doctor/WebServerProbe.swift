internal import ParanoidLinux

/// Sends the doctor's probes through the web server, with `curl`; blocks while it waits for responses.
package struct WebServerProbe: Sendable {
    /// Why no probe can be sent.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// What came back.
    struct Answer: Sendable, Hashable {
        /// The status of the response; `nil` when there was none.
        var status: Int?
        /// What the application told; `nil` for the response of something else.
        var reply: ProbeReply?
    }

    /// Only places that belong to root on every system: the doctor may run as root.
    private static let programs = ["/usr/bin/curl", "/bin/curl", "/usr/local/bin/curl"]

    let origin: String
    private let program: String
    private let token: @Sendable () throws(ConfigurationError) -> String

    /// Prepares to send probes.
    ///
    /// - Parameters:
    ///   - origin: The address of the application at the web server, such as `https://127.0.0.1`.
    ///   - client: Asks the application for tokens.
    /// - Throws: ``Problem`` for an address that cannot be used, and where there is no `curl`.
    package init(_ origin: String, client: StatusClient) throws(Problem) {
        let isPlain = origin.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard isPlain, origin.hasPrefix("https://") || origin.hasPrefix("http://") else {
            throw Problem(description: "'\(origin)' is no address of a web server, such as https://127.0.0.1")
        }
        guard let program = Self.programs.first(where: { FileProbe.isExecutable($0) }) else {
            throw Problem(description: "a probe needs curl: apt install curl")
        }
        self.origin = origin
        self.program = program
        self.token = { () throws(ConfigurationError) in
            let answer = try client.get("/probe")
            guard answer.status == 200 else {
                throw ConfigurationError(
                    setting: "PARANOID_STATUS",
                    problem: "the application gives tokens for probes on a unix socket only; it answers with status \(answer.status)"
                )
            }
            return String(answer.body.prefix { $0 != "\n" })
        }
    }

    /// Sends one request with a token of its own.
    ///
    /// - Parameters:
    ///   - fields: Header fields.
    ///   - body: The length of a body that is announced and never sent: what the web server says to that is the answer.
    /// - Throws: ``ConfigurationError`` when the application gives no token, ``SystemCallError`` when `curl` cannot be started.
    func send(to address: String? = nil, _ fields: [(name: String, value: String)] = [], announcing body: Int? = nil) throws -> Answer {
        var fields = fields
        fields.append((ProbeReply.tokenField, try self.token()))
        if let body { fields += [("Content-Length", "\(body)"), ("Expect", "100-continue")] }
        // Not among the arguments, which every user of the machine can read.
        var lines = ["url = \"\(address ?? self.origin)\""]
        lines += fields.map { "header = \"\($0.name): \($0.value)\"" }
        // Not even `-N` has the head of a response written before the transfer ends; what `-v` says comes at once.
        let words =
            ["curl", "-q", "-s", "-k", "--http1.1", "--path-as-is", "--max-time", "30", "-K", "-"]
            + (body == nil ? ["-i"] : ["-v", "-X", "POST", "-d", "x"])
        let output = try self.run(words, input: lines.joined(separator: "\n") + "\n") { body != nil && Self.verdict(in: $0) != nil }
        guard body != nil else { return Self.answer(in: output) }
        return Answer(status: Self.verdict(in: output))
    }

    /// The first status that `curl -v` has told of: 100 where the web server waits for the body.
    static func verdict(in bytes: [UInt8]) -> Int? {
        for line in bytes.split(separator: UInt8(ascii: "\n")).dropLast() where line.starts(with: "< HTTP/".utf8) {
            let words = line.split(separator: UInt8(ascii: " "))
            if words.count > 2, let status = Int(String(decoding: words[2].prefix(3), as: UTF8.self)) { return status }
        }
        return nil
    }

    /// Runs `curl` until it ends, or has said enough.
    private func run(_ words: [String], input: String, until isEnough: ([UInt8]) -> Bool) throws(SystemCallError) -> [UInt8] {
        let output = try DescriptorPair.pipe(nonblocking: false)
        let configuration = try DescriptorPair.pipe(nonblocking: false)
        // A pipe holds 64 KiB, so this does not wait for a reader.
        for byte in input.utf8 { try configuration.writing.write(byte: byte) }
        let process = try SpawnedProcess(
            SpawnedProcess.Command(path: self.program, arguments: words, environment: .current()),
            mappings: [
                .init(configuration.reading.number, to: 0), .init(output.writing.number, to: 1), .init(output.writing.number, to: 2),
            ]
        )
        // The ends of the child: without them here, its end is seen.
        _ = configuration.takeReading()
        let reading = output.takeReading()
        var bytes: [UInt8] = []
        while let more = reading.readAvailable(limit: 65_536), !more.isEmpty {
            bytes += more
            if isEnough(bytes) || bytes.count > 1 << 20 { break }
        }
        _ = consume process
        return bytes
    }

    static func answer(in bytes: [UInt8]) -> Answer {
        guard let (status, body) = self.head(of: bytes) else { return Answer() }
        return Answer(status: status, reply: ProbeReply(body: String(decoding: body, as: UTF8.self)))
    }

    /// The status of a response and what is behind its head; `nil` before the head is there.
    private static func head(of bytes: [UInt8]) -> (status: Int, rest: [UInt8])? {
        let words = bytes.prefix(64).split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard words.count > 1, words[0].starts(with: "HTTP/".utf8), let status = Int(String(decoding: words[1].prefix(3), as: UTF8.self)),
            let end = bytes.indices.first(where: { bytes[$0...].starts(with: "\r\n\r\n".utf8) })
        else { return nil }
        return (status, Array(bytes[(end + 4)...]))
    }
}
