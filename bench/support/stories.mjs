/**
 * The same story for each contestant: register, log in, read the session,
 * renew it, log out. Every chapter is the request that does it:
 *
 *     {method, path, headers, body, status, contains?, sets?}
 *
 * `status` is the answer that counts as done; `contains` must stand in its
 * body (Better Auth answers 200 and `null` to a stranger), and `sets` says that
 * it must bring cookies. Whoever sends it adds the person's cookies.
 */

/** What every contestant believes its address to be. */
export const ORIGIN = "http://localhost:8787";

/**
 * @typedef {object} Chapter
 * @property {string} method
 * @property {string} path
 * @property {Record<string, string>} headers
 * @property {string | null} body
 * @property {number} status
 * @property {string} [contains]
 * @property {boolean} [sets]
 */

const JSON_TYPE = { "content-type": "application/json" };
const FORM_TYPE = { "content-type": "application/x-www-form-urlencoded" };
/** What browsers add to a request that may change something. */
const FROM_PAGE = { origin: ORIGIN };

const get = (path, rest) => ({ method: "GET", path, headers: {}, body: null, status: 200, ...rest });
/**
 * @param {string} path
 * @param {Partial<Chapter>} rest
 * @returns {Chapter}
 */
const post = (path, { headers = {}, body = null, ...rest } = {}) => ({
  method: "POST",
  path,
  headers: { ...FROM_PAGE, ...headers },
  body,
  status: 200,
  ...rest,
});
const postJson = (path, fields, rest) => post(path, { headers: JSON_TYPE, body: JSON.stringify(fields), ...rest });

const LATCHKEY = {
  nothing: () => get("/health"),
  register: ({ email, password, name }) =>
    postJson("/api/account/register", { email, password, name }, { status: 201 }),
  login: ({ email, password }) =>
    post("/api/account/login", {
      headers: FORM_TYPE,
      body: new URLSearchParams({ username: email, password }).toString(),
      status: 204,
      sets: true,
    }),
  read: () => get("/api/account/profile", { contains: '"email"' }),
  renew: () => post("/api/account/refresh", { status: 204, sets: true }),
  logout: () => post("/api/account/logout", { status: 204 }),
};

const BETTER_AUTH = {
  nothing: () => get("/api/auth/ok"),
  register: (person) => postJson("/api/auth/sign-up/email", person, { status: 200 }),
  login: ({ email, password }) => postJson("/api/auth/sign-in/email", { email, password }, { status: 200, sets: true }),
  read: () => get("/api/auth/get-session", { contains: '"email"' }),
  // A session is renewed by a read that looks at the database and finds it old enough.
  renew: () => get("/api/auth/get-session?disableCookieCache=true", { contains: '"email"', sets: true }),
  logout: () => postJson("/api/auth/sign-out", {}, { status: 200 }),
};

const HONO = {
  nothing: () => get("/health"),
  register: (person) => postJson("/register", person, { status: 201 }),
  login: ({ email, password }) => postJson("/login", { email, password }, { status: 204, sets: true }),
  read: () => get("/claims", { contains: '"email"' }),
  readStored: () => get("/me", { contains: '"email"' }),
  renew: () => post("/refresh", { status: 204, sets: true }),
  logout: () => post("/logout", { status: 204 }),
};

const ONE_WRITE = {
  register: () => post("/register", { status: 200 }),
  login: () => post("/login", { status: 204, sets: true }),
  read: () => get("/"),
  renew: () => post("/refresh", { status: 204, sets: true }),
};

const HELLO = { nothing: () => get("/") };

export const STORIES = { latchkey: LATCHKEY, betterAuth: BETTER_AUTH, hono: HONO, oneWrite: ONE_WRITE, hello: HELLO };

/** A person whom nobody has heard of. */
export function newPerson() {
  const id = crypto.randomUUID();
  return { email: `${id}@example.org`, password: "correct horse battery staple", name: "Ada" };
}

/** A `Cookie` line from `Set-Cookie` lines, as a browser would send it next; null when none is left. */
export function keepCookies(line, setCookies) {
  const jar = new Map(
    (line ?? "")
      .split("; ")
      .filter(Boolean)
      .map((pair) => splitPair(pair)),
  );
  for (const set of setCookies) {
    const [pair, ...attributes] = set.split("; ");
    const [name, value] = splitPair(pair);
    if (attributes.some((attribute) => attribute.toLowerCase() === "max-age=0")) jar.delete(name);
    else jar.set(name, value);
  }
  return jar.size === 0 ? null : [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
}

function splitPair(pair) {
  const at = pair.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)];
}
