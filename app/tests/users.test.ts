import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { pageWindow } from '@/components/ui/pageWindow';
import { pageOf, type UserList } from '@/features/users/api/listUsers';
import { containsPattern, parseUserListQuery, userListHref } from '@/features/users/api/userListQuery';
import { countText } from '@/features/users/components/UserResults';
import { databaseErrorData, isMissingTable } from '@/lib/databaseError';

describe('parseUserListQuery', () => {
  it.each([
    ['nothing', {}, { q: '', page: 1 }],
    ['a search and a page', { q: ' sato ', page: '3' }, { q: 'sato', page: 3 }],
    ['repeated parameters', { q: ['a', 'b'], page: ['2', '9'] }, { q: 'a', page: 2 }],
    ['a page of letters', { page: 'abc' }, { q: '', page: 1 }],
    ['page zero', { page: '0' }, { q: '', page: 1 }],
    ['a negative page', { page: '-2' }, { q: '', page: 1 }],
    ['a fraction', { page: '1.5' }, { q: '', page: 1 }],
    ['a page no integer holds', { page: '99999999999999999999' }, { q: '', page: 1 }],
    ['a NUL, which PostgreSQL refuses', { q: 'a\0b' }, { q: 'ab', page: 1 }],
  ])('reads %s', (_what, params, expected) => {
    expect(parseUserListQuery(params)).toEqual(expected);
  });

  it('cuts a search that is too long', () => {
    expect(parseUserListQuery({ q: 'x'.repeat(500) }).q).toHaveLength(100);
  });
});

describe('userListHref', () => {
  it.each([
    [{ q: '', page: 1 }, '/'],
    [{ q: '', page: 2 }, '/?page=2'],
    [{ q: 'a&b=ü', page: 1 }, '/?q=a%26b%3D%C3%BC'],
    [{ q: 'x', page: 3 }, '/?q=x&page=3'],
  ])('writes %j as %s', (query, href) => {
    expect(userListHref(query)).toBe(href);
  });
});

describe('containsPattern', () => {
  it('takes wildcards literally', () => {
    expect(containsPattern('50%_\\')).toBe('%50\\%\\_\\\\%');
  });
});

describe('pageOf', () => {
  it.each([
    ['no rows', 0, 5, { page: 1, pageCount: 1 }],
    ['exactly one page', 20, 1, { page: 1, pageCount: 1 }],
    ['one row more', 21, 2, { page: 2, pageCount: 2 }],
    ['a page beyond the last', 60, 99, { page: 3, pageCount: 3 }],
  ])('for %s', (_what, total, wanted, expected) => {
    expect(pageOf(total, wanted)).toEqual(expected);
  });
});

describe('pageWindow', () => {
  it.each([
    [1, 1, [1]],
    [2, 3, [1, 2, 3]],
    [1, 9, [1, 2, null, 9]],
    [5, 9, [1, null, 4, 5, 6, null, 9]],
    [3, 9, [1, 2, 3, 4, null, 9]],
    [4, 9, [1, 2, 3, 4, 5, null, 9]],
    [9, 9, [1, null, 8, 9]],
  ])('around page %i of %i', (page, pageCount, expected) => {
    expect(pageWindow(page, pageCount)).toEqual(expected);
  });
});

describe('countText', () => {
  const list = (total: number, page: number, shown: number): UserList => ({
    users: Array(shown),
    total,
    page,
    pageCount: 1,
  });

  it.each([
    [list(1, 1, 1), '', '1 user'],
    [list(20, 1, 20), '', '20 users'],
    [list(63, 4, 3), '', '61–63 of 63 users'],
    [list(2, 1, 2), 'sato', '2 users matching “sato”'],
  ])('says what is shown', (given, q, expected) => {
    expect(countText(given, q)).toBe(expected);
  });
});

describe('database errors', () => {
  const wrapped = (code: string) =>
    new DrizzleQueryError('select … like $1', ['%tanaka%'], Object.assign(new Error('cause'), { code }));

  it('tells a missing table from other failures', () => {
    expect(isMissingTable(wrapped('42P01'))).toBe(true);
    expect(isMissingTable(wrapped('ECONNREFUSED'))).toBe(false);
    expect(isMissingTable('nothing')).toBe(false);
  });

  it('logs the cause without what the user searched for', () => {
    const data = databaseErrorData(wrapped('ECONNREFUSED'));
    expect(data).toMatchObject({ error: 'cause', code: 'ECONNREFUSED' });
    expect(JSON.stringify(data)).not.toContain('tanaka');
  });
});
