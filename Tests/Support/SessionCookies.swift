extension Dictionary where Key == String, Value == String {
    /// The session cookie of a name in a browser's jar, whatever the number of its login; a jar of one login holds one.
    public subscript(session name: String) -> String? {
        get { self.keys(ofSession: name).first.flatMap { self[$0] } }
        set {
            let keys = self.keys(ofSession: name)
            for key in keys { self[key] = newValue }
            if keys.isEmpty { self[name] = newValue }
        }
    }

    private func keys(ofSession name: String) -> [String] {
        ([name] + (1...3).map { "\(name)-\($0)" }).filter { self[$0] != nil }
    }
}
