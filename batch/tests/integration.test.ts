import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { ImportResult } from "../src/importers/result.js";
import { BATCH_FOLDER, messages, runCommand } from "./support/command.js";
import { ImportHarness } from "./support/importer.js";
import { createTestDatabase } from "./support/postgres.js";
import { startProxy } from "./support/proxy.js";

const HEADER = "email,name,role,department\n";

let harness: ImportHarness;

const sample = (name: string) => readFile(path.join(BATCH_FOLDER, "samples", name));

function manyUsers(count: number): string {
  const line = (i: number) => `user${i}@x.jp,User ${i},member,QA\n`;
  return HEADER + Array.from({ length: count }, (_, i) => line(i)).join("");
}

const result = () => harness.result("user-import") as unknown as ImportResult;

async function importUsers(content: string | Uint8Array, ...args: string[]) {
  harness.put(content);
  return harness.run("user-import", { args });
}

async function anotherSession(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: harness.database.url });
  await client.connect();
  return client;
}

describe("importers", () => {
  beforeAll(async () => {
    harness = await ImportHarness.create();
  });
  afterAll(() => harness.close());
  beforeEach(() => harness.reset());

  describe("user-import", () => {
    test("imports the sample, and finds it unchanged the second time", async () => {
      const first = await importUsers(await sample("users.csv"));
      expect(first.code).toBe(0);
      expect(first.records.every((record) => record.data.executor === "tester")).toBe(true);
      expect(result()).toEqual({
        job: "user-import",
        jobId: "job-1",
        attempt: 1,
        executor: "tester",
        inputKey: "imports/input.csv",
        inputBytes: (await sample("users.csv")).length,
        encoding: "utf-8",
        dryRun: false,
        state: "committed",
        startedAt: expect.stringMatching(/Z$/) as string,
        finishedAt: expect.stringMatching(/Z$/) as string,
        rows: 25,
        inserted: 25,
        updated: 0,
        unchanged: 0,
        rejected: 0,
        rowsPerSecond: expect.any(Number) as number,
        peakMemoryBytes: expect.any(Number) as number,
        unknownColumns: [],
        rejectedKey: null,
        errors: [],
        error: null,
      });
      const stored = () => harness.contents("user-import");
      const before = await stored();
      expect(before).toContainEqual(
        expect.objectContaining({
          name: "Fernández, María",
          created_by: "tester",
          updated_by: "tester",
        }),
      );
      expect((await importUsers(await sample("users.csv"))).code).toBe(0);
      expect(result()).toMatchObject({ rows: 25, inserted: 0, updated: 0, unchanged: 25 });
      expect(await stored()).toEqual(before);
    });

    test("tells CP932 by itself, and takes it where it is said", async () => {
      const csv = await sample("users-cp932.csv");
      for (const args of [[], ["--encoding=cp932"]]) {
        await harness.reset();
        expect((await importUsers(csv, ...args)).code).toBe(0);
        expect(result().encoding).toBe("cp932");
        const [row] = await harness.query(
          "SELECT name FROM users WHERE email LIKE 'haruka.sato@%'",
        );
        expect(row).toEqual({ name: "佐藤 遥" });
      }
      expect((await importUsers(csv, "--encoding=utf-8")).code).toBe(3);
      expect(result().errors[0]?.reason).toBe("has bytes that are not UTF-8");
    });

    test("updates only the rows that differ, and tells who did", async () => {
      await importUsers(`${HEADER}a@x.jp,A,admin,QA\nb@x.jp,B,member,QA\n`);
      harness.put(`${HEADER}A@X.jp,A,admin,QA\nb@x.jp,B,viewer,QA\nc@x.jp,C,viewer,\n`);
      const env = { EXECUTOR_NAME: "second" };
      expect((await harness.run("user-import", { env })).code).toBe(0);
      expect(result()).toMatchObject({ rows: 3, inserted: 1, updated: 1, unchanged: 1 });
      const users = await harness.query(
        "SELECT email, role, created_by, updated_by, updated_at > created_at AS moved FROM users ORDER BY email",
      );
      const first = { created_by: "tester" };
      expect(users).toEqual([
        { email: "a@x.jp", role: "admin", ...first, updated_by: "tester", moved: false },
        { email: "b@x.jp", role: "viewer", ...first, updated_by: "second", moved: true },
        {
          email: "c@x.jp",
          role: "viewer",
          created_by: "second",
          updated_by: "second",
          moved: false,
        },
      ]);
    });

    test("keeps the departments that a file without the column does not mention", async () => {
      await importUsers(`${HEADER}a@x.jp,A,admin,QA\n`);
      const finished = await importUsers(
        "email,name,role,phone\na@x.jp,A2,admin,1\nb@x.jp,B,member,2\n",
      );
      expect(finished.code).toBe(0);
      expect(finished.records.find(({ level }) => level === "warn")?.data.columns).toEqual([
        "phone",
      ]);
      expect(result()).toMatchObject({ inserted: 1, updated: 1, unknownColumns: ["phone"] });
      expect(await harness.query("SELECT name, department FROM users ORDER BY email")).toEqual([
        { name: "A2", department: "QA" },
        { name: "B", department: "" },
      ]);
    });

    test("imports the good rows, lists the rejected ones and exits 3", async () => {
      const csv = `${HEADER}a@x.jp,A,admin,QA\nwrong,B,boss,QA\nc@x.jp,C\nA@x.jp,A2,viewer,QA\n`;
      const finished = await importUsers(csv);
      expect(finished.code).toBe(3);
      expect(messages(finished)).toContain(
        "import finished: 4 rows, 1 inserted, 0 updated, 0 unchanged, 3 rejected",
      );
      expect(messages(finished)).toMatch(/rejected line 2, \w+: /);
      const errors = [
        { line: 2, column: "email", reason: "duplicate of line 5" },
        { line: 3, column: "email", reason: "is not an email address" },
        { line: 3, column: "role", reason: "is not one of admin, member, viewer" },
        { line: 4, column: null, reason: "has 2 columns, the header has 4" },
      ];
      expect(result()).toMatchObject({
        rejectedKey: "imports-results/user-import/job-1.rejected.csv",
        errors,
      });
      const lines = csv.split("\n");
      expect(harness.rejected("user-import")).toEqual(
        errors.map(({ line, column, reason }) => [
          String(line),
          column ?? "",
          reason,
          lines[line - 1],
        ]),
      );
      expect(await harness.query("SELECT email, name, role FROM users")).toEqual([
        { email: "a@x.jp", name: "A2", role: "viewer" },
      ]);
    });

    test("repeats no value in its log", async () => {
      const finished = await importUsers(
        `${HEADER}secret@x.jp,Secret,secret,secret\nsecret,1,2,3\n`,
      );
      expect(finished.code).toBe(3);
      expect(finished.stdout.toLowerCase()).not.toContain("secret");
    });

    test("reads from a folder and writes to it, too", async () => {
      const folder = await mkdtemp(path.join(tmpdir(), "batch-import-"));
      await writeFile(path.join(folder, "users.csv"), `${HEADER}a@x.jp,A,admin,QA\nb,B,admin,QA\n`);
      const env = {
        STORAGE_MODE: "local",
        LOCAL_STORAGE_DIR: folder,
        INPUT_S3_KEY: "users.csv",
      };
      const finished = await harness.run("user-import", { env });
      const stored = (extension: string) =>
        readFile(path.join(folder, "imports-results/user-import", `job-1.${extension}`), "utf8");
      expect(finished.code).toBe(3);
      expect(JSON.parse(await stored("json"))).toMatchObject({ inserted: 1, rejected: 1 });
      expect(await stored("rejected.csv")).toBe(
        'line,column,reason,text\r\n3,email,is not an email address,"b,B,admin,QA"\r\n',
      );
      await rm(folder, { recursive: true });
    });

    test("says to migrate first when the table is missing, before it reads", async () => {
      const empty = await createTestDatabase();
      harness.put(manyUsers(1));
      const finished = await harness.run("user-import", { env: { DATABASE_URL: empty.url } });
      await empty.drop();
      expect(finished.code).toBe(1);
      expect(messages(finished)).toContain("run the migrations first (node dist/migrate.js)");
      expect(harness.s3.gets).toEqual([]);
    });

    test("locks nothing of the table while the file arrives", async () => {
      const csv = manyUsers(20_000);
      harness.put(csv);
      const release = harness.holdInput(csv.length / 2);
      const running = harness.start("user-import");
      await harness.copying("user-import");
      const locks = await harness.query(
        "SELECT mode FROM pg_locks WHERE relation = 'users'::regclass",
      );
      release();
      expect(locks).toEqual([]);
      expect((await running.result).code).toBe(0);
    });
  });

  describe("beside other sessions", () => {
    const csv = manyUsers(2_000);

    test("a row that another session has just inserted is updated", async () => {
      const other = await anotherSession();
      await other.query("BEGIN");
      await other.query(
        "INSERT INTO users (email, name, role, updated_by) VALUES ('user7@x.jp', 'X', 'viewer', 'app')",
      );
      harness.put(csv);
      const running = harness.start("user-import");
      await harness.merging("user-import");
      await other.query("COMMIT");
      await other.end();
      expect((await running.result).code).toBe(0);
      expect(result()).toMatchObject({ inserted: 1999, updated: 1, unchanged: 0 });
      expect(await harness.query("SELECT name FROM users WHERE email = 'user7@x.jp'")).toEqual([
        { name: "User 7" },
      ]);
    });

    test("a row that another session did not commit after all is inserted", async () => {
      const other = await anotherSession();
      await other.query("BEGIN");
      await other.query(
        "INSERT INTO users (email, name, role, updated_by) VALUES ('user7@x.jp', 'X', 'viewer', 'app')",
      );
      harness.put(csv);
      const running = harness.start("user-import");
      await harness.merging("user-import");
      await other.end();
      expect((await running.result).code).toBe(0);
      expect(result()).toMatchObject({ inserted: 2000, updated: 0, unchanged: 0 });
    });

    test("others may insert and update meanwhile", async () => {
      await importUsers(csv);
      const unlock = await harness.lockRow("user-import", "user1999@x.jp");
      harness.put(csv.replaceAll("User", "New"));
      const running = harness.start("user-import");
      await harness.merging("user-import");
      await harness.query(
        "INSERT INTO users (email, name, role, updated_by) VALUES ('new@x.jp', 'X', 'viewer', 'app') RETURNING 1",
      );
      await unlock();
      expect((await running.result).code).toBe(0);
      expect(result()).toMatchObject({ inserted: 0, updated: 2000, unchanged: 0 });
    });
  });

  describe("when the connection is lost while committing", () => {
    test.each([
      ["after", 0, "committed", 3],
      ["before", 1, "failed", 0],
    ] as const)("%s the server had it", async (fault, code, state, count) => {
      const proxy = await startProxy(harness.database.url, fault);
      harness.put(manyUsers(3));
      const finished = await harness.run("user-import", { env: { DATABASE_URL: proxy.url } });
      proxy.close();
      expect(finished.code).toBe(code);
      expect(result().state).toBe(state);
      expect(await harness.count("user-import")).toBe(count);
      expect(messages(finished)).toContain("connection");
    });
  });

  describe("test-case-import", () => {
    const run = (csv: string | Uint8Array) => {
      harness.put(csv);
      return harness.run("test-case-import");
    };

    test("imports the sample, and finds it unchanged the second time", async () => {
      const csv = await sample("test-cases.csv");
      expect((await run(csv)).code).toBe(0);
      expect(harness.result("test-case-import")).toMatchObject({ rows: 5, inserted: 5 });
      const before = await harness.contents("test-case-import");
      expect(before[3]).toMatchObject({ title: "証跡の添付 (①②、～－)", priority: "low" });
      expect((await run(csv)).code).toBe(0);
      expect(harness.result("test-case-import")).toMatchObject({ rows: 5, unchanged: 5 });
      expect(await harness.contents("test-case-import")).toEqual(before);
    });

    test("keeps texts exactly, and what columns that are not there have stored", async () => {
      const text = " a\\b\\N\t\r\n\\.\n'\"\"' \u2028\u{1f600}\ufeff ";
      const stored = text.replaceAll('""', '"');
      expect((await run(`case_id,title,steps,category\nC1, T ,"${text}",x\n`)).code).toBe(0);
      expect((await run("title,case_id,priority\nT2,C1,low\nT3,C2,\n")).code).toBe(0);
      expect(
        await harness.query("SELECT case_id, title, steps, category, priority FROM test_cases"),
      ).toEqual([
        { case_id: "C2", title: "T3", steps: "", category: "", priority: "medium" },
        { case_id: "C1", title: "T2", steps: stored, category: "x", priority: "low" },
      ]);
    });
  });

  test("the release before may still insert users", async () => {
    await harness.query(
      "INSERT INTO users (email, name, role, updated_by) VALUES ('a@x.jp', 'A', 'admin', 'old') RETURNING 1",
    );
    expect(await harness.count("user-import")).toBe(1);
  });

  test("migrate has nothing to do", async () => {
    const again = await runCommand("dist/migrate.js", [], { DATABASE_URL: harness.database.url });
    expect(again.code).toBe(0);
  });
});
