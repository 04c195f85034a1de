import { addAbortSignal, pipeline, type Readable } from "node:stream";

import { CsvError, parse, type Options, type Parser } from "csv-parse";

import { errorMessage, FatalError } from "./exit.js";

/** A longer record means, in practice, a quote that is never closed. */
const MAX_RECORD_CHARACTERS = 128 * 1024;

export interface CsvColumns {
  required: readonly string[];
  optional: readonly string[];
}

export type CsvRow =
  | { line: number; values: Record<string, string> }
  | { line: number; expectedColumns: number; foundColumns: number };

export interface CsvFile {
  /** The known columns that the header has. */
  columns: ReadonlySet<string>;
  unknownColumns: string[];
  rows: AsyncIterable<CsvRow>;
}

interface ParsedRecord {
  fields: string[];
  lastLine: number;
}

/** Decodes UTF-8 strictly, drops a BOM and makes every line end with \n. */
export async function* decodeText(
  source: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  let carry = "";
  const decode = (bytes?: Uint8Array): string => {
    try {
      return (
        carry + (bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true }))
      );
    } catch (error) {
      const advice = "save it as UTF-8 (in Excel: CSV UTF-8) and upload it again";
      throw new FatalError(`parse ${file}: not UTF-8 text after line ${line}; ${advice}`, {
        cause: error,
      });
    }
  };
  for await (const bytes of source) {
    const text = decode(bytes);
    // A \r at the end of a chunk may be the first half of \r\n.
    carry = text.endsWith("\r") ? "\r" : "";
    const lines = text.slice(0, text.length - carry.length).replace(/\r\n?/g, "\n");
    line += countLineBreaks(lines);
    yield lines;
  }
  yield decode().replace(/\r\n?/g, "\n");
}

function countLineBreaks(text: string): number {
  return text.split("\n").length - 1;
}

/** The parser knows the line a record ends on; people look for the one it starts on. */
function firstLine({ fields, lastLine }: ParsedRecord): number {
  return lastLine - fields.reduce((sum, value) => sum + countLineBreaks(value), 0);
}

interface RecordStream {
  parser: Parser;
  /** The last line of the last complete record. */
  lastLine(): number;
  /** Ends the download too, even one that has stalled. */
  close(): void;
}

function streamRecords(source: Readable, file: string, signal: AbortSignal): RecordStream {
  let lastLine = 0;
  const options: Options<ParsedRecord, string[]> = {
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: "\n",
    max_record_size: MAX_RECORD_CHARACTERS,
    on_record: (fields, { lines }) => {
      lastLine = lines;
      return { fields, lastLine };
    },
  };
  // The parser's types let on_record change a record's type only together with `columns`.
  const parser = addAbortSignal(signal, parse(options as unknown as Options));
  // A failure anywhere destroys the parser with it, and reading the parser throws it.
  pipeline(
    source,
    (bytes: AsyncIterable<Uint8Array>) => decodeText(bytes, file),
    parser,
    () => undefined,
  );
  const close = () => {
    parser.destroy();
    source.destroy();
  };
  return { parser, lastLine: () => lastLine, close };
}

function explain(error: CsvError, lastLine: number): string {
  const firstLine = lastLine + 1;
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return `line ${firstLine}: a quote opened in this record is never closed`;
    case "CSV_MAX_RECORD_SIZE":
      return `line ${firstLine}: this record is longer than ${MAX_RECORD_CHARACTERS} characters; a closing quote is probably missing`;
    default: {
      const start = error.lines === firstLine ? "" : ` (the record starts on line ${firstLine})`;
      return `line ${String(error.lines)}${start}: ${error.message}; a quote inside a value is written twice ("") and the value quoted`;
    }
  }
}

function readError(error: unknown, file: string, lastLine: number): unknown {
  if (error instanceof CsvError) {
    return new FatalError(`parse ${file}: ${explain(error, lastLine)}`, { cause: error });
  }
  if (error instanceof FatalError) return error;
  return new FatalError(`read ${file}: ${errorMessage(error)}`, { cause: error });
}

function checkHeader(header: string[], columns: CsvColumns, file: string): void {
  const missing = columns.required.filter((name) => !header.includes(name));
  if (missing.length > 0) {
    const found = header.join(", ");
    throw new FatalError(`parse ${file}: the header lacks ${missing.join(", ")}; found: ${found}`);
  }
  const known = [...columns.required, ...columns.optional];
  const repeated = known.filter((name) => header.indexOf(name) !== header.lastIndexOf(name));
  if (repeated.length > 0) {
    throw new FatalError(`parse ${file}: the header repeats ${repeated.join(", ")}`);
  }
}

function toRow(parsed: ParsedRecord, header: string[]): CsvRow {
  const line = firstLine(parsed);
  const { fields } = parsed;
  if (fields.length !== header.length) {
    return { line, expectedColumns: header.length, foundColumns: fields.length };
  }
  return { line, values: Object.fromEntries(header.map((name, i) => [name, fields[i] ?? ""])) };
}

async function* readRows(
  stream: RecordStream,
  records: AsyncIterator<ParsedRecord>,
  header: string[],
  file: string,
): AsyncGenerator<CsvRow> {
  try {
    for (;;) {
      const next = await records.next();
      if (next.done === true) return;
      yield toRow(next.value, header);
    }
  } catch (error) {
    throw readError(error, file, stream.lastLine());
  } finally {
    stream.close();
  }
}

/** Reads the header of a CSV file and gives its rows as they arrive. */
export async function openCsv(
  source: Readable,
  file: string,
  columns: CsvColumns,
  signal: AbortSignal,
): Promise<CsvFile> {
  const stream = streamRecords(source, file, signal);
  const records = stream.parser[Symbol.asyncIterator]() as AsyncIterator<ParsedRecord>;
  try {
    const first = await records.next().catch((error: unknown) => {
      throw readError(error, file, stream.lastLine());
    });
    if (first.done === true) {
      throw new FatalError(`parse ${file}: the file is empty; a header line is required`);
    }
    const header = first.value.fields.map((name) => name.trim().toLowerCase());
    checkHeader(header, columns, file);
    const known = new Set([...columns.required, ...columns.optional]);
    return {
      columns: new Set(header.filter((name) => known.has(name))),
      unknownColumns: header.filter((name) => !known.has(name)),
      rows: readRows(stream, records, header, file),
    };
  } catch (error) {
    stream.close();
    throw error;
  }
}
