import { describe, expect, test } from "vitest";

import { messages, runCommand } from "./support/command.js";

const UNREACHABLE = {
  DATABASE_URL: "postgresql://u:p@127.0.0.1:1/db?sslmode=disable",
  DB_CONNECT_TIMEOUT_SECONDS: "2",
};

const SCRIPTS = ["dist/migrate.js", "dist/user-import.js", "dist/test-case-import.js"];

describe.each(SCRIPTS)("%s", (script) => {
  test("prints its usage for --help", async () => {
    const result = await runCommand(script, ["--help"], {});
    expect(result.code).toBe(0);
    expect(result.stdout).toContain(`Usage: node ${script}`);
  });

  test("refuses an unknown argument with its usage", async () => {
    const result = await runCommand(script, ["--force"], {});
    expect(result.code).toBe(2);
    expect(messages(result)).toContain("unknown argument: --force");
    expect(result.stderr).toContain(`Usage: node ${script}`);
  });

  test("reports all missing variables and exits 2", async () => {
    const result = await runCommand(script, [], {});
    expect(result.code).toBe(2);
    expect(messages(result)).toMatch(/DB_HOST is missing.*DB_NAME is missing/);
  });
});

describe.each(SCRIPTS.slice(1))("%s", (script) => {
  test("teaches its columns, options and results", async () => {
    const { stdout } = await runCommand(script, ["--help"], {});
    for (const part of ["Columns", "required", "optional", "--dry-run", "--encoding=", "cp932"]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).toContain("--max-rejected=N");
    expect(stdout).toContain("rejected.csv");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("refuses a wrong option before anything else is done", async () => {
    const env = { ...UNREACHABLE, EXECUTOR_NAME: "ci", INPUT_S3_KEY: "a.csv" };
    const local = { STORAGE_MODE: "local", LOCAL_STORAGE_DIR: "/nowhere" };
    const result = await runCommand(script, ["--encoding=latin1"], { ...env, ...local });
    expect(result.code).toBe(2);
    expect(messages(result)).toContain('--encoding is "latin1"; use one of auto, utf-8, cp932');
  });
});

test("migrate waits for the database, says so and gives up in time", async () => {
  const result = await runCommand("dist/migrate.js", [], { ...UNREACHABLE, EXECUTOR_NAME: "ci" });
  expect(result.code).toBe(1);
  expect(messages(result)).toContain("waiting for database db at 127.0.0.1:1");
  expect(messages(result)).toContain("gave up after 2 s");
  expect(result.records.every((record) => record.data.executor === "ci")).toBe(true);
});
