import ParanoidHTTP

/// Forms that are read whole, cut anywhere, and with a byte changed.
enum MultipartFuzz {
    private struct Part: Equatable {
        var name: String
        var isFile = false
        var content: [UInt8] = []
    }

    private enum Outcome: Equatable {
        case form([Part])
        case refused(String)
    }

    // Pieces that readers of such forms stumble over.
    private static let pieces: [[UInt8]] = [
        "\r\n", "\r", "\n", "--", "-", "\r\n--", "\r\n-", "\r\r\n--B", "--B", "\r\n--", "B", "x", " ", "\t", "\0", "\u{FC}", "\r\n\r\n",
        "Content-Disposition: form-data; name=\"y\"",
    ].map { Array($0.utf8) }

    /// What is wrong with one seed's forms; `nil`: nothing.
    ///
    /// - Parameter corpus: Bodies that are damaged in the place of a generated one, in half of the runs.
    static func run(_ seed: UInt64, corpus: [Corpus.Entry]) -> String? {
        var random = SeededGenerator(seed: seed)
        if seed.isMultiple(of: 2), let entry = corpus.randomElement(using: &random) {
            return Self.compare(Self.damaged(entry.bytes, &random), Array(entry.setting.utf8), random)
        }
        let boundary = Array(["B", "BB", "----x", "a'()+_,-./:=?b"].randomElement(using: &random)!.utf8)
        var parts: [Part] = []
        var body: [UInt8] = []
        for number in 0..<Int.random(in: 0...3, using: &random) {
            var part = Part(name: "n\(number)", isFile: Bool.random(using: &random))
            for _ in 0..<Int.random(in: 0...6, using: &random) { part.content += Self.pieces.randomElement(using: &random)! }
            if Self.contains(part.content, boundary) { part.content = [1, 2, 3] }
            parts.append(part)
            body += "--".utf8 + boundary + "\r\nContent-Disposition: form-data; name=\"\(part.name)\"".utf8
            body += (part.isFile ? "; filename=\"f\"\r\nContent-Type: a/b\r\n\r\n" : "\r\n\r\n").utf8
            body += part.content + "\r\n".utf8
        }
        body += "--".utf8 + boundary + "--\r\n".utf8
        let whole = Self.read(body, boundary, cutting: nil)
        guard whole == .form(parts) else { return "a form is read as \(whole)" }
        guard Self.read(body, boundary, cutting: random) == whole else { return "a form that is cut is read as another" }

        return Self.compare(Self.damaged(body, &random), boundary, random)
    }

    /// What is wrong with a body that can be anything; `nil`: nothing.
    static func compare(_ body: [UInt8], _ boundary: [UInt8], _ random: SeededGenerator) -> String? {
        let once = Self.read(body, boundary, cutting: nil)
        let cut = Self.read(body, boundary, cutting: random)
        return once == cut ? nil : "a damaged form is \(once) and, when it is cut, \(cut)"
    }

    /// Some bytes of it changed, added or gone.
    static func damaged(_ body: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var damaged = body.isEmpty ? [0x2D] : body
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let index = Int.random(in: 0..<damaged.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: damaged[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: damaged.insert(contentsOf: Self.pieces.randomElement(using: &random)!, at: index)
            case 2: damaged.removeSubrange(index..<min(damaged.count, index + Int.random(in: 1...8, using: &random)))
            default: damaged.removeLast(min(damaged.count - 1, Int.random(in: 1...8, using: &random)))
            }
            if damaged.isEmpty { damaged = [0x2D] }
        }
        return damaged
    }

    /// What a form is read as, in one line of a corpus.
    static func outcome(of body: [UInt8], boundary: [UInt8]) -> String {
        switch Self.read(body, boundary, cutting: nil) {
        case .refused(let reason): return "refused: \(reason)"
        case .form(let parts):
            return "form: "
                + parts.map { "\(Corpus.text(Array($0.name.utf8)))\($0.isFile ? " file" : "") \(Corpus.text($0.content))" }.joined(
                    separator: " | "
                )
        }
    }

    /// What tells one way through the parser from another one: how it ended, and between which bytes.
    static func signature(of body: [UInt8], boundary: [UInt8]) -> String {
        var parser = MultipartParser(boundary: boundary, maximumParts: 100)
        var path = ""
        var before: UInt8 = 0
        do {
            for byte in body {
                parser.append([byte])
                defer { before = byte }
                while let event = try parser.next() {
                    switch event {
                    case .part(let head): path += head.isFile ? "f" : "p"
                    case .content(let bytes): if !path.hasSuffix("c\(bytes.count)") { path += "c\(bytes.count)" }
                    case .partEnd: path += "e"
                    case .end: path += "."
                    }
                    if path.utf8.count > 12 { path.removeLast(path.utf8.count - 12) }
                }
            }
            try parser.finish()
            return path
        } catch {
            return "\(path.suffix(3)) \(error) \(Corpus.kind(of: before))"
        }
    }

    private static func contains(_ content: [UInt8], _ boundary: [UInt8]) -> Bool {
        let line = Array("--".utf8) + boundary
        let text = Array("\r\n".utf8) + content + Array("\r\n".utf8)
        let wanted = Array("\r\n".utf8) + line
        guard text.count >= wanted.count else { return false }
        return (0...(text.count - wanted.count)).contains { text[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }

    private static func read(_ body: [UInt8], _ boundary: [UInt8], cutting: SeededGenerator?) -> Outcome {
        var parser = MultipartParser(boundary: boundary, maximumParts: 100)
        var parts: [Part] = []
        var hasEnded = false
        var rest = body[...]
        do {
            while !rest.isEmpty {
                var piece = rest
                if var random = cutting {
                    for _ in 0..<(rest.count % 5) { _ = random.next() }
                    piece = rest.prefix(Int.random(in: 1...7, using: &random))
                }
                rest = rest.dropFirst(piece.count)
                parser.append(Array(piece))
                while let event = try parser.next() {
                    switch event {
                    case .part(let head): parts.append(Part(name: head.name, isFile: head.isFile))
                    case .content(let bytes):
                        if bytes.isEmpty { return .refused("an empty event") }
                        parts[parts.count - 1].content += bytes
                    case .partEnd: break
                    case .end: hasEnded = true
                    }
                }
            }
            try parser.finish()
        } catch {
            return .refused("\(error)")
        }
        return hasEnded ? .form(parts) : .refused("no end")
    }
}
