// Names and keys of remembered logins: of another purpose than those of sessions, so that no token is ever taken for a session.
extension ServerKeys {
    /// The 32 bytes under which a store keeps the remembered login of this name.
    public func rememberStorageName(of identifier: SessionIdentifier) -> [UInt8] {
        self.code(.remember, over: identifier.derivationInput + [1])
    }

    /// The key that seals the remembered login of this name.
    public func rememberSealKey(of identifier: SessionIdentifier) -> SealKey {
        SealKey(self.code(.remember, over: identifier.derivationInput + [2]))
    }
}
