/**
 * The readers of CSV and JSON: every form of a valid file, and that damage
 * affects only its own lines. A record that a user wrote into their own name is
 * never read as one.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MAX_RECORD_BYTES } from "../scripts/users/bytes.mjs";
import { fileOf, read, scratch } from "./support/imports.mjs";

const HEAD = "id,email,passwordHash";
/** A record as the readers return it, from `1,a@b.c,hash`. */
const row = (line, [id, email = "", passwordHash = ""]) => ({ line, row: { id, email, passwordHash } });
const damaged = (line, damage) => ({ line, damage });

async function csv(t, text, head = HEAD) {
  return read(fileOf(scratch(t), "users.csv", Buffer.concat([Buffer.from(`${head}\n`), Buffer.from(text)])));
}

describe("CSV", () => {
  test("quotes, commas, line breaks in fields, both line ends, a byte-order mark, no last line end", async (t) => {
    const text = '1,"a,b",x\r\n"2","say ""hi""",""\n\n3,"two\nlines",x\r\n"4",é,𝒜';
    assert.deepEqual(await csv(t, text, `\ufeff${HEAD}\r`), [
      row(2, ["1", "a,b", "x"]),
      row(3, ["2", 'say "hi"']),
      row(5, ["3", "two\nlines", "x"]),
      row(7, ["4", "é", "𝒜"]),
    ]);
  });

  test("columns in any order, others beside them", async (t) => {
    assert.deepEqual(await csv(t, "x,h,1,y,e\n", "a,passwordHash,id,b,email"), [
      { line: 2, row: { a: "x", passwordHash: "h", id: "1", b: "y", email: "e" } },
    ]);
  });

  test("an open quote costs its line, wherever the next quote is", async (t) => {
    for (const rest of [
      "3,c,z\n4,d,z\n",
      '3,"c",z\n4,d,z\n',
      '3,c,z\n4,"d",z\n',
      '3,c,"z"\n4,d,z\n',
      '3,c,""\n4,d,z\n',
    ]) {
      const records = await csv(t, `1,a,x\n2,"b,y\n${rest}`);
      assert.deepEqual(records.slice(0, 2), [row(2, ["1", "a", "x"]), damaged(3, "bad_quotes")], rest);
      assert.deepEqual(
        records.slice(2).map(({ line, row: { id } }) => [line, id]),
        [
          [4, "3"],
          [5, "4"],
        ],
        rest,
      );
    }
  });

  test("a stray quote costs its line", async (t) => {
    assert.deepEqual(await csv(t, '1,a"b,x\n2,"b"y,z\n3,c,z\n4,"d"\rz,x\n5,e,x\n'), [
      damaged(2, "bad_quotes"),
      damaged(3, "bad_quotes"),
      row(4, ["3", "c", "z"]),
      damaged(5, "bad_quotes"),
      row(6, ["5", "e", "x"]),
    ]);
  });

  test("quotes that fit together are one record, if it has as many columns as the others", async (t) => {
    assert.deepEqual(await csv(t, '1,"a,x\n2,b,y\n3,c",z\n4,d,z\n'), [
      row(2, ["1", "a,x\n2,b,y\n3,c", "z"]),
      row(5, ["4", "d", "z"]),
    ]);
    assert.deepEqual(await csv(t, '1,"a\n2,b,"\n3,c,z\n'), [
      damaged(2, "bad_quotes"),
      damaged(3, "bad_quotes"),
      row(4, ["3", "c", "z"]),
    ]);
  });

  test("too many or too few columns, bytes that are no text, a line of ten megabytes", async (t) => {
    const text = Buffer.concat([
      Buffer.from("1,a\n2,b,y,z\n3,"),
      Buffer.from([0xff, 0xc0]),
      Buffer.from(",z\n4,\0,z\n5,"),
      Buffer.alloc(10_000_000, "x"),
      Buffer.from(",z\n6,f,z\n"),
    ]);
    assert.deepEqual(await csv(t, text), [
      damaged(2, "wrong_column_count"),
      damaged(3, "wrong_column_count"),
      damaged(4, "invalid_utf8"),
      damaged(5, "nul_byte"),
      damaged(6, "too_long"),
      row(7, ["6", "f", "z"]),
    ]);
  });

  test("a record forged in somebody's name is not read, however long the name and whatever bytes are in it", async (t) => {
    const forged = "9,victim@example.org,hash\n";
    for (const filling of ["", "\0", Buffer.from([0xff]), forged.repeat(50), "x".repeat(MAX_RECORD_BYTES), '""\n""']) {
      const text = Buffer.concat([
        Buffer.from('1,"Mallory\n'),
        Buffer.from(filling),
        Buffer.from(`\n${forged}${forged}",x\n2,b,y\n`),
      ]);
      const records = await csv(t, text);
      assert.ok(
        records.every(({ row: fields }) => fields?.id !== "9"),
        String(filling).slice(0, 40),
      );
      assert.deepEqual(records.at(-1).row, row(0, ["2", "b", "y"]).row);
      assert.equal(records.length, 2);
    }
  });

  test("a first line that is no header says so, without repeating it", async (t) => {
    const secret = "s3cret-hash";
    /** @type {[head: string, message: RegExp][]} */
    const heads = [
      [`1,a@example.org,${secret}`, /must name the columns; missing: id, email, passwordHash\./],
      [`${HEAD},id`, /names a column twice/],
      [`"${secret}`, /is damaged \(bad_quotes\)/],
    ];
    for (const [head, message] of heads) {
      await assert.rejects(
        csv(t, "1,a,x\n", head),
        (/** @type {Error} */ error) => message.test(error.message) && !error.message.includes(secret),
      );
    }
  });

  test("has no NULL: what programs write for it is no value, in any column", async (t) => {
    for (const none of [
      "NULL",
      "null",
      "\\N",
      "None",
      "(null)",
      "<null>",
      "[NULL]",
      " NULL ",
      '"NULL"',
      "NaN",
      "nil",
    ]) {
      const records = await csv(t, `1,a,${none}\n${none},b,x\n`);
      assert.deepEqual(records, [row(2, ["1", "a", ""]), row(3, ["", "b", "x"])], none);
    }
    for (const word of ["nullable", "NULL x", "N", "\\NN", "0", "false"]) {
      assert.deepEqual(await csv(t, `1,a,${word}\n`), [row(2, ["1", "a", word])]);
    }
    // Users choose their names; a program writes only one spelling.
    const names = ["NULL", "\\N", "None", "null", "Null", "Nil", "Na", "NULL Pointer"];
    const records = await csv(t, names.map((name) => `1,a,x,${name}\n`).join(""), `${HEAD},name`);
    assert.deepEqual(
      records.map(({ row: { name } }) => name),
      ["", "", "", "", "Null", "Nil", "Na", "NULL Pointer"],
    );
  });

  test("UTF-16 is told", async (t) => {
    const path = fileOf(scratch(t), "users.csv", Buffer.from("\ufeffid,email", "utf16le"));
    await assert.rejects(read(path), /UTF-16/);
  });
});

describe("JSON", () => {
  const objects = [{ id: 1 }, { id: "zwei 𝒜" }, { id: 3, nested: { brace: '}{"' } }];
  const ids = (records) => records.map(({ line, row: fields, damage }) => [line, damage ?? fields.id]);
  const json = async (t, text) => ids(await read(fileOf(scratch(t), "users.json", text)));

  test("lines, an array on one line, an indented array, Firebase's document", async (t) => {
    const lines = objects.map((object) => JSON.stringify(object));
    assert.deepEqual(await json(t, lines.join("\r\n")), [
      [1, 1],
      [2, "zwei 𝒜"],
      [3, 3],
    ]);
    assert.deepEqual(await json(t, `\ufeff${JSON.stringify(objects)}`), [
      [1, 1],
      [1, "zwei 𝒜"],
      [1, 3],
    ]);
    assert.deepEqual(await json(t, JSON.stringify(objects, null, 2)), [
      [2, 1],
      [5, "zwei 𝒜"],
      [8, 3],
    ]);
    assert.deepEqual(await json(t, `{"users": [\n${lines.join(",\n")}]}`), [
      [2, 1],
      [3, "zwei 𝒜"],
      [4, 3],
    ]);
    assert.deepEqual(await json(t, `[${lines.join(",\n")}]\n`), [
      [1, 1],
      [2, "zwei 𝒜"],
      [3, 3],
    ]);
    assert.deepEqual(await json(t, "[]"), []);
  });

  test("an array that is cut off says so, wherever the cut is", async (t) => {
    for (const whole of [
      JSON.stringify(objects),
      JSON.stringify(objects, null, 2),
      `{"users": [\n${objects.map((one) => JSON.stringify(one)).join(",\n")}]}`,
      `[\n${objects.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`,
    ]) {
      const head = whole.indexOf("[") + 1;
      for (let end = head; end < whole.trimEnd().length; end += 1) {
        const records = await json(t, whole.slice(0, end));
        const damages = records.map(([, damage]) => damage).filter((one) => ["cut_off", "bad_json"].includes(one));
        assert.ok(damages.length > 0, whole.slice(0, end));
      }
      assert.deepEqual(
        (await json(t, whole)).map(([, id]) => id),
        [1, "zwei 𝒜", 3],
      );
    }
  });

  test("what follows an array is not ignored", async (t) => {
    const whole = '[{"id":1},\n{"id":2}]';
    for (const more of ['[{"id":3}]', ',{"id":3}', '\n{"id":3}', "]", "}", "x", "\0", "\n\n\n[", " ".repeat(70_000)]) {
      assert.deepEqual(
        await json(t, whole + more),
        [
          [1, 1],
          [2, 2],
          [2, "trailing_data"],
        ],
        JSON.stringify(more.slice(0, 20)),
      );
    }
    for (const blank of ["", "\n", " \r\n\t\n"])
      assert.deepEqual(await json(t, whole + blank), [
        [1, 1],
        [2, 2],
      ]);
    const document = '{"users": [{"id":1}]}';
    for (const more of [document, "]", ', "x": 1}'])
      assert.deepEqual(
        await json(t, document + more),
        [
          [1, 1],
          [1, "trailing_data"],
        ],
        more,
      );
    assert.deepEqual(await json(t, '{"users": [{"id":1}], "nextPageToken": "x"}'), [
      [1, 1],
      [1, "trailing_data"],
    ]);
    assert.deepEqual(await json(t, '{"users": [{"id":1}]'), [
      [1, 1],
      [1, "cut_off"],
    ]);
    assert.deepEqual(await json(t, `${document}\n`), [[1, 1]]);
  });

  test("a damaged last element does not hide that the array is whole", async (t) => {
    assert.deepEqual(await json(t, '[\n  {"id":1},\n  {"id":2,}\n]\n'), [
      [2, 1],
      [3, "bad_json"],
    ]);
    assert.deepEqual(await json(t, '[\n  {"id":1},\n  {"id":2\n]\n'), [
      [2, 1],
      [3, "bad_json"],
    ]);
  });

  test("a damaged element costs itself", async (t) => {
    const text = JSON.stringify(objects, null, 2);
    for (const [part, replacement] of [
      ['"zwei', "zwei"],
      ['𝒜"', "𝒜"],
      ['  {\n    "id": "zwei', '  \n    "id": "zwei'],
      ['𝒜"\n  },', '𝒜"\n'],
      ["zwei", "zw\nei"],
      ["zwei", "zw\u0001ei"],
    ]) {
      const records = await json(t, text.replace(part, replacement));
      assert.deepEqual(records[0], [2, 1], replacement);
      assert.equal(records.at(-1)[1], 3, replacement);
      assert.deepEqual(
        records.slice(1, -1).map(([, damage]) => damage),
        ["bad_json"],
        replacement,
      );
    }
  });

  test("an element of ten megabytes costs itself", async (t) => {
    const text = JSON.stringify([objects[0], { id: 2, name: "x".repeat(10_000_000) }, objects[2]], null, 2);
    assert.deepEqual(await json(t, text), [
      [2, 1],
      [5, "bad_json"],
      [9, 3],
    ]);
  });
});
