import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { messages } from "./support/command.js";
import { endlessLine, recordFile, writeDigits } from "./support/generated.js";
import {
  ImportHarness,
  INPUT,
  MAX_MEMORY,
  type Finished,
  type Job,
  type RunningImport,
} from "./support/importer.js";
import { fromBytes } from "./support/s3.js";

const USERS = "email,name,role,department\n";
const GIANT_TIMEOUT = 600_000;
const GIB = 1024 ** 3;

let harness: ImportHarness;

function manyUsers(count: number, name = "User"): string {
  const line = (i: number) => `user${i}@x.jp,${name} ${i},member,QA\n`;
  return USERS + Array.from({ length: count }, (_, i) => line(i)).join("");
}

/** What was measured from outside and what the result says are both in bounds. */
function expectBoundedMemory(finished: Finished, job: Job): void {
  expect(finished.peakMemory).toBeLessThan(MAX_MEMORY);
  expect(harness.result(job).peakMemoryBytes).toBeLessThan(MAX_MEMORY);
}

/** It failed with this reason, said in the log and in the result, and the table is as it was. */
async function expectNothingDone(
  finished: Finished,
  job: Job,
  before: unknown[],
  reason: RegExp | string,
): Promise<void> {
  expect(messages(finished)).toMatch(reason);
  expect(finished.code).toBe(1);
  expect(await harness.contents(job)).toEqual(before);
  const result = harness.result(job);
  expect(result).toMatchObject({ state: "failed", inserted: 0, updated: 0 });
  expect(result.error).toMatch(reason);
}

describe("hostile input", () => {
  beforeAll(async () => {
    harness = await ImportHarness.create();
  });
  afterAll(() => harness.close());
  beforeEach(() => harness.reset());

  describe("giants", () => {
    test("2 GB of test cases, each of the largest size", { timeout: GIANT_TIMEOUT }, async () => {
      const text = "操作を行い、結果を確かめる。\n".repeat(1_400).slice(0, 20_000);
      const cells = Array.from({ length: 4 }, () => `"${text}"`).join(",");
      const template = Buffer.from(`C00000000,T,${cells}\n`);
      const linesEach = 4 * (text.split("\n").length - 1) + 1;
      const records = Math.ceil((2 * GIB) / template.length);
      const isBad = (i: number) => i % 20 === 3;
      harness.put(
        recordFile({
          head: "case_id,title,description,preconditions,steps,expected_result\n",
          records,
          recordBytes: template.length,
          write(buffer, offset, i) {
            template.copy(buffer, offset);
            writeDigits(buffer, offset + 1, 8, i);
            if (isBad(i)) buffer.write(" ", offset + 10);
          },
        }),
      );
      const bad = Array.from({ length: records }, (_, i) => i).filter(isBad);

      const finished = await harness.run("test-case-import");

      expect(finished.code).toBe(3);
      expectBoundedMemory(finished, "test-case-import");
      const lineOf = (i: number) => 2 + i * linesEach;
      expect(harness.result("test-case-import")).toMatchObject({
        state: "committed",
        rows: records,
        inserted: records - bad.length,
        updated: 0,
        unchanged: 0,
        rejected: bad.length,
        errors: bad
          .slice(0, 100)
          .map((i) => ({ line: lineOf(i), column: "title", reason: "is empty" })),
      });
      const [stored] = await harness.query(
        `SELECT count(*)::int AS rows, count(DISTINCT case_id)::int AS keys,
           count(*) FILTER (WHERE title = 'T')::int AS titles,
           count(*) FILTER (WHERE right(case_id, 1) = '5' AND md5(description) = md5(steps)
             AND md5(description) = md5($$${text}$$))::int AS exact FROM test_cases`,
      );
      const exact = Math.ceil((records - 5) / 10);
      expect(stored).toEqual({
        rows: records - bad.length,
        keys: records - bad.length,
        titles: records - bad.length,
        exact,
      });
      const file = harness.s3.spooled.get(
        "/out/imports-results/test-case-import/job-1.rejected.csv",
      );
      const starts: string[] = [];
      for await (const line of createInterface({ input: createReadStream(file ?? "") })) {
        if (/^\d+,/.test(line)) starts.push(line);
      }
      const shortText = text.split("\n")[0] ?? "";
      expect(starts).toEqual(
        bad.map(
          (i) => `${lineOf(i)},title,is empty,"C${String(i).padStart(8, "0")}, ,""${shortText}`,
        ),
      );
    });

    test("10 million users, some wrong, some twice", { timeout: GIANT_TIMEOUT }, async () => {
      const records = 10_000_000;
      const isBad = (i: number) => i % 100 === 7;
      const isRepeat = (i: number) => i % 100 === 51;
      const template = Buffer.from("u00000000@x.jp,N00000000,member\n");
      harness.put(
        recordFile({
          head: "email,name,role\n",
          records,
          recordBytes: template.length,
          write(buffer, offset, i) {
            template.copy(buffer, offset);
            writeDigits(buffer, offset + 1, 8, isRepeat(i) ? i - 1 : i);
            writeDigits(buffer, offset + 16, 8, i);
            if (isBad(i)) buffer.write("nobody", offset + 25);
          },
        }),
      );

      const finished = await harness.run("user-import");

      expect(finished.code).toBe(3);
      expectBoundedMemory(finished, "user-import");
      const rejected = 2 * (records / 100);
      expect(harness.result("user-import")).toMatchObject({
        state: "committed",
        rows: records,
        inserted: records - rejected,
        updated: 0,
        unchanged: 0,
        rejected,
      });
      const [stored] = await harness.query(
        `SELECT count(*)::int AS rows, sum(substr(email, 2, 8)::bigint)::text AS keys,
           sum(substr(name, 2)::bigint)::text AS names FROM users`,
      );
      const expected = { rows: 0, keys: 0, names: 0 };
      const lines: string[] = [];
      const digits = (i: number) => String(i).padStart(8, "0");
      for (let i = 0; i < records; i += 1) {
        if (isBad(i)) {
          const text = `u${digits(i)}@x.jp,N${digits(i)},nobody`;
          lines.push(`${i + 2}|role|is not one of admin, member, viewer|${text}`);
        } else if (isRepeat(i + 1)) {
          const text = `u${digits(i)}@x.jp,N${digits(i)},member`;
          lines.push(`${i + 2}|email|duplicate of line ${i + 3}|${text}`);
        } else {
          expected.rows += 1;
          expected.keys += isRepeat(i) ? i - 1 : i;
          expected.names += i;
        }
      }
      expect(stored).toEqual({
        rows: expected.rows,
        keys: String(expected.keys),
        names: String(expected.names),
      });
      const found = harness.rejected("user-import")?.map((cells) => cells.join("|")) ?? [];
      expect(found.slice(0, 3)).toEqual(lines.slice(0, 3));
      expect(found.length).toBe(lines.length);
      expect(found.findIndex((line, i) => line !== lines[i])).toBe(-1);
    });
  });

  describe("what makes the rest of a file unreadable ends it, and nothing is written", () => {
    const endless: [string, string][] = [
      ["an endless first line", ""],
      ["an endless line", `${USERS}a@x.jp,A,admin,QA\n`],
      ["an endless quoted value", `${USERS}a@x.jp,A,admin,QA\nb@x.jp,"`],
    ];
    test.each(endless)("%s", async (_, head) => {
      harness.put(endlessLine(head, 4 * GIB));
      const finished = await harness.run("user-import");
      await expectNothingDone(finished, "user-import", [], /line [12]\b.*|line 3.*/);
      expect(messages(finished)).toMatch(/1 MiB|longer than/);
      expect(finished.peakMemory).toBeLessThan(MAX_MEMORY);
      // It stops reading: the rest of 4 GiB is not downloaded.
      expect(harness.s3.gets.reduce((sum, get) => sum + get.sent, 0)).toBeLessThan(64 * 1024 ** 2);
    });

    const fatal: [string, string, RegExp][] = [
      [
        "a quote that is never closed",
        `${manyUsers(1500)}x@x.jp,"X,member,QA\ny@x.jp,Y,m,QA\n`,
        /line 1502\b.*quote/,
      ],
      ["no header", "", /empty|header/],
      ["a required column missing", "email,department\na@x.jp,QA\n", /lacks name, role/],
    ];
    test.each(fatal)("%s", async (_, csv, reason) => {
      harness.put(csv);
      await expectNothingDone(await harness.run("user-import"), "user-import", [], reason);
    });
  });

  describe("a wrong row is rejected and does not stop the others", () => {
    const GOOD = "good@x.jp,Good,member,QA\n";
    const onlyGood = async () => {
      expect(await harness.query("SELECT email, name FROM users")).toEqual([
        { email: "good@x.jp", name: "Good" },
      ]);
    };

    test("NUL", async () => {
      harness.put(`${USERS}a@x.jp,A\0B,member,QA\n${GOOD}`);
      const finished = await harness.run("user-import");
      expect(finished.code).toBe(3);
      expect(harness.result("user-import")).toMatchObject({ rows: 2, inserted: 1, rejected: 1 });
      const [row] = harness.rejected("user-import") ?? [];
      expect(row?.[0]).toBe("2");
      expect(row?.[2]).toMatch(/NUL|control character/);
      expect(row?.[3]).toBe("a@x.jp,A\uFFFDB,member,QA");
      await onlyGood();
    });

    test("NUL in a column that is ignored, of a row whose key comes again", async () => {
      harness.put("email,name,role,note\ngood@x.jp,First,member,a\0b\ngood@x.jp,Good,member,\n");
      expect((await harness.run("user-import")).code).toBe(3);
      expect(harness.rejected("user-import")).toEqual([
        ["2", "email", "duplicate of line 3", "good@x.jp,First,member,a\uFFFDb"],
      ]);
      await onlyGood();
    });

    test("a test case with NUL in a text that may have line breaks", async () => {
      harness.put('case_id,title,steps\nC1,T,"a\n\0b"\nC2,T,"a\nb"\n');
      const finished = await harness.run("test-case-import");
      expect(finished.code).toBe(3);
      const [row] = harness.rejected("test-case-import") ?? [];
      expect(row?.slice(0, 2)).toEqual(["2", "steps"]);
      expect(row?.[2]).toMatch(/NUL/);
      expect(row?.[3]).toBe('C1,T,"a\n\uFFFDb"');
      expect(await harness.query("SELECT case_id, steps FROM test_cases")).toEqual([
        { case_id: "C2", steps: "a\nb" },
      ]);
    });

    test("bytes in the middle that are not UTF-8", async () => {
      const rows = [USERS, "ok1@x.jp,佐藤,member,QA\n", "bad@x.jp,A\xff\xfeB,member,QA\n", GOOD];
      const [header = "", ok = "", bad = "", good = ""] = rows;
      harness.put(
        Buffer.concat([Buffer.from(header + ok), Buffer.from(bad, "latin1"), Buffer.from(good)]),
      );
      const finished = await harness.run("user-import");
      expect(finished.code).toBe(3);
      expect(harness.result("user-import")).toMatchObject({
        encoding: "utf-8",
        rows: 3,
        inserted: 2,
        rejected: 1,
      });
      const [row] = harness.rejected("user-import") ?? [];
      expect(row?.[0]).toBe("3");
      expect(row?.[2]).toBe("has bytes that are not UTF-8");
      expect(row?.[3]).toBe("bad@x.jp,A\uFFFD\uFFFDB,member,QA");
      expect(await harness.count("user-import")).toBe(2);
    });

    test("a character cut in two by the end of a piece is no wrong byte", async () => {
      const name = "髙".repeat(60);
      const rows = Array.from({ length: 3000 }, (_, i) => `u${i}@x.jp,${name},member,QA\n`);
      harness.put(USERS + rows.join(""));
      expect((await harness.run("user-import")).code).toBe(0);
      expect(await harness.query("SELECT DISTINCT name FROM users")).toEqual([{ name }]);
    });

    test("a stray quote, too many and too few columns", async () => {
      harness.put(`${USERS}a@x.jp,A "B" C,member,QA\nb@x.jp\nc@x.jp,C,member,QA,more\n${GOOD}`);
      expect((await harness.run("user-import")).code).toBe(3);
      expect(harness.result("user-import")).toMatchObject({ rows: 4, inserted: 1, rejected: 3 });
      const rejected = harness.rejected("user-import") ?? [];
      expect(rejected.map(([line, , , text]) => [line, text])).toEqual([
        ["2", 'a@x.jp,A "B" C,member,QA'],
        ["3", "b@x.jp"],
        ["4", "c@x.jp,C,member,QA,more"],
      ]);
      expect(rejected[0]?.[2]).toContain("quote");
      expect(rejected[1]?.[2]).toContain("has 1 columns, the header has 4");
      await onlyGood();
    });

    test("formulas in the rejected rows are text to a spreadsheet", async () => {
      const formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "a=1"];
      harness.put(
        `email\n,name,role\n`.replace("\n,", ",") +
          formulas.map((f) => `${f},N,none\n`).join("") +
          GOOD.replace(",QA", ""),
      );
      expect((await harness.run("user-import")).code).toBe(3);
      const texts = (harness.rejected("user-import") ?? []).map((cells) => cells[3]);
      const escaped = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'=1", "a=1"];
      expect([...new Set(texts)]).toEqual(escaped.map((text) => `${text},N,none`));
      for (const cells of harness.rejected("user-import") ?? []) {
        for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      }
      await onlyGood();
    });

    test("a record that begins with CR is text to a spreadsheet", async () => {
      harness.put(`${USERS}\r=1+1,N,none,QA\n${GOOD}`);
      expect((await harness.run("user-import")).code).toBe(3);
      for (const cells of harness.rejected("user-import") ?? []) {
        for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      }
      await onlyGood();
    });

    test("keys that are in the file more than once: the last good one wins", async () => {
      const filler = Array.from({ length: 3000 }, (_, i) => `f${i}@x.jp,F,viewer,\n`).join("");
      harness.put(
        `${USERS}a@x.jp,First,member,QA\n${filler} A@X.jp ,Second,member,QA\n` +
          `b@x.jp,Good,member,QA\nb@x.jp,Bad,boss,QA\na@x.jp,Last,admin,QA\n`,
      );
      expect((await harness.run("user-import")).code).toBe(3);
      expect(harness.result("user-import")).toMatchObject({
        rows: 3005,
        inserted: 3002,
        rejected: 3,
        state: "committed",
      });
      expect(harness.result("user-import").errors).toEqual([
        {
          line: 2,
          column: "email",
          reason: expect.stringMatching(/^duplicate of line 300[36]$/) as string,
        },
        { line: 3003, column: "email", reason: "duplicate of line 3006" },
        { line: 3005, column: "role", reason: "is not one of admin, member, viewer" },
      ]);
      expect(harness.rejected("user-import")?.map((cells) => cells[3])).toEqual([
        "a@x.jp,First,member,QA",
        " A@X.jp ,Second,member,QA",
        "b@x.jp,Bad,boss,QA",
      ]);
      expect(
        await harness.query("SELECT email, name FROM users WHERE role <> 'viewer' ORDER BY email"),
      ).toEqual([
        { email: "a@x.jp", name: "Last" },
        { email: "b@x.jp", name: "Good" },
      ]);
    });
  });

  describe("S3", () => {
    const csv = manyUsers(20_000);
    const imported = async () => {
      expect(harness.result("user-import")).toMatchObject({ rows: 20_000, inserted: 20_000 });
      const [row] = await harness.query(
        "SELECT count(*)::int AS rows, count(DISTINCT name)::int AS names FROM users",
      );
      expect(row).toEqual({ rows: 20_000, names: 20_000 });
    };

    test.each(["cut", "reset"] as const)(
      "a connection that is %s mid-way goes on from there",
      async (how) => {
        harness.put(csv);
        harness.s3.fault = (n) => (n <= 3 ? { after: 100_000 + n, how } : undefined);
        const finished = await harness.run("user-import");
        expect(messages(finished)).toContain("import finished");
        expect(finished.code).toBe(0);
        await imported();
        const [first, ...more] = harness.s3.gets;
        expect(first?.range).toBeUndefined();
        expect(more).toHaveLength(3);
        let offset = 0;
        for (const get of more) {
          expect(get).toMatchObject({ status: 206, ifMatch: fromBytes(Buffer.from(csv)).etag });
          const from = Number(/^bytes=(\d+)-/.exec(get.range ?? "")?.[1]);
          expect(from).toBeGreaterThan(offset);
          offset = from;
        }
      },
    );

    test(
      "a connection that falls silent is given up, and the import goes on",
      { timeout: 180_000 },
      async () => {
        harness.put(csv);
        harness.s3.fault = (n) => (n === 1 ? { after: 100_000, how: "stall" } : undefined);
        const finished = await harness.run("user-import");
        expect(finished.code).toBe(0);
        expect(harness.s3.gets[1]?.range).toMatch(/^bytes=\d+-/);
        await imported();
      },
    );

    test("a connection that is cut again and again ends it", { timeout: 180_000 }, async () => {
      harness.put(csv);
      harness.s3.fault = (n) => ({ after: n === 1 ? 100_000 : 0, how: "cut" });
      const finished = await harness.run("user-import");
      await expectNothingDone(finished, "user-import", [], /read s3:\/\/in\/imports\/input\.csv: /);
      expect(harness.s3.gets.length).toBeGreaterThan(2);
      expect(harness.s3.gets.length).toBeLessThan(50);
    });

    test.each([
      ["as long", manyUsers(20_000, "Resu")],
      ["shorter", manyUsers(10, "User")],
      ["longer", manyUsers(30_000, "User")],
    ])("an object that is replaced mid-way by one that is %s ends it", async (_, other) => {
      harness.put(csv);
      harness.s3.fault = (n) => {
        harness.put(other);
        return n === 1 ? { after: 100_000, how: "cut" } : undefined;
      };
      const finished = await harness.run("user-import");
      await expectNothingDone(finished, "user-import", [], /changed while it was read/);
      expect(harness.s3.gets.map((get) => get.status)).toEqual([200, 412]);
    });

    describe("read a second time, for the texts of rows whose key comes again", () => {
      const repeated = `${csv}user0@x.jp,Last,member,QA\n`;

      test("goes on where the connection is cut", async () => {
        harness.put(repeated);
        harness.s3.fault = (n) => (n === 2 ? { after: 20, how: "cut" } : undefined);
        const finished = await harness.run("user-import");
        expect(finished.code).toBe(3);
        expect(harness.rejected("user-import")).toEqual([
          ["2", "email", "duplicate of line 20002", "user0@x.jp,User 0,member,QA"],
        ]);
      });

      test("ends where the object was replaced meanwhile", async () => {
        harness.put(repeated);
        harness.s3.fault = () => {
          harness.put(manyUsers(20_001, "Resu"));
          return undefined;
        };
        const finished = await harness.run("user-import");
        await expectNothingDone(finished, "user-import", [], /changed while it was read/);
      });
    });

    test("an object that is deleted mid-way ends it", async () => {
      harness.put(csv);
      harness.s3.fault = () => {
        harness.s3.generated.delete(INPUT);
        return { after: 100_000, how: "cut" };
      };
      const finished = await harness.run("user-import");
      await expectNothingDone(finished, "user-import", [], /input\.csv/);
    });
  });

  describe("with users already stored", () => {
    let before: unknown[];
    const csv = manyUsers(20_000, "New");

    beforeEach(async () => {
      harness.put(manyUsers(3, "Old"));
      expect((await harness.run("user-import", { jobId: "job-0" })).code).toBe(0);
      before = await harness.contents("user-import");
      harness.put(csv);
      harness.s3.gets.length = 0;
    });

    const untouched = async () => {
      expect(await harness.contents("user-import")).toEqual(before);
    };
    /** Half of the file is in COPY, the rest is to come. */
    const duringCopy = async (running: RunningImport) => {
      await running.logged("started");
      await harness.copying("user-import");
    };

    test("the database ends the connection during COPY", async () => {
      const release = harness.holdInput(csv.length / 2);
      const running = harness.start("user-import");
      await duringCopy(running);
      await harness.terminate("user-import");
      const finished = await running.result;
      release();
      await expectNothingDone(finished, "user-import", before, /connection/);
    });

    test("the database ends the connection during the merge", async () => {
      const unlock = await harness.lockRow("user-import", "user1@x.jp");
      const running = harness.start("user-import");
      await harness.merging("user-import");
      await harness.terminate("user-import");
      const finished = await running.result;
      await unlock();
      await expectNothingDone(finished, "user-import", before, /connection/);
    });

    const phases: [
      string,
      (stop: (running: RunningImport) => Promise<Finished>) => Promise<Finished>,
    ][] = [
      [
        "waiting for the database",
        async (stop) => {
          const env = { DATABASE_URL: "postgresql://u:p@127.0.0.1:1/db?sslmode=disable" };
          const running = harness.start("user-import", { env });
          await running.logged("waiting for database");
          return stop(running);
        },
      ],
      [
        "waiting for another import",
        async (stop) => {
          const release = harness.holdInput(csv.length / 2);
          const first = harness.start("user-import", { jobId: "job-2" });
          await duringCopy(first);
          const running = harness.start("user-import");
          await running.logged("waiting: another user-import is running");
          const finished = await stop(running);
          first.process.kill("SIGTERM");
          await first.result;
          release();
          return finished;
        },
      ],
      [
        "waiting for the first byte",
        async (stop) => {
          const release = harness.holdInput(0);
          const running = harness.start("user-import");
          await running.logged("started");
          await expect.poll(() => harness.s3.gets.length, { timeout: 10_000 }).toBeGreaterThan(0);
          const finished = await stop(running);
          release();
          return finished;
        },
      ],
      [
        "copying",
        async (stop) => {
          const release = harness.holdInput(csv.length / 2);
          const running = harness.start("user-import");
          await duringCopy(running);
          const finished = await stop(running);
          release();
          return finished;
        },
      ],
      [
        "merging",
        async (stop) => {
          const unlock = await harness.lockRow("user-import", "user1@x.jp");
          const running = harness.start("user-import");
          await harness.merging("user-import");
          const finished = await stop(running);
          await unlock();
          return finished;
        },
      ],
      [
        "storing the result",
        async (stop) => {
          const writes = harness.holdWrites();
          const running = harness.start("user-import");
          await writes.begun;
          const finished = await stop(running);
          writes.release();
          return finished;
        },
      ],
    ];
    test.each(phases)("SIGTERM while %s", async (_, arrange) => {
      const finished = await arrange(async (running) => {
        running.process.kill("SIGTERM");
        const stopped = Date.now();
        const result = await running.result;
        expect(Date.now() - stopped).toBeLessThan(10_000);
        return result;
      });
      expect(messages(finished)).toContain("SIGTERM received");
      expect(finished.code).toBe(143);
      await expect
        .poll(() =>
          harness.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'user-import'"),
        )
        .toEqual([]);
      await untouched();
    });

    test.each([
      ["the result", (path: string) => path.endsWith(".json")],
      ["the rejected rows", (path: string) => path.endsWith(".csv")],
    ])("%s cannot be stored", async (_, refuse) => {
      harness.put(`${csv}wrong,row,boss,QA\n`);
      harness.s3.refuseWrites = refuse;
      const finished = await harness.run("user-import");
      expect(finished.code).toBe(1);
      expect(messages(finished)).toContain("the job's role needs s3:PutObject");
      await untouched();
    });

    test("a result that cannot be stored after the commit leaves the one before it", async () => {
      const written: string[] = [];
      harness.s3.refuseWrites = (path) => {
        written.push(path);
        return written.length > 1;
      };
      const finished = await harness.run("user-import");
      expect(finished.code).toBe(0);
      expect(harness.result("user-import")).toMatchObject({ state: "prepared", rows: 20_000 });
      expect(await harness.count("user-import")).toBe(20_000);
    });

    test("two at once: the second waits, and finds nothing to do", async () => {
      const release = harness.holdInput(csv.length / 2);
      const first = harness.start("user-import", { jobId: "job-1" });
      await duringCopy(first);
      harness.s3.hold.clear();
      const second = harness.start("user-import", { jobId: "job-2" });
      await second.logged("waiting: another user-import is running");
      release();
      expect([(await first.result).code, (await second.result).code]).toEqual([0, 0]);
      expect(harness.result("user-import", "job-1")).toMatchObject({
        inserted: 19_997,
        updated: 3,
        unchanged: 0,
      });
      expect(harness.result("user-import", "job-2")).toMatchObject({
        inserted: 0,
        updated: 0,
        unchanged: 20_000,
      });
    });

    test("a dry run says what would be and changes nothing", async () => {
      harness.put(`${csv}wrong,row,boss,QA\n`);
      const finished = await harness.run("user-import", { args: ["--dry-run"] });
      expect(finished.code).toBe(3);
      expect(harness.result("user-import")).toMatchObject({
        state: "rolled back",
        dryRun: true,
        rows: 20_001,
        inserted: 19_997,
        updated: 3,
        rejected: 1,
      });
      expect(harness.rejected("user-import")).toHaveLength(2);
      await untouched();
    });

    test("more rejected rows than are allowed end it", async () => {
      harness.put(`${csv}wrong,row,boss,QA\nwrong2,row,boss,QA\n`);
      const finished = await harness.run("user-import", { args: ["--max-rejected=1"] });
      expect(finished.code).toBe(1);
      expect(harness.result("user-import").state).toBe("failed");
      await untouched();
      const allowed = await harness.run("user-import", { args: ["--max-rejected=2"] });
      expect(allowed.code).toBe(3);
    });
  });
});
