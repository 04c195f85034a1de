import { z } from "zod";

import type { CsvRow } from "../../lib/csv.js";
import type { RowProblem, Validated } from "../outcome.js";

const ROLES = ["admin", "member", "viewer"] as const;

// PostgreSQL refuses NUL in text, and no name has a line break or a tab.
const text = (max: number) =>
  z
    .string()
    .trim()
    .max(max, `is longer than ${max} characters`)
    .regex(/^\P{Cc}*$/u, "has a control character, such as a line break");

const userSchema = z.object({
  email: text(254)
    .toLowerCase()
    .min(1, { error: "is empty", abort: true })
    .pipe(z.email("is not an email address")),
  name: text(200).min(1, "is empty"),
  role: z
    .string()
    .trim()
    .pipe(z.enum(ROLES, `is not one of ${ROLES.join(", ")}`)),
  department: text(200).optional(),
});

/** A user to import; no department means that the file says nothing about it. */
export type User = z.infer<typeof userSchema>;

/** Checks one row. Reasons never repeat a value: results and logs hold no personal data. */
export function validateUser(row: CsvRow): Validated<User> {
  if (!("values" in row)) {
    const reason = `has ${row.foundColumns} columns, the header has ${row.expectedColumns}`;
    return { problems: [{ column: null, reason }] };
  }
  const result = userSchema.safeParse(row.values);
  if (result.success) return { value: result.data };
  const problems = result.error.issues.map((issue): RowProblem => ({
    column: String(issue.path[0]),
    reason: issue.message,
  }));
  return { problems };
}
