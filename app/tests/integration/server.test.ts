import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const standalone = fileURLToPath(new URL('../../.next/standalone/', import.meta.url));
const built = existsSync(`${standalone}entrypoint.mjs`);
const title = built ? 'the built server' : 'the built server (skipped: run "npm run build" first)';

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  return port;
}

describe.skipIf(!built)(title, () => {
  // A database that accepts connections and never answers keeps a request in flight for as long as we like.
  let silent: Server;
  let app: ChildProcess;
  let output: string;
  let address: string;

  beforeEach(async () => {
    silent = createServer(() => undefined);
    const databasePort = await listen(silent);
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    output = '';
    app = spawn(process.execPath, ['entrypoint.mjs'], {
      cwd: standalone,
      env: {
        NODE_ENV: 'production',
        HOSTNAME: 'not-this-address.invalid',
        PORT: String(port),
        DATABASE_URL: `postgresql://app:secret@127.0.0.1:${databasePort}/prooflink?sslmode=disable`,
      },
    });
    app.stdout?.on('data', (chunk) => (output += chunk));
    await ready();
  });

  afterEach(() => {
    app.kill('SIGKILL');
    silent.close();
  });

  async function ready(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const response = await fetch(`${address}/api/health`).catch(() => null);
      if (response?.ok) return;
      await sleep(100);
    }
    throw new Error(`the server did not start: ${output}`);
  }

  it('answers on every address, without a redirect, and logs its start', async () => {
    const response = await fetch(`${address}/health`, { redirect: 'error' });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('keep-alive')).toBe('timeout=65');
    expect(output).toMatch(/"level":"info","logSource":"server","message":"server starting"/);
  });

  it('shows the page with an explanation when the database does not answer, and logs an error', async () => {
    const response = await fetch(`${address}/?q=tanaka`);
    expect(await response.text()).toContain('The user list is not available');
    expect(output).toContain('"level":"error","logSource":"server","message":"list users failed"');
    expect(output).not.toContain('tanaka');
  }, 15_000);

  it('on SIGTERM finishes the request in flight, and then ends', async () => {
    const inFlight = fetch(`${address}/api/health?deep=1`);
    await once(silent, 'connection');
    const stopped = Date.now();
    app.kill('SIGTERM');
    const exited = once(app, 'exit');
    expect(await (await inFlight).json()).toEqual({ status: 'degraded', checks: { database: 'down' } });
    await exited;
    expect(Date.now() - stopped).toBeLessThan(10_000);
  }, 30_000);

  it('on SIGTERM ends at once when nothing is in flight, whatever connections are open', async () => {
    await (await fetch(`${address}/api/health`)).text();
    const unused = connect(Number(new URL(address).port), '127.0.0.1');
    await once(unused, 'connect');
    const stopped = Date.now();
    app.kill('SIGTERM');
    const [code, signal] = await once(app, 'exit');
    unused.destroy();
    expect({ code, signal }).toEqual({ code: 143, signal: null });
    expect(Date.now() - stopped).toBeLessThan(3_000);
  }, 10_000);
});
