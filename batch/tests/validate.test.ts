import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Importer } from "../src/importers/importer.js";
import { choice, email, line, prose } from "../src/importers/kinds.js";
import { testCaseImporter } from "../src/importers/test-cases/importer.js";
import { userImporter } from "../src/importers/users/importer.js";
import { RowValidator } from "../src/importers/validate.js";

function validate(importer: Importer, row: Record<string, string>) {
  const validator = new RowValidator(importer.columns, Object.keys(row));
  const values: string[] = [];
  const problems = validator.validate(Object.values(row), values);
  const named = Object.fromEntries(validator.columns.map(({ name }, i) => [name, values[i]]));
  return problems === null ? { values: named } : { problems };
}

const USER = { email: "a@x.jp", name: "A", role: "member", department: "QA" };

function problems(values: Partial<typeof USER>) {
  return validate(userImporter, { ...USER, ...values }).problems ?? [];
}

describe("a user", () => {
  test("has trimmed values and an email in lower case", () => {
    const row = { email: " A@X.jp ", name: " 佐藤 遥 ", role: " admin ", department: " QA " };
    expect(validate(userImporter, row)).toEqual({
      values: { email: "a@x.jp", name: "佐藤 遥", role: "admin", department: "QA" },
    });
  });

  test("has only the columns of the file, whatever their order", () => {
    const row = { role: "admin", phone: "1", name: "A", email: "a@x.jp" };
    expect(validate(userImporter, row)).toEqual({
      values: { email: "a@x.jp", name: "A", role: "admin" },
    });
  });

  test.each([
    [{ email: "" }, "email", "is empty"],
    [{ email: "not an address" }, "email", "is not an email address"],
    [{ email: `${"a".repeat(250)}@x.jp` }, "email", "is longer than 254 characters"],
    [{ name: "  " }, "name", "is empty"],
    [{ name: "n".repeat(201) }, "name", "is longer than 200 characters"],
    [{ name: "a\u0000b" }, "name", "has a control character, such as a line break"],
    [{ role: "Admin" }, "role", "is not one of admin, member, viewer"],
    [{ role: "" }, "role", "is not one of admin, member, viewer"],
    [{ department: "d".repeat(201) }, "department", "is longer than 200 characters"],
  ])("is rejected with %o", (values, column, reason) => {
    expect(problems(values)).toContainEqual({ column, reason });
  });

  test("may have the longest values, a character outside of the BMP counting as one", () => {
    expect(problems({ name: "n".repeat(200), department: "d".repeat(200) })).toEqual([]);
    expect(problems({ name: "😀".repeat(200) })).toEqual([]);
    expect(problems({ name: "😀".repeat(201) })).toHaveLength(1);
  });

  test("has one problem for an empty email, and one for every wrong column", () => {
    expect(problems({ email: "", role: "boss" })).toEqual([
      { column: "email", reason: "is empty" },
      { column: "role", reason: "is not one of admin, member, viewer" },
    ]);
  });
});

describe("a test case", () => {
  const CASE = { case_id: "C1", title: "T" };

  test("keeps its texts exactly", () => {
    const steps = ' 1. Open\r\n\t2. "Close"\n\u3000\u0001 ';
    expect(validate(testCaseImporter, { ...CASE, steps })).toEqual({ values: { ...CASE, steps } });
  });

  test("has a medium priority where it is blank", () => {
    expect(validate(testCaseImporter, { ...CASE, priority: " " })).toEqual({
      values: { ...CASE, priority: "medium" },
    });
  });

  test.each([
    [{ case_id: " " }, "case_id", "is empty"],
    [{ case_id: "c".repeat(65) }, "case_id", "is longer than 64 characters"],
    [{ case_id: "a\tb" }, "case_id", "has a control character, such as a line break"],
    [{ title: "" }, "title", "is empty"],
    [{ title: "t".repeat(201) }, "title", "is longer than 200 characters"],
    [{ steps: "s".repeat(20_001) }, "steps", "is longer than 20000 characters"],
    [{ steps: "a\0" }, "steps", "has a NUL character"],
    [{ priority: "High" }, "priority", "is not one of high, medium, low"],
    [{ category: "c".repeat(101) }, "category", "is longer than 100 characters"],
  ])("is rejected with %o", (values, column, reason) => {
    expect(validate(testCaseImporter, { ...CASE, ...values })).toEqual({
      problems: [{ column, reason }],
    });
  });
});

describe("a shortcut accepts only what the schema gives back as it is", () => {
  const anyText = fc.string({
    unit: fc.oneof(
      fc.constantFrom(...Array.from("abzA09@@..-_+' \t\n\u00a0\u3000\ufeff\0\u0085\u007f佐😀")),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    ),
    maxLength: 12,
  });
  const address = fc
    .tuple(fc.string({ unit: fc.constantFrom(...Array.from("ab.+_-'A")), maxLength: 8 }), anyText)
    .map(([local, rest]) => `${local}@${rest}.jp`);
  const text = fc.oneof(anyText, address, fc.emailAddress(), fc.constantFrom("x", "y", "", " x"));

  test.each([
    ["email", email(), "a@x.jp"],
    ["line", line(1, 8), "a b"],
    ["line that may be empty", line(0, 8), ""],
    ["prose", prose(8), "a\n b "],
    ["choice", choice(["x", "y"]), "x"],
    ["choice with a fallback", choice(["x", "y"], "y"), "y"],
  ])("%s", (_name, { schema, isPlain }, typical) => {
    expect(isPlain(typical)).toBe(true);
    fc.assert(
      fc.property(text, (value) => {
        if (!isPlain(value)) return;
        expect(schema.safeParse(value)).toEqual({ success: true, data: value });
      }),
      { numRuns: 5000 },
    );
  });
});
