import ParanoidFastCGI

/// `/devices`: the sessions of the user who is logged in, and the end of one or all others.
enum DevicesPage {
    private struct Device: Encodable {
        var handle: String
        var device: String?
        var address: String?
        var loggedInAt: Int64?
        var lastWrittenAt: Int64
        var isThisOne: Bool

        init(_ listing: SessionListing) {
            self.handle = listing.handle.description
            self.device = listing.device?.label
            self.address = listing.device?.address
            self.loggedInAt = listing.loggedInAt.map { $0.nanosecondsSinceEpoch / 1_000_000_000 }
            self.lastWrittenAt = listing.writtenAt.nanosecondsSinceEpoch / 1_000_000_000
            self.isThisOne = listing.isCurrent
        }
    }

    private struct Form: Decodable {
        var handle: String
    }

    private struct Ended: Encodable {
        var ended: Int
    }

    static func register(on routes: some RouterMethods) {
        routes.get("/devices") { request in
            try Response.json(await request.session.list().map(Device.init))
        }
        routes.post("/devices/revoke") { request in
            guard let handle = SessionHandle(try await request.decodeForm(Form.self).handle) else { throw HTTPError.badRequest }
            return try Response.json(Ended(ended: await request.session.revoke(handle) ? 1 : 0))
        }
        routes.post("/devices/revoke-others") { request in
            try Response.json(Ended(ended: await request.session.revokeOthers()))
        }
    }
}
