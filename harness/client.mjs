/**
 * A client with a cookie jar, as far as the tests need one: it keeps the
 * cookies of `Set-Cookie`, sends them back, and shows the original lines.
 */

/**
 * @typedef {object} Cookie One `Set-Cookie` line, taken apart.
 * @property {string} name
 * @property {string} value
 * @property {Record<string, string | true>} attributes In their order.
 * @property {string} line
 *
 * @typedef {object} Reachable The destination of requests: a Latchkey, or anything else with `fetch`.
 * @property {(path: string, init?: any) => Promise<Response>} fetch
 *
 * @typedef {Omit<RequestInit, "headers"> & {
 *   headers?: HeadersInit,
 *   json?: unknown,
 *   form?: ConstructorParameters<typeof URLSearchParams>[0],
 *   pop?: number,
 * }} RequestOptions
 *
 * @typedef {object} Answer A response whose body has been read.
 * @property {[method: string, path: string]} request What was asked.
 * @property {number} status
 * @property {Headers} headers
 * @property {Map<string, Cookie>} setCookies
 * @property {string} text
 * @property {any} json Of the shape that the endpoint documents; undefined where the body is not JSON.
 */

/**
 * One `Set-Cookie` line: `{name, value, attributes, line}`; attributes in their order.
 *
 * @param {string} line
 * @returns {Cookie}
 */
export function parseSetCookie(line) {
  const [pair, ...rest] = line.split("; ");
  const at = pair.indexOf("=");
  const attributes = rest.map((part) => {
    const equals = part.indexOf("=");
    return equals === -1 ? [part, true] : [part.slice(0, equals), part.slice(equals + 1)];
  });
  return {
    name: pair.slice(0, at),
    value: pair.slice(at + 1),
    attributes: Object.fromEntries(attributes),
    line,
  };
}

/**
 * All `Set-Cookie` lines of a response, parsed, by name. Lines that delete a
 * name in other scopes may precede the last one, which counts; anything else
 * twice is an error.
 *
 * @param {{ headers: { getSetCookie(): string[] } }} response
 * @returns {Map<string, Cookie>}
 */
export function setCookies(response) {
  const cookies = new Map();
  for (const line of response.headers.getSetCookie()) {
    const cookie = parseSetCookie(line);
    const deleted = (cookies.get(cookie.name)?.attributes["Max-Age"] ?? "0") === "0";
    if (!deleted) throw new Error(`Two Set-Cookie lines for ${cookie.name}.`);
    cookies.set(cookie.name, cookie);
  }
  return cookies;
}

export class Client {
  /**
   * `options` (such as `{pop: 1}`) go into every request.
   *
   * @param {Reachable} latchkey
   * @param {object} options
   */
  constructor(latchkey, options = {}) {
    this.latchkey = latchkey;
    this.options = options;
    /**
     * name -> `{name, value, attributes, line}`
     *
     * @type {Map<string, Cookie>}
     */
    this.cookies = new Map();
  }

  /** What the jar sends, or null. */
  get cookieHeader() {
    const pairs = [...this.cookies.values()].map(({ name, value }) => `${name}=${value}`);
    return pairs.length > 0 ? pairs.join("; ") : null;
  }

  /**
   * Sends a request with the jar's cookies and keeps the answer's. `json` and
   * `form` are bodies with their media types. The body has been read when this
   * returns: `{request, status, headers, text, json, setCookies}`.
   *
   * @param {string} path
   * @param {RequestOptions} options
   * @returns {Promise<Answer>}
   */
  async fetch(path, { json, form, headers, ...init } = {}) {
    const all = new Headers(headers);
    if (this.cookieHeader && !all.has("Cookie")) all.set("Cookie", this.cookieHeader);
    if (json !== undefined) {
      init.body = JSON.stringify(json);
      if (!all.has("Content-Type")) all.set("Content-Type", "application/json");
    }
    if (form !== undefined) {
      init.body = new URLSearchParams(form).toString();
      if (!all.has("Content-Type")) all.set("Content-Type", "application/x-www-form-urlencoded");
    }
    const response = await this.latchkey.fetch(path, { ...this.options, ...init, headers: all });
    const text = await response.text();
    const cookies = setCookies(response);
    for (const cookie of cookies.values()) this.#keep(cookie);
    return {
      request: [init.method ?? "GET", path],
      status: response.status,
      headers: response.headers,
      setCookies: cookies,
      text,
      json: /\bjson\b/.test(response.headers.get("Content-Type") ?? "") ? JSON.parse(text) : undefined,
    };
  }

  /**
   * @param {string} path
   * @param {RequestOptions} [init]
   */
  get(path, init) {
    return this.fetch(path, { ...init, method: "GET" });
  }

  /**
   * @param {string} path
   * @param {RequestOptions} [init]
   */
  post(path, init) {
    return this.fetch(path, { ...init, method: "POST" });
  }

  /**
   * @param {string} path
   * @param {RequestOptions} [init]
   */
  patch(path, init) {
    return this.fetch(path, { ...init, method: "PATCH" });
  }

  /**
   * @param {string} path
   * @param {RequestOptions} [init]
   */
  delete(path, init) {
    return this.fetch(path, { ...init, method: "DELETE" });
  }

  /** A client with the same cookies: a second tab, or an attacker with a copy. */
  copy(options = this.options) {
    const other = new Client(this.latchkey, options);
    for (const [name, cookie] of this.cookies) other.cookies.set(name, cookie);
    return other;
  }

  /** @param {Cookie} cookie */
  #keep(cookie) {
    if (cookie.attributes["Max-Age"] === "0") this.cookies.delete(cookie.name);
    else this.cookies.set(cookie.name, cookie);
  }
}
