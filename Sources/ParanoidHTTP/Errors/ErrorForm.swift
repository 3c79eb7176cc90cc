internal import HTTPTypes

/// The forms in which a client can get an error.
enum ErrorForm: Sendable, Hashable {
    /// A page.
    case html
    /// Problem details (RFC 9457).
    case problem
    /// Plain text, for clients that ask for neither.
    case text

    /// The form that an `Accept` field asks for (RFC 9110, section 12.5.1).
    ///
    /// The highest weight wins, and of equal ones the first. A wildcard asks for no form in particular, so such a client gets text.
    init(accept: String?) {
        var best = (form: ErrorForm.text, weight: 0)
        for range in (accept ?? "").utf8.split(separator: UInt8(ascii: ",")).prefix(32) {
            let parts = range.split(separator: UInt8(ascii: ";")).map { part in
                String(decoding: part.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
            }
            guard let type = parts.first, let form = Self.form(of: type) else { continue }
            let weight = parts.dropFirst().first { $0.utf8.starts(with: "q=".utf8) }.map { Self.weight($0.utf8.dropFirst(2)) } ?? 1000
            if weight > best.weight { best = (form, weight) }
        }
        self = best.form
    }

    private static func form(of type: String) -> ErrorForm? {
        switch type {
        case "text/html", "application/xhtml+xml": .html
        case "application/problem+json", "application/json": .problem
        case "text/plain": .text
        default: type.hasPrefix("application/") && type.hasSuffix("+json") ? .problem : nil
        }
    }

    /// Thousandths; what is no weight counts as the lowest that is not 0.
    private static func weight(_ text: Substring.UTF8View) -> Int {
        var digits = Array(text)
        guard let whole = digits.first?.decimalValue, digits.count <= 5, digits.count == 1 || digits[1] == UInt8(ascii: ".") else {
            return 1
        }
        digits.removeFirst(min(2, digits.count))
        while digits.count < 3 { digits.append(UInt8(ascii: "0")) }
        guard let fraction = Decimal.number(digits) else { return 1 }
        return min(1000, Int(whole) * 1000 + fraction)
    }

    /// The response to an error, without its header fields.
    func response(to error: HTTPError) -> Response {
        switch self {
        case .text:
            let lines = error.problems.map { "\($0.field): \($0.message)\n" }
            return .text("\(error.message ?? error.title)\n" + lines.joined(), status: error.status)
        case .html:
            let title = HTMLText.escaped("\(error.status.code) \(error.title)")
            var page =
                "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>\(title)</title>\n<h1>\(HTMLText.escaped(error.title))</h1>\n"
            if let message = error.message { page += "<p>\(HTMLText.escaped(message))</p>\n" }
            if !error.problems.isEmpty {
                let items = error.problems.map { "<li>\(HTMLText.escaped($0.field)): \(HTMLText.escaped($0.message))</li>\n" }
                page += "<ul>\n\(items.joined())</ul>\n"
            }
            return .html(page, status: error.status)
        case .problem:
            let problem = Problem(
                status: error.status.code,
                title: error.title,
                detail: error.message,
                errors: error.problems.isEmpty ? nil : error.problems
            )
            var response = Response(status: error.status, body: .bytes((try? JSONCoding.encode(problem)) ?? []))
            // The field is well-formed, so this cannot fail.
            try? response.setHeader("application/problem+json", for: .contentType)
            return response
        }
    }

    /// The members of problem details (RFC 9457, section 3.1); without `type` it is `about:blank`, and `errors` is an extension.
    private struct Problem: Encodable {
        let status: Int
        let title: String
        let detail: String?
        let errors: [FieldProblem]?
    }
}
