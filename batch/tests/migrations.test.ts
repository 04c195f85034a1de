import { describe, expect, test } from "vitest";

import { checkFileNames, planMigrations, readMigrations } from "../src/lib/migrations.js";
import { BATCH_FOLDER } from "./support/command.js";

const MIGRATION = { version: 1, name: "users", file: "0001_users.sql", checksum: "a", sql: "" };
const APPLIED = { version: 1, name: "users", checksum: "a", appliedAt: new Date(0) };

describe("checkFileNames", () => {
  test("accepts numbers from 1 without gaps", () => {
    expect(() => {
      checkFileNames(["0001_users.sql", "0002_test_cases.sql"]);
    }).not.toThrow();
  });

  test.each([
    [["0002_b.sql"], "0001 is missing before 0002_b.sql"],
    [["0001_a.sql", "0003_c.sql"], "0002 is missing before 0003_c.sql"],
    [["0001_a.sql", "0001_b.sql"], "0001_a.sql and 0001_b.sql have the same number"],
    [["0001_a.sql", "2_b.sql"], "2_b.sql is not named NNNN_name.sql"],
  ])("refuses %j", (files, message) => {
    expect(() => {
      checkFileNames(files);
    }).toThrow(message);
  });
});

describe("planMigrations", () => {
  test("tells pending migrations from applied ones", () => {
    const next = { ...MIGRATION, version: 2, name: "more", file: "0002_more.sql" };
    expect(planMigrations([MIGRATION, next], [APPLIED])).toEqual({
      pending: [next],
      newer: [],
      conflicts: [],
    });
  });

  test("names a file that was changed or renamed after it was applied", () => {
    const changed = planMigrations([{ ...MIGRATION, checksum: "b" }], [APPLIED]).conflicts;
    expect(changed).toEqual([
      "0001_users.sql was changed after it was applied on 1970-01-01T00:00:00.000Z; restore it and put the change in a new migration",
    ]);
    const renamed = planMigrations([MIGRATION], [{ ...APPLIED, name: "people" }]).conflicts;
    expect(renamed[0]).toContain('0001_users.sql was renamed from "people"');
  });

  test("refuses a file whose number comes before what is applied", () => {
    const second = { ...APPLIED, version: 2, name: "more" };
    expect(planMigrations([MIGRATION], [second]).conflicts).toEqual([
      "0001_users.sql is not applied, but 2 is; restore the row of schema_migrations, or the database from a backup",
    ]);
  });

  test("judges what is pending, and never what is applied", () => {
    const drop = { ...MIGRATION, sql: "DROP TABLE users" };
    expect(planMigrations([drop], []).conflicts[0]).toContain("0001_users.sql: line 1: DROP");
    expect(planMigrations([drop], [APPLIED]).conflicts).toEqual([]);
  });

  test("knows what a newer version applied", () => {
    const newer = { ...APPLIED, version: 2, name: "more" };
    expect(planMigrations([MIGRATION], [APPLIED, newer]).newer).toEqual([newer]);
  });
});

test("the shipped migrations are in order", async () => {
  const migrations = await readMigrations(`${BATCH_FOLDER}/migrations`);
  expect(migrations[0]).toMatchObject({ version: 1, name: "users" });
});
