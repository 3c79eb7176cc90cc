import Testing

@testable import FastCGIServer

@Suite("The inspector of request heads")
struct RequestHeadInspectorTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let verdict: RequestHeadInspection
    }

    private static let inspector = RequestHeadInspector(maximumParameterBytes: 1000, maximumParameters: 10)
    private static let head = FastCGIPeer.head("/path")
    private static let plain = RequestHead(identifier: 1, role: .responder, keepsConnection: true)

    /// The verdict without the places of the head's parts, which have a test of their own.
    private func inspect(_ bytes: [UInt8]) -> RequestHeadInspection {
        guard case .complete(var head) = self.inspectWhole(bytes) else { return self.inspectWhole(bytes) }
        head.layout = RequestHead.Layout()
        return .complete(head)
    }

    private func inspectWhole(_ bytes: [UInt8]) -> RequestHeadInspection {
        unsafe bytes.withUnsafeBytes { unsafe Self.inspector.inspect($0.bytes) }
    }

    private static func changed(_ change: (inout RequestHead) -> Void) -> RequestHeadInspection {
        var head = Self.plain
        change(&head)
        return .complete(head)
    }

    static let rows: [Row] = [
        Row(testDescription: "a whole head", bytes: head, verdict: .complete(plain)),
        Row(testDescription: "with its input", bytes: FastCGIPeer.request("/path", body: [1, 2]), verdict: .complete(plain)),
        Row(testDescription: "with part of its input", bytes: head + FastCGIPeer.record(5, [1]).dropLast(), verdict: .complete(plain)),
        Row(
            testDescription: "with the next request",
            bytes: FastCGIPeer.request("/path", body: [1]) + [1],
            verdict: .complete(plain)
        ),
        Row(
            testDescription: "an authorizer's, which has no input",
            bytes: FastCGIPeer.head("/", role: 2),
            verdict: changed { $0.role = .authorizer }
        ),
        Row(
            testDescription: "an authorizer's with the next request",
            bytes: FastCGIPeer.head("/", role: 2) + [1],
            verdict: changed { $0.role = .authorizer }
        ),
        Row(
            testDescription: "a filter's with both streams",
            bytes: FastCGIPeer.head("/", role: 3) + FastCGIPeer.stream(5, [1]) + FastCGIPeer.stream(8, [1]),
            verdict: changed { $0.role = .filter }
        ),
        Row(testDescription: "one that closes", bytes: FastCGIPeer.head("/", keep: false), verdict: changed { $0.keepsConnection = false }),
        Row(
            testDescription: "padding everywhere",
            bytes: FastCGIPeer.record(1, [0, 1, 1, 0, 0, 0, 0, 0], request: 258, padding: 255)
                + FastCGIPeer.record(4, FastCGIPeer.pair([65], [66]), request: 258, padding: 3)
                + FastCGIPeer.record(4, request: 258, padding: 7),
            verdict: changed { $0.identifier = 258 }
        ),
        Row(
            testDescription: "a pair cut by the borders of records",
            bytes: FastCGIPeer.begin()
                + FastCGIPeer.pair([65, 66], [UInt8](repeating: 67, count: 200)).flatMap { FastCGIPeer.record(4, [$0]) }
                + FastCGIPeer.record(4),
            verdict: .complete(plain)
        ),
        Row(testDescription: "no parameters", bytes: FastCGIPeer.begin() + FastCGIPeer.record(4), verdict: .complete(plain)),
        Row(testDescription: "nothing", bytes: [], verdict: .incomplete),
        Row(
            testDescription: "version 2",
            bytes: FastCGIPeer.record(1, [0, 1, 1, 0, 0, 0, 0, 0], version: 2),
            verdict: .refused(.notARequest)
        ),
        Row(testDescription: "HTTP", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8), verdict: .refused(.notARequest)),
        Row(testDescription: "one byte that is none of ours", bytes: [71], verdict: .refused(.notARequest)),
        Row(testDescription: "input without a request", bytes: FastCGIPeer.record(5, [1]), verdict: .refused(.notARequest)),
        Row(testDescription: "request 0", bytes: FastCGIPeer.begin(request: 0), verdict: .refused(.notARequest)),
        Row(testDescription: "a short beginning", bytes: FastCGIPeer.record(1, [0, 1, 1, 0]), verdict: .refused(.notARequest)),
        Row(testDescription: "a second beginning", bytes: FastCGIPeer.begin() + FastCGIPeer.begin(), verdict: .refused(.notARequest)),
        Row(
            testDescription: "another request's parameters",
            bytes: FastCGIPeer.begin() + FastCGIPeer.parameters([("A", "B")], request: 2),
            verdict: .refused(.notARequest)
        ),
        Row(
            testDescription: "input before the parameters",
            bytes: FastCGIPeer.begin() + FastCGIPeer.record(5),
            verdict: .refused(.notARequest)
        ),
        Row(
            testDescription: "management within a head",
            bytes: FastCGIPeer.begin() + FastCGIPeer.record(9, [], request: 0),
            verdict: .refused(.notARequest)
        ),
        Row(testDescription: "an unknown role", bytes: FastCGIPeer.begin(role: 4), verdict: .unknownRole(request: 1)),
        Row(testDescription: "role 257", bytes: FastCGIPeer.begin(role: 257), verdict: .unknownRole(request: 1)),
        Row(
            testDescription: "a question",
            bytes: FastCGIPeer.record(9, [1, 0, 65], request: 0, padding: 5),
            verdict: .management(length: 16)
        ),
        Row(testDescription: "half a question", bytes: [1, 9, 0, 0, 0, 3, 5, 0, 1], verdict: .incomplete),
        Row(
            testDescription: "a question of a kind that there is not",
            bytes: FastCGIPeer.record(77, [1, 2], request: 0) + [1],
            verdict: .management(length: 10)
        ),
        Row(testDescription: "input of no request", bytes: FastCGIPeer.record(5, request: 0), verdict: .refused(.notARequest)),
        Row(testDescription: "an abort that comes late", bytes: FastCGIPeer.record(2, padding: 7) + [1], verdict: .lateAbort(length: 15)),
        Row(testDescription: "half an abort", bytes: Array(FastCGIPeer.record(2, padding: 7).dropLast()), verdict: .incomplete),
        Row(testDescription: "an endless question", bytes: [1, 9, 0, 0, 0xFF, 0xFF, 5, 0, 1], verdict: .refused(.notARequest)),
        Row(
            testDescription: "a name without its value's length",
            bytes: FastCGIPeer.begin() + FastCGIPeer.stream(4, [1]),
            verdict: .refused(.brokenParameters)
        ),
        Row(
            testDescription: "a length that goes beyond the end",
            bytes: FastCGIPeer.begin() + FastCGIPeer.stream(4, [1, 2, 65, 66]),
            verdict: .refused(.brokenParameters)
        ),
        Row(
            testDescription: "a length cut in the middle",
            bytes: FastCGIPeer.begin() + FastCGIPeer.stream(4, [0x80, 0]),
            verdict: .refused(.brokenParameters)
        ),
        Row(
            testDescription: "more bytes announced than allowed",
            bytes: FastCGIPeer.begin() + FastCGIPeer.record(4, [0x80, 0, 2, 0, 0x80, 0, 2, 0]),
            verdict: .refused(.tooManyParameters)
        ),
        Row(
            testDescription: "the longest length there is",
            bytes: FastCGIPeer.begin() + FastCGIPeer.record(4, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            verdict: .refused(.tooManyParameters)
        ),
        Row(
            testDescription: "as many as allowed",
            bytes: FastCGIPeer.begin() + FastCGIPeer.parameters((0..<10).map { ("P\($0)", "") }),
            verdict: .complete(plain)
        ),
        Row(
            testDescription: "one more than allowed",
            bytes: FastCGIPeer.begin() + FastCGIPeer.parameters((0..<11).map { ("P\($0)", "") }),
            verdict: .refused(.tooManyParameters)
        ),
        Row(
            testDescription: "no end of tiny padded records",
            bytes: FastCGIPeer.begin() + [UInt8](repeating: 0, count: 30).flatMap { _ in FastCGIPeer.record(4, [1], padding: 255) },
            verdict: .refused(.tooManyParameters)
        ),
        Row(
            testDescription: "an equals sign in a value",
            bytes: FastCGIPeer.begin() + FastCGIPeer.parameters([("QUERY_STRING", "a=b&c=d&e=f")]),
            verdict: .complete(plain)
        ),
    ]

    @Test("judges", arguments: rows)
    func verdicts(row: Row) {
        #expect(self.inspect(row.bytes) == row.verdict)
    }

    @Test("finds a byte that makes parameters ambiguous at every place of names and values of every length")
    func ambiguousPlaces() {
        #expect(Self.isAmbiguous(name: [], value: [65]))
        for length in 1...20 {
            let plain = [UInt8](repeating: UInt8(ascii: "a"), count: length)
            #expect(!Self.isAmbiguous(name: plain, value: []))
            for place in 0..<length {
                var zero = plain
                zero[place] = 0
                var equals = plain
                equals[place] = UInt8(ascii: "=")
                #expect(Self.isAmbiguous(name: zero, value: plain))
                #expect(Self.isAmbiguous(name: equals, value: plain))
                #expect(Self.isAmbiguous(name: plain, value: zero))
                #expect(!Self.isAmbiguous(name: plain, value: equals))
            }
        }
    }

    private static func isAmbiguous(name: [UInt8], value: [UInt8]) -> Bool {
        unsafe FastCGIPeer.pair(name, value).withUnsafeBytes { bytes in
            var pairs = ParameterPairs()
            let pair = unsafe pairs.next(in: bytes)
            #expect(pair?.end == bytes.count)
            return unsafe pair?.isAmbiguous(in: bytes) ?? false
        }
    }

    @Test("says where the parameters and the end of the head are")
    func layout() {
        let begin = FastCGIPeer.record(1, [0, 1, 1, 0, 0, 0, 0, 0], padding: 3)
        let pair = FastCGIPeer.pair([65], [66])
        let end = FastCGIPeer.record(4, padding: 2)
        func layout(_ bytes: [UInt8]) -> RequestHead.Layout? {
            if case .complete(let head) = self.inspectWhole(bytes) { head.layout } else { nil }
        }
        #expect(layout(begin + end + [1]) == RequestHead.Layout(parameters: 0..<0, isContiguous: true, end: 29))
        #expect(
            layout(begin + FastCGIPeer.record(4, pair, padding: 1) + end)
                == RequestHead.Layout(parameters: 27..<31, isContiguous: true, end: 42)
        )
        #expect(
            layout(begin + pair.flatMap { FastCGIPeer.record(4, [$0]) } + end)
                == RequestHead.Layout(parameters: 27..<28, isContiguous: false, end: 19 + 4 * 9 + 10)
        )
    }

    @Test("wants more for every beginning of a head, and never reads beyond what is there")
    func beginnings() {
        for count in Self.head.indices {
            #expect(self.inspect(Array(Self.head.prefix(count))) == .incomplete)
        }
    }

    @Test("has a verdict on any bytes")
    func anyBytes() {
        var generator = Numbers(state: 42)
        let whole = FastCGIPeer.request("/path", parameters: [("A", String(repeating: "v", count: 200))], body: [1, 2, 3])
        for _ in 0..<5000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0 ... .max, using: &generator)
            }
            let cut = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
            // The verdict on a part may be "incomplete", but never another one than that on the whole.
            let early = self.inspect(cut)
            let late = self.inspect(bytes)
            switch (early, late) {
            case (.incomplete, _): break
            default: #expect(early == late)
            }
        }
    }
}

/// A generator that makes the same numbers each time (SplitMix64).
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
