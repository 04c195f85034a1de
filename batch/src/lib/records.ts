import { FatalError } from "./exit.js";

const MEBIBYTE = 1024 * 1024;
/** A longer record means, in practice, a quote that is never closed. */
export const MAX_RECORD_BYTES = MEBIBYTE;
const BLOCK_BYTES = 128 * 1024;

const LF = 10;
const CR = 13;
const QUOTE = 34;
const COMMA = 44;
const UTF8_BOM = Buffer.of(0xef, 0xbb, 0xbf);

export type Flaw = "quote" | "carriage return" | null;

/** Where one record is in the bytes of its block. */
export interface CsvRecord {
  start: number;
  /** Before the line break. */
  end: number;
  /** After the line break. */
  next: number;
  /** The line of the file that it starts on, and the one that it ends on. */
  line: number;
  lastLine: number;
  fields: number;
  flaw: Flaw;
}

/** Some whole records of a file; the bytes are valid until the next block is read. */
export interface RecordBlock {
  bytes: Buffer;
  records: CsvRecord[];
  /** How many bytes of the file end with this block. */
  offset: number;
  /** Whether the file begins with that of UTF-8, which is part of no record. */
  hasByteOrderMark: boolean;
}

/** The position after an incomplete record. */
const INCOMPLETE = -1;

/**
 * Finds the records in bytes by RFC 4180: the only bytes that matter (quote, comma, line breaks)
 * are never part of another character, in UTF-8 as in CP932. A quote opens a value only at its
 * start; any other quote that is not doubled is a flaw of its record and of no other.
 */
class RecordScanner {
  readonly #file: string;
  readonly #maxRecordBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #isLast = false;
  #lineBreak = LF;
  #line = 1;
  // Of the record that is being read:
  #fields = 1;
  #flaw: Flaw = null;
  #breaks = 0;

  constructor(file: string, maxRecordBytes: number) {
    this.#file = file;
    this.#maxRecordBytes = maxRecordBytes;
  }

  /** A file whose first line ends with CR alone is one of an old Mac: all its lines do. */
  setLineBreak(lineBreak: number): void {
    this.#lineBreak = lineBreak;
  }

  /** Finds the whole records in bytes[start, end); what follows the last one is incomplete. */
  scan(bytes: Buffer, start: number, end: number, isLast: boolean): CsvRecord[] {
    this.#bytes = bytes;
    this.#end = end;
    this.#isLast = isLast;
    const records: CsvRecord[] = [];
    let position = start;
    while (position < end) {
      const next = this.#record(position);
      if (next === INCOMPLETE) break;
      const record = this.#describe(position, next);
      this.#checkLength(record.end - record.start, record.line);
      records.push(record);
      position = next;
    }
    this.#checkLength(end - position, this.#line);
    return records;
  }

  #checkLength(length: number, line: number): void {
    if (length <= this.#maxRecordBytes) return;
    const mebibytes = this.#maxRecordBytes / MEBIBYTE;
    const problem = `line ${line}: this record is longer than ${mebibytes} MiB`;
    const cause = "a closing quote or a line break is probably missing";
    throw new FatalError(`parse ${this.#file}: ${problem}; ${cause}`);
  }

  #describe(start: number, next: number): CsvRecord {
    const line = this.#line;
    const lastLine = line + this.#breaks;
    this.#line = lastLine + 1;
    const end = this.#beforeLineBreak(start, next);
    return { start, end, next, line, lastLine, fields: this.#fields, flaw: this.#flaw };
  }

  #beforeLineBreak(start: number, next: number): number {
    const end = this.#bytes[next - 1] === this.#lineBreak ? next - 1 : next;
    return this.#lineBreak === LF && end > start && this.#bytes[end - 1] === CR ? end - 1 : end;
  }

  #record(start: number): number {
    this.#fields = 1;
    this.#flaw = null;
    this.#breaks = 0;
    let position = start;
    for (;;) {
      position = this.#value(position);
      if (position === INCOMPLETE) return INCOMPLETE;
      if (position >= this.#end) return this.#isLast ? position : INCOMPLETE;
      if (this.#bytes[position] !== COMMA) return position + 1;
      this.#fields += 1;
      position += 1;
    }
  }

  /** Gives the position of the comma or line break after a value. */
  #value(start: number): number {
    const isQuoted = start < this.#end && this.#bytes[start] === QUOTE;
    return isQuoted ? this.#quoted(start + 1) : this.#unquoted(start);
  }

  #unquoted(start: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const lineBreak = this.#lineBreak;
    for (let position = start; position < end; position += 1) {
      const byte = bytes[position] ?? LF;
      if (byte > COMMA) continue;
      if (byte === COMMA || byte === lineBreak) return position;
      if (byte === QUOTE) this.#flaw = "quote";
      if (byte === CR) this.#carriageReturn(position);
    }
    return end;
  }

  #carriageReturn(position: number): void {
    const isAtEnd = position + 1 === this.#end;
    if (!isAtEnd && this.#bytes[position + 1] !== LF) this.#flaw ??= "carriage return";
  }

  #quoted(start: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const lineBreak = this.#lineBreak;
    for (let position = start; position < end; position += 1) {
      const byte = bytes[position] ?? LF;
      if (byte > QUOTE) continue;
      if (byte === lineBreak) this.#breaks += 1;
      if (byte !== QUOTE) continue;
      if (position + 1 === end || bytes[position + 1] !== QUOTE) return this.#closed(position + 1);
      position += 1;
    }
    if (!this.#isLast) return INCOMPLETE;
    const problem = `line ${this.#line}: a quote opened in this record is never closed`;
    throw new FatalError(`parse ${this.#file}: ${problem}`);
  }

  #closed(position: number): number {
    if (position === this.#end) return this.#isLast ? position : INCOMPLETE;
    const byte = this.#bytes[position];
    if (byte === COMMA || byte === this.#lineBreak) return position;
    if (byte === CR) {
      if (position + 1 === this.#end) return this.#isLast ? position + 1 : INCOMPLETE;
      if (this.#bytes[position + 1] === LF) return position + 1;
    }
    this.#flaw = "quote";
    return this.#unquoted(position);
  }
}

/** The line break of the first line, or undefined where the bytes do not have it whole. */
function findLineBreak(bytes: Buffer): number | undefined {
  let isQuoted = false;
  for (const [i, byte] of bytes.entries()) {
    if (byte === QUOTE) isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (byte === LF) return LF;
    if (byte === CR) return i + 1 === bytes.length ? undefined : bytes[i + 1] === LF ? LF : CR;
  }
  return undefined;
}

/** Collects the bytes of a file in one buffer of fixed size and cuts them into blocks. */
class BlockReader {
  readonly #scanner: RecordScanner;
  readonly #buffer: Buffer;
  #filled = 0;
  /** So much is wanted before the next scan: what an incomplete record has, and a block more. */
  #wanted = BLOCK_BYTES;
  #offset = 0;
  #isFirst = true;
  #hasByteOrderMark = false;

  constructor(file: string, maxRecordBytes: number) {
    this.#scanner = new RecordScanner(file, maxRecordBytes);
    this.#buffer = Buffer.allocUnsafe(maxRecordBytes + BLOCK_BYTES);
  }

  /** Takes bytes until a block is full; gives how many it took. */
  take(chunk: Uint8Array, from: number): number {
    const count = Math.min(chunk.length - from, this.#wanted - this.#filled);
    this.#buffer.set(chunk.subarray(from, from + count), this.#filled);
    this.#filled += count;
    return count;
  }

  get isFull(): boolean {
    return this.#filled === this.#wanted;
  }

  /** Gives the whole records that are there. */
  cut(isLast: boolean): RecordBlock {
    if (this.#isFirst) this.#start();
    const records = this.#scanner.scan(this.#buffer, 0, this.#filled, isLast);
    const used = records.at(-1)?.next ?? 0;
    this.#offset += used;
    const hasByteOrderMark = this.#hasByteOrderMark;
    return { bytes: this.#buffer, records, offset: this.#offset, hasByteOrderMark };
  }

  /** Keeps only what the last block had not. */
  drop(used: number): void {
    this.#buffer.copyWithin(0, used, this.#filled);
    this.#filled -= used;
    this.#wanted = this.#filled + BLOCK_BYTES;
  }

  #start(): void {
    this.#isFirst = false;
    const firstBytes = this.#buffer.subarray(0, Math.min(this.#filled, UTF8_BOM.length));
    this.#hasByteOrderMark = firstBytes.equals(UTF8_BOM);
    if (this.#hasByteOrderMark) {
      this.drop(UTF8_BOM.length);
      this.#offset = UTF8_BOM.length;
    }
    const lineBreak = findLineBreak(this.#buffer.subarray(0, this.#filled));
    if (lineBreak !== undefined) this.#scanner.setLineBreak(lineBreak);
  }
}

/** Reads a file as blocks of whole records, in bounded memory. */
export async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  file: string,
  maxRecordBytes = MAX_RECORD_BYTES,
): AsyncGenerator<RecordBlock> {
  const reader = new BlockReader(file, maxRecordBytes);
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length;) {
      taken += reader.take(chunk, taken);
      if (!reader.isFull) continue;
      const block = reader.cut(false);
      yield block;
      reader.drop(block.records.at(-1)?.next ?? 0);
    }
  }
  yield reader.cut(true);
}
