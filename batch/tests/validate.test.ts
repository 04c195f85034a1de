import { describe, expect, test } from "vitest";

import { validateUser } from "../src/importers/users/validate.js";

const VALID = { email: "a@x.jp", name: "A", role: "member", department: "QA" };

function problems(values: Partial<typeof VALID>) {
  const validated = validateUser({ line: 2, values: { ...VALID, ...values } });
  return "problems" in validated ? validated.problems : [];
}

describe("validateUser", () => {
  test("trims values and lower-cases the email", () => {
    const values = { email: " A@X.jp ", name: " 佐藤 遥 ", role: " admin ", department: " QA " };
    expect(validateUser({ line: 2, values })).toEqual({
      value: { email: "a@x.jp", name: "佐藤 遥", role: "admin", department: "QA" },
    });
  });

  test("leaves out a department that the file does not have", () => {
    const values = { email: "a@x.jp", name: "A", role: "member" };
    expect(validateUser({ line: 2, values })).toEqual({ value: values });
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
  ])("rejects %o", (values, column, reason) => {
    expect(problems(values)).toContainEqual({ column, reason });
  });

  test("accepts the longest values", () => {
    expect(problems({ name: "n".repeat(200), department: "d".repeat(200) })).toEqual([]);
  });

  test("reports one problem for an empty email and every wrong column of a row", () => {
    expect(problems({ email: "", role: "boss" })).toEqual([
      { column: "email", reason: "is empty" },
      { column: "role", reason: "is not one of admin, member, viewer" },
    ]);
  });

  test("rejects a row with a wrong number of columns", () => {
    expect(validateUser({ line: 2, expectedColumns: 4, foundColumns: 3 })).toEqual({
      problems: [{ column: null, reason: "has 3 columns, the header has 4" }],
    });
  });
});
