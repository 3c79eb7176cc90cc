/// What a browser is told to forget of this site (Clear-Site-Data, W3C), for example when a user logs out.
public enum ClearSiteData: String, Sendable, Hashable, CaseIterable {
    /// What it has in its caches.
    case cache
    /// All cookies of the whole registrable domain, those of other applications and sub-domains included.
    case cookies
    /// Local storage, databases and service workers.
    case storage
}
