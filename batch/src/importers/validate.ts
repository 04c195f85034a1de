import type { Column } from "./importer.js";

export interface RowProblem {
  /** Null when the row as a whole is wrong. */
  column: string | null;
  reason: string;
}

/** A value as it is to be stored, or what is wrong with it; reasons never repeat a value. */
export function validateValue({ name, kind }: Column, value: string): string | RowProblem[] {
  if (kind.isPlain(value)) return value;
  const result = kind.schema.safeParse(value);
  if (result.success) return result.data;
  return result.error.issues.map(({ message }) => ({ column: name, reason: message }));
}

/** Checks the rows of one file and turns them into lines for COPY. */
export class RowValidator {
  /** The columns that the file has, in the order in which they are staged. */
  readonly columns: readonly Column[];
  readonly #indexes: readonly number[];

  constructor(columns: readonly Column[], header: readonly string[]) {
    this.columns = columns.filter(({ name }) => header.includes(name));
    this.#indexes = this.columns.map(({ name }) => header.indexOf(name));
  }

  /** Replaces a row by the values of `columns`, or gives every problem that it has. */
  validate(row: readonly string[], values: string[]): RowProblem[] | null {
    let problems: RowProblem[] | null = null;
    for (const [i, column] of this.columns.entries()) {
      const value = validateValue(column, row[this.#indexes[i] ?? 0] ?? "");
      if (typeof value === "string") values[i] = value;
      else problems = problems === null ? value : [...problems, ...value];
    }
    return problems;
  }
}
