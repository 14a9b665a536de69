/**
 * A service in plain Node behind nginx or Caddy (../nginx, ../caddy). It
 * believes `X-Auth-Identity` and nothing else: a token for this upstream alone,
 * signed by Latchkey, 30 seconds old at most. So it need not trust its proxy,
 * nor what a client sends past it.
 */
import { createServer } from "node:http";
import { verifier } from "./verify.mjs";

const { ISSUER = "http://localhost:8787", UPSTREAM = "orders", PORT = "3000" } = process.env;
/** Where the keys are, if Latchkey has another address than `ISSUER` from here. */
const { KEYS = `${ISSUER}/.well-known/jwks.json` } = process.env;

const verify = verifier({ keys: KEYS, issuer: ISSUER, audience: UPSTREAM, typ: "identity+jwt" });

const server = createServer(async (request, response) => {
  const answer = (status, body) =>
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  try {
    // Node joins two lines of this name with a comma, and that is no token.
    const caller = await verify(request.headers["x-auth-identity"] ?? "");
    if (caller === null) return answer(401, { code: "not_authenticated" });
    return answer(200, { user: caller.sub, session: caller.sid, role: caller.role });
  } catch (error) {
    console.error(error);
    return answer(503, { code: "unavailable" });
  }
});

server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
