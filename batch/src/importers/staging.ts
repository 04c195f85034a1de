import type { Client } from "pg";

import { CopySink, escapeCopy } from "../lib/copy.js";
import type { CsvBlock, CsvFile, CsvRun } from "../lib/csv.js";
import type { Progress } from "./progress.js";
import type { Rejections } from "./rejections.js";
import { RowValidator } from "./validate.js";

/** Session settings of an import; a server that does not know one goes without it. */
const SETTINGS: Readonly<Record<string, string>> = {
  // Staged rows are hashed and sorted once; the default of 4 MB would do that on disk.
  work_mem: "64MB",
  temp_buffers: "32MB",
  // Compiling plans takes longer than the few plans run.
  jit: "off",
  // One long transaction is what an import is.
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  // When this process is killed, its locks must not outlive it for long.
  client_connection_check_interval: "2s",
};

/** Prepares a transaction: settings, and a table for what the file has. */
export async function createStaging(client: Client, validator: RowValidator): Promise<void> {
  await client.query(
    `SELECT set_config(name, wanted.value, true)
     FROM pg_settings JOIN json_each_text($1) AS wanted (name, value) USING (name)`,
    [JSON.stringify(SETTINGS)],
  );
  const columns = validator.columns.map(({ name }) => `${name} text NOT NULL`);
  await client.query(
    `CREATE TEMPORARY TABLE staging (line bigint NOT NULL, ${columns.join(", ")}) ON COMMIT DROP`,
  );
}

/** Validates a run of records; gives the lines for COPY. */
function stageRun(run: CsvRun, validator: RowValidator, rejections: Rejections): string {
  const values: string[] = validator.columns.map(() => "");
  let lines = "";
  for (const [i, row] of run.rows.entries()) {
    const problems = validator.validate(row, values);
    if (problems !== null) {
      rejections.reject(run.lineOf(i), problems, run.textOf(i));
      continue;
    }
    lines += `${run.lineOf(i)}`;
    for (const value of values) lines += `\t${escapeCopy(value)}`;
    lines += "\n";
  }
  return lines;
}

interface Staged {
  rows: number;
  lines: string;
}

function stageBlock(block: CsvBlock, validator: RowValidator, rejections: Rejections): Staged {
  let rows = 0;
  let lines = "";
  for (const part of block.parts()) {
    if ("rows" in part) {
      rows += part.rows.length;
      lines += stageRun(part, validator, rejections);
    } else {
      rows += 1;
      rejections.reject(part.line, [{ column: null, reason: part.reason }], part.text);
    }
  }
  return { rows, lines };
}

export interface Staging {
  csv: CsvFile;
  validator: RowValidator;
  rejections: Rejections;
  progress: Progress;
  /** Ends the reading when the database is gone: the next byte may be long in coming. */
  stopReading: (error: Error) => void;
}

/** Copies all good rows of a file into the staging table and rejects the others. */
export async function stageFile(client: Client, staging: Staging): Promise<void> {
  const { csv, validator, rejections, progress } = staging;
  const columns = ["line", ...validator.columns.map(({ name }) => name)];
  const copy = `COPY staging (${columns.join(", ")}) FROM STDIN`;
  const sink = new CopySink(client, copy, staging.stopReading);
  let rows = 0;
  try {
    for await (const block of csv.blocks) {
      const staged = stageBlock(block, validator, rejections);
      rows += staged.rows;
      progress.update(rows, block.offset);
      await rejections.flush();
      await sink.write(staged.lines);
    }
    await sink.end();
  } catch (error) {
    sink.cancel();
    throw sink.error ?? error;
  }
}
