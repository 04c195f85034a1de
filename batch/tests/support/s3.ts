import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { decodeAwsChunked } from "./aws-chunked.js";

/** A larger body that is written is kept in a file. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** An object whose bytes are made when they are asked for, always the same for one ETag. */
export interface GeneratedObject {
  bytes: number;
  etag: string;
  read(from: number): Iterable<Uint8Array>;
}

/** What happens to one answer once it has sent so many bytes: its end, a reset, or silence. */
export interface Fault {
  after: number;
  how: "cut" | "reset" | "stall";
}

export interface GetRequest {
  path: string;
  range: string | undefined;
  ifMatch: string | undefined;
  status: number;
  sent: number;
}

export interface FakeS3 {
  endpoint: string;
  /** By path: /bucket/key. */
  objects: Map<string, string>;
  /** Generated objects by path; they come before `objects`. */
  generated: Map<string, GeneratedObject>;
  /** Bodies over 64 MiB that were written: by path, the file that has it. */
  spooled: Map<string, string>;
  /** Holds back the end of an object until the promise resolves. */
  hold: Map<string, { after: number; until: Promise<void> }>;
  /** Tells the fault of the n-th answer to GetObject, n from 1. */
  fault: (n: number) => Fault | undefined;
  /** The answers to GetObject so far. */
  gets: GetRequest[];
  /** Answers PutObject with an error while true, or for the paths it is true for. */
  refuseWrites: boolean | ((path: string) => boolean);
  /** Is awaited before an answer to PutObject. */
  beforeWrite: (path: string) => Promise<void>;
  /** Forgets all of the above. */
  reset(): void;
  close(): Promise<void>;
}

function sendError(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}

/** A generated object of these bytes. */
export function fromBytes(bytes: Uint8Array): GeneratedObject {
  const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
  return { bytes: bytes.length, etag, read: (from) => [bytes.subarray(from)] };
}

function findObject(fake: FakeS3, path: string): GeneratedObject | undefined {
  const text = fake.objects.get(path);
  return fake.generated.get(path) ?? (text === undefined ? text : fromBytes(Buffer.from(text)));
}

function* limit(chunks: Iterable<Uint8Array>, bytes: number): Generator<Uint8Array> {
  let left = bytes;
  for (const chunk of chunks) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.length;
  }
}

/** Writes until all is out or the client is gone; gives how many bytes were written. */
async function send(response: ServerResponse, chunks: Iterable<Uint8Array>): Promise<number> {
  let sent = 0;
  for (const chunk of chunks) {
    if (response.destroyed) break;
    sent += chunk.length;
    if (!response.write(chunk)) {
      await Promise.race([once(response, "drain"), once(response, "close")]);
    }
  }
  return sent;
}

async function breakOff(response: ServerResponse, { how }: Fault): Promise<void> {
  // What was written leaves first, so that the client has exactly the bytes of the fault.
  while (response.writableLength > 0) await once(response, "drain");
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (how === "cut") response.socket?.destroy();
  if (how === "reset") response.socket?.resetAndDestroy();
}

interface Part {
  object: GeneratedObject;
  from: number;
  status: 200 | 206 | 412 | 416;
}

/** What S3 answers to these headers (Amazon S3 API Reference, GetObject). */
function choosePart(object: GeneratedObject, request: IncomingMessage): Part {
  const ifMatch = request.headers["if-match"];
  if (ifMatch !== undefined && ifMatch !== object.etag) return { object, from: 0, status: 412 };
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
  if (range === undefined) return { object, from: 0, status: 200 };
  const from = Number(range);
  return { object, from, status: from < object.bytes ? 206 : 416 };
}

function sendHead(response: ServerResponse, { object, from, status }: Part): void {
  const last = object.bytes - 1;
  response.writeHead(status, {
    "content-length": object.bytes - from,
    "accept-ranges": "bytes",
    etag: object.etag,
    ...(status === 206 ? { "content-range": `bytes ${from}-${last}/${object.bytes}` } : {}),
  });
}

async function sendBody(
  fake: FakeS3,
  response: ServerResponse,
  get: GetRequest,
  { object, from }: Part,
): Promise<void> {
  const hold = fake.hold.get(get.path);
  if (hold !== undefined) {
    get.sent += await send(response, limit(object.read(from), hold.after - from));
    await hold.until;
    get.sent += await send(response, object.read(Math.max(from, hold.after)));
    response.end();
    return;
  }
  const fault = fake.fault(fake.gets.length);
  get.sent += await send(response, limit(object.read(from), fault?.after ?? Infinity));
  if (fault !== undefined && from + fault.after < object.bytes) await breakOff(response, fault);
  else response.end();
}

async function answerGet(
  fake: FakeS3,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const object = findObject(fake, path);
  if (object === undefined) {
    sendError(response, 404, "NoSuchKey");
    return;
  }
  const part = choosePart(object, request);
  const { range, "if-match": ifMatch } = request.headers;
  const get: GetRequest = { path, range, ifMatch, status: part.status, sent: 0 };
  if (request.method === "GET") fake.gets.push(get);
  if (part.status === 412) sendError(response, 412, "PreconditionFailed");
  else if (part.status === 416) sendError(response, 416, "InvalidRange");
  else {
    sendHead(response, part);
    if (request.method === "HEAD") response.end();
    else await sendBody(fake, response, get, part);
  }
}

interface Store {
  fake: FakeS3;
  folder: string;
}

async function keepBody(
  { fake, folder }: Store,
  name: string,
  body: AsyncIterable<Buffer>,
): Promise<void> {
  let kept: Buffer[] = [];
  let bytes = 0;
  let file: ReturnType<typeof createWriteStream> | undefined;
  for await (const chunk of body) {
    bytes += chunk.length;
    kept.push(chunk);
    if (bytes < MAX_KEPT_BYTES) continue;
    file ??= createWriteStream(path.join(folder, createHash("md5").update(name).digest("hex")));
    if (!file.write(Buffer.concat(kept))) await once(file, "drain");
    kept = [];
  }
  if (file === undefined) {
    fake.objects.set(name, Buffer.concat(kept).toString());
  } else {
    file.end(Buffer.concat(kept));
    await once(file, "close");
    fake.spooled.set(name, String(file.path));
  }
}

async function answerPut(
  store: Store,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { fake } = store;
  const refused =
    typeof fake.refuseWrites === "function" ? fake.refuseWrites(path) : fake.refuseWrites;
  if (refused) {
    request.resume();
    sendError(response, 403, "AccessDenied");
    return;
  }
  // S3 takes no body of an unknown length (Amazon S3 API Reference, Error responses).
  if (request.headers["content-length"] === undefined) {
    sendError(response, 411, "MissingContentLength");
    return;
  }
  const chunked = (request.headers["content-encoding"] ?? "").includes("aws-chunked");
  await keepBody(store, path, chunked ? decodeAwsChunked(request) : request);
  await fake.beforeWrite(path);
  response.end();
}

async function answer(store: Store, request: IncomingMessage, response: ServerResponse) {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://fake").pathname);
  // The client may be gone at any time.
  response.on("error", () => undefined);
  try {
    if (request.method === "PUT") await answerPut(store, path, request, response);
    else await answerGet(store.fake, path, request, response);
  } catch (error) {
    response.destroy(error as Error);
  }
}

const settings = () => ({
  fault: () => undefined,
  refuseWrites: false,
  beforeWrite: () => Promise.resolve(),
});

/** A server that answers GetObject, HeadObject and PutObject, addressed by path. */
export async function startFakeS3(): Promise<FakeS3> {
  const folder = await mkdtemp(path.join(tmpdir(), "batch-s3-"));
  const server = createServer((request, response) => {
    void answer({ fake, folder }, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: FakeS3 = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    generated: new Map(),
    spooled: new Map(),
    hold: new Map(),
    gets: [],
    ...settings(),
    reset() {
      for (const map of [fake.objects, fake.generated, fake.spooled, fake.hold]) map.clear();
      fake.gets.length = 0;
      Object.assign(fake, settings());
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true });
    },
  };
  return fake;
}
