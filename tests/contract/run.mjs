/**
 * `npm run test:contract`: requests that schemathesis generates from
 * docs/openapi.json, against the built Worker in real workerd, signed in and
 * not. Fails when an answer is not as the document says, when invalid data is
 * accepted or valid data refused, and when there were too few requests.
 *
 *     npm run test:contract -- --include-operation-id AccountLogin
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startLatchkey } from "../../harness/latchkey.mjs";
import { MAIL_BY_PROVIDER, MailProvider } from "../../harness/mails.mjs";
import { build } from "../../scripts/build.mjs";
import { Failure, ROOT, main, output, run, say } from "../../scripts/lib.mjs";
import { setup } from "../../scripts/setup.mjs";
import { cached } from "../../scripts/tools.mjs";

const CONTRACT = join(ROOT, "tests", "contract");
const REQUIREMENTS = join(CONTRACT, "requirements.txt");
const MIN_CASES = 20_000;
/** Not the ones of the document's examples, which would change the password. */
const PERSON = { email: "contract@example.com", password: "seven crooked lanterns by the quay" };
/** The document names the cookies as they are over https. */
const HTTPS_PREFIX = /__Host-/g;

/** @param {NodeJS.ProcessEnv} env */
async function schemathesis(env) {
  const python = ["python3", "/usr/bin/python3"].find(
    (one) => output(one, ["-c", "import ensurepip, venv"], { env }) !== null,
  );
  if (python === undefined) {
    throw new Failure("Python 3 with venv is missing: on Debian and Ubuntu, apt-get install python3-venv.");
  }
  const version = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 16);
  const folder = await cached(`schemathesis-${version}`, join("bin", "python"), async (temporary) => {
    say("Installing schemathesis ...");
    await run(python, ["-m", "venv", temporary], { env });
    const pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"];
    await run(join(temporary, "bin", "python"), [...pip, "--requirement", REQUIREMENTS], { env });
  });
  return join(folder, "bin", "python");
}

/**
 * One run, against a Latchkey of its own: `{code, out}`.
 *
 * @param {{ python: string, document: string, isSignedIn: boolean, args: string[] }} options
 * @returns {Promise<{ code: number | null, out: string }>}
 */
async function generated({ python, document, isSignedIn, args }) {
  const vars = { ...MAIL_BY_PROVIDER, REGISTRATIONS_PER_HOUR: "1000000", UPSTREAMS: "orders" };
  const latchkey = await startLatchkey({ vars, outbound: new MailProvider().answer });
  try {
    const url = latchkey.url.origin;
    if (isSignedIn) await register(url);
    const env = {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: "1",
      LATCHKEY_URL: url,
      ...(isSignedIn && { LATCHKEY_CREDENTIALS: `${PERSON.email} ${PERSON.password}` }),
    };
    const command = ["-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", document, "--url", url];
    return await new Promise((done, fail) => {
      const child = spawn(python, [...command, ...args], { cwd: CONTRACT, env, stdio: ["ignore", "pipe", "pipe"] });
      let out = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (out += part));
      child.on("error", fail).on("close", (code) => done({ code, out }));
    });
  } finally {
    await latchkey.dispose();
  }
}

/** @param {string} url */
async function register(url) {
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(PERSON) };
  const { status } = await fetch(`${url}/api/account/register`, init);
  if (status !== 201) throw new Failure(`Registering was answered ${status}.`);
}

await main(import.meta.url, async (args) => {
  const env = await setup();
  const python = await schemathesis(env);
  await build(env);
  const document = join(ROOT, "build", "contract", "openapi.json");
  mkdirSync(join(ROOT, "build", "contract"), { recursive: true });
  writeFileSync(document, readFileSync(join(ROOT, "docs", "openapi.json"), "utf8").replaceAll(HTTPS_PREFIX, ""));

  say("Sending generated requests, signed in and not ...");
  const runs = await Promise.all([true, false].map((isSignedIn) => generated({ python, document, isSignedIn, args })));
  let cases = 0;
  for (const { out } of runs) {
    console.log(out);
    cases += Number(/^\s*([\d,]+) generated/m.exec(out)?.[1].replaceAll(",", "") ?? 0);
  }
  say(`${cases} generated cases.`);
  const isFailed = runs.some(({ code }) => code !== 0);
  const isWhole = args.length === 0;
  if (isWhole && cases < MIN_CASES) throw new Failure(`There must be at least ${MIN_CASES} cases.`);
  return isFailed ? 1 : 0;
});
