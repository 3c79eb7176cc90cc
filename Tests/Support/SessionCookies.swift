extension Dictionary where Key == String, Value == String {
    /// The session cookie of a name in a browser's jar, whatever the number of its login.
    ///
    /// A jar of one login holds one, but curl before 8 reads some that were deleted from its file again; the later login counts.
    public subscript(session name: String) -> String? {
        get { self.keys(ofSession: name).first.flatMap { self[$0] } }
        set {
            let keys = self.keys(ofSession: name)
            for key in keys { self[key] = newValue }
            if keys.isEmpty { self[name] = newValue }
        }
    }

    private func keys(ofSession name: String) -> [String] {
        ((1...3).reversed().map { "\(name)-\($0)" } + [name]).filter { self[$0] != nil }
    }
}
