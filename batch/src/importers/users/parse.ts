import type { Readable } from "node:stream";

import { openCsv, type CsvColumns, type CsvFile } from "../../lib/csv.js";

export const USER_COLUMNS: CsvColumns = {
  required: ["email", "name", "role"],
  optional: ["department"],
};

/** Opens a CSV file of users; `file` is its name in messages. */
export function parseUsers(source: Readable, file: string, signal: AbortSignal): Promise<CsvFile> {
  return openCsv(source, file, USER_COLUMNS, signal);
}
