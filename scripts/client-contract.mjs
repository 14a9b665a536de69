/**
 * Writes `client/src/contract.ts`, the types of the client, from `docs/openapi.json`.
 *
 *     node scripts/client-contract.mjs
 *
 * The generators in npm's registry need the JavaScript interface of an older
 * TypeScript beside this one. The document uses a small part of JSON Schema, and
 * what this script does not know, it refuses.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, ROOT, main, say } from "./lib.mjs";

/**
 * @typedef {Record<string, any>} Schema
 * @typedef {{ paths: Record<string, Record<string, any>>, components: Record<string, Record<string, Schema>> }} Document
 * @typedef {{ name: string, route: string, summary: string, input: string, output: string, codes: string[] }} Operation
 */

export const DOCUMENT = "docs/openapi.json";
export const CONTRACT = "client/src/contract.ts";
const METHODS = ["get", "post", "put", "patch", "delete"];
const JSON_TYPE = "application/json";
const PROBLEM_TYPE = "application/problem+json";
/** @type {Record<string, string>} */
const PLAIN = { string: "string", integer: "number", number: "number", boolean: "boolean", null: "null" };

/**
 * The text of the module.
 *
 * @param {Document} document
 */
export function contract(document) {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] && !returnsPage(document, item[method])).map((method) =>
      operationOf(document, path, method, item[method]),
    ),
  );
  const signatures = operations.map(signature).join("\n");
  const statuses = [...statusesOf(document)].sort(([a], [b]) => (a < b ? -1 : 1));
  return `/**
 * The contract of the service. Made from ${DOCUMENT}; do not edit:
 *
 *     node scripts/client-contract.mjs
 */

${named(document, `FieldError ${signatures}`).join("\n\n")}

/** The status of each problem code. */
export interface Statuses {
${statuses.map(([code, status]) => `  ${code}: ${status};`).join("\n")}
}

/** The code of a problem. */
export type Code = keyof Statuses;

/** What each operation takes and returns, and the codes with which it may be refused. */
export interface Operations {
${signatures}
}

/** The method and the path of each operation. */
export const OPERATIONS: Readonly<Record<keyof Operations, string>> = {
${operations.map(({ name, route }) => `  ${name}: ${JSON.stringify(route)},`).join("\n")}
};
`;
}

/** @param {Operation} operation */
function signature({ name, summary, input, output, codes }) {
  return `${comment(summary)}${name}: {
    input: ${input};
    output: ${output};
    codes: ${codes.map((code) => JSON.stringify(code)).join(" | ") || "never"};
  };`;
}

/**
 * @param {Document} document
 * @param {string} path
 * @param {string} method
 * @param {any} operation
 * @returns {Operation}
 */
function operationOf(document, path, method, { operationId, summary, parameters = [], requestBody, responses }) {
  /** @type {Schema[]} */
  const given = parameters.map((/** @type {Schema} */ one) => resolve(document, one));
  const fields = given.filter(({ in: place }) => place === "path" || place === "query");
  const body = requestBody && resolve(document, requestBody).content[JSON_TYPE].schema;
  if (body && fields.some(({ in: place }) => place === "query")) {
    throw new Failure(`${operationId} has a query beside its body. The client puts all fields into one of them.`);
  }
  const query = fields.map(({ name, required, schema, description }) => member(name, schema, required, description));
  const inputs = [query.length > 0 ? `{ ${query.join(" ")} }` : "", body ? typeOf(body) : ""].filter(Boolean);

  /** @type {[status: string, answer: Schema][]} */
  const answers = Object.entries(responses).map(([status, answer]) => [status, resolve(document, answer)]);
  const successes = answers.filter(([status]) => status.startsWith("2"));
  const outputs = successes.map(([, { content }]) => (content ? typeOf(content[JSON_TYPE].schema) : "undefined"));
  return {
    name: nameOf(operationId),
    route: `${method.toUpperCase()} ${path}`,
    summary,
    input: inputs.join(" & ") || "Record<never, never>",
    output: [...new Set(outputs)].join(" | "),
    codes: [...new Set(answers.flatMap(([, answer]) => problemsIn(document, answer).map(({ code }) => code)))].sort(),
  };
}

/**
 * Whether a success is something to look at: no operation of a client.
 *
 * @param {Document} document
 * @param {{ responses: Record<string, Schema> }} operation
 */
function returnsPage(document, { responses }) {
  return Object.entries(responses).some(([status, answer]) => {
    const { content } = resolve(document, answer);
    return status.startsWith("2") && content && !content[JSON_TYPE];
  });
}

/**
 * `AccountEndSession` is `endSession`.
 *
 * @param {string} operationId
 */
function nameOf(operationId) {
  const name = operationId.replace(/^Account/, "");
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** @param {Document} document */
function statusesOf(document) {
  const operations = Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => item[method] ?? []));
  const answers = operations.flatMap(({ responses }) => Object.values(responses));
  const problems = answers.flatMap((answer) => problemsIn(document, resolve(document, answer)));
  return new Map(problems.map(({ code, status }) => [code, status]));
}

/**
 * The code and the status of each problem document that an answer may be.
 *
 * @param {Document} document
 * @param {Schema} answer
 * @returns {{ code: string, status: number }[]}
 */
function problemsIn(document, { content }) {
  const schema = content?.[PROBLEM_TYPE]?.schema;
  if (!schema) return [];
  const one = resolve(document, schema);
  return (one.oneOf ?? one.anyOf ?? [one]).map((/** @type {Schema} */ of) => {
    const { code, status } = resolve(document, of).properties;
    return { code: code.const ?? code.enum[0], status: status.const ?? status.enum[0] };
  });
}

/**
 * The schemas that a text of TypeScript names, and those that they name.
 *
 * @param {Document} document
 * @param {string} text
 */
function named({ components: { schemas } }, text) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const texts = [text];
  for (const one of texts) {
    for (const [name] of one.matchAll(/\b[A-Z]\w*\b/g)) {
      if (!Object.hasOwn(schemas, name) || found.has(name)) continue;
      const type = typeOf(schemas[name]);
      found.set(name, `${comment(schemas[name].description)}export type ${name} = ${type};`);
      texts.push(type);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, declaration]) => declaration);
}

/**
 * What a `$ref` of the document names, or the thing itself.
 *
 * @param {Document} document
 * @param {any} thing
 * @returns {any}
 */
function resolve(document, thing) {
  if (!thing.$ref) return thing;
  const [, kind, name] = /^#\/components\/(\w+)\/(\w+)$/.exec(thing.$ref) ?? [];
  const found = document.components[kind]?.[name];
  if (!found) throw new Failure(`${thing.$ref} is not in the document.`);
  return resolve(document, found);
}

/**
 * The type of a value, in TypeScript.
 *
 * @param {Schema} schema
 * @returns {string}
 */
function typeOf(schema) {
  const { $ref, type, enum: values, oneOf, anyOf, allOf, properties, items, additionalProperties } = schema;
  if ($ref) return $ref.replace("#/components/schemas/", "");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (values) return values.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(" | ");
  if (oneOf ?? anyOf) return (oneOf ?? anyOf).map(typeOf).join(" | ");
  if (allOf) return allOf.map((/** @type {Schema} */ one) => `(${typeOf(one)})`).join(" & ");
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one })).join(" | ");
  if (type === "array") return `readonly (${typeOf(items)})[]`;
  if (type === "object" && properties) return objectOf(schema);
  if (type === "object") {
    const value = typeof additionalProperties === "object" ? typeOf(additionalProperties) : "unknown";
    return `{ readonly [name: string]: ${value} }`;
  }
  if (PLAIN[type]) return PLAIN[type];
  throw new Failure(`This script does not know the schema ${JSON.stringify(schema)}.`);
}

/** @param {Schema} schema */
function objectOf({ properties, required = [] }) {
  const members = Object.entries(properties).map(([name, schema]) =>
    member(name, schema, required.includes(name), schema.description),
  );
  return `{ ${members.join(" ")} }`;
}

/**
 * @param {string} name
 * @param {Schema} schema
 * @param {boolean} isRequired
 * @param {string | undefined} description
 */
function member(name, schema, isRequired, description) {
  const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
  return `${comment(description)}readonly ${key}${isRequired ? "" : "?"}: ${typeOf(schema)};`;
}

/**
 * On lines of its own; the formatter indents it.
 *
 * @param {string | undefined} text
 */
function comment(text) {
  return text ? `\n/** ${text.replaceAll("*/", "* /").replaceAll(/\s+/g, " ")} */\n` : "";
}

/** The module of this checkout's document, in the form that the formatter gives it. */
export function ownContract() {
  const biome = join(ROOT, "node_modules", ".bin", "biome");
  return execFileSync(biome, ["format", "--stdin-file-path", CONTRACT], {
    cwd: ROOT,
    encoding: "utf8",
    input: contract(JSON.parse(readFileSync(join(ROOT, DOCUMENT), "utf8"))),
  });
}

await main(import.meta.url, () => {
  writeFileSync(join(ROOT, CONTRACT), ownContract());
  say(`${CONTRACT} is written.`);
});
