import FastCGIServer
import ParanoidLinux
import Logging
import Synchronization
import Testing

@Suite("Draining")
struct DrainTests {
    @Test("finishes the running request and ends kept connections so that nobody uses them again")
    func running() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            if request.parameter("SCRIPT_NAME") == "/wait" { await gate.pass() }
            request.answer("whole")
        }) { server in
            let peer = try server.connect()
            #expect(try peer.ask("/first").text == "whole")
            try peer.send(FastCGIPeer.request("/wait"))
            waitUntil { gate.arrived == 1 }
            server.server.drain()
            gate.open()
            #expect(try peer.answer().text == "whole")
            // The record behind the end is what makes nginx throw the connection away.
            #expect(try peer.receiveRecord() == FastCGIPeer.Record(kind: 6, request: 1, content: []))
            #expect(try peer.readToEnd().isEmpty)
        }
    }

    @Test("answers requests that were already sent, on open connections and in the listener's queue")
    func queued() async throws {
        let gate = Gate()
        let slow = configuration { $0.threads = 1 }
        try await withServer(
            slow,
            handler: { request in
                if request.parameter("SCRIPT_NAME") == "/block" {
                    gate.block()
                }
                request.answer("whole")
            }
        ) { server in
            let open = try OwnedPeers(count: 5, server)
            try open.forEach { peer in
                let answer = try peer.ask("/")
                #expect(answer.text == "whole")
            }
            let blocker = try server.connect()
            try blocker.send(FastCGIPeer.request("/block"))
            waitUntil { gate.arrived == 1 }
            // The only thread is held, so all of these wait in sockets and in the listener's queue.
            try open.forEach { try $0.send(FastCGIPeer.request("/")) }
            let waiting = try OwnedPeers(count: 5, server)
            try waiting.forEach { try $0.send(FastCGIPeer.request("/")) }
            server.server.drain()
            gate.open()
            #expect(try blocker.answer().text == "whole")
            try open.forEach { peer in
                let answer = try peer.answer()
                #expect(answer.text == "whole")
            }
            try waiting.forEach { peer in
                let answer = try peer.answer()
                #expect(answer.text == "whole")
            }
            #expect(throws: SystemCallError.self) { _ = try server.connect() }
        }
    }

    @Test("still serves idle connections for their time, and closes them afterwards")
    func idle() async throws {
        let patient = configuration { $0.idleDrainTime = .seconds(3600) }
        try await withServer(patient) { server in
            let peer = try server.connect()
            let other = try server.connect()
            #expect(try peer.ask("/first").text == "/first")
            #expect(try other.ask("/first").text == "/first")
            server.server.drain()
            #expect(try peer.ask("/second").text == "/second")
            #expect(try peer.receiveRecord().content.isEmpty)
            try peer.readToEnd()
            #expect(try other.ask("/third").text == "/third")
        }
        try await withServer { server in
            let peer = try server.connect()
            #expect(try peer.ask("/first").text == "/first")
            server.server.drain()
            #expect(try peer.readToEnd().isEmpty)
        }
    }

    @Test("cancels and cuts requests that go on after the time for them")
    func overtime() async throws {
        let cancelled = Atomic<Bool>(false)
        let arrived = Tally()
        let isCut = Gate()
        let strict = configuration { $0.drainTimeout = .zero }
        try await withServer(
            strict,
            handler: { request in
                arrived.add()
                try? await Task.sleep(for: .seconds(3600))
                cancelled.store(Task.isCancelled, ordering: .releasing)
                // A handler that ends as soon as it is cancelled may still be in time.
                await isCut.pass()
                request.answer("too late")
            }
        ) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/"))
            waitUntil { arrived.value == 1 }
            server.server.drain()
            #expect(throws: (any Error).self) { try peer.answer() }
            isCut.open()
        }
        let wasCancelled = cancelled.load(ordering: .acquiring)
        #expect(wasCancelled)
    }

    @Test("before the start makes the start return at once, and tasks left over still end")
    func early() async throws {
        let directory = TemporaryDirectory()
        let server = try FastCGIServer(
            listener: Listener.open(.unix(path: directory.path + "/s")),
            configuration: configuration(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            handler: answerWithPath
        )
        server.drain()
        server.drain()
        await server.run()
        let leftOver = Task(executorPreference: server.executor) { 42 }
        #expect(await leftOver.value == 42)
    }
}
