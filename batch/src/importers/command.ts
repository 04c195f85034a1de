import { runCommand } from "../lib/exit.js";
import { createLogger } from "../lib/logger.js";
import { readImportConfig, readJobId } from "./config.js";
import type { Column, Importer } from "./importer.js";
import { OPTIONS, readOptions } from "./options.js";
import { runImport } from "./run.js";

function describeColumn({ name, kind, isOptional }: Column): string {
  const need = isOptional ? "optional" : "required";
  return `  ${name.padEnd(15)}  ${need}  ${kind.description}`;
}

const indent = (text: string) => text.replace(/^/gm, "  ");

const OPTIONS_HELP = `Options:
  --dry-run          do everything, then roll back; the result says what would have been
  --encoding=NAME    auto (default: UTF-8 or CP932, told by the first characters that are not
                     ASCII), utf-8, or cp932 (Shift_JIS, as Excel in Japanese saves CSV)
  --max-rejected=N   fail, with nothing written, once more than N rows are rejected
  --help             show this`;

const ENVIRONMENT_HELP = `  EXECUTOR_NAME          who runs the import; is stored with the rows
  AWS_REGION             region of the buckets
  INPUT_S3_BUCKET        bucket of the CSV file
  OUTPUT_S3_BUCKET       bucket of the result
  AWS_S3_BUCKET_NAME     bucket for both, where they are not set
  STORAGE_MODE           s3 (default) or local
  LOCAL_STORAGE_DIR      folder that stands for the bucket when STORAGE_MODE=local
  DATABASE_URL           or DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD
  DB_SSLMODE             verify-full (default), verify-ca, require or disable
  DB_CONNECT_TIMEOUT_SECONDS   30 by default`;

export function describeUsage(importer: Importer): string {
  const { job, noun, table, key, columns, sample } = importer;
  const file = `imports/${noun.replaceAll(" ", "-")}.csv`;
  return `Usage: node dist/${job}.js [--dry-run] [--encoding=NAME] [--max-rejected=N]

Imports ${noun} from a CSV file into the table ${table}.

Rows with a new ${key} are inserted, the others updated where they differ. Bad rows are
left out and listed in a file of their own; the good ones go in together, and any failure
leaves the table as it was.

Columns, in any order, named by the first line:
${columns.map(describeColumn).join("\n")}
A file without an optional column leaves what is stored. Of rows with the same ${key},
the last good one is taken. Other columns are ignored. Example:

${indent(sample)}

${OPTIONS_HELP}

Environment:
  INPUT_S3_KEY           key of the CSV file, such as ${file}
${ENVIRONMENT_HELP}

Results, in the output bucket below imports-results/${job}/:
  <job id>.json           counts, state, the first 100 problems
  <job id>.rejected.csv   every rejected row: line, column, reason, text

Try it without AWS, with the file in ./imports:
  STORAGE_MODE=local LOCAL_STORAGE_DIR=. INPUT_S3_KEY=${file} EXECUTOR_NAME=$USER \\
  DATABASE_URL='postgresql://user:password@localhost/db?sslmode=disable' \\
  node dist/${job}.js --dry-run

Exit codes: 0 all rows in, 1 failed and nothing written, 2 wrong usage,
3 finished with rejected rows, 143 stopped by SIGTERM and nothing written.
`;
}

/** Runs an importer as the program. */
export async function runImportCommand(importer: Importer): Promise<void> {
  const jobId = readJobId(process.env, new Date());
  const log = createLogger({ job: importer.job, jobId, executor: process.env.EXECUTOR_NAME });
  const command = {
    usage: describeUsage(importer),
    options: OPTIONS,
    run: (args: ReadonlySet<string>, signal: AbortSignal) =>
      runImport(importer, readImportConfig(process.env, jobId), readOptions(args), log, signal),
  };
  await runCommand(command, process.argv.slice(2), log);
}
