import { X509Certificate } from 'node:crypto';
import { Client } from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { parseDatabaseUrl } from '@/lib/databaseUrl';
import { composeDatabaseUrl } from '../entrypoint.mjs';

const base = 'postgresql://app:secret@db.example.com:5432/prooflink';

function verified(url: string) {
  const { ssl } = parseDatabaseUrl(url);
  if (!ssl) throw new Error('no TLS');
  return ssl;
}

describe('parseDatabaseUrl', () => {
  it('uses no TLS with sslmode=disable', () => {
    expect(parseDatabaseUrl(`${base}?sslmode=disable`)).toEqual({ connectionString: base, ssl: false });
  });

  it.each(['?sslmode=verify-full', '?sslmode=require', ''])(
    'verifies certificate and name with "%s"',
    (query) => {
      expect(verified(base + query)).toMatchObject({
        rejectUnauthorized: true,
        servername: 'db.example.com',
      });
    },
  );

  it('trusts the certificate authorities of Amazon RDS in Tokyo', () => {
    const subjects = (verified(base).ca as string[]).map((pem) => new X509Certificate(pem).subject);
    expect(subjects.filter((subject) => subject.includes('ap-northeast-1'))).not.toHaveLength(0);
  });

  it('names no server for an IP address', () => {
    expect(verified('postgresql://u:p@10.0.0.5/db')).not.toHaveProperty('servername');
  });

  it('hands pg no TLS parameter, and keeps the others', () => {
    const url = `${base}?sslmode=require&sslrootcert=/x.pem&uselibpqcompat=true&options=-c%20geqo%3Doff`;
    const { connectionString } = parseDatabaseUrl(url);
    expect([...new URL(connectionString).searchParams]).toEqual([['options', '-c geqo=off']]);
  });

  it('reaches pg with the exact password and without a warning', () => {
    const warn = vi.spyOn(process, 'emitWarning');
    const password = 'p@ss/w:rd %#?é';
    const url = composeDatabaseUrl({
      DB_HOST: 'db.example.com',
      DB_NAME: 'prooflink',
      DB_USERNAME: 'a@b',
      DB_PASSWORD: password,
    });
    const client = new Client(parseDatabaseUrl(url));
    expect(client).toMatchObject({ user: 'a@b', password, host: 'db.example.com', database: 'prooflink' });
    expect(warn).not.toHaveBeenCalled();
  });

  it.each(['no-verify', 'prefer', 'verify-ca', ''])('refuses sslmode "%s"', (mode) => {
    expect(() => parseDatabaseUrl(`${base}?sslmode=${mode}`)).toThrow(
      `has the sslmode "${mode}": use disable, require, verify-full`,
    );
  });

  it.each([
    '',
    'db.example.com',
    'mysql://u:p@h/db',
    'postgresql://',
    'postgresql:///db',
    'postgresql://h:port/db',
  ])('refuses the address "%s" without repeating it', (url) => {
    expect(() => parseDatabaseUrl(url)).toThrow('is not a URL of the form postgresql://user:password@host');
  });
});
