import type { GeneratedObject } from "./s3.js";

const BATCH_BYTES = 256 * 1024;

export interface RecordFile {
  head: string;
  records: number;
  /** All records have the bytes of the first, so that any offset is found at once. */
  recordBytes: number;
  /** Writes the i-th record, i from 0, into the buffer at the offset. */
  write: (buffer: Buffer, offset: number, i: number) => void;
}

function* readRecords(file: RecordFile, from: number): Generator<Buffer> {
  const { records, recordBytes, write } = file;
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / recordBytes));
  let skip = from % recordBytes;
  for (let i = Math.floor(from / recordBytes); i < records; i += perBatch) {
    const count = Math.min(perBatch, records - i);
    // A buffer of its own for each: the one before may still wait in a socket.
    const batch = Buffer.allocUnsafe(count * recordBytes);
    for (let k = 0; k < count; k += 1) write(batch, k * recordBytes, i + k);
    yield batch.subarray(skip);
    skip = 0;
  }
}

/** A file of a head and many records of equal length, of any size in little memory. */
export function recordFile(file: RecordFile): GeneratedObject {
  const head = Buffer.from(file.head);
  return {
    bytes: head.length + file.records * file.recordBytes,
    etag: `"generated-${file.records}"`,
    *read(from) {
      if (from < head.length) yield head.subarray(from);
      yield* readRecords(file, Math.max(0, from - head.length));
    },
  };
}

/** A head, and then as many bytes, each an x. */
export function endlessLine(head: string, bytes: number): GeneratedObject {
  const recordBytes = 1024;
  const write = (buffer: Buffer, offset: number) => {
    buffer.fill("x", offset, offset + recordBytes);
  };
  return recordFile({ head, records: Math.ceil(bytes / recordBytes), recordBytes, write });
}

/** Writes a number in so many digits. */
export function writeDigits(buffer: Buffer, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at -= 1) {
    buffer[at] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
