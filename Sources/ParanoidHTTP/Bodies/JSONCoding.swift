internal import FoundationEssentials
internal import HTTPTypes

/// JSON of request and response bodies.
package enum JSONCoding {
    /// The deepest nesting of arrays and objects that is decoded.
    static let maximumDepth = 64

    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }()

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }()

    /// The JSON of a value, with keys in order.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        [UInt8](try self.encoder.encode(value))
    }

    /// The value that the JSON stands for.
    ///
    /// - Throws: ``HTTPError`` with status 400; its cause is the decoder's error.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws(HTTPError) -> Value {
        guard JSONDepth.isUTF8(bytes.span) else { throw HTTPError(.badRequest, message: "The JSON is not UTF-8.") }
        guard JSONDepth.isWithin(self.maximumDepth, bytes.span) else {
            throw HTTPError(.badRequest, message: "The JSON is nested too deeply.")
        }
        guard !self.hasDoubledMember(bytes) else {
            throw HTTPError(.badRequest, message: "The JSON has a member more than once.")
        }
        do {
            return try self.decoder.decode(type, from: Data(bytes))
        } catch {
            let problem = (error as? DecodingError).flatMap { DecodingProblem.describe($0) }
            throw HTTPError(.badRequest, message: "The body is not the JSON that was expected.", cause: error, problem: problem)
        }
    }

    /// Whether an object has two members of one name.
    static func hasDoubledMember(_ bytes: [UInt8]) -> Bool {
        JSONMembers.isAnyDoubled(in: bytes.span) { quoted in
            (try? self.decoder.decode(String.self, from: Data(quoted))).map { Array($0.utf8) }
        }
    }
}
