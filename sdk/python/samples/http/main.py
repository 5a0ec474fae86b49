"""Lets a plug-in make HTTP requests to one host, here a server this program starts, and to no other."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import extism


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the server")

    def log_message(self, format: str, *args: object) -> None:
        pass


server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"

# snippet: http
manifest = {
    "wasm": [{"path": "examples/plugins/http.wasm"}],
    "allowed_hosts": ["127.0.0.1"],
}
with extism.Plugin(manifest) as plugin:
    print(plugin.call("fetch", url).decode())

    try:
        plugin.call("fetch", "http://example.com/")
    except extism.DeniedError as error:
        print(error.status.name)
# end snippet
server.shutdown()
