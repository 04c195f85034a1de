import { initParser, type Schema } from "udsv";

import { CODECS, detectEncoding, type Codec, type Encoding } from "./encoding.js";
import { errorMessage, FatalError } from "./exit.js";
import { readRecords, type CsvRecord, type RecordBlock } from "./records.js";

const UTF16_BOMS = [Buffer.of(0xff, 0xfe), Buffer.of(0xfe, 0xff)];
const CR_LF_LENGTH = 2;
const CR = 13;
/** What a blank line is in place of a fault: it is left out, and nobody is told. */
const BLANK = Symbol("blank");
/** So much of a wrong header is repeated in a message. */
const MAX_SHOWN_HEADER = 200;

export interface CsvColumns {
  required: readonly string[];
  optional: readonly string[];
}

/** Consecutive records with nothing wrong in their form. */
export interface CsvRun {
  /** Values by record and header column. */
  rows: string[][];
  /** The line on which the i-th record starts. */
  lineOf(i: number): number;
  /** The i-th record as the file has it. */
  textOf(i: number): string;
}

/** A record whose form is wrong. */
export interface CsvFault {
  line: number;
  reason: string;
  text: string;
}

export interface CsvBlock {
  /** How many bytes of the file are read by the end of this block. */
  offset: number;
  /** In the order of the file; to be used up before the next block is asked for. */
  parts(): Iterable<CsvRun | CsvFault>;
}

export interface CsvFile {
  /** The header's names, trimmed and in lower case; at an index is the column of that index. */
  header: readonly string[];
  /** The header's names that are none of the columns. */
  unknownColumns: string[];
  /** UTF-8 as long as all was ASCII. */
  encoding(): Encoding;
  blocks: AsyncIterable<CsvBlock>;
}

type Extent = Pick<CsvRecord, "start" | "end">;

/** Parses a run of records. */
type Parse = (text: string) => string[][];

function createParser(columns: number, lineBreak: string): Parse {
  const schema: Schema = {
    skip: 0,
    col: ",",
    row: lineBreak,
    encl: '"',
    esc: '"',
    trim: false,
    cols: Array.from({ length: columns }, (_, i) => ({ name: `${i}`, type: "s", repl: {} })),
  } as unknown as Schema;
  const plain = initParser({ ...schema, encl: "", esc: "" });
  const quoted = initParser(schema);
  return (text) => {
    // The parser drops a BOM at the start of what it is given: here it would be part of a value.
    const safe = text.charCodeAt(0) === 0xfeff ? `\uFEFF${text}` : text;
    return (text.includes('"') ? quoted : plain).stringArrs(safe);
  };
}

function sliceOf(block: RecordBlock, { start, end }: Extent): Buffer {
  return block.bytes.subarray(start, end);
}

/** Many a program ends a text at a NUL. */
const withoutNul = (text: string) => text.replaceAll("\0", "\uFFFD");

function describeQuote({ line, lastLine }: CsvRecord): string {
  const extent = lastLine > line ? ` (this record runs to line ${lastLine})` : "";
  return `has a quote inside a value${extent}; write it twice ("") and quote the value`;
}

function flawOf(record: CsvRecord, columns: number): string | null {
  if (record.flaw === "quote") return describeQuote(record);
  if (record.flaw === "carriage return") return "has a carriage return outside of quotes";
  if (record.fields === columns) return null;
  return `has ${record.fields} columns, the header has ${columns}`;
}

/** Turns the blocks of one file into rows. */
class BlockParser {
  readonly #columns: number;
  readonly #codec: () => Codec;
  readonly #parsers = new Map<string, Parse>();

  constructor(columns: number, codec: () => Codec) {
    this.#columns = columns;
    this.#codec = codec;
  }

  *parts(block: RecordBlock): Generator<CsvRun | CsvFault> {
    const { records } = block;
    const faultOf = this.#judge(block);
    let first = 0;
    for (const [i, record] of records.entries()) {
      const fault = record.end === record.start ? BLANK : faultOf(record);
      if (fault === null && this.#continues(block, first, record)) continue;
      if (i > first) yield this.#run(block, first, i);
      first = fault === null ? i : i + 1;
      if (fault !== null && fault !== BLANK) {
        yield { line: record.line, reason: fault, text: this.#text(block, record) };
      }
    }
    if (records.length > first) yield this.#run(block, first, records.length);
  }

  /** Gives what finds a record's fault; records are decoded one by one only where it is needed. */
  #judge(block: RecordBlock): (record: CsvRecord) => string | null {
    const { bytes: all, records } = block;
    const bytes = all.subarray(records[0]?.start ?? 0, records.at(-1)?.next ?? 0);
    const codec = this.#codec();
    if (codec.isValid(bytes)) return (record) => flawOf(record, this.#columns);
    return (record) =>
      codec.isValid(sliceOf(block, record))
        ? flawOf(record, this.#columns)
        : `has bytes that are not ${codec.label}`;
  }

  #text(block: RecordBlock, record: Extent): string {
    return withoutNul(this.#codec().decode(sliceOf(block, record)));
  }

  /** A run has one kind of line break; the last record of a file may have none. */
  #continues(block: RecordBlock, first: number, record: CsvRecord): boolean {
    const start = block.records[first];
    const length = record.next - record.end;
    return start === undefined || length === 0 || length === start.next - start.end;
  }

  #run(block: RecordBlock, from: number, to: number): CsvRun {
    const { records } = block;
    const start = records[from]?.start ?? 0;
    const end = records[to - 1]?.next ?? 0;
    const parse = this.#parserFor(block, records[from]);
    const rows = parse(this.#codec().decode(block.bytes.subarray(start, end)));
    if (rows.length !== to - from) {
      throw new Error(`parsed ${rows.length} records of ${to - from} before byte ${block.offset}`);
    }
    const recordAt = (i: number) => records[from + i] ?? { start: 0, end: 0, line: 0 };
    return {
      rows,
      lineOf: (i) => recordAt(i).line,
      textOf: (i) => this.#text(block, recordAt(i)),
    };
  }

  #parserFor(block: RecordBlock, record: CsvRecord | undefined): Parse {
    const { end, next } = record ?? { end: 0, next: 0 };
    const isCr = next - end === 1 && block.bytes[end] === CR;
    const lineBreak = next - end === CR_LF_LENGTH ? "\r\n" : isCr ? "\r" : "\n";
    const parser = this.#parsers.get(lineBreak) ?? createParser(this.#columns, lineBreak);
    this.#parsers.set(lineBreak, parser);
    return parser;
  }
}

function checkHeader(header: readonly string[], columns: CsvColumns, file: string): void {
  const known = [...columns.required, ...columns.optional];
  const missing = columns.required.filter((name) => !header.includes(name));
  if (missing.length > 0) {
    // Without any known name, the line may be a row, and no message repeats a row.
    const hasKnown = known.some((name) => header.includes(name));
    const found = `found: ${header.join(", ").slice(0, MAX_SHOWN_HEADER)}`;
    const hint = hasKnown ? found : "the first line has to name the columns";
    throw new FatalError(`parse ${file}: the header lacks ${missing.join(", ")}; ${hint}`);
  }
  const repeated = known.filter((name) => header.indexOf(name) !== header.lastIndexOf(name));
  if (repeated.length > 0) {
    throw new FatalError(`parse ${file}: the header repeats ${repeated.join(", ")}`);
  }
}

/** The encoding of a file as far as it is known. */
class Decoding {
  readonly #file: string;
  #encoding: Encoding | undefined;

  constructor(file: string, encoding: Encoding | undefined) {
    this.#file = file;
    this.#encoding = encoding;
  }

  get encoding(): Encoding {
    return this.#encoding ?? "utf-8";
  }

  /** A byte order mark says what the encoding is. */
  start(block: RecordBlock): void {
    const [first] = block.records;
    const bytes = first === undefined ? Buffer.alloc(0) : sliceOf(block, first);
    if (UTF16_BOMS.some((bom) => bytes.subarray(0, bom.length).equals(bom))) {
      throw new FatalError(
        `parse ${this.#file}: is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)`,
      );
    }
    if (!block.hasByteOrderMark) return;
    if (this.#encoding === "cp932") {
      const fix = "leave --encoding=cp932 away";
      throw new FatalError(`parse ${this.#file}: has the byte order mark of UTF-8; ${fix}`);
    }
    this.#encoding = "utf-8";
  }

  see(block: RecordBlock): void {
    this.#encoding ??= detectEncoding(block.records.map((record) => sliceOf(block, record)));
  }
}

function readHeader(block: RecordBlock, record: CsvRecord, codec: Codec, file: string): string[] {
  const bytes = sliceOf(block, record);
  const problem = codec.isValid(bytes)
    ? flawOf(record, record.fields)
    : `has bytes that are not ${codec.label}`;
  if (problem !== null) throw new FatalError(`parse ${file}: the header ${problem}`);
  const parse = createParser(record.fields, "\n");
  const names = record.fields === 1 ? [codec.decode(bytes)] : parse(codec.decode(bytes))[0];
  return (names ?? []).map((name) => name.trim().toLowerCase());
}

function readError(error: unknown, file: string): unknown {
  if (error instanceof FatalError) return error;
  return new FatalError(`read ${file}: ${errorMessage(error)}`, { cause: error });
}

async function* decodeBlocks(
  source: AsyncIterable<Uint8Array>,
  file: string,
  decoding: Decoding,
): AsyncGenerator<RecordBlock> {
  let isFirst = true;
  try {
    for await (const block of readRecords(source, file)) {
      if (isFirst) decoding.start(block);
      isFirst = false;
      decoding.see(block);
      yield block;
    }
  } catch (error) {
    throw readError(error, file);
  }
}

interface Header {
  names: string[];
  /** The block that has it, with the records after it. */
  rest: RecordBlock;
}

async function findHeader(
  blocks: AsyncGenerator<RecordBlock>,
  decoding: Decoding,
  file: string,
): Promise<Header> {
  for (;;) {
    const next = await blocks.next();
    if (next.done === true) break;
    const block = next.value;
    const index = block.records.findIndex((record) => record.end > record.start);
    const record = block.records[index];
    if (record === undefined) continue;
    const names = readHeader(block, record, CODECS[decoding.encoding], file);
    return { names, rest: { ...block, records: block.records.slice(index + 1) } };
  }
  throw new FatalError(`parse ${file}: the file is empty; a header line is required`);
}

/** Reads the header of a CSV file and gives its rows as they arrive; `file` is its name. */
export async function openCsv(
  source: AsyncIterable<Uint8Array>,
  file: string,
  columns: CsvColumns,
  encoding?: Encoding,
): Promise<CsvFile> {
  const decoding = new Decoding(file, encoding);
  const blocks = decodeBlocks(source, file, decoding);
  try {
    const header = await findHeader(blocks, decoding, file);
    checkHeader(header.names, columns, file);
    const known = new Set([...columns.required, ...columns.optional]);
    return {
      header: header.names,
      unknownColumns: header.names.filter((name) => !known.has(name)),
      encoding: () => decoding.encoding,
      blocks: parseBlocks(blocks, header, decoding),
    };
  } catch (error) {
    await blocks.return(undefined);
    throw error;
  }
}

async function* parseBlocks(
  blocks: AsyncGenerator<RecordBlock>,
  header: Header,
  decoding: Decoding,
): AsyncGenerator<CsvBlock> {
  const parser = new BlockParser(header.names.length, () => CODECS[decoding.encoding]);
  try {
    yield { offset: header.rest.offset, parts: () => parser.parts(header.rest) };
    for await (const block of blocks) {
      yield { offset: block.offset, parts: () => parser.parts(block) };
    }
  } finally {
    // Whoever stops after the first block has not begun the loop, which would end the reading.
    await blocks.return(undefined);
  }
}

/** Reads a file once more for the original texts of records: by line, ascending. */
export async function* readTexts(
  source: AsyncIterable<Uint8Array>,
  file: string,
  encoding: Encoding,
  wanted: AsyncIterator<number>,
): AsyncGenerator<{ line: number; text: string }> {
  let next = await wanted.next();
  for await (const block of decodeBlocks(source, file, new Decoding(file, encoding))) {
    for (const record of block.records) {
      if (next.done === true) return;
      if (record.line !== next.value) continue;
      yield {
        line: record.line,
        text: withoutNul(CODECS[encoding].decode(sliceOf(block, record))),
      };
      next = await wanted.next();
    }
  }
}
