// Prepares the environment and starts the server in this process, so that SIGTERM reaches it directly.
// Node and not a shell script: a password needs exact percent-encoding.
import { subscribe } from 'node:diagnostics_channel';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const REQUIRED = ['DB_HOST', 'DB_NAME', 'DB_USERNAME', 'DB_PASSWORD'];

const EXIT_CONFIGURATION = 2;
const EXIT_SIGTERM = 143;
const STOP_LIMIT_MS = 25_000;

/** An environment the server can't start with; its message is meant for the operator. */
export class ConfigurationError extends Error {}

/**
 * Composes the connection URL from DB_*, with every part percent-encoded.
 * @param {Record<string, string | undefined>} env
 * @returns {string}
 */
export function composeDatabaseUrl(env) {
  const missing = REQUIRED.filter((name) => !env[name]);
  if (missing.length > 0) {
    throw new ConfigurationError(`set DATABASE_URL, or set the missing ${missing.join(', ')}`);
  }
  const [host, database, user, password] = REQUIRED.map((name) => encodeURIComponent(env[name] ?? ''));
  const port = encodeURIComponent(env.DB_PORT || '5432');
  const sslmode = encodeURIComponent(env.DB_SSLMODE || 'verify-full');
  return `postgresql://${user}:${password}@${host}:${port}/${database}?sslmode=${sslmode}`;
}

/**
 * Returns the variables the server starts with, on top of what is set.
 * @param {Record<string, string | undefined>} env
 */
export function serverEnvironment(env) {
  return {
    DATABASE_URL: env.DATABASE_URL || composeDatabaseUrl(env),
    // Fargate sets HOSTNAME to the task's own name, and Next would bind to that one address only.
    HOSTNAME: '0.0.0.0',
    PORT: env.PORT || '3000',
    // Longer than the load balancer's idle timeout of 60 s, or it reuses connections that Node has closed.
    KEEP_ALIVE_TIMEOUT: env.KEEP_ALIVE_TIMEOUT || '65000',
  };
}

/**
 * The same record as src/lib/logger.ts writes: this file runs before and outside the bundle.
 * @param {string} level
 * @param {string} message
 */
export function record(level, message) {
  const timestamp = new Date().toISOString();
  return JSON.stringify({ timestamp, level, logSource: 'server', message, data: {} });
}

/**
 * Closes connections that wait for a request, until none is left. On SIGTERM Next finishes what is in flight and
 * ends when the last connection closes; but kept-alive ones stay open for KEEP_ALIVE_TIMEOUT, longer than the
 * 30 s after which ECS kills the task.
 */
function drainOnSigterm() {
  const servers = new Set();
  const sockets = new Set();
  subscribe('http.server.request.start', (event) => servers.add(Object(event).server));
  subscribe('net.server.socket', (event) => {
    const { socket } = Object(event);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const closeWaiting = () => {
    for (const server of servers) server.closeIdleConnections();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  process.once('SIGTERM', () => {
    setInterval(closeWaiting, 50).unref();
    setTimeout(giveUp, STOP_LIMIT_MS).unref();
  });
}

function giveUp() {
  console.log(record('warn', `stop: requests still in flight after ${STOP_LIMIT_MS / 1000} s were cut off`));
  process.exit(EXIT_SIGTERM);
}

async function main() {
  try {
    Object.assign(process.env, serverEnvironment(process.env));
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    console.log(record('fatal', `read configuration: ${error.message}`));
    process.exitCode = EXIT_CONFIGURATION;
    return;
  }
  drainOnSigterm();
  // A variable, because server.js exists only in the built output.
  const server = './server.js';
  await import(server);
}

const started = process.argv[1];
if (started && realpathSync(started) === fileURLToPath(import.meta.url)) await main();
