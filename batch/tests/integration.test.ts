import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { ImportResult } from "../src/importers/run.js";
import { BATCH_FOLDER, messages, runCommand, startCommand, waitFor } from "./support/command.js";
import {
  createTestDatabase,
  needsDatabase,
  TEST_DATABASE_URL,
  type TestDatabase,
} from "./support/postgres.js";
import { startFakeS3, type FakeS3 } from "./support/s3.js";

const MIGRATE = "dist/migrate.js";
const USER_IMPORT = "dist/user-import.js";
const HEADER = "email,name,role,department\n";
const withoutDatabase = TEST_DATABASE_URL === "";

let database: TestDatabase;

async function countUsers(): Promise<number> {
  const result = await database.client.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM users",
  );
  return result.rows[0]?.count ?? -1;
}

function manyUsers(count: number): string {
  const line = (i: number) => `user${i}@x.jp,User ${i},member,QA\n`;
  return HEADER + Array.from({ length: count }, (_, i) => line(i)).join("");
}

describe.skipIf(withoutDatabase)(needsDatabase("migrate"), () => {
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  const migrate = (...args: string[]) => runCommand(MIGRATE, args, { DATABASE_URL: database.url });

  test("applies the migrations once", async () => {
    const first = await migrate();
    expect(first.code).toBe(0);
    expect(messages(first)).toContain("applied 0001_users.sql");
    const second = await migrate();
    expect(second.code).toBe(0);
    expect(messages(second)).toContain("nothing to do");
    expect(await countUsers()).toBe(0);
  });

  test("two at once: one waits and finds nothing to do", async () => {
    // The lock that a running migration would hold makes both start before either works.
    const key = "hashtextextended('prooflink-batch:migrate', 0)";
    await database.client.query(`SELECT pg_advisory_lock(${key})`);
    const runs = [1, 2].map(() => startCommand(MIGRATE, [], { DATABASE_URL: database.url }));
    await Promise.all(runs.map((run) => run.logged("waiting: another migrate is running")));
    await database.client.query(`SELECT pg_advisory_unlock(${key})`);
    const results = await Promise.all(runs.map((run) => run.result));
    expect(results.map((result) => result.code)).toEqual([0, 0]);
    const applied = results.filter((r) => messages(r).includes("applied 0001_users.sql"));
    const idle = results.filter((r) => messages(r).includes("nothing to do"));
    expect([applied.length, idle.length]).toEqual([1, 1]);
  });

  test("refuses a changed file by name, also in the status", async () => {
    await migrate();
    await database.client.query("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1");
    for (const args of [[], ["--status"]]) {
      const result = await migrate(...args);
      expect(result.code).toBe(1);
      expect(messages(result)).toContain("0001_users.sql was changed after it was applied");
    }
  });

  test("shows the status and changes nothing", async () => {
    const before = await migrate("--status");
    expect(before.code).toBe(0);
    expect(messages(before)).toContain("pending 1 users");
    const tables = await database.client.query(
      "SELECT 1 FROM pg_tables WHERE schemaname = 'public'",
    );
    expect(tables.rowCount).toBe(0);
    await migrate();
    expect(messages(await migrate("--status"))).toContain("applied 1 users");
  });

  test("accepts a database that a newer version migrated", async () => {
    await migrate();
    await database.client.query(
      "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', 'x')",
    );
    const result = await migrate();
    expect(result.code).toBe(0);
    expect(messages(result)).toContain("the database is ahead of this version");
  });

  test("rolls a failing migration back and tells its line", async () => {
    const copy = await mkdtemp(path.join(tmpdir(), "batch-migrations-"));
    for (const name of ["dist", "migrations", "package.json"]) {
      await cp(path.join(BATCH_FOLDER, name), path.join(copy, name), { recursive: true });
    }
    await symlink(path.join(BATCH_FOLDER, "node_modules"), path.join(copy, "node_modules"));
    const sql = "CREATE TABLE half (id integer);\nCREATE TABLE users (id integr);\n";
    await writeFile(path.join(copy, "migrations", "0002_broken.sql"), sql);
    const result = await runCommand(path.join(copy, MIGRATE), [], { DATABASE_URL: database.url });
    await rm(copy, { recursive: true });
    expect(result.code).toBe(1);
    expect(messages(result)).toContain(
      'apply 0002_broken.sql: line 2: type "integr" does not exist',
    );
    const half = await database.client.query("SELECT to_regclass('half') AS half");
    expect(half.rows).toEqual([{ half: null }]);
    expect(await countUsers()).toBe(0);
  });
});

describe.skipIf(withoutDatabase)(needsDatabase("user-import"), () => {
  let s3: FakeS3;

  beforeAll(async () => {
    database = await createTestDatabase();
    await runCommand(MIGRATE, [], { DATABASE_URL: database.url });
    s3 = await startFakeS3();
  });
  afterAll(async () => {
    await s3.close();
    await database.drop();
  });
  beforeEach(async () => {
    await database.client.query("TRUNCATE users");
    s3.objects.clear();
    s3.hold.clear();
    s3.refuseWrites = false;
  });

  const environment = (jobId: string) => ({
    NODE_ENV: "test",
    AWS_REGION: "ap-northeast-1",
    AWS_ENDPOINT_URL: s3.endpoint,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    INPUT_S3_BUCKET: "in",
    OUTPUT_S3_BUCKET: "out",
    INPUT_S3_KEY: "imports/users.csv",
    EXECUTOR_NAME: "tester",
    AWS_BATCH_JOB_ID: jobId,
    DATABASE_URL: database.url,
  });
  const put = (csv: string) => s3.objects.set("/in/imports/users.csv", csv);
  const start = (jobId = "job-1") => startCommand(USER_IMPORT, [], environment(jobId));
  const run = () => start().result;
  const storedResult = (jobId = "job-1") => {
    const text = s3.objects.get(`/out/imports-results/user-import/${jobId}.json`);
    return JSON.parse(text ?? "null") as ImportResult;
  };
  /** Sends the first rows and keeps the rest back until the returned function is called. */
  const holdAfter = (rows: number, csv: string) => {
    let release: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    const after = csv.split("\n").slice(0, rows).join("\n").length;
    s3.hold.set("/in/imports/users.csv", { after, until });
    put(csv);
    return release;
  };
  const midImport = () =>
    waitFor("an import within its transaction", async () => {
      const found = await database.client.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = 'user-import' AND state = 'idle in transaction'
         AND query LIKE '%INSERT INTO users%'`,
      );
      return found.rowCount === 1;
    });

  test("imports the sample, and finds it unchanged the second time", async () => {
    const sample = await readFile(path.join(BATCH_FOLDER, "samples/users.csv"), "utf8");
    put(sample);
    const first = await run();
    expect(first.code).toBe(0);
    expect(first.records.every((record) => record.data.executor === "tester")).toBe(true);
    expect(storedResult()).toMatchObject({
      job: "user-import",
      jobId: "job-1",
      executor: "tester",
      inputKey: "imports/users.csv",
      rows: 25,
      imported: 25,
      unchanged: 0,
      rejected: 0,
      errors: [],
    });
    const stored = () =>
      database.client.query(
        "SELECT name, department, updated_by, updated_at FROM users ORDER BY id",
      );
    const before = await stored();
    expect(before.rows[12]).toMatchObject({ name: "Fernández, María", updated_by: "tester" });
    expect((await run()).code).toBe(0);
    expect(storedResult()).toMatchObject({ rows: 25, imported: 0, unchanged: 25 });
    expect((await stored()).rows).toEqual(before.rows);
  });

  test("updates only the rows that differ", async () => {
    put(`${HEADER}a@x.jp,A,admin,QA\nb@x.jp,B,member,QA\n`);
    await run();
    put(`${HEADER}A@X.jp,A,admin,QA\nb@x.jp,B,viewer,QA\n`);
    expect((await run()).code).toBe(0);
    expect(storedResult()).toMatchObject({ rows: 2, imported: 1, unchanged: 1 });
    const moved = await database.client.query(
      "SELECT email, role FROM users WHERE updated_at > created_at",
    );
    expect(moved.rows).toEqual([{ email: "b@x.jp", role: "viewer" }]);
  });

  test("keeps the departments that a file without the column does not mention", async () => {
    put(`${HEADER}a@x.jp,A,admin,QA\n`);
    await run();
    put("email,name,role,phone\na@x.jp,A2,admin,1\nb@x.jp,B,member,2\n");
    const result = await run();
    expect(result.code).toBe(0);
    expect(result.records.find((record) => record.level === "warn")?.data.columns).toEqual([
      "phone",
    ]);
    const users = await database.client.query("SELECT name, department FROM users ORDER BY email");
    expect(users.rows).toEqual([
      { name: "A2", department: "QA" },
      { name: "B", department: "" },
    ]);
  });

  test("imports the good rows, lists the rejected ones and exits 3", async () => {
    put(`${HEADER}a@x.jp,A,admin,QA\nwrong,B,boss,QA\nc@x.jp,C\nA@x.jp,A2,viewer,QA\n`);
    const result = await run();
    expect(result.code).toBe(3);
    expect(messages(result)).toContain("4 rows, 1 imported, 0 unchanged, 3 rejected");
    expect(messages(result)).toMatch(/rejected line 2, \w+: /);
    expect(storedResult().errors).toEqual([
      { line: 2, column: "email", reason: "duplicate of line 5" },
      { line: 3, column: "email", reason: "is not an email address" },
      { line: 3, column: "role", reason: "is not one of admin, member, viewer" },
      { line: 4, column: null, reason: "has 2 columns, the header has 4" },
    ]);
    const users = await database.client.query("SELECT email, name, role FROM users");
    expect(users.rows).toEqual([{ email: "a@x.jp", name: "A2", role: "viewer" }]);
  });

  test("finds duplicates across chunks", async () => {
    put(`${manyUsers(1200)}user0@x.jp,Last,admin,QA\n`);
    expect((await run()).code).toBe(3);
    expect(storedResult()).toMatchObject({ rows: 1201, imported: 1200, rejected: 1 });
    expect(storedResult().errors).toEqual([
      { line: 2, column: "email", reason: "duplicate of line 1202" },
    ]);
  });

  test("writes nothing when the file turns out malformed, and names file and line", async () => {
    put(`${manyUsers(1500)}x@x.jp,"X,member,QA\ny@x.jp,Y,member,QA\n`);
    const result = await run();
    expect(result.code).toBe(1);
    const message = "parse s3://in/imports/users.csv: line 1502: a quote opened";
    expect(messages(result)).toContain(message);
    expect(await countUsers()).toBe(0);
    expect(storedResult()).toMatchObject({ imported: 0, errors: [{ line: null, column: null }] });
  });

  test("writes nothing when a required column is missing", async () => {
    put("email,department\na@x.jp,QA\n");
    const result = await run();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("the header lacks name, role");
    expect(await countUsers()).toBe(0);
  });

  test("writes nothing when the result cannot be stored", async () => {
    put(manyUsers(3));
    s3.refuseWrites = true;
    const result = await run();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("the job's role needs s3:PutObject");
    expect(await countUsers()).toBe(0);
  });

  test("names a missing object", async () => {
    const result = await run();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("read s3://in/imports/users.csv: no such object");
  });

  test("two at once: the second waits for the first", async () => {
    const release = holdAfter(800, manyUsers(1000));
    const first = start("job-1");
    await midImport();
    s3.hold.clear();
    const second = start("job-2");
    await second.logged("waiting: another user-import is running");
    release();
    expect([(await first.result).code, (await second.result).code]).toEqual([0, 0]);
    expect(storedResult("job-1")).toMatchObject({ imported: 1000, unchanged: 0 });
    expect(storedResult("job-2")).toMatchObject({ imported: 0, unchanged: 1000 });
  });

  test("SIGTERM mid-import rolls back and exits 143", async () => {
    const release = holdAfter(800, manyUsers(1000));
    const running = start();
    await midImport();
    running.process.kill("SIGTERM");
    const result = await running.result;
    release();
    expect(result.code).toBe(143);
    expect(messages(result)).toContain("SIGTERM received");
    expect(await countUsers()).toBe(0);
  });

  test("SIGTERM while waiting for another import exits 143", async () => {
    const release = holdAfter(800, manyUsers(1000));
    const first = start("job-1");
    await midImport();
    const second = start("job-2");
    await second.logged("waiting: another user-import is running");
    second.process.kill("SIGTERM");
    expect((await second.result).code).toBe(143);
    release();
    expect((await first.result).code).toBe(0);
  });

  test("writes nothing when the database connection is lost", async () => {
    const release = holdAfter(800, manyUsers(1000));
    const running = start();
    await midImport();
    await database.client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'user-import'`,
    );
    release();
    const result = await running.result;
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("database connection lost");
    expect(await countUsers()).toBe(0);
  });

  test("says to migrate first when the table is missing", async () => {
    const empty = await createTestDatabase();
    put(manyUsers(1));
    const env = { ...environment("job-1"), DATABASE_URL: empty.url };
    const result = await runCommand(USER_IMPORT, [], env);
    await empty.drop();
    expect(result.code).toBe(1);
    expect(messages(result)).toContain("run the migrations first (node dist/migrate.js)");
  });
});
