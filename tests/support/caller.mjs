/**
 * An app that binds Latchkey and does what a test tells it: a Worker, bundled by
 * wrangler like anybody's, beside Latchkey from its own entry.
 */

/**
 * @typedef {{ LATCHKEY: Fetcher, [name: string]: any }} Env
 * @typedef {{ fetch(request: Request): Promise<Response> }} Fetcher
 */

const CALL = "/call";

export default {
  /**
   * `POST /call` with `{binding, method, args}`: what it returns, or
   * `{thrown}`. Everything else is passed on to Latchkey.
   *
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    if (new URL(request.url).pathname !== CALL) return env.LATCHKEY.fetch(request);
    const { binding, method, args } = await request.json();
    try {
      const returned = await env[binding][method](...args);
      return Response.json({ returned: returned instanceof Response ? { status: returned.status } : returned });
    } catch (error) {
      return Response.json({ thrown: String(error) });
    }
  },
};
