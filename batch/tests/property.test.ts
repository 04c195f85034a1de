import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CP932_CHARACTERS, encodeCp932 } from "./support/cp932.js";
import { ImportHarness } from "./support/importer.js";

const TIMEOUT = 120_000;
/** Each run is a process; when one fails, it is shrunk for so long. */
const RUNS = { numRuns: 25, interruptAfterTimeLimit: TIMEOUT - 20_000 };

let harness: ImportHarness;

/** What means something to a CSV reader, a spreadsheet, a terminal or an editor. */
const SPECIAL = [",", '"', '""', "\n", "\r", "\r\n", " ", "\t", "'", "=", ";", "\\", "\u0001"];
const SPECIAL_UNICODE = ["\uFEFF", "\u2028", "\u0085", "\u3000", "é", "e\u0301", "髙", "😀", "👨‍👩‍👧"];
const CONTROL = /\p{Cc}/gu;

const unicode = fc.oneof(
  fc.constantFrom(...SPECIAL, ...SPECIAL_UNICODE),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).map((c) => (c === "\0" ? "0" : c)),
);
const cp932 = fc.oneof(fc.constantFrom(...SPECIAL), fc.constantFrom(...CP932_CHARACTERS));

interface Kind {
  encoding: "utf-8" | "cp932";
  character: fc.Arbitrary<string>;
  encode(text: string): Buffer;
}
const KINDS: readonly Kind[] = [
  { encoding: "utf-8", character: unicode, encode: (text) => Buffer.from(text) },
  { encoding: "cp932", character: cp932, encode: encodeCp932 },
];

type Quote = (value: string) => boolean;
const NEEDS_QUOTES: Quote = (value) => /[",\r\n]/.test(value);

interface Layout {
  /** Whether a value that needs no quotes has them, in turn. */
  quotes: boolean[];
  lineEnds: string[];
  lastLineEnd: boolean;
  bom: boolean;
}
const layout: fc.Arbitrary<Layout> = fc.record({
  quotes: fc.oneof(
    fc.constantFrom<boolean[]>([true], [false]),
    fc.array(fc.boolean(), { minLength: 2, maxLength: 40 }),
  ),
  lineEnds: fc.constantFrom<string[]>(["\n"], ["\r\n"], ["\n", "\r\n", "\r\n"]),
  lastLineEnd: fc.boolean(),
  bom: fc.boolean(),
});

function writeCsv(rows: readonly string[][], { quotes, lineEnds, lastLineEnd }: Layout): string {
  let n = 0;
  const cell = (value: string) => {
    const quoted = NEEDS_QUOTES(value) || quotes[n++ % quotes.length] === true;
    return quoted ? `"${value.replaceAll('"', '""')}"` : value;
  };
  const ends = rows.map((_, i) => lineEnds[i % lineEnds.length] ?? "\n");
  if (!lastLineEnd) ends[ends.length - 1] = "";
  return rows.map((row, i) => row.map(cell).join(",") + (ends[i] ?? "")).join("");
}

const TEXTS = ["description", "preconditions", "steps", "expected_result"] as const;
const OPTIONAL = [...TEXTS, "priority", "category"] as const;
type TestCase = Record<"case_id" | "title" | (typeof OPTIONAL)[number], string>;

interface Table {
  cases: TestCase[];
  /** Columns in the order of the file; those that are none of a test case are extra. */
  columns: string[];
  upperCase: boolean[];
  extra: string[];
  layout: Layout;
  sayEncoding: boolean;
}

function tableOf(kind: Kind): fc.Arbitrary<Table> {
  const times = fc.oneof(
    { weight: 19, arbitrary: fc.constant(1) },
    fc.integer({ min: 2, max: 300 }),
  );
  const text = fc
    .tuple(fc.array(kind.character, { maxLength: 30 }), times)
    .map(([some, times]) => some.join("").repeat(times))
    .filter((value) => value.length <= 20_000);
  const line = (maxLength: number) =>
    fc.array(kind.character, { maxLength }).map((some) => some.join("").replace(CONTROL, ""));
  const testCase = fc.record({
    case_id: line(5),
    // Not empty when it is trimmed.
    title: line(15).map((value) => `${value}T`),
    description: text,
    preconditions: text,
    steps: text,
    expected_result: text,
    priority: fc.constantFrom("high", "medium", "low"),
    category: line(8).map((value) => value.trim()),
  });
  return fc
    .record({
      cases: fc.array(testCase, { minLength: 1, maxLength: 150 }),
      present: fc.subarray([...OPTIONAL]),
      extraColumns: fc.subarray(["owner", "reviewed at", "列"]),
      upperCase: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      extra: fc.array(text, { minLength: 1, maxLength: 5 }),
      layout,
      sayEncoding: fc.boolean(),
    })
    .chain(({ present, extraColumns, ...rest }) => {
      const columns = ["case_id", "title", ...present, ...extraColumns];
      return fc
        .shuffledSubarray(columns, { minLength: columns.length })
        .map((shuffled) => ({ ...rest, columns: shuffled }));
    })
    .map((table) => ({
      ...table,
      // A key of its own for each, which no trimming makes equal to another.
      cases: table.cases.map((row, i) => ({ ...row, case_id: `${row.case_id}#${i}` })),
    }));
}

const isKnown = (column: string): column is keyof TestCase =>
  ["case_id", "title", ...OPTIONAL].includes(column);

function encodeTable(kind: Kind, table: Table): Buffer {
  const { cases, columns, upperCase, extra, layout } = table;
  const header = columns.map((name, i) =>
    upperCase[i % upperCase.length] === true ? name.toUpperCase() : name,
  );
  const rows = cases.map((row, r) =>
    columns.map((name, c) => (isKnown(name) ? row[name] : (extra[(r + c) % extra.length] ?? ""))),
  );
  const bom = layout.bom && kind.encoding === "utf-8" ? "\uFEFF" : "";
  return kind.encode(bom + writeCsv([header, ...rows], layout));
}

/** What the database has after the import into an empty table. */
function expectedRows({ cases, columns }: Table): TestCase[] {
  const given = (row: TestCase, name: keyof TestCase, absent: string) =>
    columns.includes(name) ? row[name] : absent;
  return cases.map((row) => ({
    case_id: row.case_id.trim(),
    title: row.title.trim(),
    description: given(row, "description", ""),
    preconditions: given(row, "preconditions", ""),
    steps: given(row, "steps", ""),
    expected_result: given(row, "expected_result", ""),
    priority: given(row, "priority", "medium"),
    category: given(row, "category", ""),
  }));
}

const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
const keyed = <T extends object>(rows: T[], key: keyof T) =>
  rows.map((row) => ({ key: String(row[key]), ...row })).sort(byKey);

describe("any file", () => {
  beforeAll(async () => {
    harness = await ImportHarness.create();
  });
  afterAll(() => harness.close());

  test.each(KINDS)(
    "a table written in $encoding, in any quoting and layout, comes back equal",
    { timeout: TIMEOUT },
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(tableOf(kind), async (table) => {
          await harness.reset();
          harness.put(encodeTable(kind, table));
          const said = table.sayEncoding || kind.encoding === "cp932";
          const args = said ? [`--encoding=${kind.encoding}`] : [];
          const finished = await harness.run("test-case-import", { args });
          expect(harness.result("test-case-import").errors).toEqual([]);
          expect(finished.code).toBe(0);
          const stored = await harness.query<TestCase>(
            `SELECT case_id, title, ${OPTIONAL.join(", ")} FROM test_cases`,
          );
          expect(keyed(stored, "case_id")).toEqual(keyed(expectedRows(table), "case_id"));
        }),
        RUNS,
      );
    },
  );

  test("a BOM may stand before a quoted header", async () => {
    await harness.reset();
    harness.put('\uFEFF"case_id","title"\r\n"C-1","a"\r\n');
    expect((await harness.run("test-case-import")).code).toBe(0);
    expect(await harness.query("SELECT case_id, title FROM test_cases")).toEqual([
      { case_id: "C-1", title: "a" },
    ]);
  });

  test("CP932 is found out where nobody says it", async () => {
    await harness.reset();
    harness.put(encodeCp932("case_id,title\nC-1,髙橋①の確認～ｶﾅ\n"));
    expect((await harness.run("test-case-import")).code).toBe(0);
    expect(harness.result("test-case-import").encoding).toBe("cp932");
    expect(await harness.query("SELECT case_id, title FROM test_cases")).toEqual([
      { case_id: "C-1", title: "髙橋①の確認～ｶﾅ" },
    ]);
  });

  test(
    "every row is in the table or among the rejected rows, never both, never neither",
    { timeout: TIMEOUT },
    async () => {
      await fc.assert(fc.asyncProperty(mixedFile, checkMixedFile), RUNS);
    },
  );
});

interface MixedRow {
  key: number;
  name: number;
  kind: keyof typeof WRONG | "good" | "blank";
}
interface MixedFile {
  /** Users that are stored before: by key, the name. */
  stored: { key: number; name: number }[];
  rows: MixedRow[];
  lineEnd: string;
}

/** Records that are wrong, as Latin-1 text so that any byte can be written. */
const WRONG = {
  role: (row: MixedRow) => `k${row.key}@x.jp,Name ${row.name},boss`,
  email: (row: MixedRow) => `=k${row.key},Name ${row.name},member`,
  "email and role": (row: MixedRow) => `k${row.key},,"bo""ss"`,
  "empty name": (row: MixedRow) => `k${row.key}@x.jp, ,member`,
  "too few columns": (row: MixedRow) => `k${row.key}@x.jp,Name ${row.name}`,
  "too many columns": (row: MixedRow) => `k${row.key}@x.jp,Name ${row.name},member,,x`,
  "a stray quote": (row: MixedRow) => `k${row.key}@x.jp,Na"me ${row.name},member`,
  NUL: (row: MixedRow) => `k${row.key}@x.jp,Name\0${row.name},member`,
  "no UTF-8": (row: MixedRow) => `k${row.key}@x.jp,Name \xff${row.name},member`,
  "a line break": (row: MixedRow) => `k${row.key}@x.jp,"Name\n\n${row.name}",member`,
};

/** Few keys, so that many rows have the same. */
const key = fc.nat(30);
const name = fc.nat(2);
const mixedFile: fc.Arbitrary<MixedFile> = fc.record({
  stored: fc.uniqueArray(fc.record({ key, name }), { selector: (user) => user.key, maxLength: 20 }),
  rows: fc.array(
    fc.record({
      key,
      name,
      kind: fc.oneof(
        { weight: 3, arbitrary: fc.constant("good" as const) },
        {
          weight: 2,
          arbitrary: fc.constantFrom(
            "blank" as const,
            ...(Object.keys(WRONG) as (keyof typeof WRONG)[]),
          ),
        },
      ),
    }),
    { maxLength: 300 },
  ),
  lineEnd: fc.constantFrom("\n", "\r\n"),
});

function recordText(row: MixedRow): string {
  if (row.kind === "blank") return "";
  if (row.kind !== "good") return WRONG[row.kind](row);
  return `K${row.key}@X.jp ,Name ${row.name},member`;
}

/** The rows with the lines that they start on. */
function placeRows(file: MixedFile): (MixedRow & { line: number; text: string })[] {
  let line = 2;
  return file.rows.map((row) => {
    const text = recordText(row);
    const placed = { ...row, line, text };
    line += text.split("\n").length;
    return placed;
  });
}

async function checkMixedFile(file: MixedFile): Promise<void> {
  await harness.reset();
  const values = file.stored.map(({ key, name }) => `('k${key}@x.jp', 'Name ${name}')`);
  if (values.length > 0) {
    await harness.query(
      `INSERT INTO users (email, name, role, updated_by)
       SELECT email, name, 'member', 'before' FROM (VALUES ${values.join(",")}) v (email, name)`,
    );
  }
  const rows = placeRows(file);
  const head = `email,name,role${file.lineEnd}`;
  const body = rows.map((row) => row.text + file.lineEnd).join("");
  harness.put(Buffer.from(head + body, "latin1"));

  const finished = await harness.run("user-import", { args: ["--encoding=utf-8"] });

  const last = new Map(rows.filter((row) => row.kind === "good").map((row) => [row.key, row.line]));
  const isIn = (row: MixedRow & { line: number }) =>
    row.kind === "good" && last.get(row.key) === row.line;
  const records = rows.filter((row) => row.kind !== "blank");
  const inTable = records.filter(isIn);
  const rejected = records.filter((row) => !isIn(row));
  const before = new Map(file.stored.map((user) => [user.key, user.name]));
  const known = inTable.filter((row) => before.has(row.key));
  const unchanged = known.filter((row) => before.get(row.key) === row.name).length;
  const counts = {
    rows: records.length,
    inserted: inTable.length - known.length,
    updated: known.length - unchanged,
    unchanged,
    rejected: rejected.length,
  };
  expect(harness.result("user-import")).toMatchObject(counts);
  expect(finished.code).toBe(rejected.length > 0 ? 3 : 0);

  const found = new Map((harness.rejected("user-import") ?? []).map((row) => [row[0], row[3]]));
  const readable = (text: string) =>
    Buffer.from(text, "latin1")
      .toString()
      .replaceAll("\0", "\uFFFD")
      .replace(/^(?=[=+\-@\t\r])/, "'");
  expect([...found]).toEqual(rejected.map((row) => [String(row.line), readable(row.text)]));

  const after = new Map([...before, ...inTable.map((row) => [row.key, row.name] as const)]);
  const stored = await harness.query<{ email: string; name: string }>(
    "SELECT email, name FROM users",
  );
  expect(new Map(stored.map((user) => [user.email, user.name]))).toEqual(
    new Map([...after].map(([key, name]) => [`k${key}@x.jp`, `Name ${name}`])),
  );
}
