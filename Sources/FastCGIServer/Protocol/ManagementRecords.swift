/// The answer to a web server that asks for the application's limits (FastCGI specification 1.0, section 4.1).
///
/// libfcgi copies the names asked for into 64 bytes of its stack without counting (fcgiapp.c, ProcessManagementRecord), so it never gets
/// to see such a record.
enum ManagementRecords {
    /// Answers a GET_VALUES record.
    ///
    /// - Parameters:
    ///   - record: The whole record, header and padding included.
    ///   - maximumConnections: What to tell for the number of connections and of requests.
    /// - Returns: The record to send; unknown names are left out, as the specification says.
    static func answer(to record: [UInt8], maximumConnections: Int) -> [UInt8] {
        guard record.count >= FastCGIRecord.headerLength else { return [] }
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
        let header = FastCGIRecord.header(.getValuesResult, request: 0, length: content.count)
        return header.indices.map { header[$0] } + content
    }
}
