/** How many rejected rows a result lists; all are counted. */
const MAX_LISTED_REJECTIONS = 1_000;

export interface RowProblem {
  /** Null when the row as a whole is wrong. */
  column: string | null;
  reason: string;
}

export type Validated<T> = { value: T } | { problems: RowProblem[] };

export interface RowError extends RowProblem {
  /** Null when the file as a whole is wrong. */
  line: number | null;
}

export interface Counts {
  rows: number;
  imported: number;
  unchanged: number;
  rejected: number;
}

interface Accepted {
  line: number;
  /** Unknown until the row is loaded. */
  written?: boolean;
}

/** Keeps what became of each row of one file. */
export class Outcome {
  readonly #keyColumn: string;
  readonly #accepted = new Map<string, Accepted>();
  readonly #errors: RowError[] = [];
  #rejected = 0;

  constructor(keyColumn: string) {
    this.#keyColumn = keyColumn;
  }

  reject(line: number, problems: readonly RowProblem[]): void {
    this.#rejected += 1;
    if (this.#rejected > MAX_LISTED_REJECTIONS) return;
    this.#errors.push(...problems.map((problem) => ({ line, ...problem })));
  }

  /** Accepts a row; an earlier row with its key is rejected, for the later one wins. */
  accept(line: number, key: string): void {
    const earlier = this.#accepted.get(key);
    if (earlier !== undefined) {
      this.reject(earlier.line, [{ column: this.#keyColumn, reason: `duplicate of line ${line}` }]);
    }
    // What the earlier row wrote counts as written by this one.
    this.#accepted.set(key, { ...earlier, line });
  }

  loaded(keys: Iterable<string>, written: ReadonlySet<string>): void {
    for (const key of keys) {
      const row = this.#accepted.get(key);
      if (row !== undefined) row.written = row.written === true || written.has(key);
    }
  }

  counts(): Counts {
    const accepted = this.#accepted.size;
    const imported = [...this.#accepted.values()].filter((row) => row.written === true).length;
    return {
      rows: accepted + this.#rejected,
      imported,
      unchanged: accepted - imported,
      rejected: this.#rejected,
    };
  }

  /** The problems of the rows kept, in the order of the file. */
  errors(): RowError[] {
    return this.#errors.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  }
}
