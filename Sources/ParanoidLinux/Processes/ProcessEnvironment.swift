internal import CLinux
internal import Glibc

/// A process's environment: names and values as bytes, in no particular order.
///
/// This file is the only reader of the real one. Parameters of requests never get in here.
package struct ProcessEnvironment: Sendable, Hashable {
    private var values: [[UInt8]: [UInt8]] = [:]

    /// Makes an empty environment.
    package init() {}

    /// Copies this process's environment.
    ///
    /// Call it while no other thread changes that.
    package static func current() -> ProcessEnvironment {
        var environment = ProcessEnvironment()
        guard var next = unsafe clinux_environment() else { return environment }
        while let entry = unsafe next.pointee {
            let bytes = unsafe Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry)))
            if let separator = bytes.firstIndex(of: UInt8(ascii: "=")), separator > 0 {
                let name = Array(bytes[..<separator])
                // Of two entries with one name getenv(3) finds the first.
                if environment.values[name] == nil { environment.values[name] = Array(bytes[(separator + 1)...]) }
            }
            unsafe next += 1
        }
        return environment
    }

    /// The value as text, `nil` if the name is absent.
    ///
    /// Bytes that are not UTF-8 become U+FFFD; ``bytes(of:)`` has them as they are.
    ///
    /// Names are compared by their bytes. A new value must not contain a NUL byte.
    package subscript(_ name: String) -> String? {
        get { self.bytes(of: name).map { String(decoding: $0, as: UTF8.self) } }
        set { self.set(Array(name.utf8), to: newValue.map { Array($0.utf8) }) }
    }

    /// The value as bytes, `nil` if the name is absent.
    package func bytes(of name: String) -> [UInt8]? {
        self.values[Array(name.utf8)]
    }

    /// The value as a number: digits only, without a sign; `nil` if the name is absent, or for anything else.
    package func number(of name: String) -> Int? {
        self.bytes(of: name).flatMap { Int(digits: $0) }
    }

    /// All names, sorted; bytes that are not UTF-8 become U+FFFD.
    package var names: [String] {
        self.values.keys.map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Sets or removes (`nil`) one value.
    package mutating func set(_ name: [UInt8], to value: [UInt8]?) {
        precondition(!name.isEmpty && !name.contains(0) && !name.contains(UInt8(ascii: "=")), "not a name")
        precondition(value?.contains(0) != true, "a NUL byte in a value")
        self.values[name] = value
    }

    /// Takes all of the other's values over; where both have a name, the other's value wins.
    package mutating func merge(_ other: ProcessEnvironment) {
        self.values.merge(other.values) { _, theirs in theirs }
    }

    /// The entries in the form of `environ(7)`, without the terminating NUL bytes, sorted.
    package var entries: [[UInt8]] {
        self.values.map { $0.key + [UInt8(ascii: "=")] + $0.value }.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

extension FixedWidthInteger {
    /// Reads decimal digits, of which there is at least one; `nil` for anything else, a sign included, and for a number that is too great.
    init?(digits: some Collection<UInt8>) {
        guard !digits.isEmpty else { return nil }
        var value: Self = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (product, tooGreat) = value.multipliedReportingOverflow(by: 10)
            let (sum, alsoTooGreat) = product.addingReportingOverflow(Self(digit - UInt8(ascii: "0")))
            guard !tooGreat, !alsoTooGreat else { return nil }
            value = sum
        }
        self = value
    }
}

extension ProcessEnvironment {
    /// Parses the bytes of a file of `NAME=VALUE` lines.
    ///
    /// Lines end with LF. Empty lines and lines whose first visible byte is `#` are skipped, blanks before a name are allowed. A value is
    /// everything after the `=`, byte for byte: nothing is expanded, unquoted, unescaped or trimmed. What could mean something else to another
    /// reader of the same file is refused: control bytes, a value that begins with a quotation mark, a name given twice.
    ///
    /// - Throws: ``ProcessEnvironmentError`` with the number of the first bad line; it never contains a value.
    package init(parsing bytes: [UInt8]) throws(ProcessEnvironmentError) {
        self.init()
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let content = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard let first = content.first, first != UInt8(ascii: "#") else { continue }
            guard let separator = content.firstIndex(of: UInt8(ascii: "=")) else {
                throw ProcessEnvironmentError(.missingSeparator, line: number)
            }
            let name = Array(content[..<separator])
            let value = Array(content[(separator + 1)...])
            guard Self.isPortableName(name) else { throw ProcessEnvironmentError(.invalidName, line: number) }
            guard !value.contains(where: { ($0 < 0x20 && $0 != UInt8(ascii: "\t")) || $0 == 0x7F }) else {
                throw ProcessEnvironmentError(.controlByte, line: number)
            }
            guard value.first != UInt8(ascii: "\""), value.first != UInt8(ascii: "'") else {
                throw ProcessEnvironmentError(.quotedValue, line: number)
            }
            guard self.entry(name) == nil else { throw ProcessEnvironmentError(.duplicateName, line: number) }
            self.set(name, to: value)
        }
    }

    /// Reads and parses a file of at most 1 MiB.
    ///
    /// Blocks.
    ///
    /// The file is checked as one with secrets is (``PrivateFile``), and nothing of it is changed.
    ///
    /// - Throws: ``ProcessEnvironmentError/Code/untrusted``, ``ProcessEnvironmentError/Code/unreadable`` with the failed call as cause, or the errors of ``init(parsing:)``.
    package init(file path: String) throws(ProcessEnvironmentError) {
        let bytes: [UInt8]?
        do throws(PrivateFile.Failure) {
            bytes = try PrivateFile.read(path, groupAccess: .refused, limit: 1 << 20)
        } catch {
            if case .system(let cause) = error { throw ProcessEnvironmentError(.unreadable, line: nil, cause: cause) }
            throw ProcessEnvironmentError(.untrusted, line: nil, failure: error)
        }
        guard let bytes else { throw ProcessEnvironmentError(.unreadable, line: nil, cause: SystemCallError("open", code: ENOENT)) }
        try self.init(parsing: bytes)
    }

    private func entry(_ name: [UInt8]) -> [UInt8]? {
        self.bytes(of: String(decoding: name, as: UTF8.self))
    }

    /// The names of POSIX: letters, digits and underscores, no digit first.
    private static func isPortableName(_ name: [UInt8]) -> Bool {
        guard let first = name.first, !isDigit(first) else { return false }
        return name.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "_") }

        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
    }
}

/// A file of settings that cannot be used.
package struct ProcessEnvironmentError: Error, Sendable {
    /// The kind of failure.
    package enum Code: String, Sendable, Hashable, CustomStringConvertible {
        case unreadable = "the file cannot be read"
        case untrusted = "the file is not safe to use"
        case missingSeparator = "expected NAME=VALUE"
        case invalidName = "a name consists of letters, digits and underscores and does not begin with a digit"
        case controlByte = "control bytes are not allowed in a value, carriage returns at the end of a line included"
        case quotedValue = "values are taken as they are, so they must not be quoted"
        case duplicateName = "the name is given twice"

        /// What is wrong, in words.
        package var description: String { self.rawValue }
    }

    /// The kind of failure.
    package let code: Code
    /// The number of the line, from 1; `nil` when it is about the whole file.
    package let line: Int?
    /// The call that failed.
    package let cause: SystemCallError?
    /// Why the file is not safe to use.
    package let failure: PrivateFile.Failure?

    init(_ code: Code, line: Int?, cause: SystemCallError? = nil, failure: PrivateFile.Failure? = nil) {
        self.code = code
        self.line = line
        self.cause = cause
        self.failure = failure
    }
}

extension ProcessEnvironmentError: CustomStringConvertible {
    /// What is wrong and where, without any name or value, which may be secrets.
    package var description: String {
        let place = self.line.map { "line \($0): " } ?? ""
        let reason = self.cause.map { " (\($0))" } ?? ""
        return place + (self.failure?.description ?? self.code.description) + reason
    }
}
