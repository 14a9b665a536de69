/**
 * The floor of a refresh: one statement that writes one row to D1, in a round
 * trip, and two cookies of a token's size. No router, no check, no signature:
 * whatever refreshes in one round trip does this and more.
 */
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
/** As long as Latchkey's cookies. */
const FILLING = "x".repeat(480);

const cookies = (id) => {
  const headers = new Headers(HEADERS);
  for (const name of ["access", "refresh"])
    headers.append("set-cookie", `${name}=${id}.${FILLING}; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800`);
  return new Response(null, { status: 204, headers });
};

export default {
  async fetch(request, { DB }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/login") {
      const id = crypto.randomUUID();
      await DB.prepare("INSERT INTO sessions (id, generation, expires_at) VALUES (?1, ?2, ?3)")
        .bind(id, crypto.randomUUID(), Date.now())
        .run();
      return cookies(id);
    }
    if (pathname !== "/refresh") return Response.json({ status: "ok" });
    const [, id] = /refresh=([^.]+)/.exec(request.headers.get("cookie"));
    const { results } = await DB.prepare(
      "UPDATE sessions SET generation = ?2, expires_at = ?3 WHERE id = ?1 RETURNING id",
    )
      .bind(id, crypto.randomUUID(), Date.now())
      .all();
    return cookies(results[0].id);
  },
};
