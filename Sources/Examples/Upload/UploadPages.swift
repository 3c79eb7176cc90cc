import Foundation
import ParanoidFastCGI

/// The pages.
///
/// A browser sends a file in slices. Each slice says where it begins; the server answers how far the file is there. So a connection that
/// breaks, a page that is closed and a server that is restarted cost one slice at most.
struct UploadPages: Sendable {
    private static let offset = HTTPField.Name("Upload-Offset")!
    private let shelf: Shelf

    init(directory: String) throws {
        self.shelf = try Shelf(directory)
    }

    private struct Announcement: Decodable {
        var name: String
        var size: Int
    }

    func register(on app: Application) {
        app.add(middleware: CSRFProtection())
        app.get("/hello") { _ in "hello\n" }
        app.get("/") { request in UploadPage.response(try self.shelf.uploads(), token: try await request.session.csrfToken) }

        // A file is announced; the response says under which identifier its bytes are to be sent.
        app.post("/uploads") { request in
            let announcement = try await request.decodeJSON(Announcement.self)
            var validation = Validation()
            validation.check(!announcement.name.isEmpty && announcement.name.count <= 200, "name", "has 1 to 200 characters")
            validation.check(0...Shelf.largest ~= announcement.size, "size", "is at most 10 GiB")
            try validation.finish()
            return try Response.json(self.shelf.begin(announcement.name, size: announcement.size), status: .created)
        }
        // How far it is.
        app.get("/uploads/{id}") { request in try self.told(self.shelf.upload(request.pathParameter("id"))) }
        // The next slice, at the place that the field Upload-Offset names.
        app.patch("/uploads/{id}", bodyLimit: 64 << 20) { request in
            var upload = try self.shelf.upload(request.pathParameter("id"))
            guard let offset = request.header(Self.offset).flatMap({ Int($0) }), offset == upload.received else {
                return try self.told(upload, status: .conflict)
            }
            let file = try self.shelf.open(upload)
            // Each piece is on its way to the disk before the next one is read: a slice of any size needs the memory of one piece.
            for try await bytes in request.body {
                guard upload.received + bytes.count <= upload.size else { throw HTTPError(.contentTooLarge) }
                try file.write(contentsOf: bytes)
                upload.received += bytes.count
            }
            try file.close()
            return try self.told(upload)
        }
        // The progress, until the file is complete. Another worker may be the one that receives it: what counts is the file.
        app.get("/uploads/{id}/events") { request in
            let id = try self.shelf.upload(request.pathParameter("id")).id
            return Response.events(for: request) { events in
                var last: Int?
                while true {
                    let upload = try self.shelf.upload(id)
                    if upload.received != last { try await events.send("\(upload.received) \(upload.size)", id: "\(upload.received)") }
                    if upload.received == upload.size { return }
                    last = upload.received
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
        }
        app.get("/files/{id}") { request in
            let upload = try self.shelf.upload(request.pathParameter("id"))
            guard upload.received == upload.size else { throw HTTPError(.notFound) }
            // Ranges, conditions and validators are answered by this one call.
            var response = try Response.file(self.shelf.path(of: upload), for: request)
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
