/**
 * Chromium driven by its own protocol, for what playwright-core keeps from
 * happening: it shows every page to the browser as one in front, and those never
 * sleep.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FLAGS, chromiumPath } from "./browser.mjs";

const ADDRESS = /DevTools listening on (ws:\S+)/;
const POLL_MS = 10;

/** Starts a browser with an empty profile. */
export async function startDevTools() {
  const profile = mkdtempSync(join(tmpdir(), "latchkey-chromium-"));
  const child = spawn(
    chromiumPath(),
    ["--headless", "--no-sandbox", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...FLAGS, "about:blank"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const closed = once(child, "close");
  let printed = "";
  while (!ADDRESS.test(printed)) {
    const [part] = await Promise.race([once(child.stderr, "data"), closed]);
    if (child.exitCode !== null) throw new Error(`Chromium does not start:\n${printed}`);
    printed += part;
  }
  // What it prints later is read too, so that it never waits for a reader.
  child.stderr.resume();
  const socket = new WebSocket(/** @type {RegExpExecArray} */ (ADDRESS.exec(printed))[1]);
  await once(socket, "open");
  return new DevTools(socket, async () => {
    child.kill();
    await closed;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
}

export class DevTools {
  #socket;
  #end;
  #sent = 0;
  /** @type {Map<number, (message: any) => void>} */
  #waiting = new Map();
  /** What has happened: "Debugger.paused" by session. @type {Set<string>} */
  events = new Set();

  /**
   * @param {WebSocket} socket
   * @param {() => Promise<void>} end
   */
  constructor(socket, end) {
    this.#socket = socket;
    this.#end = end;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.id) this.#waiting.get(message.id)?.(message);
      else this.events.add(`${message.method} ${message.sessionId}`);
    };
  }

  /**
   * @param {string} method
   * @param {object} params
   * @param {string} [sessionId]
   * @returns {Promise<any>}
   */
  send(method, params = {}, sessionId = undefined) {
    this.#sent += 1;
    const id = this.#sent;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((done, fail) => {
      this.#waiting.set(id, ({ result, error }) =>
        error ? fail(new Error(`${method}: ${error.message}`)) : done(result),
      );
    });
  }

  /** Opens a tab, in front. @param {string} url */
  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    return new Tab(this, targetId, sessionId);
  }

  /** Drops cookies of the site, as playwright's contexts do. */
  cookiesOf(/** @type {Tab} */ tab, /** @type {string} */ url) {
    return {
      clearCookies: (/** @type {{ name: string }} */ { name }) => tab.send("Network.deleteCookies", { name, url }),
    };
  }

  async close() {
    this.#socket.close();
    await this.#end();
  }
}

export class Tab {
  #browser;
  #target;
  #session;

  /**
   * @param {DevTools} browser
   * @param {string} target
   * @param {string} session
   */
  constructor(browser, target, session) {
    this.#browser = browser;
    this.#target = target;
    this.#session = session;
  }

  /**
   * @param {string} method
   * @param {object} [params]
   */
  send(method, params) {
    return this.#browser.send(method, params, this.#session);
  }

  /**
   * What a function returns in the page.
   *
   * @template A, R
   * @param {(argument: A) => R} act
   * @param {A} [argument]
   * @returns {Promise<Awaited<R>>}
   */
  async evaluate(act, argument) {
    const expression = `(${act})(${JSON.stringify(argument ?? null)})`;
    const answer = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description);
    return answer.result.value;
  }

  /**
   * Waits until a function is true in the page.
   *
   * @template A
   * @param {(argument: A) => unknown} isTrue
   * @param {A} [argument]
   */
  async until(isTrue, argument, timeoutMs = 10_000) {
    const end = Date.now() + timeoutMs;
    while (!(await this.evaluate(isTrue, argument).catch(() => false))) {
      if (Date.now() > end) throw new Error(`Not true in the page: ${isTrue}`);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
  }

  /** To the front, so that the tab which was there is hidden. */
  async show() {
    await this.#browser.send("Target.activateTarget", { targetId: this.#target });
    await this.until(() => document.visibilityState === "visible");
  }

  /** A hidden tab falls asleep: the page is told, and then nothing runs in it until it wakes. */
  async sleep() {
    await this.until(() => document.visibilityState === "hidden");
    await this.send("Page.setWebLifecycleState", { state: "frozen" });
    await this.until(() => lifecycle.at(-1) === "freeze");
    await this.send("Debugger.enable");
    await this.send("Debugger.pause");
    const paused = `Debugger.paused ${this.#session}`;
    this.#browser.events.delete(paused);
    // The debugger stops the page at the next thing that runs.
    this.send("Runtime.evaluate", { expression: "0" }).catch(() => {});
    while (!this.#browser.events.has(paused)) await new Promise((done) => setTimeout(done, POLL_MS));
  }

  /** What had to wait runs, the page is told, and the tab comes to the front. */
  async wake() {
    await this.send("Debugger.resume");
    await this.send("Debugger.disable");
    await this.send("Page.setWebLifecycleState", { state: "active" });
    await this.until(() => lifecycle.at(-1) === "resume");
    await this.show();
  }
}
