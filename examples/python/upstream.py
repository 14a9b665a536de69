"""A WSGI service behind nginx or Caddy (../nginx, ../caddy).

It believes `X-Auth-Identity` and nothing else: a token for this upstream
alone, signed by Latchkey, 30 seconds old at most. Plain headers such as
`X-User-Id` are not safe in WSGI: `X-User-Id` and `X_User_Id` are one variable.
"""

import json
import os
from urllib.error import URLError
from wsgiref.simple_server import WSGIRequestHandler, make_server

import jwt

ISSUER = os.environ.get("ISSUER", "http://localhost:8787")
UPSTREAM = os.environ.get("UPSTREAM", "orders")
# Where the keys are, if the service is reached by another address than ISSUER from here.
KEYS = jwt.PyJWKClient(os.environ.get("KEYS", ISSUER + "/.well-known/jwks.json"), lifespan=600)


def identity(token):
    """The claims of a good token. Raises jwt.PyJWTError for any other."""
    key = KEYS.get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key.key,
        algorithms=["EdDSA"],
        issuer=ISSUER,
        audience=UPSTREAM,
        leeway=5,
        options={"require": ["iss", "aud", "sub", "sid", "role", "iat", "exp"]},
    )
    # PyJWT does not look at the type: without this line an access token might pass.
    if jwt.get_unverified_header(token).get("typ") != "identity+jwt":
        raise jwt.InvalidTokenError("not an identity token")
    return claims


def app(environ, start_response):
    try:
        claims = identity(environ.get("HTTP_X_AUTH_IDENTITY", ""))
        status, body = "200 OK", {"user": claims["sub"], "session": claims["sid"], "role": claims["role"]}
    except jwt.PyJWTError as error:
        # One error is not about the token: the keys did not come.
        if isinstance(error.__context__, URLError):
            status, body = "503 Service Unavailable", {"code": "unavailable"}
        else:
            status, body = "401 Unauthorized", {"code": "not_authenticated"}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "3000")), app, handler_class=Quiet) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
