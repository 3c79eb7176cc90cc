import ParanoidFastCGI

/// `POST /echo`: the body back in the pieces it came in, with its content type.
enum EchoPage {
    static func register(on routes: some RouterMethods) {
        routes.post("/echo") { request in
            // All of the body before any of the answer: nginx stops sending a request's body once the head of the response has arrived, so
            // that who answers while reading waits for a rest that never comes.
            var chunks: [[UInt8]] = []
            var length = 0
            for try await chunk in request.body {
                chunks.append(chunk)
                length += chunk.count
            }
            var response = Response(
                body: .stream(length: length) { [chunks] writer in
                    for chunk in chunks { try await writer.write(chunk) }
                }
            )
            try response.setHeader(request.header(.contentType) ?? "application/octet-stream", for: .contentType)
            // The bytes are the sender's: no browser shall guess that they are a page.
            try response.setHeader("nosniff", for: .xContentTypeOptions)
            try response.setHeader("sandbox; default-src 'none'", for: .contentSecurityPolicy)
            return response
        }
    }
}
