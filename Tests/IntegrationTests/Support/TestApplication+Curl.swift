import Foundation

extension TestApplication {
    /// The address of a path on the TLS port.
    func secure(_ path: String) -> String { "https://localhost:\(self.tlsPort)\(path)" }

    /// The address of a path on the port without TLS.
    func plain(_ path: String) -> String { "http://localhost:\(self.port)\(path)" }

    /// An empty cookie jar.
    func jar() throws -> CurlJar { try CurlJar(in: self.folder) }

    /// One request over TLS.
    ///
    /// - Parameters:
    ///   - jar: Cookies are read from it and kept in it.
    ///   - words: More arguments of curl.
    func get(_ path: String, jar: CurlJar? = nil, _ words: String...) async throws -> CurlAnswer {
        try await self.curl(self.secure(path), jar: jar, words)
    }

    /// One form sent over TLS.
    func post(_ path: String, jar: CurlJar? = nil, form: [String: String] = [:], _ words: String...) async throws -> CurlAnswer {
        let fields = form.flatMap { ["--data-urlencode", "\($0.key)=\($0.value)"] }
        return try await self.curl(self.secure(path), jar: jar, ["-X", "POST"] + fields + words)
    }

    /// One request with any arguments of curl.
    func curl(_ address: String, jar: CurlJar? = nil, _ words: [String] = []) async throws -> CurlAnswer {
        try await self.folder.curl(address, jar: jar, words, authority: self.folder["nginx/conf/certificate.pem"])
    }

    /// Many requests to one address over kept-alive connections of one curl.
    ///
    /// - Parameters:
    ///   - count: How many requests.
    ///   - jar: Followed as a browser does: read at the start, and kept up with every answer.
    ///   - words: More arguments of curl.
    /// - Returns: Status and body of each answer; status 0 where there was none.
    func repeated(_ path: String, count: Int, jar: CurlJar? = nil, _ words: [String] = []) async throws -> [(status: Int, body: String)] {
        let output = self.folder.fresh("answers")
        defer { try? FileManager.default.removeItem(atPath: output) }
        let separator = path.contains("?") ? "&" : "?"
        try await self.folder.runCurl(
            ["-w", "\t%{http_code}\n"] + words + [self.secure("\(path)\(separator)n=[1-\(count)]")],
            jar: jar,
            output: output,
            authority: self.folder["nginx/conf/certificate.pem"]
        )
        return TestFolder.text(at: output).split(separator: "\n").compactMap { line in
            guard let tab = line.lastIndex(of: "\t"), let status = Int(line[line.index(after: tab)...]) else { return nil }
            return (status, String(line[..<tab]))
        }
    }
}

extension TestFolder {
    /// One request of curl, whose answer passes through files of this folder.
    ///
    /// - Parameter authority: The certificate that servers are to show.
    func curl(_ address: String, jar: CurlJar? = nil, _ words: [String] = [], authority: String) async throws -> CurlAnswer {
        let head = self.fresh("head")
        let body = self.fresh("body")
        defer {
            try? FileManager.default.removeItem(atPath: head)
            try? FileManager.default.removeItem(atPath: body)
        }
        try await self.runCurl(["-D", head, "-o", body] + words + [address], jar: jar, authority: authority)
        let lines = TestFolder.text(at: head).split(separator: "\r\n", omittingEmptySubsequences: false)
        // A 100 Continue comes with a head of its own: only the last one counts.
        let last = lines.dropLast(2).lastIndex { $0.hasPrefix("HTTP/") } ?? 0
        let status = lines[last].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let fields = lines[last...].dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (line[..<colon].lowercased(), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
        return CurlAnswer(status: status, fields: fields, body: FileManager.default.contents(atPath: body) ?? Data())
    }

    func runCurl(_ words: [String], jar: CurlJar?, output: String = "/dev/null", authority: String) async throws {
        let cookies = jar.map { ["-b", $0.path, "-c", $0.path] } ?? []
        let command = try SpawnedCommand(
            ["curl", "-q", "-s", "-S", "--max-time", "120", "--cacert", authority] + cookies + words,
            environment: Requirements.environment,
            output: output,
            errors: self["curl.err"]
        )
        _ = await command.waitForEnd()
    }
}
