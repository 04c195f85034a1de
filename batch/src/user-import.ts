import { readImportConfig, readJobId } from "./importers/config.js";
import { runImport, type Importer } from "./importers/run.js";
import { loadUsers } from "./importers/users/load.js";
import { parseUsers } from "./importers/users/parse.js";
import { validateUser, type User } from "./importers/users/validate.js";
import { runCommand } from "./lib/exit.js";
import { createLogger } from "./lib/logger.js";

const USAGE = `Usage: node dist/user-import.js

Imports users (email,name,role[,department]) from a CSV file into the database.

Environment:
  INPUT_S3_KEY           key of the CSV file, such as imports/users.csv
  EXECUTOR_NAME          who runs the import
  AWS_REGION             region of the buckets
  INPUT_S3_BUCKET        bucket of the CSV file
  OUTPUT_S3_BUCKET       bucket of the result
  AWS_S3_BUCKET_NAME     bucket for both, where they are not set
  STORAGE_MODE           s3 (default) or local
  LOCAL_STORAGE_DIR      folder that stands for the bucket when STORAGE_MODE=local
  DATABASE_URL           or DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD
  DB_SSLMODE             verify-full (default), verify-ca, require or disable
  DB_CONNECT_TIMEOUT_SECONDS   30 by default

Exit codes: 0 all rows in, 1 failed and nothing written, 2 wrong usage,
3 finished with rejected rows, 143 stopped by SIGTERM and nothing written.
`;

const userImporter: Importer<User> = {
  job: "user-import",
  keyColumn: "email",
  parse: parseUsers,
  validate: validateUser,
  key: (user) => user.email,
  load: (client, users, executor, columns) =>
    loadUsers(client, users, executor, columns.has("department")),
};

const jobId = readJobId(process.env, new Date());
const executor = process.env.EXECUTOR_NAME;
const log = createLogger({ job: userImporter.job, jobId, executor });

const command = {
  usage: USAGE,
  options: [],
  run: (_options: ReadonlySet<string>, signal: AbortSignal) =>
    runImport(userImporter, readImportConfig(process.env, jobId), log, signal),
};

await runCommand(command, process.argv.slice(2), log);
