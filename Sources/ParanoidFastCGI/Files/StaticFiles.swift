internal import HTTPTypes
public import ParanoidHTTP
internal import ParanoidLinux

/// Serves the files of a directory where no route answers, for development; in production nginx does that better (`nginx/paranoid_static.conf`).
///
/// ```swift
/// app.add(middleware: StaticFiles("public", below: "/static"))
/// ```
///
/// Files have validators, conditions and ranges as in `Response.file`; methods other than GET and HEAD get 405. Names that begin with a dot are not served, and no symbolic
/// link below the directory is followed. Browsers ask again before they use a copy (`Cache-Control: no-cache`), so a change shows at once.
public struct StaticFiles: HTTPMiddleware {
    private let directory: String
    private let prefix: [UInt8]
    private let index: String?

    /// Creates the middleware.
    ///
    /// - Parameters:
    ///   - directory: The directory, which may be a link itself; a path without a slash in front begins in the working directory.
    ///   - prefix: The path below which its files are; `/` for all that no route answers.
    ///   - index: The file that stands for its directory; `nil`: none does.
    public init(_ directory: String, below prefix: String = "/", index: String? = "index.html") {
        self.directory = directory
        var bytes = Array(prefix.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        self.prefix = bytes
        self.index = index
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public func handle(_ request: Request, next: any HTTPHandler) async throws -> Response {
        guard request.route == nil, (try? request.validate()) != nil, let rest = request.rawPath(below: self.prefix),
            let names = self.names(Array(rest)), let response = try self.response(names, request)
        else { return try await next.handle(request) }
        switch request.method {
        case .get, .head: return response
        case .options:
            var answer = Response(status: .noContent)
            try answer.setHeader(Self.methods, for: .allow)
            return answer
        default: throw HTTPError(.methodNotAllowed).adding(Self.methods, for: .allow)
        }
    }

    private static let methods = "GET, HEAD, OPTIONS"

    /// The names on the way to a file; `nil` for a path that leads to none.
    private func names(_ path: [UInt8]) -> [String]? {
        var names: [String] = []
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (position, segment) in segments.enumerated() {
            if segment.isEmpty, position == segments.count - 1 {
                guard let index else { return nil }
                names.append(index)
                continue
            }
            guard let decoded = PercentEncoding.decode(Array(segment).span), !decoded.isEmpty, decoded[0] != UInt8(ascii: "."),
                !decoded.contains(UInt8(ascii: "/"))
            else { return nil }
            names.append(String(decoding: decoded, as: UTF8.self))
        }
        return names.isEmpty ? nil : names
    }

    private func response(_ names: [String], _ request: Request) throws -> Response? {
        let file: OpenFile
        let status: FileStatus
        do throws(SystemCallError) {
            file = try OpenFile(reading: names, below: self.directory)
            status = try file.status()
        } catch {
            if error.isAbsent || error.isWrongKind { return nil }
            throw error
        }
        switch status.kind {
        case .regular:
            var response = try Response.file(file, status, for: request, contentType: MediaTypes.type(of: names[names.count - 1]))
            try response.setHeader("no-cache", for: .cacheControl)
            try response.setHeader("nosniff", for: .xContentTypeOptions)
            if request.method == .head { response.omitBody() }
            return response
        // The page's own links are relative to the directory. Two slashes in a row were refused, so this is no other host.
        case .directory where self.index != nil: return .redirect(to: request.rawPath + "/", status: .permanentRedirect)
        case .directory, .symbolicLink, .other: return nil
        }
    }
}

/// Media types by the ends of names, those that browsers need to be right.
enum MediaTypes {
    private static let types: [String: String] = [
        "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "txt": "text/plain; charset=utf-8",
        "md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/json", "map": "application/json",
        "webmanifest": "application/manifest+json", "xml": "application/xml", "svg": "image/svg+xml", "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif", "ico": "image/vnd.microsoft.icon",
        "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf", "mp3": "audio/mpeg", "ogg": "audio/ogg",
        "wav": "audio/wav", "mp4": "video/mp4", "webm": "video/webm", "pdf": "application/pdf", "wasm": "application/wasm",
        "zip": "application/zip", "gz": "application/gzip",
    ]

    /// The type of a file by its name.
    static func type(of name: String) -> String {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "application/octet-stream" }
        let end = name.utf8[name.utf8.index(after: dot)...].map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        return self.types[String(decoding: end, as: UTF8.self)] ?? "application/octet-stream"
    }
}
