import { addAbortSignal, type Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { errorMessage, FatalError } from "./exit.js";

export interface ResumeLimits {
  /** A connection without a byte for so long is given up. */
  stallMs: number;
  /** How often in a row it is tried again without a byte of progress. */
  attempts: number;
  /** The pause before the first of these; each further one is twice as long. */
  firstPauseMs: number;
}

export const RESUME_LIMITS: ResumeLimits = { stallMs: 60_000, attempts: 5, firstPauseMs: 500 };

export interface Resumable {
  /** What is read, for messages. */
  name: string;
  size: number;
  /** Opens it at an offset; throws FatalError for what no further attempt can mend. */
  openAt(offset: number): Promise<Readable>;
  /** Is told of each break before the next attempt. */
  onBreak(offset: number, reason: string, attempt: number): void;
}

/** Gives what a stream has, and an error where nothing comes for too long. */
async function* readUntilStalled(body: Readable, stallMs: number): AsyncGenerator<Uint8Array> {
  const arm = () =>
    setTimeout(() => {
      body.destroy(new Error(`no data for ${stallMs / 1000} s`));
    }, stallMs);
  let timer = arm();
  try {
    for await (const chunk of body) {
      // While the reader works, nothing is waited for.
      clearTimeout(timer);
      yield chunk as Uint8Array;
      timer = arm();
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Reads all of it, going on where a connection broke. */
export async function* readResuming(
  source: Resumable,
  signal: AbortSignal,
  limits: ResumeLimits = RESUME_LIMITS,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let attempt = 0;
  while (offset < source.size) {
    try {
      const body = addAbortSignal(signal, await source.openAt(offset));
      for await (const chunk of readUntilStalled(body, limits.stallMs)) {
        offset += chunk.length;
        attempt = 0;
        yield chunk;
      }
      if (offset < source.size) throw new Error("the connection ended early");
    } catch (error) {
      signal.throwIfAborted();
      attempt += 1;
      if (error instanceof FatalError) throw error;
      await pauseAfter(source, offset, errorMessage(error), attempt, signal, limits);
    }
  }
}

async function pauseAfter(
  source: Resumable,
  offset: number,
  reason: string,
  attempt: number,
  signal: AbortSignal,
  limits: ResumeLimits,
): Promise<void> {
  const where = `after byte ${offset} of ${source.size}: ${reason}`;
  if (attempt > limits.attempts) {
    const gaveUp = `gave up after ${limits.attempts} more attempts`;
    throw new FatalError(`read ${source.name}: broke off ${where}; ${gaveUp}`);
  }
  source.onBreak(offset, reason, attempt);
  await sleep(limits.firstPauseMs * 2 ** (attempt - 1), undefined, { signal });
}
