internal import FastCGIServer
internal import ParanoidLinux

/// The configuration of nginx as far as it concerns an application: directives with their words, and blocks in them; pure.
package struct NginxConfiguration: Sendable, Hashable {
    /// A directive, such as `fastcgi_pass unix:/run/app.sock;`, or a block.
    package struct Directive: Sendable, Hashable {
        package var words: [String]
        package var block: [Directive]?
    }

    /// Why a configuration cannot be read.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// The directives of the file, those of included files in their places.
    package let directives: [Directive]

    private static let deepestInclude = 10

    /// Reads a configuration.
    ///
    /// - Parameters:
    ///   - text: The text of the file.
    ///   - load: The texts of the files that an `include` names, which may hold `*`.
    package init(_ text: String, load: (String) -> [String] = { _ in [] }) throws(Problem) {
        var tokens = Self.tokens(of: text)[...]
        self.directives = try Self.block(&tokens, isInner: false, load, depth: 0)
    }

    /// Where a server of this configuration can be asked on this host: over TLS, if one listens for that.
    package var origin: String? {
        func listens(_ directives: [Directive]) -> [[String]] {
            directives.flatMap { directive in
                directive.words.first == "listen" && directive.words.count > 1 ? [directive.words] : listens(directive.block ?? [])
            }
        }
        let all = listens(self.directives).filter { !$0[1].hasPrefix("unix:") }
        guard let words = all.first(where: { $0.contains("ssl") }) ?? all.first else { return nil }
        let isSecure = words.contains("ssl")
        let text = words[1]
        let mark = text.utf8.last == UInt8(ascii: "]") ? nil : text.lastIndex(of: ":")
        let hasHost = mark != nil || Int(text) == nil
        var host = hasHost ? mark.map { String(text[..<$0]) } ?? text : "127.0.0.1"
        if ["*", "0.0.0.0", "[::]"].contains(host) { host = "127.0.0.1" }
        let port = Int(mark.map { String(text[text.index(after: $0)...]) } ?? text) ?? (isSecure ? 443 : 80)
        let isUsual = port == (isSecure ? 443 : 80)
        return "\(isSecure ? "https" : "http")://\(host)\(isUsual ? "" : ":\(port)")"
    }

    private static func block(
        _ tokens: inout ArraySlice<Token>,
        isInner: Bool,
        _ load: (String) -> [String],
        depth: Int
    ) throws(Problem) -> [Directive] {
        var directives: [Directive] = []
        var words: [String] = []
        while let token = tokens.popFirst() {
            switch token {
            case .word(let word): words.append(word)
            case .end:
                if words.count == 2, words[0] == "include", depth < self.deepestInclude {
                    for text in load(words[1]) {
                        var inner = self.tokens(of: text)[...]
                        directives += try self.block(&inner, isInner: false, load, depth: depth + 1)
                    }
                } else if !words.isEmpty {
                    directives.append(Directive(words: words, block: nil))
                }
                words = []
            case .open:
                let inner = try self.block(&tokens, isInner: true, load, depth: depth)
                directives.append(Directive(words: words, block: inner))
                words = []
            case .close:
                guard isInner else { throw Problem(description: "a } is too many") }
                return directives
            }
        }
        guard !isInner else { throw Problem(description: "a } is missing") }
        return directives
    }

    private enum Token: Sendable, Hashable {
        case word(String)
        case end, open, close
    }

    private static func tokens(of text: String) -> [Token] {
        var tokens: [Token] = []
        var word: [UInt8]?
        var quote: UInt8?
        var isComment = false
        var isEscaped = false
        func finish() {
            if let bytes = word { tokens.append(.word(String(decoding: bytes, as: UTF8.self))) }
            word = nil
        }
        for byte in text.utf8 {
            if isComment {
                isComment = byte != UInt8(ascii: "\n")
            } else if isEscaped {
                word = (word ?? []) + [byte]
                isEscaped = false
            } else if let mark = quote {
                if byte == mark { quote = nil } else { word?.append(byte) }
            } else {
                switch byte {
                case UInt8(ascii: "\\"): isEscaped = true
                case UInt8(ascii: "\""), UInt8(ascii: "'"):
                    if word == nil {
                        quote = byte
                        word = []
                    } else {
                        word?.append(byte)
                    }
                case UInt8(ascii: "#") where word == nil: isComment = true
                case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): finish()
                case UInt8(ascii: ";"), UInt8(ascii: "{"), UInt8(ascii: "}"):
                    // `${name}` within a word is a variable.
                    let isOpening = byte == UInt8(ascii: "{") && word?.last == UInt8(ascii: "$")
                    let isClosing = byte == UInt8(ascii: "}") && word?.contains(UInt8(ascii: "{")) == true
                    if isOpening || isClosing {
                        word?.append(byte)
                        continue
                    }
                    finish()
                    tokens.append(byte == UInt8(ascii: ";") ? .end : byte == UInt8(ascii: "{") ? .open : .close)
                default: word = (word ?? []) + [byte]
                }
            }
        }
        finish()
        return tokens
    }
}
