/**
 * Mutants of SQL, made mechanically: each condition dropped in turn, each
 * comparison moved by one at its boundary, each trigger removed.
 *
 * A condition is what lies between two boundaries (WHERE, ON, AND, OR, WHEN, a
 * parenthesis …) at one depth of parentheses. Without it, AND's operand is TRUE
 * and OR's is FALSE; a condition of `iif` or CASE becomes both.
 */
const TOKEN = /\/\*[\s\S]*?\*\/|--[^\n]*|'[^']*'|->>|<=|>=|<>|<<|\|\||[?]?\w+(?:\.\w+)*|\S/g;
const OPENS = new Set(["WHERE", "ON", "AND", "OR", "WHEN", "SELECT", "THEN", "ELSE", "(", ","]);
const CLOSES = new Set([
  "AND",
  "OR",
  "THEN",
  "WHEN",
  "ELSE",
  "WHERE",
  "ON",
  "UNION",
  "GROUP",
  "ORDER",
  "LIMIT",
  "RETURNING",
  "BEGIN",
  "DO",
  "SET",
  "FROM",
  "JOIN",
  "LEFT",
  "AS",
  "END",
  ")",
  ",",
  ";",
]);
const TWINS = { "<=": "<", "<": "<=", ">=": ">", ">": ">=" };

/** The mutants of a statement or a trigger: what each changes, and its text. */
export function mutantsOf(sql) {
  const tokens = tokensOf(sql);
  return [...conditions(tokens), ...boundaries(tokens)].map(({ from, to, by, shown = { from, to } }, index) => ({
    number: index + 1,
    what: `${sql.slice(shown.from, shown.to).replace(/\s+/g, " ")}  =>  ${by}`,
    sql: `${sql.slice(0, from)}${by}${sql.slice(to)}`,
  }));
}

/** `CREATE TRIGGER … END;`, by name. */
export function triggersOf(migration) {
  const found = migration.matchAll(/^CREATE TRIGGER (\w+)[\s\S]*?^END;$/gm);
  return [...found].map(([sql, name]) => ({ name: `trigger ${name}`, sql }));
}

function tokensOf(sql) {
  const tokens = [];
  let depth = 0;
  for (const { 0: text, index } of sql.matchAll(TOKEN)) {
    if (text.startsWith("/*") || text.startsWith("--")) continue;
    if (text === ")") depth -= 1;
    tokens.push({ text, word: text.toUpperCase(), from: index, to: index + text.length, depth });
    if (text === "(") depth += 1;
  }
  return tokens;
}

function conditions(tokens) {
  const mutants = [];
  for (const [index, token] of tokens.entries()) {
    if (!OPENS.has(token.word) || isOtherOn(tokens, index)) continue;
    // The SELECT opens the condition.
    if (token.text === "(" && tokens[index + 1]?.word === "SELECT") continue;
    const depth = token.depth + (token.text === "(" ? 1 : 0);
    const end = endOf(tokens, index + 1, depth, CLOSES);
    const span = { from: tokens[index + 1]?.from, to: tokens[end - 1]?.to };
    const after = tokens[end]?.depth === depth ? tokens[end].word : ")";
    const isOne = (word) => index + 2 === end && tokens[index + 1].word === word;
    for (const by of replacements(tokens, index, after)) if (!isOne(by)) mutants.push({ ...span, by });
    // Without parentheses around them, the operands of OR are a condition together.
    if (["WHERE", "WHEN"].includes(token.word)) {
      const whole = endOf(tokens, index + 1, depth, CLOSES_ALL);
      const parts = tokens.slice(index + 1, whole).filter((part) => part.depth === depth);
      if (parts.some(({ word }) => word === "OR")) {
        mutants.push({ from: span.from, to: tokens[whole - 1].to, by: "TRUE" });
      }
    }
  }
  return mutants;
}

const CLOSES_ALL = new Set([...CLOSES].filter((word) => word !== "AND" && word !== "OR"));

function endOf(tokens, start, depth, closes) {
  let end = start;
  while (end < tokens.length) {
    const { text, word, depth: here } = tokens[end];
    if (here < depth || (here === depth && closes.has(word) && text !== ")")) break;
    end += 1;
  }
  return end;
}

/** ON CONFLICT, ON a table of a trigger, ON DELETE. */
function isOtherOn(tokens, index) {
  if (tokens[index].word !== "ON") return false;
  return !tokens.slice(Math.max(0, index - 4), index).some(({ word }) => word === "JOIN");
}

function replacements(tokens, index, after) {
  const { word } = tokens[index];
  // `ON CONFLICT (…) WHERE … DO` names a partial index, which has to have this condition.
  if (word === "WHERE" && after === "DO") return [];
  const isAsked = word === "WHEN" ? after === "THEN" : tokens[index - 1]?.word === "IIF" && word === "(";
  const joins = [word, after].filter((each) => each === "AND" || each === "OR");
  if (isAsked && joins.length === 0) return ["TRUE", "FALSE"];
  if (joins.includes("AND")) return ["TRUE"];
  if (joins.includes("OR")) return ["FALSE"];
  return ["WHERE", "ON", "WHEN"].includes(word) ? ["TRUE"] : [];
}

function boundaries(tokens) {
  const compared = [...tokens.entries()].filter(([, { text }]) => text in TWINS);
  return compared.map(([index, { text, from, to }]) => {
    // With some words around it: one statement compares more than once.
    const shown = { from: tokens[Math.max(0, index - 4)].from, to: tokens[Math.min(tokens.length - 1, index + 1)].to };
    return { from, to, by: TWINS[text], shown };
  });
}
