/// The answers to records that concern no request (FastCGI specification 1.0, section 4).
enum ManagementRecords {
    /// A longer record, header and padding included, asks for nothing that there is.
    static let longest = 1024

    /// Answers a management record.
    ///
    /// - Parameters:
    ///   - record: The whole record, header and padding included.
    ///   - maximumConnections: What to tell for the number of connections and of requests.
    /// - Returns: The record to send: the values of GET_VALUES, with names that are unknown left out, or UNKNOWN_TYPE.
    static func answer(to record: [UInt8], maximumConnections: Int) -> [UInt8] {
        guard record.count >= FastCGIRecord.headerLength else { return [] }
        guard record[1] == FastCGIRecord.Kind.getValues.rawValue else { return Self.unknownType(record[1]) }
        let length = Int(record[4]) << 8 | Int(record[5])
        let end = min(record.count, FastCGIRecord.headerLength + length)
        var content: [UInt8] = []
        var position = FastCGIRecord.headerLength
        var answered: Set<String> = []
        // Only one-byte lengths: no name that is known is longer.
        while position + 2 <= end, record[position] < 0x80, record[position + 1] < 0x80 {
            let nameEnd = position + 2 + Int(record[position])
            guard nameEnd <= end else { break }
            let name = String(decoding: record[(position + 2)..<nameEnd], as: UTF8.self)
            position = nameEnd + Int(record[position + 1])
            let value: String
            switch name {
            case "FCGI_MAX_CONNS", "FCGI_MAX_REQS": value = String(maximumConnections)
            case "FCGI_MPXS_CONNS": value = "0"
            default: continue
            }
            guard answered.insert(name).inserted else { continue }
            content += [UInt8(name.utf8.count), UInt8(value.utf8.count)] + Array(name.utf8) + Array(value.utf8)
        }
        var bytes: [UInt8] = []
        FastCGIRecord.append(.getValuesResult, request: 0, length: content.count, to: &bytes)
        return bytes + content
    }

    private static func unknownType(_ type: UInt8) -> [UInt8] {
        var bytes: [UInt8] = []
        FastCGIRecord.append(.unknownType, request: 0, length: 8, to: &bytes)
        return bytes + [type, 0, 0, 0, 0, 0, 0, 0]
    }
}
