"""A FastCGI client on one kept connection, and a jar for its cookies: for counting, where a web server would only be in the way."""
import socket
import struct


def pair(name, value):
    def length(data):
        return bytes([len(data)]) if len(data) < 128 else struct.pack(">I", len(data) | 0x80000000)

    name, value = name.encode(), value.encode()
    return length(name) + length(value) + name + value


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def ask(self, path, method="GET", body=b"", cookies=None, fields=()):
        """One request as nginx would send it over TLS; the status, the header fields and the body of the response."""
        parameters = {
            "REQUEST_METHOD": method, "REQUEST_URI": path, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
            "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "nginx/1.22.1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_ADDR": "127.0.0.1",
            "SERVER_PORT": "443", "SERVER_NAME": "localhost", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000", "REQUEST_SCHEME": "https",
            "HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "TLS_AES_256_GCM_SHA384", "HTTP_HOST": "localhost",
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "HTTP_ACCEPT": "text/html,*/*;q=0.8",
            "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5", "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        }
        if body:
            parameters |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/x-www-form-urlencoded"}
        if cookies:
            parameters["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        parameters |= dict(fields)
        content = b"".join(pair(name, value) for name, value in parameters.items())
        self.socket.sendall(
            self.record(1, struct.pack(">HB5x", 1, 1)) + self.record(4, content) + self.record(4, b"")
            + (self.record(5, body) if body else b"") + self.record(5, b"")
        )
        output = b""
        while True:
            _, kind, _, length, padding = struct.unpack(">BBHHBx", self.read(8))
            content = self.read(length)
            self.read(padding)
            if kind == 6:
                output += content
            elif kind == 3:
                break
        head, _, rest = output.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")]
        received = [(line[0].lower(), line[1]) for line in lines if len(line) == 2]
        status = int(dict(received).get("status", "200").split()[0])
        if cookies is not None:
            for name, value in received:
                if name == "set-cookie":
                    key, _, text = value.split(";")[0].partition("=")
                    cookies[key] = text
                    if not text:
                        del cookies[key]
        return status, received, rest

    @staticmethod
    def record(kind, content):
        return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content

    def read(self, count):
        data = self.reader.read(count)
        if len(data) != count:
            raise EOFError("the connection has ended")
        return data
