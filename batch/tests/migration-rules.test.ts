import { describe, expect, test } from "vitest";

import { checkMigration } from "../src/lib/migration-rules.js";
import { readMigrations } from "../src/lib/migrations.js";
import { splitStatements } from "../src/lib/sql.js";
import { BATCH_FOLDER } from "./support/command.js";

test("the shipped migrations keep the rules", async () => {
  const migrations = await readMigrations(`${BATCH_FOLDER}/migrations`);
  expect(migrations.flatMap(({ file, sql }) => checkMigration(file, sql))).toEqual([]);
});

describe("what breaks the release before needs a reason", () => {
  const contractions: [string, string][] = [
    ["DROP TABLE old;", "DROP"],
    ["drop materialized view if exists v", "DROP"],
    ["ALTER TABLE t DROP COLUMN c;", "DROP COLUMN"],
    ["ALTER TABLE t\n  ADD d text,\n  DROP c;", "DROP COLUMN"],
    ["ALTER TABLE t ALTER c DROP DEFAULT;", "DROP DEFAULT"],
    ["ALTER TABLE t RENAME c TO d;", "RENAME"],
    ["ALTER TABLE t RENAME TO u;", "RENAME"],
    ["ALTER TABLE t SET SCHEMA s;", "RENAME"],
    ["ALTER TABLE t ALTER COLUMN c SET NOT NULL;", "SET NOT NULL without a default"],
    ["ALTER TABLE t ALTER b SET DEFAULT 1, ALTER c SET NOT NULL", "SET NOT NULL without a default"],
    ["ALTER TABLE t ADD c text NOT NULL;", "ADD COLUMN NOT NULL without a default"],
    [
      "ALTER TABLE t ADD b numeric(3, 2) NOT NULL DEFAULT 0, ADD COLUMN c text NOT NULL",
      "ADD COLUMN NOT NULL without a default",
    ],
    ["ALTER TABLE t ALTER COLUMN c TYPE bigint;", "ALTER COLUMN TYPE"],
    ["ALTER TABLE t ALTER c SET DATA TYPE bigint;", "ALTER COLUMN TYPE"],
    ["ALTER TYPE colour RENAME VALUE 'a' TO 'b';", "RENAME"],
    ["ALTER TYPE address ADD ATTRIBUTE c text;", "ALTER TYPE"],
  ];

  test.each(contractions)("%s", (sql, what) => {
    const [message, ...more] = checkMigration("0002_x.sql", `SELECT 1;\n${sql}`);
    expect(message).toMatch(/^0002_x\.sql: line 2: /);
    expect(message).toContain(`: ${what} breaks the release before this one`);
    expect(message).toContain("-- contract: <reason, and since which release nothing uses it>");
    expect(more).toEqual([]);
    const reason = "-- contract: nothing reads it since v1.4";
    expect(checkMigration("0002_x.sql", `${reason}\n${sql}`)).toEqual([]);
  });

  test("an empty reason is none", () => {
    expect(checkMigration("0002_x.sql", "-- contract:\nDROP TABLE t;")).toHaveLength(1);
    expect(checkMigration("0002_x.sql", "SELECT '-- contract: x';\nDROP TABLE t;")).toHaveLength(1);
  });

  test("every statement is named", () => {
    const sql = "DROP TABLE a;\nALTER TABLE t RENAME c TO d;";
    expect(checkMigration("0002_x.sql", sql)).toHaveLength(2);
  });
});

test.each([
  "CREATE TABLE t (a integer NOT NULL, b text NOT NULL DEFAULT 'DROP TABLE t;');",
  "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT '';",
  "ALTER TABLE t ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY NOT NULL;",
  "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;",
  "ALTER TABLE t ALTER c SET DEFAULT 1; ALTER TABLE t ALTER c SET NOT NULL;",
  "ALTER TABLE t ALTER c DROP NOT NULL, DROP CONSTRAINT d;",
  "ALTER TABLE t RENAME CONSTRAINT a TO b; ALTER INDEX i RENAME TO j; DROP INDEX j;",
  "ALTER TYPE colour ADD VALUE 'blue';",
  'CREATE TABLE "drop, table" (id integer); ALTER TABLE "drop, table" ADD "rename to" text;',
  "-- DROP TABLE t;\n/* ALTER TABLE t DROP c; COMMIT; */ SELECT 1;",
  "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;",
  "REFRESH MATERIALIZED VIEW CONCURRENTLY v;",
])("accepts %s", (sql) => {
  expect(checkMigration("0002_x.sql", sql)).toEqual([]);
});

test.each([
  ["COMMIT;", "a file is one transaction already"],
  ["begin;\nSELECT 1;\nend;", "a file is one transaction already"],
  ["CREATE UNIQUE INDEX CONCURRENTLY i ON t (c);", "CONCURRENTLY cannot run in a transaction"],
  ["DROP INDEX CONCURRENTLY i;", "CONCURRENTLY cannot run in a transaction"],
  ["VACUUM FULL t;", "this cannot run in a transaction; run it by hand"],
  ["REINDEX (VERBOSE) DATABASE d;", "this cannot run in a transaction; run it by hand"],
])("refuses %s, whatever reason is given", (sql, message) => {
  const [first] = checkMigration("0002_x.sql", `-- contract: because\n${sql}`);
  expect(first).toContain(`0002_x.sql: line 2: ${message}`);
});

describe("splitStatements", () => {
  test("knows comments, strings and dollar quotes, and the line of each statement", () => {
    const sql =
      "SELECT 1; -- ;\n/* ;\n */ SELECT 'a;''b', E'\\';', \"c;\", $x$;$$;$x$\n;\n\nSELECT 2";
    expect(splitStatements(sql)).toEqual([
      { line: 1, text: "SELECT 1" },
      { line: 3, text: "SELECT '', '', \"c;\", ''" },
      { line: 6, text: "SELECT 2" },
    ]);
  });

  test("finds nothing in blanks and comments", () => {
    expect(splitStatements(" \n-- a;\n;;")).toEqual([]);
  });
});
