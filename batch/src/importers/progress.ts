import type { Logger } from "../lib/logger.js";

const INTERVAL_MS = 10_000;

export interface ProgressData extends Record<string, unknown> {
  rows: number;
  bytes: number;
  totalBytes: number;
  rowsPerSecond: number;
  /** Null while nothing can be said. */
  etaSeconds: number | null;
}

/** Estimates by what was read so far. */
export function estimate(
  rows: number,
  bytes: number,
  totalBytes: number,
  elapsedMs: number,
): ProgressData {
  const rowsPerSecond = elapsedMs === 0 ? 0 : Math.round((rows / elapsedMs) * 1000);
  const left = totalBytes - bytes;
  const etaSeconds = bytes === 0 ? null : Math.ceil((left / bytes) * (elapsedMs / 1000));
  return { rows, bytes, totalBytes, rowsPerSecond, etaSeconds };
}

/** Such as `120000 rows, 45% of the file, 35210 rows/s, about 4 s left`. */
export function describeProgress(data: ProgressData): string {
  const { rows, bytes, totalBytes, rowsPerSecond, etaSeconds } = data;
  const percent = totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100);
  const left = etaSeconds === null ? "" : `, about ${etaSeconds} s left`;
  return `${rows} rows, ${percent}% of the file, ${rowsPerSecond} rows/s${left}`;
}

/** Says every ten seconds how far an import is. */
export class Progress {
  readonly #log: Logger;
  #started = Date.now();
  readonly #timer: NodeJS.Timeout;
  #totalBytes = 0;
  #bytes = 0;
  #rows = 0;
  /** What is done once the file is read; undefined while it is. */
  #phase: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
    this.#timer = setInterval(() => {
      this.#report();
    }, INTERVAL_MS).unref();
  }

  /** Begins to count the time. */
  start(totalBytes: number): void {
    this.#started = Date.now();
    this.#totalBytes = totalBytes;
  }

  update(rows: number, bytes: number): void {
    this.#rows = rows;
    this.#bytes = bytes;
  }

  enter(phase: string): void {
    this.#phase = phase;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get rows(): number {
    return this.#rows;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get rowsPerSecond(): number {
    return this.#estimate().rowsPerSecond;
  }

  #estimate(): ProgressData {
    return estimate(this.#rows, this.#bytes, this.#totalBytes, Date.now() - this.#started);
  }

  #report(): void {
    const data = this.#estimate();
    if (this.#phase === undefined) {
      this.#log.info(describeProgress(data), data);
      return;
    }
    const seconds = Math.round((Date.now() - this.#started) / 1000);
    const message = `${data.rows} rows read, ${this.#phase}, ${seconds} s so far`;
    this.#log.info(message, { ...data, etaSeconds: null });
  }
}
