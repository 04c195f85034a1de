import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { BATCH_FOLDER, messages, runCommand, startCommand, waitFor } from "./support/command.js";
import { createTestDatabase, type TestDatabase } from "./support/postgres.js";

const MIGRATE = "dist/migrate.js";
const LOCK_KEY = "hashtextextended('prooflink-batch:migrate', 0)";

/** The command with the shipped migrations and those of the test: a copy whose files can change. */
let copy: string;
let database: TestDatabase;

beforeAll(async () => {
  copy = await mkdtemp(path.join(tmpdir(), "batch-migrate-"));
  for (const name of ["dist", "package.json"]) {
    await cp(path.join(BATCH_FOLDER, name), path.join(copy, name), { recursive: true });
  }
  await symlink(path.join(BATCH_FOLDER, "node_modules"), path.join(copy, "node_modules"));
});
afterAll(() => rm(copy, { recursive: true }));

const folder = () => path.join(copy, "migrations");
const environment = () => ({ DATABASE_URL: database.url });
const start = (...args: string[]) => startCommand(path.join(copy, MIGRATE), args, environment());
const migrate = (...args: string[]) => start(...args).result;

/** Gives the copy these files alone. */
async function setMigrations(files: Record<string, string>): Promise<void> {
  await rm(folder(), { recursive: true, force: true });
  await cp(path.join(BATCH_FOLDER, "migrations"), folder(), {
    recursive: true,
    filter: (file) => !/\d{4}_/.test(file),
  });
  for (const [file, sql] of Object.entries(files)) await writeFile(path.join(folder(), file), sql);
}

/** What the database holds: its tables with their columns, and the migrations recorded. */
async function describeSchema(): Promise<unknown> {
  const columns = await database.client.query(
    `SELECT table_name, column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY 1, 2`,
  );
  const recorded = columns.rows.some((row: { table_name: string }) =>
    row.table_name.startsWith("schema_"),
  );
  const history = recorded ? await database.client.query("SELECT * FROM schema_migrations") : null;
  return { columns: columns.rows, history: history?.rows };
}

async function tables(): Promise<string[]> {
  const found = await database.client.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  );
  return found.rows.map((row) => row.name);
}

function countBackends(): Promise<number> {
  return database.client
    .query(
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'migrate' AND datname = current_database()",
    )
    .then((found) => found.rowCount ?? 0);
}

const A = "CREATE TABLE a (id integer);\n";
const B = "CREATE TABLE b (id integer);\n";

describe("migrate", () => {
  beforeEach(async () => {
    database = await createTestDatabase();
    await setMigrations({ "0001_a.sql": A, "0002_b.sql": B });
  });
  afterEach(() => database.drop());

  test("applies the shipped migrations once", async () => {
    const shipped = () => runCommand(MIGRATE, [], environment());
    const first = await shipped();
    expect(first.code).toBe(0);
    expect(messages(first)).toContain("applied 0001_users.sql");
    const second = await shipped();
    expect(second.code).toBe(0);
    expect(messages(second)).toContain("nothing to do");
    expect(await tables()).toContain("users");
  });

  test("applies them in the order of their numbers", async () => {
    await setMigrations({ "0002_more.sql": "ALTER TABLE a ADD b integer;", "0001_a.sql": A });
    const result = await migrate();
    expect(result.code).toBe(0);
    expect(messages(result)).toMatch(/applied 0001_a\.sql\napplied 0002_more\.sql\n2 of 2/);
  });

  test("two at once: one waits and finds nothing to do", async () => {
    // The lock that a running migration would hold makes both start before either works.
    await database.client.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
    const runs = [start(), start()];
    await Promise.all(runs.map((run) => run.logged("waiting: another migrate is running")));
    await database.client.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`);
    const results = await Promise.all(runs.map((run) => run.result));
    expect(results.map((result) => result.code)).toEqual([0, 0]);
    const applied = results.filter((r) => messages(r).includes("applied 0001_a.sql"));
    const idle = results.filter((r) => messages(r).includes("nothing to do"));
    expect([applied.length, idle.length]).toEqual([1, 1]);
  });

  test.each([
    ["changed", { "0001_a.sql": `${A}-- more`, "0002_b.sql": B }, "0001_a.sql was changed after"],
    ["renamed", { "0001_a2.sql": A, "0002_b.sql": B }, '0001_a2.sql was renamed from "a" after'],
    ["removed", { "0002_b.sql": B }, "0001 is missing before 0002_b.sql"],
    ["doubled", { "0001_a.sql": A, "0001_b.sql": B }, "have the same number"],
    ["misnamed", { "0001_a.sql": A, "0002_b.SQL": B }, "0002_b.SQL is not named NNNN_name.sql"],
  ])("refuses a %s file by name, and shows it in the status", async (_, files, message) => {
    await migrate();
    const before = await describeSchema();
    await setMigrations(files);
    for (const args of [[], ["--dry-run"], ["--status"]]) {
      const result = await migrate(...args);
      expect(result.code).toBe(1);
      expect(messages(result)).toContain(message);
    }
    expect(await describeSchema()).toEqual(before);
  });

  test("takes a checkout with CRLF and a BOM for the same files", async () => {
    await migrate();
    await setMigrations({
      "0001_a.sql": `\uFEFF${A.replaceAll("\n", "\r\n")}`,
      "0002_b.sql": B.replaceAll("\n", "\r\n"),
    });
    const result = await migrate();
    expect(result.code).toBe(0);
    expect(messages(result)).toContain("nothing to do");
  });

  test("shows the status and changes nothing", async () => {
    const before = await migrate("--status");
    expect(before.code).toBe(0);
    expect(messages(before)).toContain("pending 1 a");
    expect(await tables()).toEqual([]);
    await migrate();
    expect(messages(await migrate("--status"))).toContain("applied 1 a");
  });

  test("accepts a database that a newer version migrated", async () => {
    await migrate();
    await setMigrations({ "0001_a.sql": A });
    const result = await migrate();
    expect(result.code).toBe(0);
    expect(messages(result)).toContain("the database is ahead of this version");
  });

  test("refuses to fill a gap in what was applied", async () => {
    await migrate();
    await database.client.query("DELETE FROM schema_migrations WHERE version = 1");
    const result = await migrate();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("0001_a.sql is not applied, but 2 is");
  });

  test.each([
    ["a word", "CREATE TABLE b (id integr);", 'line 3: type "integr" does not exist'],
    [
      "a row",
      "INSERT INTO half SELECT 1 / n FROM generate_series(0, 0) n;",
      "line 3: division by zero",
    ],
    ["a function's body", "DO $$ BEGIN; END $$;", "line 3: syntax error"],
    [
      "a deferred constraint",
      "ALTER TABLE half ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED; INSERT INTO half VALUES (1), (1);",
      "duplicate key value violates unique constraint",
    ],
  ])("rolls back what fails on %s, and tells its line", async (_, statement, message) => {
    const sql = `CREATE TABLE half (id integer); -- ;\n/* ; */ SELECT ';', $x$;$x$;\n${statement}\n`;
    await setMigrations({ "0001_a.sql": A, "0002_broken.sql": sql, "0003_b.sql": B });
    const result = await migrate();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("apply 0002_broken.sql: ");
    expect(messages(result)).toContain(message);
    expect(await tables()).toEqual(["a", "schema_migrations"]);
  });

  test("refuses what cannot run in a transaction, before anything is applied", async () => {
    await setMigrations({
      "0001_a.sql": A,
      "0002_index.sql": "-- fast\nCREATE INDEX CONCURRENTLY i ON a (id);",
    });
    const result = await migrate();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("0002_index.sql: line 2: CONCURRENTLY cannot run in");
    expect(await tables()).toEqual(["schema_migrations"]);
  });

  test("refuses a contraction that gives no reason, before anything is applied", async () => {
    await setMigrations({ "0001_a.sql": A, "0002_b.sql": "ALTER TABLE a DROP COLUMN id;" });
    const result = await migrate();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("0002_b.sql: line 1: DROP COLUMN breaks the release before");
    expect(await tables()).toEqual(["schema_migrations"]);
  });

  test("gives up a lock that another session holds, so that nobody queues behind it", async () => {
    await setMigrations({ "0001_a.sql": A });
    await migrate();
    await setMigrations({ "0001_a.sql": A, "0002_b.sql": "\nALTER TABLE a ADD b integer;" });
    await database.client.query("BEGIN; SELECT count(*) FROM a");
    const blocked = await migrate();
    expect(blocked.code).toBe(1);
    expect(messages(blocked)).toContain(
      "apply 0002_b.sql: line 2: canceling statement due to lock timeout; another session",
    );
    await database.client.query("COMMIT");
    expect((await migrate()).code).toBe(0);
  });

  test("a statement that takes long is not cut off by the role's limit", async () => {
    await database.client.query(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET statement_timeout = '300ms'`,
    );
    await setMigrations({ "0001_a.sql": "SELECT pg_sleep(1);" });
    expect((await migrate()).code).toBe(0);
  });

  describe("ended during a statement", () => {
    beforeEach(async () => {
      await setMigrations({ "0001_a.sql": A, "0002_long.sql": `${B}SELECT pg_sleep(600);` });
    });

    const sleeping = () =>
      waitFor("the second migration", async () => {
        const found = await database.client.query(
          "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
        );
        return found.rowCount === 1;
      });
    const rolledBack = async () => {
      await waitFor("the server to notice", async () => (await countBackends()) === 0);
      expect(await tables()).toEqual(["a", "schema_migrations"]);
    };

    test("by SIGTERM, it exits 143 at once and nothing of the file stays", async () => {
      const running = start();
      await sleeping();
      running.process.kill("SIGTERM");
      const stopped = Date.now();
      const result = await running.result;
      expect(Date.now() - stopped).toBeLessThan(5_000);
      expect(result.code).toBe(143);
      await rolledBack();
    });

    test("by SIGKILL, nothing of the file stays and the next run goes on from there", async () => {
      const running = start();
      await sleeping();
      running.process.kill("SIGKILL");
      await running.result;
      await setMigrations({ "0001_a.sql": A, "0002_b.sql": B });
      const next = await migrate();
      expect(next.code).toBe(0);
      expect(messages(next)).toContain("1 of 2 migrations applied");
    });

    test("by the database, it exits 1 and nothing of the file stays", async () => {
      const running = start();
      await sleeping();
      await database.client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
      );
      const result = await running.result;
      expect(result.code).toBe(1);
      expect(messages(result)).toContain("apply 0002_long.sql: line 2: terminating connection");
      await rolledBack();
    });
  });

  describe("--dry-run", () => {
    test("says what it would apply and how long it took, and changes nothing", async () => {
      await setMigrations({ "0001_a.sql": A });
      await migrate();
      await setMigrations({
        "0001_a.sql": A,
        "0002_b.sql": B,
        "0003_more.sql": "ALTER TABLE b ADD c text; SELECT pg_sleep(0.3);",
      });
      const before = await describeSchema();
      const result = await migrate("--dry-run");
      expect(result.code).toBe(0);
      expect(messages(result)).toMatch(
        /^would apply 0002_b\.sql \(took 0\.\d s\)\nwould apply 0003_more\.sql \(took 0\.[3-9] s\)\n2 of 3 migrations would be applied; nothing was changed\n/,
      );
      expect(result.records[1]?.data).toMatchObject({ version: 3 });
      expect(await describeSchema()).toEqual(before);
    });

    test("leaves an empty database empty", async () => {
      expect((await migrate("--dry-run")).code).toBe(0);
      expect(await tables()).toEqual([]);
    });

    test("says which file fails on which line, and changes nothing", async () => {
      await setMigrations({ "0001_a.sql": A, "0002_b.sql": `${B}\nSELECT 1/0;` });
      const result = await migrate("--dry-run");
      expect(result.code).toBe(1);
      expect(messages(result)).toContain("apply 0002_b.sql: line 3: division by zero");
      expect(await tables()).toEqual([]);
    });

    test("says nothing to do where all is applied", async () => {
      await migrate();
      const result = await migrate("--dry-run");
      expect(result.code).toBe(0);
      expect(messages(result)).toContain("nothing to do, all 2 migrations are applied");
    });

    test("explains a new enum value that the same transaction uses", async () => {
      await setMigrations({
        "0001_a.sql": "CREATE TYPE colour AS ENUM ('red');",
        "0002_b.sql": "ALTER TYPE colour ADD VALUE 'blue';",
        "0003_c.sql": "SELECT 'blue'::colour;",
      });
      const dry = await migrate("--dry-run");
      expect(dry.code).toBe(1);
      expect(messages(dry)).toContain("a new value can be used in the next transaction only");
      expect((await migrate()).code).toBe(0);
    });

    test("waits for a migration that runs", async () => {
      await database.client.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
      const running = start("--dry-run");
      await running.logged("waiting: another migrate is running");
      await database.client.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`);
      expect((await running.result).code).toBe(0);
    });

    test("does not go together with --status", async () => {
      const result = await migrate("--dry-run", "--status");
      expect(result.code).toBe(2);
      expect(messages(result)).toContain("--status and --dry-run exclude each other");
    });
  });
});
