import { DrizzleQueryError } from 'drizzle-orm';
import { errorData, type LogData } from '@/lib/logger';

/** Drizzle wraps the driver's error in one whose message repeats the query with its parameters. */
function driverError(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}

/** What the log may hold of a failed query: the driver's error, without what the user typed. */
export function databaseErrorData(error: unknown): LogData {
  return errorData(driverError(error));
}

const UNDEFINED_TABLE = '42P01';

/** Tells whether the query failed because no migration has created the table yet. */
export function isMissingTable(error: unknown): boolean {
  const cause = driverError(error);
  return cause instanceof Error && 'code' in cause && cause.code === UNDEFINED_TABLE;
}
