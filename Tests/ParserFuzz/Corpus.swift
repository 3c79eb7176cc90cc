import Glibc
import ParanoidHTTP

/// Kept inputs of a parser, each with what it is read as.
///
/// A line of the file has the setting (the boundary, or the length of the representation), the input and the outcome, with a tab between
/// them. Bytes that are no printable ASCII, and backslashes, are written as `\xHH`.
enum Corpus {
    struct Entry: Sendable {
        var setting: String
        var bytes: [UInt8]
        var outcome: String
    }

    /// Reads a file; stops the program where a line is no entry.
    static func read(_ path: String) -> [Entry] {
        guard let file = unsafe fopen(path, "r") else { fail("cannot read \(path)") }
        defer { unsafe fclose(file) }
        var text: [UInt8] = []
        var byte = unsafe fgetc(file)
        while byte != EOF {
            text.append(UInt8(byte))
            byte = unsafe fgetc(file)
        }
        return text.split(separator: 0x0A).filter { $0.first != UInt8(ascii: "#") }
            .map { line in
                let fields = line.split(separator: 0x09, omittingEmptySubsequences: false)
                guard fields.count == 3, let bytes = Self.bytes(fields[1]) else {
                    fail("no entry: \(String(decoding: line, as: UTF8.self))")
                }
                return Entry(
                    setting: String(decoding: fields[0], as: UTF8.self),
                    bytes: bytes,
                    outcome: String(decoding: fields[2], as: UTF8.self)
                )
            }
    }

    /// Prints an entry as a line of a file.
    static func show(_ entry: Entry) { print("\(entry.setting)\t\(Self.text(entry.bytes))\t\(entry.outcome)") }

    static func text(_ bytes: [UInt8]) -> String {
        bytes.map { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: "\\") ? String(UnicodeScalar($0)) : "\\x" + Hexadecimal.text([$0]) }.joined()
    }

    private static func bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard rest.popFirst() == UInt8(ascii: "x"), let value = Hexadecimal.bytes(of: rest.prefix(2)), value.count == 1 else {
                return nil
            }
            bytes += value
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    /// A letter for a class of bytes that parsers treat alike.
    static func kind(of byte: UInt8) -> String {
        switch byte {
        case 0x0D: "r"
        case 0x0A: "n"
        case 0x20, 0x09: "s"
        case UInt8(ascii: "0")...UInt8(ascii: "9"): "9"
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): "a"
        case 0x21...0x7E: String(UnicodeScalar(byte))
        default: "?"
        }
    }
}
