import { describe, expect, test } from "vitest";

import { Outcome } from "../src/importers/outcome.js";

describe("Outcome", () => {
  test("counts written and unchanged rows", () => {
    const outcome = new Outcome("email");
    outcome.accept(2, "a");
    outcome.accept(3, "b");
    outcome.loaded(["a", "b"], new Set(["b"]));
    expect(outcome.counts()).toEqual({ rows: 2, imported: 1, unchanged: 1, rejected: 0 });
  });

  test("rejects the earlier of two rows with one key", () => {
    const outcome = new Outcome("email");
    outcome.accept(2, "a");
    outcome.accept(5, "a");
    outcome.loaded(["a"], new Set(["a"]));
    expect(outcome.counts()).toEqual({ rows: 2, imported: 1, unchanged: 0, rejected: 1 });
    expect(outcome.errors()).toEqual([{ line: 2, column: "email", reason: "duplicate of line 5" }]);
  });

  test("counts a key as imported when only its earlier row wrote something", () => {
    const outcome = new Outcome("email");
    outcome.accept(2, "a");
    outcome.loaded(["a"], new Set(["a"]));
    outcome.accept(900, "a");
    outcome.loaded(["a"], new Set());
    expect(outcome.counts()).toEqual({ rows: 2, imported: 1, unchanged: 0, rejected: 1 });
  });

  test("lists the first 1,000 rejected rows in file order and counts all", () => {
    const outcome = new Outcome("email");
    for (let line = 1500; line > 0; line -= 1) {
      outcome.reject(line, [{ column: "name", reason: "is empty" }]);
    }
    expect(outcome.counts().rejected).toBe(1500);
    expect(outcome.errors()).toHaveLength(1000);
    expect(outcome.errors()[0]?.line).toBe(501);
  });
});
