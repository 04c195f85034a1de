import { expect, test } from "vitest";

import { createLogger, describeError } from "../src/lib/logger.js";

test("a record is one line of JSON with the agreed keys", () => {
  const lines: string[] = [];
  const log = createLogger({ job: "user-import", executor: "admin" }, (line) => lines.push(line));
  log.error("two\nlines", { rows: 3 });
  expect(lines).toHaveLength(1);
  expect(lines[0]?.trimEnd()).not.toContain("\n");
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
    level: "error",
    logSource: "batch",
    message: "two\nlines",
    data: { job: "user-import", executor: "admin", rows: 3 },
  });
});

test("an error is described without its input", () => {
  const error = Object.assign(new TypeError("Invalid URL"), { code: "X", input: "secret" });
  expect(JSON.stringify(describeError(error))).toBe(
    '{"name":"TypeError","message":"Invalid URL","code":"X"}',
  );
});
