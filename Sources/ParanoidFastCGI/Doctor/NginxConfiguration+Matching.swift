// The configuration of nginx that fits the settings of an application.
extension NginxConfiguration {
    /// The text of two parts, for the `http` block and for a `server` block, that belong together with these settings.
    package static func matching(_ configuration: ApplicationConfiguration) -> String {
        let listen =
            configuration.listen.hasPrefix("systemd") || configuration.listen == "inherited"
            ? "unix:/run/paranoid/app.sock" : configuration.listen
        let keepalive = max(1, min(4, configuration.drainTimeout.components.seconds / 2))
        let reading = (configuration.requestDeadline?.components.seconds ?? 55) + 5
        let headBytes = max(8, (configuration.responseHeadWarning + 1023) / 1024 + 4)
        var lines = [
            "# For the http block. The server is listed twice, so that a request that meets a dying worker is tried again.",
            "upstream paranoid {", "    server \(listen) max_fails=0;", "    server \(listen) max_fails=0;", "    keepalive 32;",
            "    keepalive_requests 10000;", "    keepalive_timeout \(keepalive)s;        # shorter than PARANOID_DRAIN_TIMEOUT", "}",
            "underscores_in_headers off;", "merge_slashes off;", "", "# For a server block.",
            "client_max_body_size \(configuration.bodyLimit + 1);  # the application answers 413 itself (PARANOID_BODY_LIMIT)",
            "location / {",
        ]
        lines += Self.parameters.map { "    fastcgi_param \($0);" }
        lines += [
            "    fastcgi_pass paranoid;", "    fastcgi_keep_conn on;", "    fastcgi_connect_timeout 5s;", "    fastcgi_send_timeout 30s;",
            "    fastcgi_read_timeout \(reading)s;  # longer than PARANOID_REQUEST_DEADLINE", "    fastcgi_next_upstream error timeout;",
            "    fastcgi_next_upstream_tries 3;", "    fastcgi_buffer_size \(headBytes)k;", "    fastcgi_buffers 16 \(headBytes)k;",
            "    fastcgi_request_buffering on;", "}", "",
        ]
        return lines.joined(separator: "\n")
    }

    private static let parameters = [
        "REQUEST_METHOD $request_method", "REQUEST_URI $request_uri", "SCRIPT_NAME \"\"", "PATH_INFO $uri", "QUERY_STRING $query_string",
        "CONTENT_TYPE $content_type if_not_empty", "CONTENT_LENGTH $content_length if_not_empty", "SERVER_PROTOCOL $server_protocol",
        "SERVER_NAME $server_name", "SERVER_PORT $server_port", "REMOTE_ADDR $remote_addr", "REQUEST_SCHEME $scheme",
        "HTTPS $https if_not_empty", "HTTP_PROXY \"\" if_not_empty", "REQUEST_ID $request_id", "REQUEST_BEGAN $msec",
        "REQUEST_TAKEN $request_time",
    ]
}
