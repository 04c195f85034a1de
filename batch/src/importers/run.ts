import type { Client } from "pg";

import { openCsv, readTexts, type CsvFile } from "../lib/csv.js";
import {
  commit,
  describeSession,
  explainLoss,
  inTransaction,
  interruptible,
  withDatabase,
  withLock,
  type Session,
} from "../lib/database.js";
import { errorCode, errorMessage, EXIT, FatalError } from "../lib/exit.js";
import type { Logger } from "../lib/logger.js";
import { createStorage, type Storage, type StoredInput } from "../lib/storage.js";
import type { ImportConfig } from "./config.js";
import { csvColumns, type Importer } from "./importer.js";
import {
  dropDuplicates,
  findDuplicates,
  insertMissing,
  readDuplicates,
  updateStored,
} from "./merge.js";
import type { ImportOptions } from "./options.js";
import { Progress } from "./progress.js";
import { Rejections, type Duplicate } from "./rejections.js";
import { Report, type Counts, type ResultState } from "./result.js";
import { createStaging, stageFile } from "./staging.js";
import { RowValidator } from "./validate.js";

/** So many problems are in the log; the result has more. */
const LOGGED_PROBLEMS = 10;
/** How long storing the last result may take, and how long once a signal has come. */
const RESULT_TIMEOUT_MS = 120_000;
const LAST_WORDS_TIMEOUT_MS = 4_000;

interface Run {
  importer: Importer;
  config: ImportConfig;
  options: ImportOptions;
  storage: Storage;
  log: Logger;
  signal: AbortSignal;
  report: Report;
  rejections: Rejections;
  progress: Progress;
}

async function openInput(run: Run, input: StoredInput): Promise<CsvFile> {
  const { importer, config, storage, log, report } = run;
  const file = storage.inputName(config.inputKey);
  const csv = await openCsv(input.read(), file, csvColumns(importer), run.options.encoding);
  report.unknownColumns = csv.unknownColumns;
  if (csv.unknownColumns.length > 0) {
    log.warn(`ignored unknown columns of ${file}`, { columns: csv.unknownColumns });
  }
  return csv;
}

/** Adds the original texts, for which the file is read once more. */
async function* withTexts(
  run: Run,
  input: StoredInput,
  client: Client,
  csv: CsvFile,
): AsyncGenerator<Duplicate> {
  const lasts: number[] = [];
  async function* lines(): AsyncGenerator<number> {
    for await (const { line, last } of readDuplicates(client, run.importer)) {
      lasts.push(last);
      yield line;
    }
  }
  const file = run.storage.inputName(run.config.inputKey);
  for await (const found of readTexts(input.read(), file, csv.encoding(), lines())) {
    yield { ...found, last: lasts.shift() ?? 0 };
  }
}

async function rejectDuplicates(run: Run, input: StoredInput, client: Client, csv: CsvFile) {
  const keys = await findDuplicates(client, run.importer);
  if (keys === 0) return;
  run.log.warn(`${keys} values of ${run.importer.key} are in the file more than once`, { keys });
  const duplicates = withTexts(run, input, client, csv);
  await run.rejections.rejectDuplicates(run.importer.key, duplicates);
  await dropDuplicates(client, run.importer);
}

function noteCounts(run: Run): void {
  const { report, progress, rejections } = run;
  // What ends within a block has not counted its rows.
  report.rows = Math.max(progress.rows, rejections.count);
  report.rowsPerSecond = progress.rowsPerSecond;
  report.rejected = rejections.count;
  report.problems = rejections.problems();
}

/** Brings what is staged into the table; where all of it is new, no key can come twice. */
async function mergeStaged(
  run: Run,
  input: StoredInput,
  { client }: Session,
  csv: CsvFile,
  validator: RowValidator,
): Promise<void> {
  const { importer, config, report, rejections, progress } = run;
  const columns = validator.columns.map(({ name }) => name);
  const staged = () => progress.rows - rejections.count;
  progress.enter(`writing the new ones into ${importer.table}`);
  const inserted = await insertMissing(client, importer, columns, config.executor);
  let updated = 0;
  if (inserted < staged()) {
    progress.enter("looking for duplicates");
    await rejectDuplicates(run, input, client, csv);
    progress.enter(`updating ${importer.table}`);
    updated = await updateStored(client, importer, columns, config.executor);
  }
  report.merged = { inserted, updated, unchanged: staged() - inserted - updated };
}

/** Everything from the first byte to the last row, within the caller's transaction. */
async function importFile(run: Run, session: Session): Promise<void> {
  const { importer, config, storage, report, rejections, progress, signal } = run;
  const { client } = session;
  const stop = new AbortController();
  const reading = AbortSignal.any([signal, stop.signal]);
  const input = await storage.open(config.inputKey, reading);
  report.inputBytes = input.bytes;
  progress.start(input.bytes);
  const csv = await openInput(run, input);
  const validator = new RowValidator(importer.columns, csv.header);
  await createStaging(client, validator);
  const stopReading = (error: Error) => {
    stop.abort(error);
  };
  try {
    await stageFile(client, { csv, validator, rejections, progress, stopReading });
  } finally {
    report.encoding = csv.encoding();
  }
  await interruptible(session, signal, () => mergeStaged(run, input, session, csv, validator));
}

function writeResult(
  run: Run,
  state: ResultState,
  error: string | null,
  signal: AbortSignal,
): Promise<string> {
  const text = `${JSON.stringify(run.report.result(state, error), null, 2)}\n`;
  return run.storage.write(run.report.key("json"), text, "application/json", signal);
}

async function storeRejections({ rejections, report, storage, log }: Run, signal: AbortSignal) {
  const file = await rejections.finish();
  if (file === undefined) return;
  const key = report.key("rejected.csv");
  const name = await storage.writeFile(key, file, "text/csv; charset=utf-8", signal);
  report.rejectedKey = key;
  log.info(`rejected rows stored in ${name}`, { rejected: name });
}

/** Whoever reads the log sees what to mend without fetching the result. */
function logProblems({ log, report }: Run): void {
  for (const problem of report.problems.slice(0, LOGGED_PROBLEMS)) {
    const { line, column, reason } = problem;
    log.warn(`rejected line ${line ?? "?"}, ${column ?? "row"}: ${reason}`, { ...problem });
  }
  if (report.problems.length > LOGGED_PROBLEMS) log.warn("more rejections are in the result");
}

/** Stores what came out, so that nothing is committed whose result is lost, and commits. */
async function finish(run: Run, session: Session): Promise<void> {
  const { options, log, signal } = run;
  noteCounts(run);
  logProblems(run);
  if (options.dryRun) await session.client.query("ROLLBACK");
  await storeRejections(run, signal);
  const name = await writeResult(run, options.dryRun ? "rolled back" : "prepared", null, signal);
  log.info(`result stored in ${name}`, { result: name });
  if (options.dryRun) return;
  signal.throwIfAborted();
  await commit(session, log);
  await writeResult(run, "committed", null, AbortSignal.timeout(RESULT_TIMEOUT_MS)).catch(
    (error: unknown) => {
      log.warn(`committed, but the result still says "prepared": ${errorMessage(error)}`);
    },
  );
}

/** Leaves the reason where people look for the result; the failure itself is reported anyway. */
async function recordFailure(run: Run, error: unknown): Promise<void> {
  const { log, signal, report } = run;
  const timeout = AbortSignal.timeout(signal.aborted ? LAST_WORDS_TIMEOUT_MS : RESULT_TIMEOUT_MS);
  try {
    noteCounts(run);
    report.merged = { inserted: 0, updated: 0, unchanged: 0 };
    logProblems(run);
    if (!signal.aborted && report.rejectedKey === null) await storeRejections(run, timeout);
    const name = await writeResult(run, "failed", errorMessage(error), timeout);
    log.info(`failure recorded in ${name}`, { result: name });
  } catch (secondError) {
    log.warn(`the failure could not be recorded: ${errorMessage(secondError)}`);
  }
}

const UNDEFINED_TABLE = "42P01";
const UNDEFINED_COLUMN = "42703";

/** Looks for the table before anything is read; outside of a transaction, this locks nothing. */
async function checkTable(client: Client, { table, columns }: Importer): Promise<void> {
  const names = [...columns.map(({ name }) => name), "created_by", "updated_by"];
  try {
    await client.query(`SELECT ${names.join(", ")} FROM ${table} LIMIT 0`);
  } catch (error) {
    const code = errorCode(error);
    if (code !== UNDEFINED_TABLE && code !== UNDEFINED_COLUMN) throw error;
    const advice = "run the migrations first (node dist/migrate.js)";
    throw new FatalError(`${errorMessage(error)}; ${advice}`, { cause: error });
  }
}

async function importInto(run: Run): Promise<void> {
  const { importer, config, log, signal } = run;
  const { job } = importer;
  await withDatabase(config.database, job, log, signal, async (client) => {
    await withLock(client, job, log, signal, async () => {
      await checkTable(client, importer);
      const work = async () => {
        const session = await describeSession(client, config.database, job, log);
        await importFile(run, session);
        return session;
      };
      await inTransaction(client, work, (session) => finish(run, session));
    });
  });
}

function summarise(counts: Counts): string {
  const { rows, inserted, updated, unchanged, rejected } = counts;
  return `import finished: ${rows} rows, ${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${rejected} rejected`;
}

/** Imports one CSV file, all of it or nothing; gives the exit code. */
export async function runImport(
  importer: Importer,
  config: ImportConfig,
  options: ImportOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<number> {
  const storage = createStorage(config.storage, log);
  const report = new Report(importer, config, options);
  const rejections = new Rejections(options.maxRejected);
  const progress = new Progress(log);
  const run = { importer, config, options, storage, log, signal, report, rejections, progress };
  log.info(`import of ${storage.inputName(config.inputKey)} started`, { nodeEnv: config.nodeEnv });
  try {
    await importInto(run);
  } catch (error) {
    // What an interruption breaks is not the reason.
    const reason: unknown = signal.aborted ? signal.reason : explainLoss(error);
    await recordFailure(run, reason);
    throw reason;
  } finally {
    progress.stop();
    await rejections.remove();
    storage.close();
  }
  const { counts } = report;
  const level = counts.rejected > 0 || counts.rows === 0 ? "warn" : "info";
  log[level](summarise(counts), { ...counts });
  return counts.rejected > 0 ? EXIT.rejected : EXIT.done;
}
