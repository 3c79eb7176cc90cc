import Foundation

/// A file of traces recorded from the Django package: what clients sent, and what it answered, in symbols.
public struct TraceDocument: Decodable, Sendable {
    public var defaults: TraceSettings
    public var traces: [Trace]

    /// Reads one of the files beside the tests.
    public static func load(_ name: String) throws -> TraceDocument {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appending(path: "Conformance/\(name).json"))
        return try JSONDecoder().decode(TraceDocument.self, from: data)
    }
}

public struct Trace: Decodable, Sendable {
    public var name: String
    public var settings: TraceSettings
    public var dataKey: String?
    public var headerSets: [String: [String: String]]
    public var events: [TraceEvent]
}

/// The settings of a trace; what is absent stays as it was.
public struct TraceSettings: Decodable, Sendable {
    public var values: [String: TraceValue]

    public init(from decoder: any Decoder) throws {
        self.values = try decoder.singleValueContainer().decode([String: TraceValue].self)
    }

    public func merging(_ other: TraceSettings) -> TraceSettings {
        var merged = self
        merged.values.merge(other.values) { $1 }
        return merged
    }

    public subscript(name: String) -> TraceValue { self.values[name] ?? .null }
}

public enum TraceValue: Decodable, Sendable, Hashable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([String])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try container.decode([String].self))
        }
    }

    public var number: Double? { if case .number(let number) = self { number } else { nil } }
    public var text: String? { if case .text(let text) = self { text } else { nil } }
    public var list: [String]? { if case .list(let list) = self { list } else { nil } }
    public var flag: Bool { self == .flag(true) }
}

public enum CookieKind: String, Decodable, Sendable, Hashable, CaseIterable {
    case session
    case nonce
    case secureKey
}

public struct TraceEvent: Decodable, Sendable {
    public enum Operation: String, Decodable, Sendable {
        case begin, end, respond, commit, abort, deliver, restart
    }

    public enum Presented: Decodable, Sendable {
        case garbage
        case empty
        case from(Int)

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = text == "empty" ? .empty : .garbage
            } else {
                self = .from(try container.decode([String: Int].self)["from"] ?? -1)
            }
        }
    }

    public enum JarUse: Decodable, Sendable {
        case all
        case only(Set<CookieKind>)

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = (try? container.decode(Bool.self)) == true ? .all : .only(Set(try container.decode([CookieKind].self)))
        }

        public func covers(_ kind: CookieKind) -> Bool {
            if case .only(let kinds) = self { kinds.contains(kind) } else { true }
        }
    }

    public var op: Operation
    public var t: Double
    public var req: Int?
    public var client: String?
    public var proc: Int?
    public var headers: String?
    public var secure: Bool?
    public var filtered: Bool?
    public var bypass: String?
    public var action: String?
    public var session: Presented?
    public var nonce: Presented?
    public var secureKey: Presented?
    public var jar: JarUse?
    public var status: Int?
    public var lost: Bool?
    public var deferred: Bool?
    public var expect: TraceExpectation?
    public var boundary: Bool?
    public var quirk: [String]?
    public var repaired: [String: TraceExpectation]?

    public func presented(_ kind: CookieKind) -> Presented? {
        switch kind {
        case .session: self.session
        case .nonce: self.nonce
        case .secureKey: self.secureKey
        }
    }
}

/// A cookie of a response, as far as the traces speak of it.
public enum CookieSymbol: Decodable, Sendable, Hashable {
    case none
    case fresh
    case sameAs(Int)
    case unusable
    case deleted

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            switch text {
            case "none": self = .none
            case "fresh": self = .fresh
            case "unusable": self = .unusable
            case "deleted": self = .deleted
            default: throw DecodingError.dataCorruptedError(in: container, debugDescription: text)
            }
        } else {
            self = .sameAs(try container.decode([String: Int].self)["same_as"] ?? -1)
        }
    }

    /// Whether two symbols differ in nothing that a client could notice: an unchanged value sent again, or spared.
    func isAlike(_ other: CookieSymbol) -> Bool {
        switch (self, other) {
        case (.none, .sameAs), (.sameAs, .none): true
        default: self == other
        }
    }
}

public struct TraceExpectation: Decodable, Sendable {
    public var verdict: String
    public var detail: String?
    public var sees: [Int]?
    public var status: Int?
    public var sessionKey: CookieSymbol?
    public var nonceCookie: CookieSymbol?
    public var secureCookie: CookieSymbol?
}
