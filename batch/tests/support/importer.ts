import { once } from "node:events";

import { parse } from "csv-parse/sync";
import pg from "pg";
import { expect } from "vitest";

import {
  messages,
  runCommand,
  startCommand,
  waitFor,
  type CommandResult,
  type RunningCommand,
} from "./command.js";
import { watchPeakMemory } from "./memory.js";
import { createTestDatabase, type TestDatabase } from "./postgres.js";
import { fromBytes, startFakeS3, type FakeS3, type GeneratedObject } from "./s3.js";

export type Job = "user-import" | "test-case-import";
export const TABLES: Readonly<Record<Job, { table: string; key: string }>> = {
  "user-import": { table: "users", key: "email" },
  "test-case-import": { table: "test_cases", key: "case_id" },
};
export const INPUT = "/in/imports/input.csv";
export const MAX_MEMORY = 256 * 1024 * 1024;

/** A problem as the result has it. */
export interface Problem {
  line: number | null;
  column: string | null;
  reason: string;
}

/** The result JSON. */
export interface StoredResult {
  job: Job;
  jobId: string;
  state: string;
  encoding: string | null;
  dryRun: boolean;
  inputBytes: number | null;
  rows: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
  peakMemoryBytes: number;
  unknownColumns: string[];
  rejectedKey: string | null;
  errors: Problem[];
  error: string | null;
}

export interface Finished extends CommandResult {
  peakMemory: number;
  milliseconds: number;
}

export interface RunningImport extends Omit<RunningCommand, "result"> {
  result: Promise<Finished>;
}

export interface StartOptions {
  jobId?: string;
  args?: string[];
  env?: Record<string, string>;
}

/** A real PostgreSQL with the migrations, a fake S3, and the importers between them. */
export class ImportHarness {
  readonly database: TestDatabase;
  readonly s3: FakeS3;
  readonly #running = new Set<RunningImport>();

  private constructor(database: TestDatabase, s3: FakeS3) {
    this.database = database;
    this.s3 = s3;
  }

  static async create(): Promise<ImportHarness> {
    const database = await createTestDatabase();
    const migrated = await runCommand("dist/migrate.js", [], { DATABASE_URL: database.url });
    expect(messages(migrated)).toContain("migrations applied");
    return new ImportHarness(database, await startFakeS3());
  }

  async close(): Promise<void> {
    await this.#endAll();
    await this.s3.close();
    await this.database.drop();
  }

  /** What a failed test has left. */
  async #endAll(): Promise<void> {
    for (const { process, result } of this.#running) {
      process.kill("SIGKILL");
      await result;
    }
  }

  async reset(): Promise<void> {
    await this.#endAll();
    this.s3.reset();
    for (const { table } of Object.values(TABLES)) await this.query(`TRUNCATE ${table}`);
  }

  async query<T extends pg.QueryResultRow>(sql: string): Promise<T[]> {
    return (await this.database.client.query<T>(sql)).rows;
  }

  put(content: string | Uint8Array | GeneratedObject): void {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    this.s3.generated.set(INPUT, bytes instanceof Uint8Array ? fromBytes(bytes) : bytes);
  }

  start(job: Job, { jobId = "job-1", args = [], env = {} }: StartOptions = {}): RunningImport {
    const started = Date.now();
    const command = startCommand(`dist/${job}.js`, args, { ...this.#environment(jobId), ...env });
    const peak = watchPeakMemory(command.process.pid ?? 0);
    const result = command.result.then((finished) => {
      this.#running.delete(running);
      // The records of a result are a getter, which a spread would call.
      return Object.assign(finished, { peakMemory: peak(), milliseconds: Date.now() - started });
    });
    const running = { ...command, result };
    this.#running.add(running);
    return running;
  }

  run(job: Job, options?: StartOptions): Promise<Finished> {
    return this.start(job, options).result;
  }

  #environment(jobId: string): Record<string, string> {
    return {
      NODE_ENV: "test",
      AWS_REGION: "ap-northeast-1",
      AWS_ENDPOINT_URL: this.s3.endpoint,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      INPUT_S3_BUCKET: "in",
      OUTPUT_S3_BUCKET: "out",
      INPUT_S3_KEY: INPUT.replace("/in/", ""),
      EXECUTOR_NAME: "tester",
      AWS_BATCH_JOB_ID: jobId,
      DATABASE_URL: this.database.url,
    };
  }

  result(job: Job, jobId = "job-1"): StoredResult {
    const text = this.s3.objects.get(`/out/imports-results/${job}/${jobId}.json`);
    return JSON.parse(text ?? "null") as StoredResult;
  }

  /** The cells of the rejected-rows file, without its header; undefined where there is none. */
  rejected(job: Job, jobId = "job-1"): string[][] | undefined {
    const text = this.s3.objects.get(`/out/imports-results/${job}/${jobId}.rejected.csv`);
    if (text === undefined) return undefined;
    const [header, ...rows] = parse(text, { bom: true });
    expect(header).toEqual(["line", "column", "reason", "text"]);
    return rows;
  }

  /** All that a table holds, to compare. */
  contents(job: Job): Promise<pg.QueryResultRow[]> {
    const { table, key } = TABLES[job];
    return this.query(`SELECT * FROM ${table} ORDER BY ${key}`);
  }

  async count(job: Job): Promise<number> {
    const [row] = await this.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${TABLES[job].table}`,
    );
    return row?.n ?? -1;
  }

  /** Resolves when a session of the job is in such a state. */
  seen(job: Job, condition: string): Promise<void> {
    return waitFor(`a session of ${job} with ${condition}`, async () => {
      const found = await this.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = '${job}' AND ${condition}`,
      );
      return found.length > 0;
    });
  }

  /** The rows go in while the input is held back. */
  copying(job: Job): Promise<void> {
    return this.seen(job, "query ILIKE 'copy%' AND state = 'active'");
  }

  /** Ends the job's sessions, as an administrator or a fail-over does. */
  async terminate(job: Job): Promise<void> {
    const ended = await this.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = '${job}'`,
    );
    expect(ended.length).toBeGreaterThan(0);
  }

  /** Locks a stored row in a session of its own, so that a merge has to wait for it. */
  async lockRow(job: Job, value: string): Promise<() => Promise<void>> {
    const { table, key } = TABLES[job];
    const other = new pg.Client({ connectionString: this.database.url });
    await other.connect();
    await other.query("BEGIN");
    const locked = await other.query(`SELECT 1 FROM ${table} WHERE ${key} = $1 FOR UPDATE`, [
      value,
    ]);
    expect(locked.rowCount).toBe(1);
    return () => other.end();
  }

  /** Waits for a lock of a row or a transaction: the merge, behind `lockRow`. */
  merging(job: Job): Promise<void> {
    return this.seen(job, "wait_event_type = 'Lock' AND wait_event <> 'advisory'");
  }

  /** Sends the input up to an offset and the rest when the returned function is called. */
  holdInput(after: number): () => void {
    let release: () => void = () => undefined;
    this.s3.hold.set(INPUT, { after, until: new Promise((resolve) => (release = resolve)) });
    return release;
  }

  /** Keeps an answer to a write back; `begun` resolves when one has arrived. */
  holdWrites(): { begun: Promise<unknown>; release: () => void } {
    const arrivals = new EventTarget();
    const begun = once(arrivals, "write");
    let release: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    this.s3.beforeWrite = () => {
      arrivals.dispatchEvent(new Event("write"));
      return until;
    };
    return { begun, release };
  }
}
