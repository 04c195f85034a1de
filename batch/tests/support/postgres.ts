import { randomBytes } from "node:crypto";

import pg from "pg";

function readServer(): URL {
  const server = process.env.TEST_DATABASE_URL ?? "";
  if (server === "") {
    throw new Error("TEST_DATABASE_URL is not set: run ../.ci/with-postgres npm test");
  }
  return new URL(server);
}

export interface TestDatabase {
  url: string;
  client: pg.Client;
  drop(): Promise<void>;
}

async function connect(url: URL): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
}

/** Creates a database of its own on the server, so that nothing existing is touched. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const url = readServer();
  if (!url.searchParams.has("sslmode")) url.searchParams.set("sslmode", "disable");
  const admin = await connect(url);
  const name = `batch_test_${randomBytes(6).toString("hex")}`;
  await admin.query(`CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  const client = await connect(url);
  return {
    url: url.href,
    client,
    async drop() {
      await client.end();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}
