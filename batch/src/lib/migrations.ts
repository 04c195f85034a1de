import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import type { ClientBase } from "pg";

import { errorMessage, FatalError } from "./exit.js";

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;

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
  /** One message for each applied file that is not what it was. */
  conflicts: string[];
}

export function checksum(sql: string): string {
  return createHash("sha256").update(sql).digest("hex");
}

/** Reads the migrations of a folder in their order; numbers start at 1 and have no gaps. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
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
  const sql = await readFile(path.join(folder, file), "utf8");
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
  return {
    pending: migrations.filter((migration) => !appliedByVersion.has(migration.version)),
    newer: applied.filter((row) => !known.has(row.version)),
    conflicts: migrations.flatMap((migration) => {
      const row = appliedByVersion.get(migration.version);
      return row === undefined ? [] : findConflict(migration, row);
    }),
  };
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
export async function applyMigration(client: ClientBase, migration: Migration): Promise<void> {
  try {
    await client.query(migration.sql);
  } catch (error) {
    throw new FatalError(`apply ${migration.file}: ${describeSqlError(error, migration.sql)}`, {
      cause: error,
    });
  }
  await client.query(
    "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
    [migration.version, migration.name, migration.checksum],
  );
}

/** PostgreSQL tells a character position; people look for a line. */
function describeSqlError(error: unknown, sql: string): string {
  const position = error instanceof Error && "position" in error ? Number(error.position) : NaN;
  if (Number.isNaN(position)) return errorMessage(error);
  const line =
    Array.from(sql)
      .slice(0, position - 1)
      .filter((c) => c === "\n").length + 1;
  return `line ${line}: ${errorMessage(error)}`;
}
