import { Readable } from "node:stream";

import { describe, expect, test } from "vitest";

import type { CsvRow } from "../src/lib/csv.js";
import { parseUsers } from "../src/importers/users/parse.js";

const HEADER = "email,name,role,department\n";
const signal = new AbortController().signal;

/** One byte per chunk: every boundary inside a character or a line break is met. */
function bytes(text: string | Buffer): Readable {
  return Readable.from([...Buffer.from(text)].map((byte) => Buffer.of(byte)));
}

async function parseAll(text: string | Buffer) {
  const csv = await parseUsers(bytes(text), "users.csv", signal);
  const rows: CsvRow[] = [];
  for await (const row of csv.rows) rows.push(row);
  return { ...csv, rows };
}

describe("parseUsers", () => {
  test("reads quoted commas, quotes and Japanese names", async () => {
    const { rows } = await parseAll(`${HEADER}a@x.jp,"佐藤, ""Haru""",admin,品質\n`);
    const values = { email: "a@x.jp", name: '佐藤, "Haru"', role: "admin", department: "品質" };
    expect(rows).toEqual([{ line: 2, values }]);
  });

  test("accepts a BOM, any column order, capitals and blanks in the header", async () => {
    const { rows, columns } = await parseAll("\uFEFFRole, Email ,NAME\nadmin,a@x.jp,A\n");
    expect(rows).toEqual([{ line: 2, values: { role: "admin", email: "a@x.jp", name: "A" } }]);
    expect(columns.has("department")).toBe(false);
  });

  test.each([
    ["\\n", "\n"],
    ["\\r\\n", "\r\n"],
    ["\\r", "\r"],
  ])("tells the line a record starts on, with %s and blank lines", async (_name, eol) => {
    const text = [HEADER.trim(), "a,b,c,d", "", '"x', 'y",b,c,d', "e,f,g,h"].join(eol);
    const { rows } = await parseAll(text);
    expect(rows.map((row) => row.line)).toEqual([2, 4, 6]);
  });

  test("gives rows with too few or too many columns as such", async () => {
    const { rows } = await parseAll(`${HEADER}a,b,c\na,b,c,d,e\n`);
    expect(rows).toEqual([
      { line: 2, expectedColumns: 4, foundColumns: 3 },
      { line: 3, expectedColumns: 4, foundColumns: 5 },
    ]);
  });

  test("names unknown columns", async () => {
    const { unknownColumns } = await parseAll("email,name,role,phone\n");
    expect(unknownColumns).toEqual(["phone"]);
  });

  test.each([
    ["an empty file", "", "parse users.csv: the file is empty; a header line is required"],
    [
      "a missing header",
      "email,phone\n",
      "parse users.csv: the header lacks name, role; found: email, phone",
    ],
    ["a repeated header", "email,email,name,role\n", "parse users.csv: the header repeats email"],
    [
      "an unclosed quote",
      `${HEADER}a,b,c,d\na,"b,c,d\ne,f,g,h\n`,
      "parse users.csv: line 3: a quote opened in this record is never closed",
    ],
    [
      "a quote inside a value",
      `${HEADER}a,b"b",c,d\n`,
      /^parse users\.csv: line 2: Invalid Opening Quote/,
    ],
    [
      "an unclosed quote before other quotes",
      `${HEADER}a,"b,c,d\ne,"f",g,h\n`,
      /^parse users\.csv: line 3 \(the record starts on line 2\): Invalid Closing Quote/,
    ],
    [
      "a record without end",
      `${HEADER}a,"${"b\n".repeat(70_000)}`,
      /^parse users\.csv: line 2: this record is longer/,
    ],
    [
      "Shift_JIS",
      Buffer.concat([Buffer.from(`${HEADER}a,`), Buffer.of(0x8d, 0xb2, 0x93, 0xa1)]),
      /^parse users\.csv: not UTF-8 text after line 2; save it as UTF-8/,
    ],
    ["a character cut off", Buffer.from(`${HEADER}佐`).subarray(0, -1), /not UTF-8 text/],
  ])("refuses %s", async (_name, text, message) => {
    await expect(parseAll(text)).rejects.toThrow(message);
  });

  test("reports a download that breaks", async () => {
    const source = new Readable({ read: () => undefined });
    source.push(`${HEADER}a,b,c,d\n`);
    const csv = await parseUsers(source, "users.csv", signal);
    source.destroy(new Error("socket hang up"));
    const next = csv.rows[Symbol.asyncIterator]().next();
    await expect(next).rejects.toThrow("read users.csv: socket hang up");
  });

  test("ends the download when the reader stops", async () => {
    const source = new Readable({ read: () => undefined });
    source.push(`${HEADER}a,b,c,d\ne,f,g,h\n`);
    const csv = await parseUsers(source, "users.csv", signal);
    for await (const row of csv.rows) {
      expect(row.line).toBe(2);
      break;
    }
    await new Promise(setImmediate);
    expect(source.destroyed).toBe(true);
  });
});
