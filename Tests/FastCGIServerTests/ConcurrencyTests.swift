import FastCGIServer
import Glibc
import ParanoidLinux
import Synchronization
import Testing

@Suite("Threads")
struct ConcurrencyTests {
    @Test("are held neither by three hundred idle connections nor by silent ones")
    func idle() async throws {
        try await withServer { server in
            let kept = try OwnedPeers(count: 300, server)
            try kept.forEach { peer in
                let answer = try peer.ask("/kept")
                #expect(answer.text == "/kept")
            }
            let silent = try OwnedPeers(count: 50, server)
            for _ in 0..<20 { #expect(try server.ask("/now").text == "/now") }
            #expect(server.server.openConnections >= 300)
            try kept.forEach { peer in
                let answer = try peer.ask("/again")
                #expect(answer.text == "/again")
            }
            silent.close()
            kept.close()
            waitUntil { server.server.openConnections == 0 }
        }
    }

    @Test("serve all of many busy connections")
    func fairness() async throws {
        try await withServer { server in
            let peers = try OwnedPeers(count: 64, server)
            for round in 0..<20 {
                try peers.forEach { try $0.send(FastCGIPeer.request("/\(round)")) }
                try peers.forEach { peer in
                    let answer = try peer.answer()
                    #expect(answer.text == "/\(round)")
                }
            }
        }
    }

    @Test("are not held by suspended handlers: fifty of them wait for the fifty-first on two threads")
    func suspended() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            let path = request.parameter("SCRIPT_NAME")
            if path == "/wait" { await gate.pass() }
            request.answer(path ?? "-")
        }) { server in
            let peers = try OwnedPeers(count: 50, server)
            try peers.forEach { try $0.send(FastCGIPeer.request("/wait")) }
            waitUntil { gate.arrived == 50 }
            #expect(try server.ask("/now").text == "/now")
            gate.open()
            try peers.forEach { peer in
                let answer = try peer.answer()
                #expect(answer.text == "/wait")
            }
        }
    }

    @Test("are not held by sleeping handlers")
    func sleeping() async throws {
        let asleep = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        try await withServer(handler: { request in
            most.max(asleep.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
            try? await Task.sleep(for: .milliseconds(300))
            asleep.subtract(1, ordering: .relaxed)
            request.answer("slept")
        }) { server in
            let peers = try OwnedPeers(count: 50, server)
            try peers.forEach { try $0.send(FastCGIPeer.request("/")) }
            try peers.forEach { peer in
                let answer = try peer.answer()
                #expect(answer.text == "slept")
            }
        }
        // More at a time than there are threads, which blocking handlers could not be.
        #expect(most.load(ordering: .relaxed) > 2)
    }

    @Test("run the jobs of one another: a handler that blocks does not keep what it has made ready")
    func stealing() async throws {
        let done = Tally()
        try await withServer(handler: { request in
            let gate = Gate()
            async let child: Void = gate.pass()
            gate.open()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { done.add() }
                // Blocks this thread until another one has run the job that was made ready on it.
                waitUntil { done.value == 1 }
            }
            await child
            request.answer("both")
        }) { server in
            let answer = try server.ask("/")
            #expect(answer.text == "both")
        }
    }

    @Test("are the only ones that run a handler, before and after suspensions")
    func executor() async throws {
        try await withServer(handler: { request in
            var names = [threadName()]
            await Task.yield()
            names.append(threadName())
            try? await Task.sleep(for: .milliseconds(1))
            names.append(threadName())
            await withTaskGroup(of: String.self) { group in
                group.addTask { threadName() }
                for await name in group { names.append(name) }
            }
            request.answer("\(names.allSatisfy { $0.hasPrefix("fcgi-") })")
        }) { server in
            for _ in 0..<20 {
                let answer = try server.ask("/")
                #expect(answer.text == "true")
            }
        }
    }

    @Test("block all signals but those of a crash")
    func signals() async throws {
        try await withServer(handler: { request in
            var mask = sigset_t()
            unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
            let open = (1..<32).filter { unsafe $0 != SIGKILL && $0 != SIGSTOP && sigismember(&mask, $0) == 0 }
            request.answer("\(open)")
        }) { server in
            let crashes = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV].sorted()
            let answer = try server.ask("/")
            #expect(answer.text == "\(crashes)")
        }
    }

    @Test("notice a client that goes: the request knows, and a suspended handler is cancelled")
    func clientGone() async throws {
        let outcome = Mutex<[String]>([])
        let arrived = Tally()
        try await withServer(handler: { request in
            let before = request.isClientGone
            arrived.add()
            // Ends only by cancellation, long before the hour is over.
            try? await Task.sleep(for: .seconds(3600))
            let text = "\(before) \(request.isClientGone) \(Task.isCancelled)"
            outcome.withLock { $0.append(text) }
            request.answer("unheard")
        }) { server in
            do {
                let fresh = try server.connect()
                try fresh.send(FastCGIPeer.request("/"))
                waitUntil { arrived.value == 1 }
            }
            waitUntil { outcome.withLock { $0.count == 1 } }
        }
        #expect(outcome.withLock { $0 } == ["false true true"])
    }

    @Test("notice an abort record when the body has been read")
    func aborted() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            var request = request
            _ = request.readAll()
            let before = request.isClientGone
            await gate.pass()
            let after = request.isClientGone
            request.answer("\(before) \(after)")
        }) { server in
            let peer = try server.connect()
            try peer.send(FastCGIPeer.request("/"))
            waitUntil { gate.arrived == 1 }
            try peer.send(FastCGIPeer.record(2))
            gate.open()
            #expect(try peer.answer().text == "false true")
        }
    }

    @Test("call back for a watched descriptor, once")
    func watched() async throws {
        let called = Tally()
        try await withServer { server in
            let counter = try EventFD()
            server.server.watch(try counter.descriptor.duplicate()) { called.add() }
            counter.signal()
            waitUntil { called.value == 1 }
            counter.signal()
            #expect(try server.ask("/").text == "/")
        }
        #expect(called.value == 1)
    }

    @Test("serve a connection that another process has accepted and passed on")
    func passedOn() async throws {
        try await withServer { server in
            var numbers: (CInt, CInt) = (-1, -1)
            unsafe withUnsafeMutableBytes(of: &numbers) { bytes in
                _ = unsafe socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, bytes.baseAddress?.assumingMemoryBound(to: CInt.self))
            }
            let sender = DescriptorPassing(OwnedDescriptor(owning: numbers.0))
            let receiver = DescriptorPassing(OwnedDescriptor(owning: numbers.1))
            var ends: (CInt, CInt) = (-1, -1)
            unsafe withUnsafeMutableBytes(of: &ends) { bytes in
                _ = unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, bytes.baseAddress?.assumingMemoryBound(to: CInt.self))
            }
            try sender.send(OwnedDescriptor(owning: ends.0), tag: 5)
            guard case .descriptor(let descriptor, let tag) = try receiver.receive() else {
                Issue.record("nothing arrived")
                return
            }
            #expect(tag == 5)
            server.server.serve(descriptor)
            let peer = FastCGIPeer(connected: ends.1)
            #expect(try peer.ask("/passed").text == "/passed")
            #expect(try peer.ask("/again", keep: false).text == "/again")
        }
    }
}

/// The calling thread's name.
private func threadName() -> String {
    let file = unsafe open("/proc/thread-self/comm", O_RDONLY)
    defer { close(file) }
    var name = [UInt8](repeating: 0, count: 64)
    let count = unsafe name.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
    return String(decoding: name.prefix(max(0, count)), as: UTF8.self)
}
