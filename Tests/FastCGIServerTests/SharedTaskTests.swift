import FastCGIServer
import Synchronization
import Testing

@Suite("Requests that share a task")
struct SharedTaskTests {
    private static func oneThread() -> FastCGIServerConfiguration { configuration { $0.threads = 1 } }

    @Test("do not share its end: after a handler that has cancelled its own task, the next one is not cancelled")
    func ownCancellation() async throws {
        try await withServer(
            Self.oneThread(),
            handler: { request in
                let before = Task.isCancelled
                if request.parameter("SCRIPT_NAME") == "/cancel" { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
                request.answer("\(before) \(Task.isCancelled)")
            }
        ) { server in
            let peer = try server.connect()
            for _ in 0..<3 {
                let first = try peer.ask("/cancel")
                #expect(first.text == "false true")
                let second = try peer.ask("/")
                #expect(second.text == "false false")
            }
        }
    }

    @Test("part when one suspends: its client's going cancels it and no other on its thread")
    func parting() async throws {
        let outcome = Mutex<[Bool]>([])
        let arrived = Tally()
        try await withServer(
            Self.oneThread(),
            handler: { request in
                if request.parameter("SCRIPT_NAME") == "/wait" {
                    arrived.add()
                    // Ends only by cancellation.
                    try? await Task.sleep(for: .seconds(3600))
                    outcome.withLock { $0.append(Task.isCancelled) }
                }
                request.answer("\(Task.isCancelled)")
            }
        ) { server in
            let peer = try server.connect()
            #expect(try peer.ask("/").text == "false")
            do {
                let going = try server.connect()
                try going.send(FastCGIPeer.request("/wait"))
                waitUntil { arrived.value == 1 }
                #expect(try peer.ask("/").text == "false")
            }
            waitUntil { outcome.withLock { $0.count == 1 } }
            #expect(try peer.ask("/").text == "false")
        }
        #expect(outcome.withLock { $0 } == [true])
    }

    @Test("each get their own response when some suspend and go on on another thread")
    func mixed() async throws {
        try await withServer(handler: { request in
            let path = request.parameter("SCRIPT_NAME") ?? "-"
            if path.hasSuffix("1") { await Task.yield() }
            if path.hasSuffix("2") { try? await Task.sleep(for: .microseconds(50)) }
            request.answer("\(path) \(Task.isCancelled)")
        }) { server in
            let peers = try OwnedPeers(count: 24, server)
            for round in 0..<100 {
                try peers.forEach { try $0.send(FastCGIPeer.request("/\(round)")) }
                try peers.forEach { peer in
                    let answer = try peer.answer()
                    #expect(answer.text == "/\(round) false")
                }
            }
        }
    }

    @Test("leave the limit of running requests as it is")
    func limit() async throws {
        let gate = Gate()
        let limited = configuration {
            $0.threads = 1
            $0.maximumRunningRequests = 2
            $0.rejectOverload = { $0.answer("busy") }
        }
        try await withServer(
            limited,
            handler: { request in
                if request.parameter("SCRIPT_NAME") == "/wait" { await gate.pass() }
                request.answer("served")
            }
        ) { server in
            let waiting = try OwnedPeers(count: 2, server)
            try waiting.forEach { try $0.send(FastCGIPeer.request("/wait")) }
            waitUntil { gate.arrived == 2 }
            let peer = try server.connect()
            for _ in 0..<3 { #expect(try peer.ask("/").text == "busy") }
            gate.open()
            try waiting.forEach { waiting in
                let answer = try waiting.answer()
                #expect(answer.text == "served")
            }
            for _ in 0..<3 { #expect(try peer.ask("/").text == "served") }
        }
    }
}
