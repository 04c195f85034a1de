import { Readable } from "node:stream";

import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { openCsv, readTexts, type CsvBlock } from "../src/lib/csv.js";
import type { Encoding } from "../src/lib/encoding.js";

const COLUMNS = { required: ["email", "name", "role"], optional: ["department"] };
const HEADER = "email,name,role,department\n";

/** Some bytes per chunk; with one, every boundary inside a character or a line break is met. */
function chunks(text: string | Buffer, size = 1): Readable {
  const bytes = Buffer.from(text);
  const starts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => i * size);
  return Readable.from(starts.map((start) => bytes.subarray(start, start + size)));
}

interface Parsed {
  rows: { line: number; values: string[]; text: string }[];
  faults: { line: number; reason: string; text: string }[];
}

function read(block: CsvBlock, into: Parsed): void {
  for (const part of block.parts()) {
    if (!("rows" in part)) {
      into.faults.push(part);
      continue;
    }
    for (const [i, values] of part.rows.entries()) {
      into.rows.push({ line: part.lineOf(i), values, text: part.textOf(i) });
    }
  }
}

async function parseAll(text: string | Buffer, encoding?: Encoding, size?: number) {
  const csv = await openCsv(chunks(text, size), "users.csv", COLUMNS, encoding);
  const parsed: Parsed = { rows: [], faults: [] };
  for await (const block of csv.blocks) read(block, parsed);
  return { ...csv, ...parsed, encoding: csv.encoding() };
}

const valuesOf = ({ rows }: Parsed) => rows.map(({ values }) => values);

describe("openCsv", () => {
  test("reads quoted commas, quotes, line breaks and Japanese names", async () => {
    const parsed = await parseAll(`${HEADER}a@x.jp,"佐藤, ""Haru""\r\n遥",admin,品質\n`);
    expect(parsed.rows).toEqual([
      {
        line: 2,
        values: ["a@x.jp", '佐藤, "Haru"\r\n遥', "admin", "品質"],
        text: 'a@x.jp,"佐藤, ""Haru""\r\n遥",admin,品質',
      },
    ]);
  });

  test("accepts a BOM, any column order, capitals, blanks and quotes in the header", async () => {
    const { rows, header } = await parseAll('\uFEFF"Role", Email ,NAME\nadmin,a@x.jp,A\n');
    expect(header).toEqual(["role", "email", "name"]);
    expect(rows).toMatchObject([{ line: 2, values: ["admin", "a@x.jp", "A"] }]);
  });

  test.each([
    ["\\n", "\n"],
    ["\\r\\n", "\r\n"],
    ["\\r", "\r"],
  ])("tells the line a record starts on, with %s and blank lines", async (_name, eol) => {
    const text = [HEADER.trim(), "a,b,c,d", "", `"x`, 'y",b,c,d', "e,f,g,h", ""].join(eol);
    const { rows } = await parseAll(text);
    expect(rows.map(({ line, values }) => [line, values[0]])).toEqual([
      [2, "a"],
      [4, `x${eol}y`],
      [6, "e"],
    ]);
  });

  test("takes both kinds of line breaks in one file, and a last line without one", async () => {
    const { rows } = await parseAll(`${HEADER}a,b,c,d\r\n"e",f,g,\ni,j,k,"l"\r\nm,n,o,`);
    expect(rows.map(({ line, values }) => [line, ...values])).toEqual([
      [2, "a", "b", "c", "d"],
      [3, "e", "f", "g", ""],
      [4, "i", "j", "k", "l"],
      [5, "m", "n", "o", ""],
    ]);
  });

  test("keeps a U+FEFF that a value begins with", async () => {
    expect(valuesOf(await parseAll(`${HEADER}\uFEFFa,b,c,d\n`))).toEqual([
      ["\uFEFFa", "b", "c", "d"],
    ]);
  });

  test("names unknown columns", async () => {
    const { unknownColumns } = await parseAll("email,name,role,phone\n");
    expect(unknownColumns).toEqual(["phone"]);
  });

  const faults: [string, string, string[]][] = [
    ["too few columns", "a,b,c", ["has 3 columns, the header has 4"]],
    ["too many columns", "a,b,c,d,e", ["has 5 columns, the header has 4"]],
    [
      "a quote inside a value",
      'a,b "b" b,c,d',
      ['has a quote inside a value; write it twice ("") and quote the value'],
    ],
    [
      "something after a closing quote",
      'a,"b" b,c,d',
      ['has a quote inside a value; write it twice ("") and quote the value'],
    ],
    [
      "an unclosed quote that another one closes",
      'a,"b,c,d\ne,"f",g,h',
      [
        'has a quote inside a value (this record runs to line 4); write it twice ("") and quote the value',
      ],
    ],
    ["a lone carriage return", "a,b\rb,c,d", ["has a carriage return outside of quotes"]],
  ];
  test.each(faults)("rejects a record with %s, and no other", async (_name, record, reasons) => {
    const parsed = await parseAll(`${HEADER}1,2,3,4\n${record}\n5,6,7,8\n`);
    expect(parsed.faults).toEqual(reasons.map((reason) => ({ line: 3, reason, text: record })));
    const last = 4 + (record.split("\n").length - 1);
    expect(parsed.rows.map(({ line }) => line)).toEqual([2, last]);
  });

  test("rejects only the records with bytes that are not of the encoding", async () => {
    const bad = Buffer.from("a,\xe4\xbd,\xff,d\n", "latin1");
    const utf8 = await parseAll(Buffer.concat([Buffer.from(`${HEADER}佐,b,c,d\n`), bad]));
    expect(utf8.rows).toHaveLength(1);
    expect(utf8.faults).toEqual([
      { line: 3, reason: "has bytes that are not UTF-8", text: "a,\uFFFD,\uFFFD,d" },
    ]);
    const cp932 = await parseAll(Buffer.concat([Buffer.from(HEADER), bad]), "cp932");
    expect(cp932.faults).toMatchObject([{ reason: "has bytes that are not CP932 (Shift_JIS)" }]);
  });

  test.each<[string, string | Buffer, string | RegExp]>([
    ["an empty file", "", "parse users.csv: the file is empty; a header line is required"],
    ["only a BOM", "\uFEFF", "parse users.csv: the file is empty; a header line is required"],
    [
      "a missing column",
      "email,phone\n",
      "parse users.csv: the header lacks name, role; found: email, phone",
    ],
    [
      "a row in place of the header, without repeating it",
      "a@x.jp,Secret,admin\n",
      /lacks email, name, role; the first line has to name the columns$/,
    ],
    ["a repeated header", "email,email,name,role\n", "parse users.csv: the header repeats email"],
    ["a broken header", 'email,na"me,role\n', "parse users.csv: the header has a quote inside"],
    [
      "an unclosed quote",
      `${HEADER}a,b,c,d\na,"b,c,d\ne,f,g,h\n`,
      "parse users.csv: line 3: a quote opened in this record is never closed",
    ],
    [
      "a record without end",
      `${HEADER}a,"${"b\n".repeat(600_000)}`,
      "parse users.csv: line 2: this record is longer than 1 MiB; a closing quote",
    ],
    ["UTF-16", Buffer.from("\uFEFFemail,name,role\n", "utf16le"), "parse users.csv: is UTF-16"],
  ])("refuses %s", async (_name, text, message) => {
    await expect(parseAll(text, undefined, 60_000)).rejects.toThrow(message);
  });

  test("refuses a UTF-8 BOM where CP932 was said", async () => {
    await expect(parseAll(`\uFEFF${HEADER}`, "cp932")).rejects.toThrow("leave --encoding=cp932");
  });

  test("takes a record of 1 MiB, however it arrives", async () => {
    const record = `a,b,c,${"d".repeat(1024 * 1024 - 6)}`;
    const text = `${HEADER}${record}\n`;
    expect((await parseAll(text, undefined, 60_000)).rows).toHaveLength(1);
    const longer = `${HEADER}${record}d\n`;
    await expect(parseAll(longer, undefined, 3_000_000)).rejects.toThrow("longer than 1 MiB");
  });

  test("reports a download that breaks", async () => {
    const source = new Readable({ read: () => undefined });
    source.push(`${HEADER}a,b,c,d\n`);
    const opening = openCsv(source, "users.csv", COLUMNS);
    source.destroy(new Error("socket hang up"));
    await expect(opening).rejects.toThrow("read users.csv: socket hang up");
  });

  test("ends the download when the reader stops", async () => {
    const source = new Readable({ read: () => undefined });
    source.push(`${HEADER}${"a,b,c,d\n".repeat(40_000)}`);
    const csv = await openCsv(source, "users.csv", COLUMNS);
    for await (const block of csv.blocks) {
      expect(block.offset).toBeGreaterThan(0);
      break;
    }
    await new Promise(setImmediate);
    expect(source.destroyed).toBe(true);
  });
});

describe("any table that is written as CSV", () => {
  const character = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...Array.from("ab,\"\n\r'= \t\\佐髙ｱ😀\uFEFF\uFFFD")) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  );
  const value = fc
    .string({ unit: character, maxLength: 12 })
    .filter((text) => Buffer.from(text).toString() === text);
  const cell = fc.record({ value, quoted: fc.boolean() });
  const row = fc.record({
    cells: fc.array(cell, { minLength: 4, maxLength: 4 }),
    eol: fc.constantFrom("\n", "\r\n"),
    blankLines: fc.constantFrom(0, 0, 0, 1, 2),
  });

  const write = (c: { value: string; quoted: boolean }) =>
    c.quoted || /[",\r\n]/.test(c.value) ? `"${c.value.replaceAll('"', '""')}"` : c.value;

  test("comes back equal, with its lines, as csv-parse reads it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 30 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        async (table, size, isCut) => {
          let text = HEADER;
          let line = 2;
          const lines: number[] = [];
          const isBlank = (values: string[]) => values.every((v) => v === "");
          for (const { cells, eol, blankLines } of table) {
            const record = cells.map(write).join(",");
            lines.push(line);
            text += record + eol + eol.repeat(blankLines);
            line += record.split("\n").length + blankLines;
          }
          if (isCut) text = text.replace(/\r?\n$/, "");
          const parsed = await parseAll(text, undefined, size);
          expect(parsed.faults).toEqual([]);
          expect(valuesOf(parsed)).toEqual(table.map(({ cells }) => cells.map((c) => c.value)));
          expect(parsed.rows.map((r) => r.line)).toEqual(lines);
          const oracle = parse(text, { record_delimiter: ["\r\n", "\n"], skip_empty_lines: true });
          expect(oracle.slice(1).filter((r) => !isBlank(r))).toEqual(
            valuesOf(parsed).filter((r) => !isBlank(r)),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test("loses no byte of any text, whether its records are good or bad", async () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('ab,,""\n\r')), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 20 }), async (body, size) => {
        const parsed = await parseAll(HEADER + body, undefined, size).catch((error: unknown) => {
          expect(String(error)).toContain("is never closed");
          return null;
        });
        if (parsed === null) return;
        const texts = [...parsed.rows, ...parsed.faults]
          .sort((a, b) => a.line - b.line)
          .map((record) => record.text);
        const strip = (s: string) => s.replace(/[\r\n]/g, "");
        expect(strip(texts.join(""))).toBe(strip(body));
        for (const { values, text: original } of parsed.rows) {
          expect(parse(`${original}\n`, { record_delimiter: ["\r\n", "\n"] })).toEqual([values]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("has the same rows whatever the size of the pieces", async () => {
    const record = '"a ""x""\nb",b,c,佐\r\n';
    const text = HEADER + record.repeat(30_000);
    const reference = await parseAll(text, undefined, 1 << 30);
    expect(reference.rows).toHaveLength(30_000);
    expect(reference.rows.at(-1)?.line).toBe(2 + 2 * 29_999);
    for (const size of [997, 65_536]) {
      expect((await parseAll(text, undefined, size)).rows).toEqual(reference.rows);
    }
  });
});

test("readTexts gives the original texts of the wanted lines", async () => {
  async function* wanted() {
    yield* await Promise.resolve([3, 6]);
  }
  const text = `${HEADER}a,b,c,d\n"e\nf",b,c,d\n\n x ,y,z,"""w"\nlast,1,2,3\n`;
  const found = [];
  for await (const record of readTexts(chunks(text, 7), "users.csv", "utf-8", wanted())) {
    found.push(record);
  }
  expect(found).toEqual([
    { line: 3, text: '"e\nf",b,c,d' },
    { line: 6, text: ' x ,y,z,"""w"' },
  ]);
});
