import ParanoidFastCGI

/// `/session/values`: named texts of the visitor's choice.
enum ValuesPages {
    private struct Form: Decodable {
        var key: String
        var value: String
    }

    private static let maximumValues = 64

    static func register(on routes: some RouterMethods) {
        routes.get("/session/values") { request in
            try Response.json(await request.session.value(.values) ?? [:])
        }
        routes.post("/session/values") { request in
            let form = try await request.decodeForm(Form.self)
            guard !form.key.isEmpty else { throw HTTPError(.badRequest, message: "The key is empty.") }
            // Two requests that set different keys must both succeed, so the table is changed under the session's lock.
            let values = try await request.session.update(.values, default: [:]) { values in
                guard values[form.key] != nil || values.count < Self.maximumValues else {
                    throw HTTPError(.unprocessableContent, message: "A session keeps \(Self.maximumValues) values.")
                }
                values[form.key] = form.value
                return values
            }
            return try Response.json(values)
        }
    }
}
