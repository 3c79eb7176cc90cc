#if Redis
/// Which of the 16384 slots of a cluster a key is in: CRC16/XMODEM of the key, or of what stands in its first braces.
enum HashSlot {
    static let count = 16_384

    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { crc, byte in crc << 8 ^ self.table[Int(UInt8(crc >> 8) ^ byte)] }
    }

    static func slot(of key: [UInt8]) -> UInt16 {
        var hashed = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")), let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")),
            close > open + 1
        {
            hashed = key[(open + 1)..<close]
        }
        return self.checksum(hashed) % UInt16(self.count)
    }
}
#endif
