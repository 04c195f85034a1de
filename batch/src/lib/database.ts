import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import { toClientConfig, type DatabaseConfig } from "./database-config.js";
import { errorCode, errorMessage, FatalError } from "./exit.js";
import type { Logger } from "./logger.js";

const RETRY_DELAY_MS = 1_000;
const PROGRESS_INTERVAL_MS = 5_000;
const LOCK_POLL_MS = 500;
const CANCEL_INTERVAL_MS = 500;
const COMMIT_CHECKS = 10;
const LOCK_PROGRESS_MS = 15_000;
/** Prefixed, because an advisory lock is seen by every program on the database. */
const LOCK_KEY = "hashtextextended('prooflink-batch:' || $1, 0)";

const TRANSIENT_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "57P03", // starting up or shutting down
  "53300", // too many connections
]);

function isTransient(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined) return TRANSIENT_CODES.has(code);
  return /timeout|terminated unexpectedly/i.test(errorMessage(error));
}

const CONNECT_HINTS: readonly [RegExp, string][] = [
  [
    /does not support SSL/i,
    "set DB_SSLMODE=disable (or sslmode=disable in DATABASE_URL) for a database without TLS",
  ],
  [
    /certificate|altname/i,
    "the certificate is not one of Amazon RDS for this host; check the host name, or name another CA with sslrootcert in DATABASE_URL",
  ],
  [/^28P?0/, "check the user name and the password"],
  [/^3D000/, "create the database or correct its name"],
];

function connectHint(config: DatabaseConfig, error: unknown): string {
  if (isTransient(error)) {
    return `gave up after ${config.connectTimeoutSeconds} s (DB_CONNECT_TIMEOUT_SECONDS); is the database running and reachable?`;
  }
  const text = `${errorCode(error) ?? ""} ${errorMessage(error)}`;
  return (
    CONNECT_HINTS.find(([pattern]) => pattern.test(text))?.[1] ?? "check the connection settings"
  );
}

/** Ended by an administrator, a crash, or a fail-over. */
const SERVER_GONE = /^57P0[12345]$/;

/** Names the loss of a connection, for which the driver has many messages. */
export function explainLoss(error: unknown): unknown {
  if (error instanceof FatalError) return error;
  const code = errorCode(error) ?? "";
  const isLost = isTransient(error) || code === "EPIPE" || SERVER_GONE.test(code);
  if (!isLost) return error;
  const message = errorMessage(error) || code;
  return new FatalError(`the database connection was lost: ${message}`, { cause: error });
}

/** Says where it failed, never with the password, and what to do. */
function connectError(config: DatabaseConfig, error: unknown): FatalError {
  const message = errorMessage(error) || (errorCode(error) ?? "unknown error");
  const text = `connect to ${describeDatabase(config)}: ${message}; ${connectHint(config, error)}`;
  return new FatalError(text, { cause: error });
}

function describeDatabase(config: DatabaseConfig): string {
  const url = new URL(config.url);
  return `database ${decodeURIComponent(url.pathname.slice(1))} at ${url.host}`;
}

async function openClient(
  config: DatabaseConfig,
  applicationName: string,
  log: Logger,
): Promise<pg.Client> {
  const client = new pg.Client(toClientConfig(config, applicationName));
  // A lost connection also fails the running query, which is where it is handled.
  client.on("error", (error) => {
    log.warn("database connection lost", { reason: error.message });
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Connects, waiting a bounded time for a database that does not accept connections yet. */
export async function connect(
  config: DatabaseConfig,
  applicationName: string,
  log: Logger,
  signal: AbortSignal,
): Promise<pg.Client> {
  const started = Date.now();
  const deadline = started + config.connectTimeoutSeconds * 1000;
  let nextProgress = started;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await openClient(config, applicationName, log);
    } catch (error) {
      const now = Date.now();
      if (!isTransient(error) || now + RETRY_DELAY_MS > deadline) throw connectError(config, error);
      if (now >= nextProgress) {
        nextProgress = now + PROGRESS_INTERVAL_MS;
        log.info(`waiting for ${describeDatabase(config)}`, {
          waitedSeconds: Math.round((now - started) / 1000),
          timeoutSeconds: config.connectTimeoutSeconds,
          reason: errorMessage(error) || errorCode(error),
        });
      }
      await sleep(RETRY_DELAY_MS, undefined, { signal });
    }
  }
}

/** Runs `work` on a connection of its own and closes it. */
export async function withDatabase<T>(
  config: DatabaseConfig,
  applicationName: string,
  log: Logger,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(config, applicationName, log, signal);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Runs `work` in a transaction that is rolled back when it throws; `finish` ends it. */
export async function inTransaction<T>(
  client: pg.Client,
  work: () => Promise<T>,
  finish: (result: T) => Promise<unknown> = () => client.query("COMMIT"),
): Promise<T> {
  await client.query("BEGIN");
  try {
    const result = await work();
    await finish(result);
    return result;
  } catch (error) {
    // A lost connection has rolled back already; the first error is the one to report.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** What another connection needs to know of a session and its transaction. */
export interface Session {
  client: pg.Client;
  pid: number;
  transaction: string;
  /** Opens one more connection, without waiting for a database that is not there. */
  connectAgain: () => Promise<pg.Client>;
}

/** Describes the session that is in a transaction. */
export async function describeSession(
  client: pg.Client,
  config: DatabaseConfig,
  applicationName: string,
  log: Logger,
): Promise<Session> {
  const result = await client.query<{ pid: number; transaction: string }>(
    "SELECT pg_backend_pid() AS pid, pg_current_xact_id()::text AS transaction",
  );
  const { pid = 0, transaction = "" } = result.rows[0] ?? {};
  const connectAgain = () => openClient(config, applicationName, log);
  return { client, pid, transaction, connectAgain };
}

async function cancelUntil(session: Session, done: AbortSignal): Promise<void> {
  try {
    const other = await session.connectAgain();
    // More than once: what runs may be between two queries just now.
    while (!done.aborted) {
      await other.query("SELECT pg_cancel_backend($1)", [session.pid]);
      await sleep(CANCEL_INTERVAL_MS, undefined, { signal: done }).catch(() => undefined);
    }
    await other.end();
  } catch {
    // Without a connection the query runs on, until the server sees that this one is gone.
    await session.client.end().catch(() => undefined);
  }
}

/** Runs queries that end with an error as soon as the signal says so, however long they are. */
export async function interruptible<T>(
  session: Session,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const done = new AbortController();
  let cancelling: Promise<void> | undefined;
  const onAbort = () => {
    cancelling = cancelUntil(session, done.signal);
  };
  signal.addEventListener("abort", onAbort);
  try {
    return await work();
  } finally {
    signal.removeEventListener("abort", onAbort);
    done.abort();
    await cancelling;
    signal.throwIfAborted();
  }
}

async function hasCommitted({ transaction, connectAgain }: Session): Promise<boolean> {
  const other = await connectAgain();
  try {
    for (let attempt = 0; attempt < COMMIT_CHECKS; attempt += 1) {
      const result = await other.query<{ status: string }>(
        "SELECT pg_xact_status($1::xid8) AS status",
        [transaction],
      );
      const status = result.rows[0]?.status;
      if (status !== "in progress") return status === "committed";
      await sleep(RETRY_DELAY_MS);
    }
    throw new Error("it is still in progress");
  } finally {
    await other.end();
  }
}

/** Commits. A connection that is lost meanwhile leaves open what became of it: that is found out. */
export async function commit(session: Session, log: Logger): Promise<void> {
  try {
    await session.client.query("COMMIT");
  } catch (error) {
    const committed = await hasCommitted(session).catch((secondError: unknown) => {
      const unknown = `commit: ${errorMessage(error)}; what became of it is not known`;
      const advice = "run the import again, it leaves what is there already as it is";
      throw new FatalError(`${unknown} (${errorMessage(secondError)}); ${advice}`);
    });
    if (!committed) throw error;
    log.warn("the connection was lost while committing; the database has committed");
  }
}

async function acquireLock(
  client: pg.Client,
  name: string,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const started = Date.now();
  let nextProgress = started;
  // Polled, not blocking: a waiting job must still react to SIGTERM.
  for (;;) {
    signal.throwIfAborted();
    const result = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCK_KEY}) AS locked`,
      [name],
    );
    if (result.rows[0]?.locked === true) return;
    const now = Date.now();
    if (now >= nextProgress) {
      nextProgress = now + LOCK_PROGRESS_MS;
      log.info(`waiting: another ${name} is running on this database`, {
        waitedSeconds: Math.round((now - started) / 1000),
      });
    }
    await sleep(LOCK_POLL_MS, undefined, { signal });
  }
}

/** Runs `work` while no other session that uses the same lock name does. */
export async function withLock<T>(
  client: pg.Client,
  name: string,
  log: Logger,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  await acquireLock(client, name, log, signal);
  try {
    return await work();
  } finally {
    // A lost connection has released the lock already.
    await client.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`, [name]).catch(() => undefined);
  }
}
