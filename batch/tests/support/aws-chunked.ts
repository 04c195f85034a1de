/** Takes exact numbers of bytes and lines from a stream of chunks. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) throw new Error("the body ends within a chunk");
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
  }

  /** The next line, without its CRLF. */
  async line(): Promise<string> {
    let end: number;
    while ((end = this.#rest.indexOf("\r\n")) < 0) await this.#more();
    const line = this.#rest.toString("latin1", 0, end);
    this.#rest = this.#rest.subarray(end + 2);
    return line;
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0;) {
      if (this.#rest.length === 0) await this.#more();
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}

/**
 * Takes the body out of the content encoding aws-chunked, which the SDK uses for streams
 * (Amazon S3 User Guide, "Signature calculations: transferring payload in multiple chunks").
 */
export async function* decodeAwsChunked(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source);
  for (;;) {
    const size = parseInt(await reader.line(), 16);
    if (Number.isNaN(size)) throw new Error("a chunk without a size");
    if (size === 0) break;
    yield* reader.bytes(size);
    await reader.line();
  }
  while ((await reader.line()) !== "") continue;
}
