import type { ClientBase } from "pg";

import type { User } from "./validate.js";

// Without a department column in the file ($6 false) the stored departments stay as they are.
// Only a row that differs is written: updated_at and updated_by tell the last real change.
const UPSERT = `
  INSERT INTO users (email, name, role, department, updated_by)
  SELECT input.email, input.name, input.role, coalesce(input.department, ''), $5
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS input (email, name, role, department)
  ON CONFLICT (email) DO UPDATE
  SET name = excluded.name,
      role = excluded.role,
      department = CASE WHEN $6 THEN excluded.department ELSE users.department END,
      updated_at = now(),
      updated_by = excluded.updated_by
  WHERE users.name <> excluded.name
    OR users.role <> excluded.role
    OR ($6 AND users.department <> excluded.department)
  RETURNING email`;

/** Inserts or updates users with distinct emails; gives the emails that were written. */
export async function loadUsers(
  client: ClientBase,
  users: readonly User[],
  executor: string,
  hasDepartment: boolean,
): Promise<Set<string>> {
  const result = await client.query<{ email: string }>(UPSERT, [
    users.map((user) => user.email),
    users.map((user) => user.name),
    users.map((user) => user.role),
    users.map((user) => user.department ?? null),
    executor,
    hasDepartment,
  ]);
  return new Set(result.rows.map((row) => row.email));
}
