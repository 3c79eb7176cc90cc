import Testing

/// All end-to-end tests: real processes behind a real nginx, one test after the other.
///
/// Session tests talk to the TLS port: over plain HTTP the guard promises less.
@Suite("End to end", .serialized, .enabled(if: Requirements.areMet, "nginx, curl and openssl are needed"))
enum Integration {}
