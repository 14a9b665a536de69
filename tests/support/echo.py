"""A WSGI service that returns the variables that headers become, without their HTTP_, as JSON."""

import json
import os
from wsgiref.simple_server import WSGIRequestHandler, make_server


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([[key[5:], value] for key, value in environ.items() if key.startswith("HTTP_")]).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


with make_server("127.0.0.1", int(os.environ.get("PORT", "0")), app, handler_class=Quiet) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
