import { fileURLToPath } from "node:url";

import type { ClientBase, Client } from "pg";

import { readDatabaseConfig } from "./lib/database-config.js";
import { inTransaction, withDatabase, withLock } from "./lib/database.js";
import { EnvReader } from "./lib/env.js";
import { EXIT, FatalError, runCommand, UsageError } from "./lib/exit.js";
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

const USAGE = `Usage: node dist/migrate.js [--status | --dry-run]

Applies the SQL files of migrations/ that the database does not have yet, each in a
transaction of its own. One that waits 5 s for a lock is rolled back: run it again.

Options:
  --status   show what is applied and what is pending; change nothing
  --dry-run  apply all that is pending in one transaction and roll it back; says what
             would be applied, how long each file took, and which line of which fails.
             It holds the locks it takes until the end, as the migrations themselves do.

Environment:
  DATABASE_URL           or DB_HOST, DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD
  DB_SSLMODE             verify-full (default), verify-ca, require or disable
  DB_CONNECT_TIMEOUT_SECONDS   30 by default
  EXECUTOR_NAME          who runs it, for the log (optional)

Exit codes: 0 done, 1 failed and rolled back (with --status: a file must be mended first),
2 wrong usage, 143 stopped by SIGTERM and rolled back.
`;

const JOB = "migrate";
const FOLDER = fileURLToPath(new URL("../migrations/", import.meta.url));

const log = createLogger({ job: JOB, executor: process.env.EXECUTOR_NAME });

interface Work {
  client: Client;
  migrations: Migration[];
  signal: AbortSignal;
}

function warnIfNewer(plan: Plan): void {
  if (plan.newer.length === 0) return;
  const names = plan.newer.map((row) => `${row.version} ${row.name}`);
  log.warn("the database is ahead of this version: it has migrations this one does not know", {
    migrations: names,
  });
}

async function applyTimed(client: Client, migration: Migration): Promise<number> {
  const started = Date.now();
  await applyMigration(client, migration);
  return Date.now() - started;
}

/** Reads the history under the lock, so that what another run has just applied is seen. */
async function readPlan(client: Client, migrations: Migration[]): Promise<Plan> {
  const plan = planMigrations(migrations, await readHistory(client));
  if (plan.conflicts.length > 0) throw new FatalError(`migrate: ${plan.conflicts.join("; ")}`);
  warnIfNewer(plan);
  return plan;
}

function summarise({ pending }: Plan, total: number, outcome: string): void {
  const message =
    pending.length === 0
      ? `nothing to do, all ${total} migrations are applied`
      : `${pending.length} of ${total} migrations ${outcome}`;
  log.info(message, { pending: pending.length, total });
}

async function migrate({ client, migrations, signal }: Work): Promise<void> {
  await createHistory(client);
  const plan = await readPlan(client, migrations);
  for (const migration of plan.pending) {
    signal.throwIfAborted();
    const durationMs = await inTransaction(client, () => applyTimed(client, migration));
    log.info(`applied ${migration.file}`, { version: migration.version, durationMs });
  }
  summarise(plan, migrations.length, "applied");
}

async function tryOut({ client, migrations, signal }: Work): Promise<void> {
  await client.query("BEGIN");
  try {
    await createHistory(client);
    const plan = await readPlan(client, migrations);
    for (const migration of plan.pending) {
      signal.throwIfAborted();
      const durationMs = await applyTimed(client, migration);
      const message = `would apply ${migration.file} (took ${(durationMs / 1000).toFixed(1)} s)`;
      log.info(message, { version: migration.version, durationMs });
    }
    summarise(plan, migrations.length, "would be applied; nothing was changed");
  } finally {
    // A lost connection has rolled back already.
    await client.query("ROLLBACK").catch(() => undefined);
  }
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

async function runLocked(work: Work, task: (work: Work) => Promise<void>): Promise<number> {
  // Nothing else ends a statement that runs: the server rolls back when its client is gone.
  const hangUp = () => void work.client.end();
  work.signal.addEventListener("abort", hangUp, { once: true });
  await withLock(work.client, JOB, log, work.signal, () => task(work));
  return EXIT.done;
}

async function run(options: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
  if (options.size > 1) throw new UsageError("--status and --dry-run exclude each other");
  const env = new EnvReader(process.env);
  const database = readDatabaseConfig(env);
  env.check();
  const migrations = await readMigrations(FOLDER);
  return withDatabase(database, JOB, log, signal, (client) => {
    if (options.has("--status")) return showStatus(client, migrations);
    const task = options.has("--dry-run") ? tryOut : migrate;
    return runLocked({ client, migrations, signal }, task);
  });
}

const options = ["--status", "--dry-run"];
await runCommand({ usage: USAGE, options, run }, process.argv.slice(2), log);
