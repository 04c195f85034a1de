import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import type { Client, ClientBase } from "pg";

import { errorCode, errorMessage, FatalError } from "./exit.js";
import { checkMigration } from "./migration-rules.js";
import { splitStatements } from "./sql.js";

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;
/** What is meant as a migration, though its name may be wrong. */
const LOOKS_LIKE_MIGRATION = /^\d|\.sql\b/i;

/**
 * A migration that waits for a lock blocks whatever comes after it, so it may not wait long.
 * Where the client is gone, a statement ends too; the role's limit for queries is not for migrations.
 */
const SETTINGS = `
  SET LOCAL lock_timeout = '5s';
  SET LOCAL statement_timeout = 0;
  SET LOCAL client_connection_check_interval = '2s'`;

const ADVICE: Readonly<Record<string, string>> = {
  "55P03":
    "another session, such as a long query or an open transaction, holds the lock (see pg_stat_activity), and waiting longer would block whoever comes next; nothing of this file was applied: run it again when that session has ended",
  "40P01": "run it again",
  "25001": "this cannot run in a transaction; run it by hand, outside of the migrations",
  "55P04":
    "a new value can be used in the next transaction only: in another file, and not in a dry run, which is one transaction",
};

export interface Migration {
  version: number;
  name: string;
  file: string;
  checksum: string;
  sql: string;
}

export interface AppliedMigration {
  version: number;
  name: string;
  checksum: string;
  appliedAt: Date;
}

export interface Plan {
  pending: Migration[];
  /** Applied by a newer version of this program than the one that runs. */
  newer: AppliedMigration[];
  /** One message for each thing that must be mended before anything is applied. */
  conflicts: string[];
}

export function checksum(sql: string): string {
  return createHash("sha256").update(sql).digest("hex");
}

/** Reads the migrations of a folder in their order; numbers start at 1 and have no gaps. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => LOOKS_LIKE_MIGRATION.test(file)).sort();
  checkFileNames(files);
  return Promise.all(files.map((file) => readMigration(folder, file)));
}

/** Throws one error that lists every file whose name or number is wrong. */
export function checkFileNames(files: readonly string[]): void {
  const badNames = files.filter((file) => !FILE_NAME.test(file));
  const problems = badNames.map((file) => `${file} is not named NNNN_name.sql (a-z, 0-9 and _)`);
  const good = files.filter((file) => FILE_NAME.test(file));
  let expected = 1;
  for (const [i, file] of good.entries()) {
    const version = Number(file.slice(0, 4));
    const previous = good[i - 1];
    if (previous !== undefined && Number(previous.slice(0, 4)) === version) {
      problems.push(`${previous} and ${file} have the same number`);
      continue;
    }
    if (version !== expected) {
      problems.push(`${String(expected).padStart(4, "0")} is missing before ${file}`);
    }
    expected = version + 1;
  }
  if (problems.length > 0) throw new FatalError(`read migrations: ${problems.join("; ")}`);
}

async function readMigration(folder: string, file: string): Promise<Migration> {
  // As the repository has it, whatever a checkout or an editor makes of line ends.
  const sql = (await readFile(path.join(folder, file), "utf8"))
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n");
  const [, version, name = ""] = FILE_NAME.exec(file) ?? [];
  return { version: Number(version), name, file, checksum: checksum(sql), sql };
}

/** Compares the files with what the database has. */
export function planMigrations(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): Plan {
  const appliedByVersion = new Map(applied.map((row) => [row.version, row]));
  const known = new Set(migrations.map((migration) => migration.version));
  const latest = Math.max(0, ...appliedByVersion.keys());
  return {
    pending: migrations.filter((migration) => !appliedByVersion.has(migration.version)),
    newer: applied.filter((row) => !known.has(row.version)),
    conflicts: migrations.flatMap((migration) => {
      const row = appliedByVersion.get(migration.version);
      return row === undefined ? checkPending(migration, latest) : findConflict(migration, row);
    }),
  };
}

/** An applied file is never judged: it cannot be changed any more. */
function checkPending({ file, version, sql }: Migration, latest: number): string[] {
  if (version > latest) return checkMigration(file, sql);
  const advice = "restore the row of schema_migrations, or the database from a backup";
  return [`${file} is not applied, but ${latest} is; ${advice}`];
}

function findConflict(migration: Migration, row: AppliedMigration): string[] {
  const when = `after it was applied on ${row.appliedAt.toISOString()}`;
  const advice = "restore it and put the change in a new migration";
  if (row.name !== migration.name) {
    return [`${migration.file} was renamed from "${row.name}" ${when}; ${advice}`];
  }
  if (row.checksum === migration.checksum) return [];
  return [`${migration.file} was changed ${when}; ${advice}`];
}

export async function createHistory(client: ClientBase): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      version integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

/** Reads what was applied; a database without the history table has nothing applied. */
export async function readHistory(client: ClientBase): Promise<AppliedMigration[]> {
  const table = await client.query<{ exists: boolean }>(
    "SELECT to_regclass('schema_migrations') IS NOT NULL AS exists",
  );
  if (table.rows[0]?.exists !== true) return [];
  const history = await client.query<AppliedMigration>(
    `SELECT version, name, checksum, applied_at AS "appliedAt"
     FROM schema_migrations ORDER BY version`,
  );
  return history.rows;
}

/** Runs one migration and records it; the caller holds the transaction. */
export async function applyMigration(client: Client, migration: Migration): Promise<void> {
  let completed = 0;
  const count = () => (completed += 1);
  try {
    await client.query(SETTINGS);
    client.connection.on("commandComplete", count);
    await client.query(migration.sql);
    // What is deferred fails here, where its file is known, and not at the commit.
    await client.query("SET CONSTRAINTS ALL IMMEDIATE");
    await client.query(
      "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
      [migration.version, migration.name, migration.checksum],
    );
  } catch (error) {
    const reason = describeSqlError(error, migration.sql, completed);
    throw new FatalError(`apply ${migration.file}: ${reason}`, { cause: error });
  } finally {
    client.connection.off("commandComplete", count);
  }
}

function describeSqlError(error: unknown, sql: string, completed: number): string {
  const line = lineOfPosition(error, sql) ?? splitStatements(sql)[completed]?.line;
  const place = line === undefined ? "" : `line ${line}: `;
  const advice = ADVICE[errorCode(error) ?? ""];
  return `${place}${errorMessage(error)}${advice === undefined ? "" : `; ${advice}`}`;
}

/** PostgreSQL tells a character position, and not for every error; people look for a line. */
function lineOfPosition(error: unknown, sql: string): number | undefined {
  const position = error instanceof Error && "position" in error ? Number(error.position) : NaN;
  if (Number.isNaN(position)) return undefined;
  const before = Array.from(sql).slice(0, position - 1);
  return before.filter((c) => c === "\n").length + 1;
}
