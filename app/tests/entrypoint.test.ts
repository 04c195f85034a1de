import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { composeDatabaseUrl, ConfigurationError, serverEnvironment } from '../entrypoint.mjs';

const script = fileURLToPath(new URL('../entrypoint.mjs', import.meta.url));
const parts = {
  DB_HOST: 'db.example.com',
  DB_NAME: 'prooflink',
  DB_USERNAME: 'app',
  DB_PASSWORD: 'secret',
};

describe('composeDatabaseUrl', () => {
  it('verifies the certificate and uses port 5432 unless told otherwise', () => {
    expect(composeDatabaseUrl(parts)).toBe(
      'postgresql://app:secret@db.example.com:5432/prooflink?sslmode=verify-full',
    );
  });

  it('takes the port and the sslmode from the environment', () => {
    const url = composeDatabaseUrl({ ...parts, DB_PORT: '6432', DB_SSLMODE: 'disable' });
    expect(url).toBe('postgresql://app:secret@db.example.com:6432/prooflink?sslmode=disable');
  });

  it.each(['p@ss/w:rd %#?é', 'a&b=c+d;\'"`$(x)', '日本語', '%41', '\\[]{}|^'])(
    'gives back the password %s',
    (password) => {
      const url = new URL(composeDatabaseUrl({ ...parts, DB_PASSWORD: password }));
      expect(decodeURIComponent(url.password)).toBe(password);
      expect(url.hostname).toBe('db.example.com');
      expect(url.pathname).toBe('/prooflink');
      expect(url.searchParams.get('sslmode')).toBe('verify-full');
    },
  );

  it('encodes the user and the database as well', () => {
    const url = new URL(composeDatabaseUrl({ ...parts, DB_USERNAME: 'a@b', DB_NAME: 'x/y?z' }));
    expect(decodeURIComponent(url.username)).toBe('a@b');
    expect(decodeURIComponent(url.pathname)).toBe('/x/y?z');
  });

  it('names every missing variable at once, an empty one included', () => {
    const compose = () => composeDatabaseUrl({ DB_HOST: 'h', DB_PASSWORD: '' });
    expect(compose).toThrow(ConfigurationError);
    expect(compose).toThrow('DB_NAME, DB_USERNAME, DB_PASSWORD');
  });
});

describe('serverEnvironment', () => {
  it('binds to every address, whatever the platform puts into HOSTNAME', () => {
    const env = serverEnvironment({ ...parts, HOSTNAME: 'ip-10-0-0-1.internal' });
    expect(env).toMatchObject({ HOSTNAME: '0.0.0.0', PORT: '3000', KEEP_ALIVE_TIMEOUT: '65000' });
  });

  it('keeps what is set', () => {
    const set = { DATABASE_URL: 'postgresql://elsewhere/db', PORT: '8080', KEEP_ALIVE_TIMEOUT: '70000' };
    expect(serverEnvironment({ ...parts, ...set })).toMatchObject(set);
  });
});

describe('entrypoint.mjs', () => {
  it('exits 2 with one fatal record when the database is not configured', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
      env: { NODE_ENV: 'production', DB_HOST: 'h' },
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      level: 'fatal',
      logSource: 'server',
      message: 'read configuration: set DATABASE_URL, or set the missing DB_NAME, DB_USERNAME, DB_PASSWORD',
    });
  });
});
