/// The name that a person who has mistyped one most likely meant; pure.
package enum NearestName {
    /// The nearest of some names; `nil` when none is near: more than a third of the longer name would have to change.
    package static func of(_ name: String, among names: some Sequence<String>) -> String? {
        let nearest = names.map { (name: $0, distance: self.distance(name, $0)) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        guard let nearest, 3 * nearest.distance <= max(name.utf8.count, nearest.name.utf8.count, 3) else { return nil }
        return nearest.name
    }

    /// The names that one change leads to: a letter more, less or other, two letters in the other order, the case of all letters.
    ///
    /// For names that can only be asked for, one by one. Letters are those of user names and addresses of mail.
    ///
    /// - Returns: None for a name of more than 64 bytes.
    package static func neighbours(of name: String) -> [String] {
        let bytes = Array(name.utf8)
        guard bytes.count <= 64 else { return [] }
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789.-_@".utf8)
        var found = [
            name.lowercased(), name.uppercased(), name.prefix(1).uppercased() + name.dropFirst().lowercased(),
            String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()),
        ].map { Array($0.utf8) }
        for index in 0...bytes.count {
            for letter in letters { found.append(Array(bytes[..<index]) + [letter] + bytes[index...]) }
            guard index < bytes.count else { break }
            found.append(Array(bytes[..<index] + bytes[(index + 1)...]))
            for letter in letters {
                var other = bytes
                other[index] = letter
                found.append(other)
            }
            if index + 1 < bytes.count {
                var other = bytes
                other.swapAt(index, index + 1)
                found.append(other)
            }
        }
        var seen: Set<[UInt8]> = [bytes, []]
        return found.filter { seen.insert($0).inserted }.compactMap { String(validating: $0, as: UTF8.self) }
    }

    /// How many bytes have to be added, removed or changed to get from one name to the other (Levenshtein).
    package static func distance(_ first: String, _ second: String) -> Int {
        let first = Array(first.utf8)
        let second = Array(second.utf8)
        var row = Array(0...second.count)
        for (index, byte) in first.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in 0..<second.count {
                let change = diagonal + (byte == second[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[second.count]
    }
}
