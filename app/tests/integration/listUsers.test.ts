import { drizzle } from 'drizzle-orm/node-postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listUsers, type UserList } from '@/features/users/api/listUsers';
import { isMissingTable } from '@/lib/databaseError';
import { parseDatabaseUrl } from '@/lib/databaseUrl';

const url = process.env.TEST_DATABASE_URL;
const schema = `app_test_${process.pid}`;

// The contract with batch/, whose migrations own the table.
const TABLE = `create table users (
  id integer generated always as identity primary key,
  email text not null unique,
  name text not null,
  role text not null check (role in ('admin', 'member', 'viewer')),
  department text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  updated_by text not null
)`;

const ROWS = `insert into users (email, name, role, department, updated_by)
  select 'user' || n || '@example.com', 'User ' || lpad(n::text, 2, '0'), 'member', 'QA', 'test'
  from generate_series(1, 45) n
  union all select 'sato_50%@example.com', '佐藤 花子', 'admin', '', 'test'`;

const title = url
  ? 'listUsers on PostgreSQL'
  : 'listUsers on PostgreSQL (skipped: TEST_DATABASE_URL is not set)';

describe.skipIf(!url)(title, () => {
  const client = new Client(parseDatabaseUrl(url ?? 'postgresql://unused'));
  const db = drizzle(client);

  beforeAll(async () => {
    await client.connect();
    await client.query(`create schema ${schema}`);
    await client.query(`set search_path to ${schema}`);
  });

  afterAll(async () => {
    await client.query(`drop schema if exists ${schema} cascade`);
    await client.end();
  });

  it('fails in a way that tells a database without migrations', async () => {
    await expect(listUsers(db, { q: '', page: 1 })).rejects.toSatisfy(isMissingTable);
    await client.query(TABLE);
  });

  it('lists nothing in an empty table', async () => {
    expect(await listUsers(db, { q: '', page: 1 })).toEqual({ users: [], total: 0, page: 1, pageCount: 1 });
    await client.query(ROWS);
  });

  it('pages by name, shows every row once, and stops at the last page', async () => {
    const pages: UserList[] = [];
    for (const page of [1, 2, 3]) pages.push(await listUsers(db, { q: '', page }));
    const ids = pages.flatMap((page) => page.users.map((user) => user.id));
    expect(pages.map((page) => page.users.length)).toEqual([20, 20, 6]);
    expect(new Set(ids).size).toBe(46);
    expect(pages[0]?.users[0]).toMatchObject({
      name: 'User 01',
      role: 'member',
      updatedAt: expect.any(Date),
    });
    expect(await listUsers(db, { q: '', page: 99 })).toEqual(pages[2]);
  });

  it.each([
    ['part of a name, in any case', 'uSeR 0', 9],
    ['part of an email', '@example', 46],
    ['Japanese', '花子', 1],
    ['wildcards as plain text', '_50%', 1],
    ['a lone wildcard', '%', 1],
    ['a quote', "o'brien", 0],
    ['a backslash', '\\', 0],
  ])('finds %s', async (_what, q, total) => {
    expect(await listUsers(db, { q, page: 1 })).toMatchObject({ total });
  });

  it('leaves the table as it was, whatever is searched for', async () => {
    await listUsers(db, { q: "'; drop table users; --", page: 1 });
    const { rows } = await client.query('select count(*)::int as n from users');
    expect(rows).toEqual([{ n: 46 }]);
  });
});
