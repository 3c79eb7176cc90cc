import FastCGIServer
import Glibc
import Synchronization
import Testing

@Suite("A web server that frames its records as it likes")
struct StreamTests {
    /// Answers with the path and the body, whose length the parameter declares.
    @Sendable private static func echo(_ request: consuming FastCGIRequest) async {
        var request = request
        if let length = request.parameter("CONTENT_LENGTH").flatMap({ Int($0) }) {
            request.declareLength(length)
            if length == 0, request.bodyOutlook == .present { return request.answer("too long") }
        }
        var text = request.parameter("SCRIPT_NAME") ?? "-"
        if text == "/unread" { return request.answer(text) }
        var chunk = [UInt8](repeating: 0, count: 100)
        do {
            while true {
                let count = unsafe try chunk.withUnsafeMutableBytes { unsafe try request.read(into: $0) }
                if count == 0 { break }
                text += " " + String(decoding: chunk.prefix(count), as: UTF8.self)
                if let declared = request.parameter("CONTENT_LENGTH"), declared == "\(count)" { break }
            }
        } catch {
            text += " \((error as? FastCGIServerError)?.code ?? .clientGone)"
        }
        request.answer(text)
    }

    private static func head(_ length: Int?, path: String = "/echo", keep: Bool = true) -> [UInt8] {
        FastCGIPeer.head(path, keep: keep, parameters: length.map { [("CONTENT_LENGTH", "\($0)")] } ?? [])
    }

    @Test("is served with padding of any length on each kind of record")
    func padding() async throws {
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            let pairs = [("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/echo"), ("CONTENT_LENGTH", "5")]
            let parameters = pairs.flatMap { FastCGIPeer.pair(Array($0.0.utf8), Array($0.1.utf8)) }
            for padding in UInt8.min ... .max {
                for place in 0..<6 {
                    func pad(_ index: Int) -> UInt8 { place == index || place == 5 ? padding : 0 }
                    try peer.send(
                        FastCGIPeer.record(1, [0, 1, 1, 0, 0, 0, 0, 0], padding: pad(0))
                            + FastCGIPeer.record(4, Array(parameters.prefix(20)), padding: pad(1))
                            + FastCGIPeer.record(4, Array(parameters.dropFirst(20)), padding: pad(1))
                            + FastCGIPeer.record(4, padding: pad(2))
                            + FastCGIPeer.record(5, Array("hello".utf8), padding: pad(3)) + FastCGIPeer.record(5, padding: pad(4))
                    )
                    #expect(try peer.answer().text == "/echo hello")
                }
            }
        }
    }

    @Test("gets its answer at once when it does not end a body that is whole or empty, and goes on on the same connection")
    func noEndOfInput() async throws {
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            for _ in 0..<3 {
                try peer.send(Self.head(0))
                #expect(try peer.answer().text == "/echo")
                try peer.send(Self.head(5) + FastCGIPeer.record(5, Array("hello".utf8)))
                #expect(try peer.answer().text == "/echo hello")
                try peer.send(Self.head(nil, path: "/unread"))
                #expect(try peer.answer().text == "/unread")
                // The end of that one comes late.
                try peer.send(FastCGIPeer.record(5, padding: 9))
            }
            let closing = try server.connect()
            try closing.send(Self.head(0, keep: false))
            #expect(try closing.answer().text == "/echo")
            closing.shutWriting()
            #expect(try closing.readToEnd().isEmpty)
        }
    }

    @Test("is told when a body is longer than declared, however it is cut", arguments: [0, 7])
    func longerThanDeclared(length: Int) async throws {
        try await withServer(handler: Self.echo) { server in
            let bodies = [
                FastCGIPeer.record(5, Array("user=alice".utf8)),
                FastCGIPeer.record(5, Array("user=al".utf8)) + FastCGIPeer.record(5, Array("ice".utf8)),
                FastCGIPeer.record(5, Array("user=al".utf8), padding: 5) + FastCGIPeer.record(5, [UInt8](repeating: 1, count: 40_000)),
            ]
            for body in bodies {
                let peer = try server.connect()
                try peer.send(Self.head(length) + body + FastCGIPeer.record(5))
                let text = try peer.answer().text
                #expect(text == (length == 0 ? "too long" : "/echo bodyTooLong"))
                if length > 0 { try peer.readToEnd() }
            }
            // The rest comes when the handler already has what was declared.
            let peer = try server.connect()
            try peer.send(Self.head(7) + FastCGIPeer.record(5, Array("user=al".utf8)))
            try peer.send(FastCGIPeer.record(5, Array("ice".utf8)) + FastCGIPeer.record(5))
            #expect(try peer.answer().text == "/echo bodyTooLong")
        }
    }

    @Test("has a body of unknown length read to the end of its stream")
    func unknownLength() async throws {
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            try peer.send(Self.head(nil) + FastCGIPeer.record(5, Array("hel".utf8)))
            try peer.send(FastCGIPeer.record(5, Array("lo".utf8)) + FastCGIPeer.record(5))
            #expect(try peer.answer().output.filter { $0 != 32 } == Array("/echohello".utf8))
            #expect(try peer.ask("/echo").text == "/echo")
        }
    }

    @Test("may ask about the application at any time, and is told which records are unknown")
    func management() async throws {
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            let unknown = FastCGIPeer.record(77, [1, 2, 3], request: 0, padding: 200)
            try peer.send(unknown)
            #expect(try peer.receiveRecord() == FastCGIPeer.Record(kind: 11, request: 0, content: [77, 0, 0, 0, 0, 0, 0, 0]))
            // Within a body, and behind the end of a request.
            try peer.send(Self.head(5) + FastCGIPeer.record(5, Array("he".utf8)) + unknown)
            #expect(try peer.receiveRecord().kind == 11)
            try peer.send(FastCGIPeer.record(5, Array("llo".utf8)) + FastCGIPeer.record(5) + unknown)
            #expect(try peer.receiveRecord().kind == 11)
            #expect(try peer.answer().output.filter { $0 != 32 } == Array("/echohello".utf8))
            #expect(try peer.ask("/echo").text == "/echo")
        }
    }

    @Test("may give a request up and keep its connection")
    func aborted() async throws {
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            for _ in 0..<3 {
                try peer.send(Self.head(5) + FastCGIPeer.record(5, Array("he".utf8)) + FastCGIPeer.record(2))
                #expect(try peer.answer().text.hasSuffix("bodyCut"))
                #expect(try peer.ask("/echo").text == "/echo")
                // Too late: the answer is out.
                try peer.send(FastCGIPeer.record(2, padding: 3))
                try peer.send(FastCGIPeer.request("/echo") + FastCGIPeer.record(2))
                #expect(try peer.answer().text == "/echo")
            }
        }
    }

    @Test("is told that a connection has one request at a time")
    func secondRequest() async throws {
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            try peer.send(Self.head(5) + FastCGIPeer.record(5, Array("he".utf8)) + FastCGIPeer.begin(request: 2))
            let refusal = try peer.receiveRecord()
            #expect(refusal == FastCGIPeer.Record(kind: 3, request: 2, content: [0, 0, 0, 0, 1, 0, 0, 0]))
            try peer.send(
                FastCGIPeer.parameters([("A", "B")], request: 2) + FastCGIPeer.record(5, Array("llo".utf8)) + FastCGIPeer.record(5)
            )
            #expect(try peer.answer().output.filter { $0 != 32 } == Array("/echohello".utf8))
        }
    }

    @Test("gets its answer although it has closed its sending half behind the request")
    func halfClosed() async throws {
        try await withServer(handler: Self.echo) { server in
            for keep in [true, false] {
                let peer = try server.connect()
                try peer.send(Self.head(5, keep: keep) + FastCGIPeer.record(5, Array("hello".utf8)) + FastCGIPeer.record(5))
                peer.shutWriting()
                #expect(try peer.answer().text == "/echo hello")
                try peer.readToEnd()
            }
        }
    }

    @Test("may still be sending a body that was answered without being read; the next request is the next request")
    func unreadBodyUnderWay() async throws {
        let forged = FastCGIPeer.request("/forged")
        try await withServer(handler: Self.echo) { server in
            let peer = try server.connect()
            for cut in [0, 1, 7, 8, 100, 5000] {
                let body = FastCGIPeer.stream(5, [[UInt8]](repeating: forged, count: 300).flatMap { $0 })
                let request = FastCGIPeer.head("/unread") + body.prefix(cut)
                try peer.send(request)
                #expect(try peer.answer().text == "/unread")
                try peer.send(Array(body.dropFirst(cut)))
                #expect(try peer.ask("/echo").text == "/echo")
            }
        }
    }

    @Test("has the time of a head from its first byte")
    func arrival() async throws {
        let moments = Mutex<[Int64]>([])
        try await withServer(handler: { request in
            let moment = request.receivedAtNanoseconds
            moments.withLock { $0.append(moment) }
            await Self.echo(request)
        }) { server in
            func now() -> Int64 {
                var time = timespec()
                unsafe clock_gettime(CLOCK_REALTIME, &time)
                return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
            }
            let peer = try server.connect()
            let whole = FastCGIPeer.request("/echo")
            // On a busy machine the first byte may be seen late; it is enough that it was seen before the last one was sent.
            waitUntil {
                let before = now()
                try? peer.send(Array(whole.prefix(20)))
                usleep(20_000)
                let late = now()
                try? peer.send(Array(whole.dropFirst(20)))
                _ = try? peer.answer()
                let seen = moments.withLock { $0.last ?? 0 }
                #expect(seen >= before)
                return seen < late
            }
            let late = now()
            _ = try peer.ask("/echo")
            #expect(moments.withLock { $0.last ?? 0 } >= late)
        }
    }
}
