import { createReadStream } from "node:fs";
import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { FatalError } from "../lib/exit.js";
import { MAX_RECORD_BYTES, readRecords } from "../lib/records.js";
import type { RowProblem } from "./validate.js";

/** So many problems are in the result; the file of the rejected rows has all. */
export const MAX_LISTED_PROBLEMS = 100;
const HEADER = "line,column,reason,text\r\n";
/** A quote becomes two, and a byte that could not be decoded three. */
const MAX_ENTRY_BYTES = 4 * MAX_RECORD_BYTES;
const FLUSH_CHARACTERS = 256 * 1024;

export interface RowError extends RowProblem {
  /** Null when the file as a whole is wrong. */
  line: number | null;
}

/** A cell of CSV that no spreadsheet takes for a formula. */
export function formatCell(value: string): string {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function formatEntry(line: number, { column, reason }: RowProblem, text: string): string {
  const cells = [String(line), column ?? "", reason, text];
  return `${cells.map(formatCell).join(",")}\r\n`;
}

/** A file of rejected rows that is being written. */
class RejectionFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #pending: string[] = [HEADER];
  #length = 0;

  private constructor(file: string, handle: FileHandle) {
    this.path = file;
    this.#handle = handle;
  }

  static async create(file: string): Promise<RejectionFile> {
    return new RejectionFile(file, await open(file, "w"));
  }

  async add(entry: string): Promise<void> {
    this.#pending.push(entry);
    this.#length += entry.length;
    if (this.#length >= FLUSH_CHARACTERS) await this.#flush();
  }

  async #flush(): Promise<void> {
    const text = this.#pending.join("");
    this.#pending = [];
    this.#length = 0;
    await this.#handle.appendFile(text);
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#handle.close();
  }
}

interface Entry {
  line: number;
  bytes: Buffer;
}

/** Reads what such a file has, without its header. */
async function* readEntries(file: string | undefined): AsyncGenerator<Entry> {
  if (file === undefined) return;
  let isHeader = true;
  for await (const { bytes, records } of readRecords(
    createReadStream(file),
    file,
    MAX_ENTRY_BYTES,
  )) {
    for (const { start, next } of records) {
      const entry = bytes.subarray(start, next);
      if (!isHeader)
        yield { line: Number.parseInt(entry.toString("latin1", 0, 20), 10), bytes: entry };
      isHeader = false;
    }
  }
}

/** The first problems by line, of two sources that each come by line. */
class ProblemList {
  readonly #kept: RowError[] = [];

  add(line: number, problems: readonly RowProblem[]): void {
    if (this.#kept.length >= MAX_LISTED_PROBLEMS) return;
    this.#kept.push(...problems.map((problem) => ({ line, ...problem })));
  }

  static merge(...lists: readonly ProblemList[]): RowError[] {
    return lists
      .flatMap((list) => list.#kept)
      .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
      .slice(0, MAX_LISTED_PROBLEMS);
  }
}

/** A row with the key of a later one. */
export interface Duplicate {
  line: number;
  /** The line of the row that is taken. */
  last: number;
  text: string;
}

/** Keeps the rejected rows of one import in a temporary file, never in memory. */
export class Rejections {
  readonly #max: number;
  readonly #found = new ProblemList();
  readonly #duplicated = new ProblemList();
  #folder: string | undefined;
  #file: RejectionFile | undefined;
  #finished: string | undefined;
  /** Rejected since the last flush. */
  #pending: string[] = [];
  #count = 0;

  /** More than `max` rejected rows are fatal. */
  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** The first problems in the order of the file. */
  problems(): RowError[] {
    return ProblemList.merge(this.#found, this.#duplicated);
  }

  /** Rejects a row; rows come in the order of the file. */
  reject(line: number, problems: readonly RowProblem[], text: string): void {
    this.#count += 1;
    this.#found.add(line, problems);
    for (const problem of problems) this.#pending.push(formatEntry(line, problem, text));
    this.#checkCount();
  }

  /** Writes out what was rejected since the last call. */
  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    this.#file ??= await this.#create("rejected.csv");
    for (const entry of this.#pending) await this.#file.add(entry);
    this.#pending = [];
  }

  /** Rejects rows after all others; they come by line too, and get their places. */
  async rejectDuplicates(column: string, duplicates: AsyncIterable<Duplicate>): Promise<void> {
    const earlier = readEntries(await this.finish());
    const merged = await this.#create("all.csv");
    let next = await earlier.next();
    let count = 0;
    for await (const { line, last, text } of duplicates) {
      for (; next.done !== true && next.value.line < line; next = await earlier.next()) {
        await merged.add(next.value.bytes.toString());
      }
      const problem = { column, reason: `duplicate of line ${last}` };
      this.#duplicated.add(line, [problem]);
      await merged.add(formatEntry(line, problem, text));
      count += 1;
    }
    for (; next.done !== true; next = await earlier.next()) {
      await merged.add(next.value.bytes.toString());
    }
    await merged.close();
    this.#finished = merged.path;
    this.#count += count;
    this.#checkCount();
  }

  /** Gives the finished file, or undefined where nothing was rejected. */
  async finish(): Promise<string | undefined> {
    await this.flush();
    if (this.#file !== undefined) {
      await this.#file.close();
      this.#finished = this.#file.path;
      this.#file = undefined;
    }
    return this.#finished;
  }

  async remove(): Promise<void> {
    await this.finish().catch(() => undefined);
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async #create(name: string): Promise<RejectionFile> {
    this.#folder ??= await mkdtemp(path.join(tmpdir(), "import-"));
    return RejectionFile.create(path.join(this.#folder, name));
  }

  #checkCount(): void {
    if (this.#count <= this.#max) return;
    const limit = `more than ${this.#max} rows were rejected (--max-rejected=${this.#max})`;
    throw new FatalError(`${limit}; mend the file or allow more`);
  }
}
