import Foundation

/// Reads OpenMetrics text with the library of Prometheus for Python, which is strict.
enum OpenMetricsReader {
    /// Prints each family with its type and whether it has samples.
    static let program = """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
        for family in text_string_to_metric_families(open(sys.argv[1], encoding="utf-8").read()):
            print(family.name, family.type, int(len(family.samples) > 0))
        """

    /// Whether the library is installed as Debian's package.
    static let isThere = FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py")
}
