import ParanoidFastCGI

/// The pages.
///
/// A browser sends a file in slices. Each slice says where it begins; the server answers how far the file is there. So a connection that
/// breaks, a page that is closed and a server that is restarted cost one slice at most.
struct UploadPages: Sendable {
    private static let offset = HTTPField.Name("Upload-Offset")!
    /// The name of the directory with the files of a session.
    private static let owner = SessionKey<String>("upload owner")
    private let directory: String

    init(directory: String) {
        self.directory = directory
    }

    /// The files of the session of a request.
    ///
    /// - Throws: An error with status 404 when the session has none.
    private func shelf(of request: Request) async throws -> Shelf {
        guard let owner = try await request.session.value(Self.owner) else { throw HTTPError(.notFound) }
        return Shelf(self.directory, owner: owner)
    }

    private struct Announcement: Decodable {
        var name: String
        var size: Int
    }

    func register(on app: Application) {
        app.add(middleware: CSRFProtection())
        app.get("/hello") { _ in "hello\n" }
        app.get("/") { request in
            if try await request.session.value(Self.owner) == nil {
                let name = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined(separator: "-")
                try await request.session.set(Self.owner, to: name)
            }
            return UploadPage.response(try await self.shelf(of: request).uploads(), token: try await request.session.csrfToken)
        }

        // A file is announced; the response says under which identifier its bytes are to be sent.
        app.post("/uploads") { request in
            let announcement = try await request.decodeJSON(Announcement.self)
            var validation = Validation()
            validation.check(!announcement.name.isEmpty && announcement.name.count <= 200, "name", "has 1 to 200 characters")
            validation.check(0...Shelf.largest ~= announcement.size, "size", "is at most 10 GiB")
            try validation.finish()
            return try Response.json(await self.shelf(of: request).begin(announcement.name, size: announcement.size), status: .created)
        }
        // How far it is.
        app.get("/uploads/{id}") { request in try self.told(await self.shelf(of: request).upload(request.pathParameter("id"))) }
        // The next slice, at the place that the field Upload-Offset names.
        app.patch("/uploads/{id}", bodyLimit: 64 << 20) { request in
            let shelf = try await self.shelf(of: request)
            var upload = try shelf.upload(request.pathParameter("id"))
            // The size counts under the lock: of two slices for one place the second is told how far the file is.
            guard let file = try shelf.open(upload) else { return try self.told(upload, status: .conflict) }
            upload.received = file.size
            guard let offset = request.header(Self.offset).flatMap({ Int($0) }), offset == upload.received else {
                return try self.told(upload, status: .conflict)
            }
            // Each piece is on its way to the disk before the next one is read: a slice of any size needs the memory of one piece.
            for try await bytes in request.body {
                guard upload.received + bytes.count <= upload.size else { throw HTTPError(.contentTooLarge) }
                try file.append(bytes)
                upload.received += bytes.count
            }
            return try self.told(upload)
        }
        // The progress, until the file is complete. Another worker may be the one that receives it: what counts is the file.
        app.get("/uploads/{id}/events") { request in
            let shelf = try await self.shelf(of: request)
            let id = try shelf.upload(request.pathParameter("id")).id
            return Response.events(for: request) { events in
                var last: Int?
                while true {
                    let upload = try shelf.upload(id)
                    if upload.received != last { try await events.send("\(upload.received) \(upload.size)", id: "\(upload.received)") }
                    if upload.received == upload.size { return }
                    last = upload.received
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
        }
        app.get("/files/{id}") { request in
            let shelf = try await self.shelf(of: request)
            let upload = try shelf.upload(request.pathParameter("id"))
            guard upload.received == upload.size else { throw HTTPError(.notFound) }
            // Ranges, conditions and validators are answered by this one call.
            var response = try Response.file(shelf.path(of: upload), for: request)
            response.setDownload(named: upload.name)
            return response
        }
    }

    private func told(_ upload: StoredUpload, status: HTTPResponse.Status = .ok) throws -> Response {
        var response = try Response.json(upload, status: status)
        try response.setHeader("\(upload.received)", for: Self.offset)
        try response.setHeader("no-store", for: .cacheControl)
        return response
    }
}
