import ParanoidLinux
import Synchronization
import Testing

@testable import FastCGIServer

@Suite("The order in which requests are served")
struct RequestCostsTests {
    private func place(_ target: String) -> Int { unsafe RequestCosts.place(of: target.utf8.span.bytes) }

    @Test("knows a path whatever its query")
    func places() {
        #expect(self.place("/a?x=1") == self.place("/a?x=2"))
        #expect(self.place("/a?x=1") == self.place("/a"))
        #expect(self.place("/a") != self.place("/b"))
        #expect(0..<256 ~= self.place(""))
    }

    @Test("takes requests for dear that take clearly longer than most, and none among equals")
    func dear() {
        let costs = RequestCosts()
        #expect(!costs.isDear(1))
        for _ in 0..<50 {
            costs.note(1, microseconds: 50)
            costs.note(2, microseconds: 500)
            costs.note(3, microseconds: 55)
        }
        #expect(!costs.isDear(1))
        #expect(costs.isDear(2))
        #expect(!costs.isDear(3))
        let equal = RequestCosts()
        for _ in 0..<50 { for place in 0..<3 { equal.note(place, microseconds: 500) } }
        #expect(!equal.isDear(0) && !equal.isDear(1) && !equal.isDear(2))
    }

    @Test("does not take a short request for dear that had to wait once, nor any that takes next to no time")
    func outlier() {
        let costs = RequestCosts()
        for _ in 0..<100 {
            costs.note(1, microseconds: 10)
            costs.note(2, microseconds: 2)
        }
        #expect(!costs.isDear(1))
        costs.note(1, microseconds: 100_000)
        #expect(!costs.isDear(1))
        for _ in 0..<50 { costs.note(1, microseconds: 500) }
        #expect(costs.isDear(1))
        costs.note(3, microseconds: .max)
        #expect(costs.isDear(3))
    }

    @Test("takes several events at once only while requests are short")
    func eventsAtOnce() {
        let costs = RequestCosts()
        #expect(costs.eventsAtOnce == 1)
        for _ in 0..<300 { costs.note(1, microseconds: 4) }
        #expect(costs.eventsAtOnce == Epoll.mostEvents)
        for _ in 0..<300 { costs.note(1, microseconds: 500) }
        #expect(costs.eventsAtOnce == 1)
        // The average follows also the last few microseconds down.
        for _ in 0..<1000 { costs.note(1, microseconds: 4) }
        #expect(costs.eventsAtOnce == Epoll.mostEvents)
    }

    @Test("leaves no event that was taken with others to a thread whose handler blocks")
    func takenAlong() async throws {
        let freed = Atomic<Int>(0)
        try await withServer(handler: { request in
            let path = request.parameter("SCRIPT_NAME") ?? "-"
            // A number that only the requests of this round can reach.
            if let round = Int(path.dropFirst(6)), path.hasPrefix("/block") {
                waitUntil { freed.load(ordering: .acquiring) >= 3 * round }
            } else {
                freed.add(1, ordering: .releasing)
            }
            request.answer(path)
        }) { server in
            let peers = try OwnedPeers(count: 4, server)
            for round in 1...200 {
                var index = 0
                try peers.forEach { peer in
                    try peer.send(FastCGIPeer.request(index == round % 4 ? "/block\(round)" : "/free"))
                    index += 1
                }
                try peers.forEach { peer in
                    let answer = try peer.answer()
                    #expect(answer.text.hasPrefix("/"))
                }
            }
        }
    }

    @Test("lets cheap requests pass dear ones when the thread is busy")
    func passing() async throws {
        let served = Served()
        let oneThread = configuration { $0.threads = 1 }
        try await withServer(oneThread, handler: { request in served.answer(request) }) { server in
            let first = try server.connect()
            server.teachCosts()
            let peers = try OwnedPeers(count: 6, server)
            try peers.forEach { peer in
                try served.send(peer, "/cheap")
                _ = try peer.answer()
            }
            served.order.withLock { $0 = [] }
            try served.send(first, "/gate")
            waitUntil { served.gate.arrived == 1 }
            var index = 0
            try peers.forEach { peer in
                try served.send(peer, index < 3 ? "/dear?\(index)" : "/cheap?\(index)")
                index += 1
            }
            served.gate.open()
            _ = try first.answer()
            try peers.forEach { _ = try $0.answer() }
        }
        #expect(served.order.withLock { $0 } == ["/gate", "/cheap?3", "/cheap?4", "/cheap?5", "/dear?0", "/dear?1", "/dear?2"])
    }

    @Test("lets no request be passed for ever: after sixteen others the one that has waited longest has its turn")
    func turn() async throws {
        let served = Served()
        let oneThread = configuration { $0.threads = 1 }
        try await withServer(oneThread, handler: { request in served.answer(request) }) { server in
            let first = try server.connect()
            server.teachCosts()
            let peers = try OwnedPeers(count: 30, server)
            try peers.forEach { peer in
                try served.send(peer, "/cheap")
                _ = try peer.answer()
            }
            served.order.withLock { $0 = [] }
            try served.send(first, "/gate")
            waitUntil { served.gate.arrived == 1 }
            var index = 0
            try peers.forEach { peer in
                try served.send(peer, index < 1 ? "/dear" : "/cheap")
                index += 1
            }
            served.gate.open()
            _ = try first.answer()
            try peers.forEach { _ = try $0.answer() }
        }
        // Behind the gate and the sixteen.
        #expect(served.order.withLock { $0.firstIndex(of: "/dear") } == 1 + DeferredRequests.turn)
    }
}

/// A handler that waits at one target, and the order in which it was called.
private final class Served: Sendable {
    let order = Mutex<[String]>([])
    let gate = Gate()

    func answer(_ request: consuming FastCGIRequest) {
        let target = request.parameter("REQUEST_URI") ?? "-"
        if target == "/gate" { self.gate.block() }
        self.order.withLock { $0.append(target) }
        request.answer(target)
    }

    func send(_ peer: borrowing FastCGIPeer, _ target: String) throws {
        try peer.send(FastCGIPeer.request("/", parameters: [("REQUEST_URI", target)]))
    }
}

extension TestServer {
    /// Costs that no real request reaches on a slow machine: the handlers of the tests take no time, so what they are taken for stays.
    fileprivate func teachCosts() {
        let costs = self.server.scheduler.costs
        unsafe costs.note(RequestCosts.place(of: "/cheap".utf8.span.bytes), microseconds: 100_000)
        unsafe costs.note(RequestCosts.place(of: "/dear".utf8.span.bytes), microseconds: 4_000_000_000)
    }
}
