/// One open peer that can be kept in a list.
final class OwnedPeer {
    let peer: FastCGIPeer

    init(_ peer: consuming FastCGIPeer) { self.peer = peer }
}

/// Several open peers.
final class OwnedPeers {
    private final class Box {
        let peer: FastCGIPeer
        init(_ peer: consuming FastCGIPeer) { self.peer = peer }
    }

    private var boxes: [Box] = []

    init(count: Int, _ server: TestServer) throws {
        for _ in 0..<count { self.boxes.append(Box(try server.connect())) }
    }

    func forEach(_ body: (borrowing FastCGIPeer) throws -> Void) rethrows {
        for box in self.boxes { try body(box.peer) }
    }

    func close() {
        self.boxes = []
    }
}
