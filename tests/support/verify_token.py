"""Verifies tokens with PyJWT's PyJWKClient, as docs/http.md says.

Arguments: the address of the key set, the issuer, the audience, the type.
A token a line on standard input, `{"claims": …}` or `{"refused": …}` a line on standard output.
"""

import json
import sys

import jwt

address, issuer, audience, kind = sys.argv[1:]
keys = jwt.PyJWKClient(address)

for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer=issuer, audience=audience, leeway=5)
        if jwt.get_unverified_header(token)["typ"] != kind:
            raise jwt.InvalidTokenError("another type")
        print(json.dumps({"claims": claims}))
    except jwt.PyJWTError as error:
        print(json.dumps({"refused": type(error).__name__}))
