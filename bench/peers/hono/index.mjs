/**
 * The do-it-yourself choice: Hono, `jose`, WebCrypto and two tables in D1, as
 * a careful developer writes it in a day. An access token (HS256, 10 minutes)
 * and an opaque refresh token in HttpOnly cookies; the refresh token's hash is
 * in the session's row and is replaced at each use.
 *
 * What it leaves out, and Latchkey does: throttling of guesses, a grace for two
 * tabs, finding a stolen copy, limits on sessions, a log line a request.
 */
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { csrf } from "hono/csrf";
import { SignJWT, jwtVerify } from "jose";
import { hashPassword, sha256, token, verifyPassword } from "./crypto.mjs";

const ACCESS_SECONDS = 600;
const REFRESH_SECONDS = 604_800;
const COOKIE = { httpOnly: true, sameSite: "Lax", path: "/" };
const MIN_PASSWORD = 8;

const now = () => Math.floor(Date.now() / 1000);
const app = new Hono();
app.use(csrf({ origin: (origin, c) => origin === c.env.BASE_URL }));

app.get("/health", (c) => c.json({ status: "ok" }));

app.post("/register", async (c) => {
  const { email, password, name = "" } = await c.req.json();
  if (
    typeof email !== "string" ||
    !email.includes("@") ||
    typeof password !== "string" ||
    password.length < MIN_PASSWORD
  ) {
    return c.json({ error: "invalid" }, 422);
  }
  const user = { id: crypto.randomUUID(), email: email.toLowerCase(), name };
  const added = await c.env.DB.prepare(
    "INSERT INTO users (id, email, name, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
  )
    .bind(user.id, user.email, user.name, await hashPassword(password), now())
    .run();
  return added.meta.changes === 1 ? c.json(user, 201) : c.json({ error: "taken" }, 409);
});

app.post("/login", async (c) => {
  const { email, password } = await c.req.json();
  const user = await c.env.DB.prepare("SELECT id, email, name, password_hash FROM users WHERE email = ?1")
    .bind(String(email).toLowerCase())
    .first();
  if (!(await verifyPassword(String(password), user?.password_hash))) return c.json({ error: "credentials" }, 401);
  const session = crypto.randomUUID();
  const refresh = token();
  await c.env.DB.prepare(
    "INSERT INTO sessions (id, user_id, refresh_hash, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
  )
    .bind(session, user.id, await sha256(refresh), now(), now() + REFRESH_SECONDS)
    .run();
  await setTokens(c, session, user, refresh);
  return c.body(null, 204);
});

/** Who the token says it is: no look at the database, so an ended session lives on for minutes. */
app.get("/claims", async (c) => {
  const claims = await access(c);
  return claims
    ? c.json({ id: claims.sub, email: claims.email, name: claims.name })
    : c.json({ error: "session" }, 401);
});

/** Who the database says it is. */
app.get("/me", async (c) => {
  const claims = await access(c);
  const user =
    claims &&
    (await c.env.DB.prepare(
      "SELECT u.id, u.email, u.name FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?1 AND s.expires_at > ?2",
    )
      .bind(claims.sid, now())
      .first());
  return user ? c.json(user) : c.json({ error: "session" }, 401);
});

app.post("/refresh", async (c) => {
  const old = await sha256(getCookie(c, "refresh") ?? "");
  const found = await c.env.DB.prepare(
    "SELECT s.id AS session, u.id, u.email, u.name FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.refresh_hash = ?1 AND s.expires_at > ?2",
  )
    .bind(old, now())
    .first();
  if (!found) return c.json({ error: "session" }, 401);
  const refresh = token();
  const rotated = await c.env.DB.prepare(
    "UPDATE sessions SET refresh_hash = ?1, expires_at = ?2 WHERE id = ?3 AND refresh_hash = ?4",
  )
    .bind(await sha256(refresh), now() + REFRESH_SECONDS, found.session, old)
    .run();
  if (rotated.meta.changes !== 1) return c.json({ error: "session" }, 401);
  await setTokens(c, found.session, found, refresh);
  return c.body(null, 204);
});

app.post("/logout", async (c) => {
  await c.env.DB.prepare("DELETE FROM sessions WHERE refresh_hash = ?1")
    .bind(await sha256(getCookie(c, "refresh") ?? ""))
    .run();
  for (const name of ["access", "refresh"]) deleteCookie(c, name, COOKIE);
  return c.body(null, 204);
});

let key;

function signingKey(env) {
  return (key ??= new TextEncoder().encode(env.SECRET));
}

async function setTokens(c, session, user, refresh) {
  const access = await new SignJWT({ sid: session, email: user.email, name: user.name })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user.id)
    .setIssuer(c.env.BASE_URL)
    .setIssuedAt()
    .setExpirationTime(now() + ACCESS_SECONDS)
    .sign(signingKey(c.env));
  setCookie(c, "access", access, { ...COOKIE, maxAge: ACCESS_SECONDS });
  setCookie(c, "refresh", refresh, { ...COOKIE, maxAge: REFRESH_SECONDS });
}

/** The claims of the access cookie, or null. */
async function access(c) {
  try {
    const { payload } = await jwtVerify(getCookie(c, "access") ?? "", signingKey(c.env), {
      issuer: c.env.BASE_URL,
      algorithms: ["HS256"],
    });
    return payload;
  } catch {
    return null;
  }
}

export default app;
