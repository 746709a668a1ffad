"""An HTTP server on this machine, for a test."""

import contextlib
import http.server
import threading


@contextlib.contextmanager
def serving(answer):
    """answer(handler) writes what GET gets. Yields the address, without a slash at its end."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *values):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler, kind, body, code=200, length=True, **headers):
    handler.send_response(code)
    handler.send_header("Content-Type", kind)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_mjpeg(handler, jpegs, cut=0):
    """As IP cameras do. cut: bytes that are missing of the last."""
    body = b"".join(b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)
                    for jpeg in jpegs)
    send(handler, "multipart/x-mixed-replace; boundary=b", body[:len(body) - cut], length=False)
