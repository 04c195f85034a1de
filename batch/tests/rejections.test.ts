import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";

import { parse } from "csv-parse/sync";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { formatCell, Rejections, type Duplicate } from "../src/importers/rejections.js";

const EMPTY = { column: "name", reason: "is empty" };

let rejections: Rejections;

beforeEach(() => {
  rejections = new Rejections(Infinity);
});
afterEach(() => rejections.remove());

async function stored(): Promise<string[][]> {
  const text = await readFile((await rejections.finish()) ?? "", "utf8");
  return parse(text);
}

async function* duplicates(...found: Duplicate[]): AsyncGenerator<Duplicate> {
  yield* await Promise.resolve(found);
}

describe("Rejections", () => {
  test("makes no file where nothing was rejected", async () => {
    expect(await rejections.finish()).toBeUndefined();
    expect(rejections.count).toBe(0);
  });

  test("has a line per problem, and counts rows", async () => {
    rejections.reject(2, [EMPTY, { column: "role", reason: "is wrong" }], 'a,"",x');
    rejections.reject(9, [{ column: null, reason: "has 1 columns" }], "b");
    await rejections.flush();
    expect(await stored()).toEqual([
      ["line", "column", "reason", "text"],
      ["2", "name", "is empty", 'a,"",x'],
      ["2", "role", "is wrong", 'a,"",x'],
      ["9", "", "has 1 columns", "b"],
    ]);
    expect(rejections.count).toBe(2);
  });

  test("puts duplicates in their places, and the texts that have line breaks stay whole", async () => {
    rejections.reject(3, [EMPTY], 'a,"\n7,x,""');
    rejections.reject(8, [EMPTY], "c");
    const found = [2, 5, 9].map((line) => ({ line, last: 10, text: `text ${line}` }));
    await rejections.rejectDuplicates("email", duplicates(...found));
    const rows = await stored();
    expect(rows.slice(1).map(([line, column]) => [line, column])).toEqual([
      ["2", "email"],
      ["3", "name"],
      ["5", "email"],
      ["8", "name"],
      ["9", "email"],
    ]);
    expect(rows[2]?.[3]).toBe('a,"\n7,x,""');
    expect(rows[1]?.[2]).toBe("duplicate of line 10");
    expect(rejections.problems().map(({ line }) => line)).toEqual([2, 3, 5, 8, 9]);
    expect(rejections.count).toBe(5);
  });

  test("lists the first 100 problems in the order of the file", async () => {
    for (let line = 1; line < 400; line += 2) rejections.reject(line, [EMPTY], "x");
    const found = Array.from({ length: 200 }, (_, i) => ({ line: 2 * i, last: 999, text: "" }));
    await rejections.rejectDuplicates("email", duplicates(...found.slice(1)));
    const lines = rejections.problems().map(({ line }) => line);
    expect(lines).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(rejections.count).toBe(399);
  });

  test("takes the largest record, with all its quotes doubled", async () => {
    const text = '"'.repeat(1024 * 1024);
    rejections.reject(1, [EMPTY], text);
    await rejections.rejectDuplicates("email", duplicates({ line: 2, last: 3, text }));
    expect((await stored()).map((row) => row[3]?.length)).toEqual([4, 1 << 20, 1 << 20]);
  });

  test("fails once there are more than are allowed, and still has them all", async () => {
    rejections = new Rejections(1);
    rejections.reject(2, [EMPTY], "a");
    const message = "more than 1 rows were rejected (--max-rejected=1)";
    expect(() => {
      rejections.reject(3, [EMPTY], "b");
    }).toThrow(message);
    expect(await stored()).toHaveLength(3);
  });

  test("counts duplicates too, and has them all", async () => {
    rejections = new Rejections(1);
    const found = [2, 3].map((line) => ({ line, last: 4, text: "a" }));
    await expect(rejections.rejectDuplicates("email", duplicates(...found))).rejects.toThrow(
      "more than 1 rows",
    );
    expect(await stored()).toHaveLength(3);
  });

  test("leaves no file behind", async () => {
    rejections.reject(2, [EMPTY], "a");
    const file = (await rejections.finish()) ?? "";
    expect(existsSync(file)).toBe(true);
    await rejections.remove();
    expect(existsSync(file)).toBe(false);
  });
});

test.each([
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-1", "'-1"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\tx", "'\tx"],
  ["\rx", `"'\rx"`],
  ['=A,"B"', `"'=A,""B"""`],
  ["a=1", "a=1"],
  ["", ""],
])("the cell %j is written as %j", (value, cell) => {
  expect(formatCell(value)).toBe(cell);
});
