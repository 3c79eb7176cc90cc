import ParanoidHTTP

/// Reads forms of standard input: a line with the boundary and one with the body, both in hexadecimal.
///
/// Writes a line of JSON for each.
enum FormReader {
    static func run() {
        while let first = readLine(), let second = readLine() {
            guard let boundary = Hexadecimal.bytes(of: first.utf8), let body = Hexadecimal.bytes(of: second.utf8) else {
                return print("null")
            }
            print(Self.lines(boundary, body))
        }
    }

    private static func lines(_ boundary: [UInt8], _ body: [UInt8]) -> String {
        var parser = MultipartParser(boundary: boundary, maximumParts: 1000)
        var parts: [String] = []
        var content: [UInt8] = []
        var head: MultipartHead?
        do {
            parser.append(body)
            while let event = try parser.next() {
                switch event {
                case .part(let found): (head, content) = (found, [])
                case .content(let bytes): content += bytes
                case .partEnd:
                    let name = Hexadecimal.text(Array((head?.name ?? "").utf8))
                    let file = head?.fileName.map { "\"\(Hexadecimal.text(Array($0.utf8)))\"" } ?? "null"
                    parts.append("[\"\(name)\",\(file),\"\(Hexadecimal.text(content))\"]")
                case .end: break
                }
            }
            try parser.finish()
        } catch {
            return "null"
        }
        return "[\(parts.joined(separator: ","))]"
    }
}
