import type { z } from "zod";

import type { CsvColumns } from "../lib/csv.js";

/** What a value may be. The schema is the definition: it checks and normalises. */
export interface Kind {
  schema: z.ZodType<string, string>;
  /** Whether the schema would give back just this value. May say no to any: it is a shortcut. */
  isPlain: (value: string) => boolean;
  /** For people. */
  description: string;
}

export interface Column {
  name: string;
  kind: Kind;
  /** A file without the column leaves the stored values as they are. */
  isOptional: boolean;
}

/** What one kind of import is about; how it is done is the same for all. */
export interface Importer {
  job: string;
  /** What the rows are, in the plural. */
  noun: string;
  table: string;
  /** The column that identifies a row, in the file and in the table. */
  key: string;
  /** Columns of the file, and columns of the same name in the table. */
  columns: readonly Column[];
  sample: string;
}

export function required(name: string, kind: Kind): Column {
  return { name, kind, isOptional: false };
}

export function optional(name: string, kind: Kind): Column {
  return { name, kind, isOptional: true };
}

export function csvColumns({ columns }: Importer): CsvColumns {
  const names = (isOptional: boolean) =>
    columns.filter((column) => column.isOptional === isOptional).map(({ name }) => name);
  return { required: names(false), optional: names(true) };
}
