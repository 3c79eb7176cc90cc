import Testing

@testable import FastCGIServer

@Suite("The reader of what follows a head")
struct RequestInputTests {
    /// What is seen of bytes that come in pieces of a size.
    private func read(_ bytes: [UInt8], piece: Int, isAnswered: Bool = false) -> (content: [UInt8], end: RequestInput.Step, rest: Int) {
        var input = RequestInput(of: 1)
        var position = 0
        var arrived = min(piece, bytes.count)
        var content: [UInt8] = []
        while true {
            let step = unsafe bytes[..<arrived].withUnsafeBytes { unsafe input.next(in: $0.bytes, at: &position, isAnswered: isAnswered) }
            switch step {
            case .content(let range): content += bytes[range]
            case .incomplete where arrived < bytes.count: arrived = min(arrived + piece, bytes.count)
            case .management, .secondRequest: continue
            default: return (content, step, bytes.count - position)
            }
        }
    }

    @Test("sees the same body and the same end, wherever the bytes are cut and however records are padded", arguments: [0, 1, 7, 8, 255])
    func pieces(padding: UInt8) {
        let other =
            FastCGIPeer.begin(request: 2) + FastCGIPeer.parameters([("A", "B")], request: 2) + FastCGIPeer.record(5, [9], request: 2)
        let bytes =
            FastCGIPeer.record(5, [1, 2, 3], padding: padding) + FastCGIPeer.record(9, [], request: 0, padding: padding) + other
            + FastCGIPeer.record(5, [4], padding: padding) + FastCGIPeer.record(2, request: 2) + FastCGIPeer.record(5, padding: padding)
        for piece in 1...(bytes.count + 3) {
            let seen = self.read(bytes + [1, 2, 3], piece: piece)
            #expect(seen.content == [1, 2, 3, 4])
            #expect(seen.end == .end)
            #expect(seen.rest == 3)
        }
    }

    @Test(
        "refuses what is no body",
        arguments: [
            [2], Array("GET / HTTP/1.1\r\n".utf8), FastCGIPeer.record(5, [1], version: 2), FastCGIPeer.record(4, [1]),
            FastCGIPeer.record(8, [1]), FastCGIPeer.record(6, [1]), FastCGIPeer.begin(),
            FastCGIPeer.record(9, [UInt8](repeating: 0, count: 1017), request: 0), FastCGIPeer.record(77, request: 2),
        ] as [[UInt8]]
    )
    func refused(bytes: [UInt8]) {
        let seen = self.read(FastCGIPeer.record(5, [7]) + bytes, piece: 1)
        #expect(seen.content == [7])
        #expect(seen.end == .refused)
    }

    @Test("knows that the web server has given up, and after the answer that it has gone on")
    func otherEnds() {
        #expect(self.read(FastCGIPeer.record(5, [7]) + FastCGIPeer.record(2, padding: 9), piece: 3).end == .aborted)
        let next = self.read(FastCGIPeer.record(5, [7], padding: 3) + FastCGIPeer.head("/next"), piece: 5, isAnswered: true)
        #expect(next.content == [7])
        #expect(next.end == .nextRequest)
    }

    @Test("takes no byte of a body for a record")
    func smuggling() {
        let forged = FastCGIPeer.request("/forged")
        let seen = self.read(FastCGIPeer.record(5, forged + forged) + FastCGIPeer.record(5), piece: 1, isAnswered: true)
        #expect(seen.content == forged + forged)
        #expect(seen.end == .end)
    }
}
