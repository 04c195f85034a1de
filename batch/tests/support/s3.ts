import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeS3 {
  endpoint: string;
  /** By path: /bucket/key. */
  objects: Map<string, string>;
  /** Holds back the end of an object until the promise resolves. */
  hold: Map<string, { after: number; until: Promise<void> }>;
  /** Answers PutObject with an error while true. */
  refuseWrites: boolean;
  close(): Promise<void>;
}

function sendError(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function sendObject(fake: FakeS3, path: string, response: ServerResponse): Promise<void> {
  const body = Buffer.from(fake.objects.get(path) ?? "");
  const hold = fake.hold.get(path);
  response.writeHead(200, { "content-length": body.length });
  if (hold === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, hold.after));
  await hold.until;
  response.end(body.subarray(hold.after));
}

async function answer(fake: FakeS3, request: IncomingMessage, response: ServerResponse) {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://fake").pathname);
  if (request.method === "PUT") {
    const body = await readBody(request);
    if (fake.refuseWrites) {
      sendError(response, 403, "AccessDenied");
      return;
    }
    fake.objects.set(path, body);
    response.end();
  } else if (fake.objects.has(path)) {
    await sendObject(fake, path, response);
  } else {
    sendError(response, 404, "NoSuchKey");
  }
}

/** A server that answers GetObject and PutObject, addressed by path. */
export async function startFakeS3(): Promise<FakeS3> {
  const server = createServer((request, response) => void answer(fake, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: FakeS3 = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    hold: new Map(),
    refuseWrites: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return fake;
}
