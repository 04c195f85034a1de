import { fileURLToPath } from "node:url";

import type { ClientBase, Client } from "pg";

import { readDatabaseConfig } from "./lib/database-config.js";
import { inTransaction, withDatabase, withLock } from "./lib/database.js";
import { EnvReader } from "./lib/env.js";
import { EXIT, FatalError, runCommand } from "./lib/exit.js";
import { createLogger } from "./lib/logger.js";
import {
  applyMigration,
  createHistory,
  planMigrations,
  readHistory,
  readMigrations,
  type Migration,
  type Plan,
} from "./lib/migrations.js";

const USAGE = `Usage: node dist/migrate.js [--status]

Applies the SQL files of migrations/ that the database does not have yet.

Options:
  --status   show what is applied and what is pending; change nothing

Environment:
  DATABASE_URL           or DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD
  DB_SSLMODE             verify-full (default), verify-ca, require or disable
  DB_CONNECT_TIMEOUT_SECONDS   30 by default
  EXECUTOR_NAME          who runs it, for the log (optional)

Exit codes: 0 done, 1 failed and rolled back (with --status: an applied file was changed),
2 wrong usage, 143 stopped by SIGTERM and rolled back.
`;

const JOB = "migrate";
const FOLDER = fileURLToPath(new URL("../migrations/", import.meta.url));

const log = createLogger({ job: JOB, executor: process.env.EXECUTOR_NAME });

function warnIfNewer(plan: Plan): void {
  if (plan.newer.length === 0) return;
  const names = plan.newer.map((row) => `${row.version} ${row.name}`);
  log.warn("the database is ahead of this version: it has migrations this one does not know", {
    migrations: names,
  });
}

async function applyPending(client: Client, pending: Migration[], signal: AbortSignal) {
  for (const migration of pending) {
    signal.throwIfAborted();
    const started = Date.now();
    await inTransaction(client, () => applyMigration(client, migration));
    log.info(`applied ${migration.file}`, {
      version: migration.version,
      durationMs: Date.now() - started,
    });
  }
}

async function migrate(client: Client, migrations: Migration[], signal: AbortSignal) {
  await createHistory(client);
  // Read under the lock, so that what another run has just applied is seen.
  const plan = planMigrations(migrations, await readHistory(client));
  if (plan.conflicts.length > 0) throw new FatalError(`migrate: ${plan.conflicts.join("; ")}`);
  warnIfNewer(plan);
  await applyPending(client, plan.pending, signal);
  const message =
    plan.pending.length === 0
      ? `nothing to do, all ${migrations.length} migrations are applied`
      : `${plan.pending.length} of ${migrations.length} migrations applied`;
  log.info(message, { applied: plan.pending.length, total: migrations.length });
  return EXIT.done;
}

async function showStatus(client: ClientBase, migrations: Migration[]) {
  const history = await readHistory(client);
  const plan = planMigrations(migrations, history);
  for (const { version, name, appliedAt } of history) {
    log.info(`applied ${version} ${name}`, { version, name, state: "applied", appliedAt });
  }
  for (const { version, name } of plan.pending) {
    log.info(`pending ${version} ${name}`, { version, name, state: "pending" });
  }
  for (const conflict of plan.conflicts) log.error(conflict);
  warnIfNewer(plan);
  log.info(`${history.length} applied, ${plan.pending.length} pending`, {
    applied: history.length,
    pending: plan.pending.length,
  });
  return plan.conflicts.length > 0 ? EXIT.failed : EXIT.done;
}

async function run(options: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
  const env = new EnvReader(process.env);
  const database = readDatabaseConfig(env);
  env.check();
  const migrations = await readMigrations(FOLDER);
  return withDatabase(database, JOB, log, signal, (client) =>
    options.has("--status")
      ? showStatus(client, migrations)
      : withLock(client, JOB, log, signal, () => migrate(client, migrations, signal)),
  );
}

await runCommand({ usage: USAGE, options: ["--status"], run }, process.argv.slice(2), log);
