/**
 * A service in plain Node that verifies access tokens itself. It asks nobody,
 * so a session that has ended is accepted until its token expires: ten minutes
 * at most.
 */
import { createServer } from "node:http";
import { verifier } from "./verify.mjs";

const { ISSUER = "http://localhost:8787", AUDIENCE = "latchkey", PORT = "3000" } = process.env;
/** `__Host-access_token` on one host, `__Secure-access_token` with COOKIE_DOMAIN, no prefix on localhost. */
const { COOKIE = "access_token" } = process.env;
/** Where the keys are, if Latchkey has another address than `ISSUER` from here. */
const { KEYS = `${ISSUER}/.well-known/jwks.json` } = process.env;

const verify = verifier({ keys: KEYS, issuer: ISSUER, audience: AUDIENCE, typ: "at+jwt" });

/** The claims of the request's access token, or null. */
async function callerOf(request) {
  for (const token of valuesOf(request.headers.cookie ?? "", COOKIE)) {
    const claims = await verify(token);
    if (claims) return claims;
  }
  return null;
}

/** All values of a cookie: another program's cookie of the same name must not lock anyone out. */
function valuesOf(header, name) {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/, "$1"))
    .slice(0, 8);
}

const server = createServer(async (request, response) => {
  const answer = (status, body, headers = {}) =>
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
  try {
    const caller = await callerOf(request);
    // The page's script refreshes after a 401 and repeats the request: docs/front-end.md.
    if (caller === null) return answer(401, { code: "not_authenticated" });
    return answer(200, { user: caller.sub, session: caller.sid, role: caller.role });
  } catch (error) {
    console.error(error);
    return answer(503, { code: "unavailable" }, { "Retry-After": "5" });
  }
});

server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
