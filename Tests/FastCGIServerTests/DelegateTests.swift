import FastCGIServer
import Glibc
import ParanoidLinux
import Logging
import Synchronization
import Testing

@Suite("A server among others")
struct DelegateTests {
    /// Notes what it is told, and takes connections if it is to.
    final class RecordingDelegate: ServerDelegate {
        let beat = Tally()
        let requests = Tally()
        let ended = Tally()
        let samples = Tally()
        let events = Mutex<[ServerEvent: Int]>([:])
        let opened = Tally()
        let closed = Tally()
        let arrived = Tally()
        let drained = Tally()
        let replacements = Tally()
        private let mailbox: OwnedDescriptor?

        init(passingTo mailbox: consuming OwnedDescriptor? = nil) {
            self.mailbox = mailbox
        }

        func heartbeat() { self.beat.add() }
        func requestBegan() { self.requests.add() }
        func requestEnded() { self.ended.add() }
        func count(_ event: ServerEvent) { self.events.withLock { $0[event, default: 0] += 1 } }
        func sampled(demand: Int, threads: Int) { self.samples.add() }
        func connectionOpened() { self.opened.add() }
        func connectionClosed() { self.closed.add() }
        func connectionArrived() { self.arrived.add() }
        func nothingArrives() {}
        func drains() { self.drained.add() }
        func requestReplacement() { self.replacements.add() }

        func handOff(_ connection: borrowing OwnedDescriptor) -> Bool {
            switch self.mailbox {
            case .some(let mailbox):
                do throws(SystemCallError) {
                    try DescriptorPassing.send(connection, through: mailbox)
                    return true
                } catch {
                    return false
                }
            case .none: return false
            }
        }
    }

    private func server(
        _ path: String,
        _ delegate: RecordingDelegate,
        handler: @escaping @Sendable (consuming FastCGIRequest) async -> Void = answerWithPath
    ) throws -> FastCGIServer {
        try FastCGIServer(
            listener: Listener.open(.unix(path: path)),
            configuration: configuration { $0.heartbeatInterval = .milliseconds(5) },
            delegate: delegate,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            handler: handler
        )
    }

    @Test("passes connections on, and serves those that are passed on to it")
    func passing() async throws {
        let directory = TemporaryDirectory()
        let mailbox = try DescriptorPair.messageSockets()
        let giving = RecordingDelegate(passingTo: try mailbox.writing.duplicate())
        let taking = RecordingDelegate()
        let giver = try self.server(directory.path + "/giver", giving)
        let taker = try self.server(directory.path + "/taker", taking)
        taker.serveArrivals(from: try mailbox.reading.duplicate())
        async let first: Void = giver.run()
        async let second: Void = taker.run()
        let result = await onThread {
            let peers = try (0..<40).map { _ in try OwnedPeer(FastCGIPeer(directory.path + "/giver")) }
            for peer in peers { #expect(try peer.peer.ask("/passed").text == "/passed") }
            for peer in peers { #expect(try peer.peer.ask("/again").text == "/again") }
        }
        taker.drain()
        giver.drain()
        await first
        await second
        try result.get()
        // A mailbox holds only so many; what did not fit was served where it was accepted.
        #expect(taking.arrived.value > 0)
        #expect(giving.opened.value + taking.arrived.value == 40)
        #expect(giving.requests.value + taking.requests.value == 80)
        #expect(giving.closed.value == giving.opened.value && taking.closed.value == taking.opened.value)
        #expect(taking.drained.value == 1)
    }

    @Test("serves itself what nobody takes")
    func refusal() async throws {
        let directory = TemporaryDirectory()
        let mailbox = try DescriptorPair.messageSockets()
        mailbox.refuseNewMessages()
        let delegate = RecordingDelegate(passingTo: try mailbox.writing.duplicate())
        let server = try self.server(directory.path + "/s", delegate)
        async let running: Void = server.run()
        let result = await onThread {
            let peer = try FastCGIPeer(directory.path + "/s")
            #expect(try peer.ask("/mine").text == "/mine")
        }
        server.drain()
        await running
        try result.get()
        #expect(delegate.opened.value == 1)
    }

    @Test("serves what waits in its mailbox when it is told to drain")
    func drainedMailbox() async throws {
        let directory = TemporaryDirectory()
        let mailbox = try DescriptorPair.messageSockets()
        let delegate = RecordingDelegate()
        let server = try self.server(directory.path + "/s", delegate)
        server.serveArrivals(from: try mailbox.reading.duplicate())
        var sockets: (CInt, CInt) = (-1, -1)
        let made = unsafe withUnsafeMutableBytes(of: &sockets) { bytes in
            unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, bytes.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        #expect(made == 0)
        try DescriptorPassing.send(OwnedDescriptor(owning: sockets.1), through: mailbox.writing)
        let peer = FastCGIPeer(connected: sockets.0)
        try peer.send(FastCGIPeer.request("/late"))
        server.drain()
        await server.run()
        #expect(try peer.answer().text == "/late")
        #expect(delegate.arrived.value == 1)
    }

    @Test("cancels a handler whose time is over, and asks for a replacement when that is ignored")
    func deadline() async throws {
        let directory = TemporaryDirectory()
        let delegate = RecordingDelegate()
        let gate = Gate()
        let cancelled = Tally()
        let server = try FastCGIServer(
            listener: Listener.open(.unix(path: directory.path + "/s")),
            configuration: configuration {
                $0.requestDeadline = .milliseconds(20)
                $0.requestGrace = .milliseconds(20)
            },
            delegate: delegate,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { request in
            await withTaskCancellationHandler {
                await gate.pass()
            } onCancel: {
                cancelled.add()
            }
            let isOverdue = request.overdue?() ?? false
            request.answer(isOverdue ? "late" : "in time")
        }
        async let running: Void = server.run()
        let result = await onThread {
            let peer = try FastCGIPeer(directory.path + "/s")
            try peer.send(FastCGIPeer.request("/"))
            waitUntil { delegate.replacements.value == 1 }
            #expect(cancelled.value == 1)
            gate.open()
            #expect(try peer.answer().text == "late")
        }
        server.drain()
        await running
        try result.get()
        #expect(delegate.replacements.value == 1)
    }

    @Test("shows that it lives while slow peers hold all its threads")
    func slowPeers() async throws {
        let directory = TemporaryDirectory()
        let delegate = RecordingDelegate()
        let reading = Tally()
        let server = try self.server(directory.path + "/s", delegate) { request in
            var request = request
            reading.add()
            let body = request.readAll()
            request.answer("\(body?.count ?? -1)")
        }
        async let running: Void = server.run()
        let result = await onThread {
            let first = try FastCGIPeer(directory.path + "/s")
            let second = try FastCGIPeer(directory.path + "/s")
            try first.send(FastCGIPeer.head("/"))
            try second.send(FastCGIPeer.head("/"))
            waitUntil { reading.value == 2 }
            let before = delegate.beat.value
            waitUntil { delegate.beat.value > before + 1 }
            for rest in [FastCGIPeer.stream(5, [1, 2, 3])] {
                try first.send(rest)
                try second.send(rest)
            }
            #expect(try first.answer().text == "3")
            #expect(try second.answer().text == "3")
        }
        server.drain()
        await running
        try result.get()
    }

    @Test("shows that its threads come round, also when idle, and not while handlers hold all of them")
    func heartbeat() async throws {
        let directory = TemporaryDirectory()
        let delegate = RecordingDelegate()
        let gate = Gate()
        let server = try self.server(directory.path + "/s", delegate) { request in
            gate.block()
            request.answer("free")
        }
        async let running: Void = server.run()
        let result = await onThread {
            waitUntil { delegate.beat.value >= 5 }
            let first = try FastCGIPeer(directory.path + "/s")
            let second = try FastCGIPeer(directory.path + "/s")
            try first.send(FastCGIPeer.request("/block"))
            try second.send(FastCGIPeer.request("/block"))
            waitUntil { gate.arrived == 2 }
            let before = delegate.beat.value
            usleep(200_000)
            #expect(delegate.beat.value == before)
            gate.open()
            #expect(try first.answer().text == "free")
            #expect(try second.answer().text == "free")
            waitUntil { delegate.beat.value > before }
        }
        server.drain()
        await running
        try result.get()
    }
}
