import type { Encoding } from "../lib/encoding.js";
import type { ImportConfig } from "./config.js";
import type { Importer } from "./importer.js";
import type { ImportOptions } from "./options.js";
import type { RowError } from "./rejections.js";

/**
 * prepared: all is done but the COMMIT, which may or may not have followed;
 * rolled back: a dry run; failed: nothing was written.
 */
export type ResultState = "prepared" | "committed" | "rolled back" | "failed";

/** What became of the good rows. */
export interface MergeCounts {
  inserted: number;
  updated: number;
  unchanged: number;
}

export interface Counts extends MergeCounts {
  rows: number;
  rejected: number;
}

export interface ImportResult extends Counts {
  job: string;
  jobId: string;
  attempt: number;
  executor: string;
  inputKey: string;
  /** Null where the input could not be opened. */
  inputBytes: number | null;
  encoding: Encoding | null;
  dryRun: boolean;
  state: ResultState;
  startedAt: string;
  finishedAt: string;
  rowsPerSecond: number;
  peakMemoryBytes: number;
  unknownColumns: string[];
  /** Null where nothing was rejected. */
  rejectedKey: string | null;
  /** The first problems, in the order of the file. */
  errors: RowError[];
  /** Why it failed. */
  error: string | null;
}

/** What is known of an import so far. */
export class Report {
  readonly #importer: Importer;
  readonly #config: ImportConfig;
  readonly #options: ImportOptions;
  readonly #startedAt = new Date();
  inputBytes: number | null = null;
  encoding: Encoding | null = null;
  unknownColumns: string[] = [];
  rows = 0;
  rejected = 0;
  rowsPerSecond = 0;
  merged: MergeCounts = { inserted: 0, updated: 0, unchanged: 0 };
  problems: RowError[] = [];
  rejectedKey: string | null = null;

  constructor(importer: Importer, config: ImportConfig, options: ImportOptions) {
    this.#importer = importer;
    this.#config = config;
    this.#options = options;
  }

  get counts(): Counts {
    return { rows: this.rows, ...this.merged, rejected: this.rejected };
  }

  /** The key of an object that belongs to this import. */
  key(extension: string): string {
    return `imports-results/${this.#importer.job}/${this.#config.jobId}.${extension}`;
  }

  result(state: ResultState, error: string | null): ImportResult {
    const { jobId, attempt, executor, inputKey } = this.#config;
    const fileErrors = error === null ? [] : [{ line: null, column: null, reason: error }];
    return {
      job: this.#importer.job,
      jobId,
      attempt,
      executor,
      inputKey,
      inputBytes: this.inputBytes,
      encoding: this.encoding,
      dryRun: this.#options.dryRun,
      state,
      startedAt: this.#startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      ...this.counts,
      rowsPerSecond: this.rowsPerSecond,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      unknownColumns: this.unknownColumns,
      rejectedKey: this.rejectedKey,
      errors: [...fileErrors, ...this.problems],
      error,
    };
  }
}
