/// How a thief goes about it, and the seconds within which half of them are found.
struct KnownThief {
    let name: String
    let waits: Double
    let asksEvery: Double
    let limit: Double

    static let all = [
        KnownThief(name: "asks every 0.3 s", waits: 0.1, asksEvery: 0.3, limit: 20),
        KnownThief(name: "asks every 2 s", waits: 1, asksEvery: 2, limit: 25),
        KnownThief(name: "asks every 20 s", waits: 5, asksEvery: 20, limit: 60),
        KnownThief(name: "waits 10 minutes", waits: 600, asksEvery: 5, limit: 5),
    ]
}
