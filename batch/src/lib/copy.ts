import type { Client } from "pg";
import { from as copyFrom, type CopyStreamQuery } from "pg-copy-streams";

const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** A value in the text format of COPY. */
export function escapeCopy(value: string): string {
  return SPECIAL.test(value) ? value.replace(/[\\\n\r\t]/g, (c) => ESCAPES[c] ?? c) : value;
}

/** Sends lines to a COPY … FROM STDIN no faster than the server takes them. */
export class CopySink {
  readonly #stream: CopyStreamQuery;
  #error: Error | undefined;
  #isFinished = false;
  #wake: () => void = () => undefined;

  /** `onError` is called as soon as the COPY has failed, even while nothing is written. */
  constructor(client: Client, sql: string, onError: (error: Error) => void) {
    this.#stream = client.query(copyFrom(sql));
    this.#stream.on("error", (error: Error) => {
      // The first one is the cause; the end of the connection may follow.
      this.#error ??= error;
      this.#wake();
      onError(error);
    });
    this.#stream.on("drain", () => {
      this.#wake();
    });
    this.#stream.on("finish", () => {
      this.#isFinished = true;
      this.#wake();
    });
  }

  get error(): Error | undefined {
    return this.#error;
  }

  async write(lines: string): Promise<void> {
    this.#check();
    if (!this.#stream.write(Buffer.from(lines))) await this.#event();
    this.#check();
  }

  /** Resolves when the server has all. */
  async end(): Promise<void> {
    this.#check();
    this.#stream.end();
    while (!this.#isFinished) {
      await this.#event();
      this.#check();
    }
  }

  /** Ends the COPY with an error, so that the connection can be used for the rollback. */
  cancel(): void {
    if (this.#error === undefined && !this.#isFinished) this.#stream.destroy();
  }

  #event(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #check(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}
