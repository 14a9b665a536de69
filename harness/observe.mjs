/**
 * Who looks at each answer of a Latchkey under test, beside the test that asked:
 * nobody, unless `npm test` holds all of them to docs/openapi.json.
 */

/**
 * @typedef {object} Seen An answer whose body has been read.
 * @property {string} method
 * @property {URL} url
 * @property {number} status
 * @property {Headers} headers
 * @property {string} text
 *
 * @typedef {(seen: Seen) => void} Observer Throws where an answer must not be.
 */

/** @type {Observer | null} */
let observer = null;

/** @param {Observer} look */
export function observe(look) {
  observer = look;
}

/**
 * Shows an answer of `fetch`; the caller reads the body as if nobody had.
 *
 * @param {string} method
 * @param {URL} url
 * @template {Pick<Response, "status" | "headers"> & { clone(): { text(): Promise<string> } }} R
 * @param {R} response
 * @returns {Promise<R>}
 */
export async function shown(method, url, response) {
  if (observer) {
    const { status, headers } = response;
    observer({ method, url, status, headers, text: await response.clone().text() });
  }
  return response;
}

/**
 * Shows an answer that has been read as it came.
 *
 * @param {string} method
 * @param {URL} url
 * @param {{ status: number, headers: [name: string, value: string][], body: Buffer }} answer
 */
export function shownRaw(method, url, { status, headers: pairs, body }) {
  if (!observer) return;
  const headers = new Headers();
  for (const [name, value] of pairs) headers.append(name, value);
  observer({ method, url, status, headers, text: body.toString("utf8") });
}
