/// What can be said of a session without its identifier, by a server that has our secrets: sealed apart from the record.
public struct SessionLabel: Sendable, Hashable {
    /// When the user logged in.
    public var loggedInAt: Timestamp
    /// What the application noted of the device.
    public var device: SessionDevice?

    /// Creates a label.
    public init(loggedInAt: Timestamp, device: SessionDevice? = nil) {
        self.loggedInAt = loggedInAt
        self.device = device
    }

    /// The label as bytes.
    public func encoded() -> [UInt8] {
        var writer = RecordWriter()
        writer.integer(self.loggedInAt.nanosecondsSinceEpoch)
        writer.device(self.device)
        return writer.output
    }

    /// Parses what ``encoded()`` wrote; `nil` for anything else.
    public init?(decoding bytes: [UInt8]) {
        var reader = RecordReader(bytes)
        guard let time = reader.integer() else { return nil }
        self.loggedInAt = Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: time))
        self.device = reader.device()
    }
}

extension RecordWriter {
    mutating func device(_ device: SessionDevice?) {
        guard let device else { return }
        self.bytes(Array(device.label.utf8))
        if let address = device.address { self.bytes(Array(address.utf8)) }
    }
}

extension RecordReader {
    mutating func device() -> SessionDevice? {
        guard let label = self.bytes() else { return nil }
        return SessionDevice(
            label: String(decoding: label, as: UTF8.self),
            address: self.bytes().map { String(decoding: $0, as: UTF8.self) }
        )
    }
}
