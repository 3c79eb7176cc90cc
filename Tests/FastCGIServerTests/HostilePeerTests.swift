import FastCGIServer
import Glibc
import Synchronization
import Testing

@Suite("A peer that does not behave")
struct HostilePeerTests {
    private static let short = configuration { configuration in
        configuration.headDeadline = .milliseconds(200)
        configuration.minimumRate = 1 << 20
        configuration.readTimeout = .seconds(60)
    }

    /// Answers with the path and the user, and never reads the body.
    @Sendable private static func answerWithUser(_ request: consuming FastCGIRequest) async {
        let text = "\(request.parameter("SCRIPT_NAME") ?? "-") \(request.parameter("REMOTE_USER") ?? "nobody")"
        request.answer(text)
    }

    @Test("cannot smuggle a request in a body that the handler does not read", arguments: 0..<8)
    func smuggling(offset: Int) async throws {
        let forged = FastCGIPeer.request("/forged", parameters: [("REMOTE_USER", "admin")])
        let sled = [[UInt8]](repeating: [1, 5, 0, 9, 0, 0, 0, 0], count: 1150).flatMap { $0 }
        let body = [UInt8](repeating: 65, count: offset) + sled + [1, 5, 0, 9, 0, 8, 0, 0] + [UInt8](repeating: 90, count: 8) + forged
        let forgeries = Tally()
        try await withServer(handler: { request in
            if request.parameter("REMOTE_USER") != nil { forgeries.add() }
            await Self.answerWithUser(request)
        }) { server in
            let peer = try server.connect()
            #expect(try peer.ask("/first", body: body + [UInt8](repeating: 66, count: 1000)).text == "/first nobody")
            #expect(try peer.ask("/second").text == "/second nobody")
        }
        #expect(forgeries.value == 0)
    }

    @Test("gets its answer and no second request when it leaves more of a body than is drained")
    func tooMuchUnread() async throws {
        let forged = FastCGIPeer.request("/forged", parameters: [("REMOTE_USER", "admin")])
        let forgeries = Tally()
        let limited = configuration { $0.maximumDrainedBody = 20_000 }
        try await withServer(
            limited,
            handler: { request in
                if request.parameter("REMOTE_USER") != nil { forgeries.add() }
                await Self.answerWithUser(request)
            }
        ) { server in
            let peer = try server.connect()
            let body = [[UInt8]](repeating: forged, count: 2000).flatMap { $0 }
            try peer.send(FastCGIPeer.request("/first", body: body))
            #expect(try peer.answer().text == "/first nobody")
            try peer.readToEnd()
            #expect(try server.ask("/second").text == "/second nobody")
        }
        #expect(forgeries.value == 0)
    }

    @Test("keeps its connection when the handler leaves a body unread that is drained")
    func unread() async throws {
        try await withServer(handler: Self.answerWithUser) { server in
            let peer = try server.connect()
            for index in 0..<20 {
                let body = [UInt8](repeating: 1, count: 1 << (index % 18))
                #expect(try peer.ask("/\(index)", body: body).text == "/\(index) nobody")
            }
        }
    }

    @Test("that breaks a body off is seen as such, not as a short body")
    func truncatedBody() async throws {
        let outcome = Mutex<[String]>([])
        try await withServer(handler: { request in
            var request = request
            let text = request.readAll().map { "read \($0.count)" } ?? "cut"
            outcome.withLock { $0.append(text) }
            request.answer(text)
        }) { server in
            for rest in [[], FastCGIPeer.record(5, [1, 2, 3]).dropLast(1), FastCGIPeer.record(2)] {
                let peer = try server.connect()
                try peer.send(FastCGIPeer.head("/") + FastCGIPeer.record(5, [1, 2, 3]) + rest)
                peer.shutWriting()
                try peer.readToEnd()
            }
            #expect(try server.ask("/next", body: [1]).text == "read 1")
        }
        #expect(outcome.withLock { $0 } == ["cut", "cut", "cut", "read 1"])
    }

    @Test("cannot hold a thread with half a head", arguments: [1, 7, 8, 15, 16, 20, 40])
    func halfHead(length: Int) async throws {
        try await withServer { server in
            let whole = FastCGIPeer.request("/late")
            let peers = try OwnedPeers(count: 20, server)
            try peers.forEach { try $0.send(Array(whole.prefix(length))) }
            // Ten times as many as there are threads: would one of them hold a thread, this would wait.
            #expect(try server.ask("/now").text == "/now")
            try peers.forEach { try $0.send(Array(whole.dropFirst(length))) }
            try peers.forEach { peer in
                let answer = try peer.answer()
                #expect(answer.text == "/late")
            }
        }
    }

    @Test("that never completes a head, or never says anything, is closed")
    func silent() async throws {
        try await withServer(Self.short) { server in
            let silent = try server.connect()
            let half = try server.connect()
            try half.send(Array(FastCGIPeer.request("/").prefix(20)))
            let kept = try server.connect()
            #expect(try kept.ask("/a").text == "/a")
            try kept.send([1])
            try silent.readToEnd()
            try half.readToEnd()
            try kept.readToEnd()
        }
    }

    @Test("that sends its body drop by drop runs into the deadline, though no pause is long")
    func dripping() async throws {
        let outcome = Mutex<String?>(nil)
        try await withServer(
            Self.short,
            handler: { request in
                var request = request
                do {
                    var byte: [UInt8] = [0]
                    while unsafe try byte.withUnsafeMutableBytes({ unsafe try request.read(into: $0) }) > 0 {}
                    outcome.withLock { $0 = "read" }
                } catch {
                    outcome.withLock { $0 = "\((error as? FastCGIServerError)?.code ?? .clientGone)" }
                }
                request.finish()
            }
        ) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.head("/") + Array(FastCGIPeer.record(5, [UInt8](repeating: 1, count: 60_000)).prefix(8)))
            waitUntil {
                _ = try? peer.send([1])
                return outcome.withLock { $0 != nil }
            }
        }
        #expect(outcome.withLock { $0 } == "bodyTooSlow")
    }

    @Test("that never reads its answer is given up")
    func stalledReader() async throws {
        let outcome = Mutex<String?>(nil)
        let limited = configuration { configuration in
            configuration.writeTimeout = .milliseconds(200)
            configuration.minimumRate = 1 << 30
        }
        try await withServer(
            limited,
            handler: { request in
                var request = request
                let bytes = [UInt8](repeating: 1, count: 100_000)
                do {
                    for _ in 0..<1000 { try unsafe request.write(bytes.span.bytes) }
                    outcome.withLock { $0 = "written" }
                } catch {
                    outcome.withLock { $0 = "\((error as? FastCGIServerError)?.code ?? .bodyCut)" }
                }
                request.finish()
            }
        ) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/"))
            waitUntil { outcome.withLock { $0 != nil } }
        }
        #expect(outcome.withLock { $0 } == "clientGone")
    }

    @Test("gets no request through with more parameters than allowed, in number or bytes")
    func tooManyParameters() async throws {
        let limited = configuration { configuration in
            configuration.maximumParameters = 10
            configuration.maximumParameterBytes = 10_000
        }
        try await withServer(limited) { server in
            for parameters in [[("A", String(repeating: "x", count: 10_001))], (0..<9).map { ("P\($0)", "") }] {
                let peer = try server.connect()
                try? peer.send(FastCGIPeer.request("/", parameters: parameters))
                #expect(try peer.readToEnd().isEmpty)
            }
            #expect(try server.ask("/", parameters: (0..<8).map { ("P\($0)", "") }).text == "/")
            #expect(try server.ask("/", parameters: [("A", String(repeating: "x", count: 9_000))]).text == "/")
        }
    }

    @Test("cannot abort the process with absurd lengths")
    func absurdLengths() async throws {
        try await withServer { server in
            let peer = try server.connect()
            let lengths: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFE]
            try peer.send(FastCGIPeer.begin() + FastCGIPeer.stream(4, lengths + [65, 65]))
            #expect(try peer.readToEnd().isEmpty)
            #expect(try server.ask("/next").text == "/next")
        }
    }

    @Test("that sends a second request too early loses the connection, not the order")
    func pipelined() async throws {
        try await withServer { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/first") + FastCGIPeer.request("/second"))
            #expect(try peer.answer().text == "/first")
            #expect(throws: FastCGIPeer.EndOfStream.self) { try peer.answer() }
        }
    }

    @Test("does no harm with any single byte of a request changed")
    func anyByteChanged() async throws {
        try await withServer(Self.short) { server in
            let whole = FastCGIPeer.request("/", body: [1, 2, 3])
            for index in whole.indices {
                var changed = whole
                changed[index] ^= 0x84
                let peer = try server.connect()
                try? peer.send(changed)
                peer.shutWriting()
                _ = try? peer.readToEnd()
            }
            #expect(try server.ask("/alive").text == "/alive")
        }
    }
}
