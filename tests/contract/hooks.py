"""What schemathesis needs to know beside docs/openapi.json: how to log in.

With LATCHKEY_CREDENTIALS ("address password") every request is sent with the
cookies of a live session; without it, no request is.
"""

import os

import requests
import schemathesis

ACCESS, REFRESH = "access_token", "refresh_token"
CREDENTIALS = os.environ.get("LATCHKEY_CREDENTIALS")
BASE_URL = os.environ["LATCHKEY_URL"]

#: The cookies of the session, and nothing when it has ended.
session = {}


def log_in():
    """Begin a session."""
    username, password = CREDENTIALS.split(" ", 1)
    form = {"username": username, "password": password}
    response = requests.post(f"{BASE_URL}/api/account/login", data=form, timeout=60)
    response.raise_for_status()
    session.update(response.cookies.get_dict())


if CREDENTIALS:

    @schemathesis.auth(refresh_interval=None)
    class SignedIn:
        """Sends the cookies of a live session."""

        def get(self, case, context):
            if not session:
                log_in()
            return dict(session)

        def set(self, case, data, context):
            case.cookies = {**(case.cookies or {}), **data}

    @schemathesis.hook
    def after_call(context, case, response):
        """Keep the cookies as a browser does; log in again after the session's end."""
        # A check may have sent it without the session's cookies.
        sent = response.request.headers.get("Cookie", "")
        if response.status_code == 401 and all(value in sent for value in session.values()):
            session.clear()
        for line in response.headers.get("set-cookie", []):
            name, value = line.split(";", 1)[0].split("=", 1)
            if value:
                session[name] = value
            else:
                session.clear()
