import { describe, expect, test } from "vitest";

import { readOptions } from "../src/importers/options.js";
import { describeProgress, estimate } from "../src/importers/progress.js";

const options = (...args: string[]) => readOptions(new Set(args));

describe("readOptions", () => {
  test("has defaults", () => {
    expect(options()).toEqual({ dryRun: false, encoding: undefined, maxRejected: Infinity });
    expect(options("--encoding=auto").encoding).toBeUndefined();
  });

  test("reads them all", () => {
    expect(options("--dry-run", "--encoding=cp932", "--max-rejected=0")).toEqual({
      dryRun: true,
      encoding: "cp932",
      maxRejected: 0,
    });
  });

  test("reports all that is wrong at once", () => {
    expect(() => options("--encoding=latin1", "--max-rejected=-1")).toThrow(
      /--encoding is "latin1"; use one of auto, utf-8, cp932; --max-rejected is "-1"; use a whole/,
    );
    expect(() => options("--max-rejected=1", "--max-rejected=2")).toThrow("more than once");
  });
});

describe("progress", () => {
  test("tells rows, share, rate and what is left", () => {
    const data = estimate(120_000, 45, 100, 3_408);
    expect(data).toEqual({
      rows: 120_000,
      bytes: 45,
      totalBytes: 100,
      rowsPerSecond: 35_211,
      etaSeconds: 5,
    });
    expect(describeProgress(data)).toBe(
      "120000 rows, 45% of the file, 35211 rows/s, about 5 s left",
    );
  });

  test("estimates nothing before the first byte", () => {
    expect(describeProgress(estimate(0, 0, 100, 10_000))).toBe("0 rows, 0% of the file, 0 rows/s");
  });
});
