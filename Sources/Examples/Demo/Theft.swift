import ParanoidFastCGI

/// One way to use stolen cookies, and what the thief was told.
struct Theft: Encodable {
    var id: String
    var title: String
    /// What the thief pretends, for people.
    var story: String
    /// Which guard the attempt runs into, for people.
    var guardName: String
    /// Whether the visitor's own cookies were replayed; otherwise those of a stand-in that looks the same.
    var usesOwnCookies: Bool
    /// The status of the answer that the thief got.
    var status: Int
    /// The answer that the thief got, a report as JSON.
    var answer: String

    enum CodingKeys: String, CodingKey {
        case id, title, story, status, answer
        case guardName = "guard"
        case usesOwnCookies = "own"
    }
}
