import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface DatabaseProxy {
  /** The database's URL through this proxy. */
  url: string;
  close(): void;
}

/** What becomes of the connection that sends COMMIT: it ends before or after the server has it. */
export type CommitFault = "before" | "after";

const COMMIT = Buffer.from("COMMIT\0");

/** A proxy that breaks the first connection which commits, and lets all others through. */
export async function startProxy(databaseUrl: string, fault: CommitFault): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isBroken = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket.on("error", () => undefined));
    }
    upstream.pipe(client);
    client.on("data", (data) => {
      if (isBroken || !data.includes(COMMIT)) {
        upstream.write(data);
        return;
      }
      isBroken = true;
      if (fault === "before") {
        client.destroy();
        return;
      }
      upstream.unpipe(client);
      upstream.once("data", () => client.destroy()).resume();
      upstream.write(data);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  url.hostname = "127.0.0.1";
  return {
    url: url.href,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
