import type { Readable } from "node:stream";

import type { ClientBase } from "pg";

import type { CsvFile, CsvRow } from "../lib/csv.js";
import { inTransaction, withDatabase, withLock } from "../lib/database.js";
import { errorCode, errorMessage, EXIT, FatalError } from "../lib/exit.js";
import type { Logger } from "../lib/logger.js";
import { createStorage, type Storage } from "../lib/storage.js";
import type { ImportConfig } from "./config.js";
import { Outcome, type Counts, type RowError, type Validated } from "./outcome.js";

const CHUNK_ROWS = 500;
/** So many rejections are in the log; the result has more. */
const LOGGED_REJECTIONS = 10;

/** What one kind of import does; the rest is the same for all. */
export interface Importer<Row> {
  job: string;
  keyColumn: string;
  parse(source: Readable, file: string, signal: AbortSignal): Promise<CsvFile>;
  validate(row: CsvRow): Validated<Row>;
  key(row: Row): string;
  /** Upserts rows with distinct keys; gives the keys that were written. */
  load(
    client: ClientBase,
    rows: readonly Row[],
    executor: string,
    columns: ReadonlySet<string>,
  ): Promise<Set<string>>;
}

export interface ImportResult extends Counts {
  job: string;
  jobId: string;
  executor: string;
  inputKey: string;
  startedAt: string;
  finishedAt: string;
  errors: RowError[];
}

interface Run<Row> {
  importer: Importer<Row>;
  config: ImportConfig;
  storage: Storage;
  log: Logger;
  signal: AbortSignal;
  startedAt: Date;
}

async function loadChunk<Row>(
  run: Run<Row>,
  client: ClientBase,
  chunk: Map<string, Row>,
  columns: ReadonlySet<string>,
  outcome: Outcome,
): Promise<void> {
  run.signal.throwIfAborted();
  if (chunk.size === 0) return;
  const { importer, config } = run;
  const written = await importer.load(client, [...chunk.values()], config.executor, columns);
  outcome.loaded(chunk.keys(), written);
  chunk.clear();
}

/** Validates and loads row by row, in chunks, within the caller's transaction. */
async function loadRows<Row>(run: Run<Row>, client: ClientBase, csv: CsvFile): Promise<Outcome> {
  const outcome = new Outcome(run.importer.keyColumn);
  const chunk = new Map<string, Row>();
  for await (const row of csv.rows) {
    const validated = run.importer.validate(row);
    if ("problems" in validated) {
      outcome.reject(row.line, validated.problems);
      continue;
    }
    const key = run.importer.key(validated.value);
    outcome.accept(row.line, key);
    chunk.set(key, validated.value);
    if (chunk.size >= CHUNK_ROWS) await loadChunk(run, client, chunk, csv.columns, outcome);
  }
  await loadChunk(run, client, chunk, csv.columns, outcome);
  return outcome;
}

async function openInput<Row>(run: Run<Row>): Promise<CsvFile> {
  const { importer, config, storage, log, signal } = run;
  const file = storage.inputName(config.inputKey);
  const csv = await importer.parse(await storage.read(config.inputKey, signal), file, signal);
  if (csv.unknownColumns.length > 0) {
    log.warn(`ignored unknown columns of ${file}`, { columns: csv.unknownColumns });
  }
  return csv;
}

function createResult<Row>(run: Run<Row>, counts: Counts, errors: RowError[]): ImportResult {
  return {
    job: run.importer.job,
    jobId: run.config.jobId,
    executor: run.config.executor,
    inputKey: run.config.inputKey,
    startedAt: run.startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    ...counts,
    errors,
  };
}

function writeResult<Row>(run: Run<Row>, result: ImportResult): Promise<string> {
  const key = `imports-results/${result.job}/${result.jobId}.json`;
  return run.storage.write(key, `${JSON.stringify(result, null, 2)}\n`);
}

/** Whoever reads the log sees what to mend without fetching the result. */
function logRejections(log: Logger, errors: readonly RowError[]): void {
  for (const error of errors.slice(0, LOGGED_REJECTIONS)) {
    const { line, column, reason } = error;
    log.warn(`rejected line ${line ?? "?"}, ${column ?? "row"}: ${reason}`, { ...error });
  }
  if (errors.length > LOGGED_REJECTIONS) log.warn("more rejections are in the result");
}

async function importFile<Row>(run: Run<Row>, client: ClientBase): Promise<Counts> {
  const outcome = await loadRows(run, client, await openInput(run));
  const counts = outcome.counts();
  const errors = outcome.errors();
  logRejections(run.log, errors);
  // Before the commit: a result that cannot be stored must leave the database as it was.
  const name = await writeResult(run, createResult(run, counts, errors));
  run.log.info(`result stored in ${name}`, { result: name });
  return counts;
}

/** Leaves the reason where people look for the result; the failure itself is reported anyway. */
async function writeFailure<Row>(run: Run<Row>, error: unknown): Promise<void> {
  const counts = { rows: 0, imported: 0, unchanged: 0, rejected: 0 };
  const errors = [{ line: null, column: null, reason: errorMessage(error) }];
  try {
    const name = await writeResult(run, createResult(run, counts, errors));
    run.log.info(`failure recorded in ${name}`, { result: name });
  } catch (secondError) {
    run.log.warn(`the failure could not be recorded: ${errorMessage(secondError)}`);
  }
}

function explain(error: unknown): unknown {
  if (errorCode(error) !== "42P01") return error;
  const advice = "run the migrations first (node dist/migrate.js)";
  return new FatalError(`${errorMessage(error)}; ${advice}`, { cause: error });
}

async function importInto<Row>(run: Run<Row>): Promise<Counts> {
  const { importer, config, log, signal } = run;
  return withDatabase(config.database, importer.job, log, signal, (client) =>
    withLock(client, importer.job, log, signal, () =>
      inTransaction(client, () => importFile(run, client)),
    ),
  );
}

/** Imports one CSV file, all of it or nothing; gives the exit code. */
export async function runImport<Row>(
  importer: Importer<Row>,
  config: ImportConfig,
  log: Logger,
  signal: AbortSignal,
): Promise<number> {
  const storage = createStorage(config.storage);
  const run = { importer, config, storage, log, signal, startedAt: new Date() };
  log.info(`import of ${storage.inputName(config.inputKey)} started`, { nodeEnv: config.nodeEnv });
  try {
    const counts = await importInto(run);
    const level = counts.rejected > 0 || counts.rows === 0 ? "warn" : "info";
    log[level](summarise(counts), { ...counts });
    return counts.rejected > 0 ? EXIT.rejected : EXIT.done;
  } catch (error) {
    const explained = explain(error);
    await writeFailure(run, explained);
    throw explained;
  } finally {
    storage.close();
  }
}

function summarise(counts: Counts): string {
  const { rows, imported, unchanged, rejected } = counts;
  return `import finished: ${rows} rows, ${imported} imported, ${unchanged} unchanged, ${rejected} rejected`;
}
