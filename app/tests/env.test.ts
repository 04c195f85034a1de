import { describe, expect, it } from 'vitest';
import { env, EnvError, parseEnv } from '@/config/env';

const valid = { DATABASE_URL: 'postgresql://app:secret@127.0.0.1:5432/prooflink?sslmode=disable' };

function problemsOf(source: Record<string, string>): string[] {
  try {
    parseEnv(source);
  } catch (error) {
    if (error instanceof EnvError) return error.problems;
    throw error;
  }
  return [];
}

describe('parseEnv', () => {
  it('fills in the defaults', () => {
    expect(parseEnv(valid)).toMatchObject({ DB_POOL_MAX: 10, LOG_LEVEL: 'info' });
  });

  it('treats an empty variable as one that is not set', () => {
    expect(parseEnv({ ...valid, LOG_LEVEL: '', DB_POOL_MAX: '' })).toMatchObject({
      DB_POOL_MAX: 10,
      LOG_LEVEL: 'info',
    });
  });

  it('lists every bad variable in one error', () => {
    expect(problemsOf({ DB_POOL_MAX: 'many', LOG_LEVEL: 'verbose' })).toEqual([
      'DATABASE_URL is not set',
      'DB_POOL_MAX is not a number',
      'LOG_LEVEL is none of debug, info, warn, error, fatal',
    ]);
  });

  it.each([
    ['0', 'DB_POOL_MAX is below 1'],
    ['101', 'DB_POOL_MAX is above 100'],
    ['1.5', 'DB_POOL_MAX is not a whole number'],
  ])('refuses a pool of %s', (DB_POOL_MAX, problem) => {
    expect(problemsOf({ ...valid, DB_POOL_MAX })).toEqual([problem]);
  });

  it('never repeats a value, which may hold a password', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://app:secret@h/db', LOG_LEVEL: 'secret' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('secret');
  });
});

describe('env', () => {
  it('can be imported without an environment, and complains on use', () => {
    delete process.env.DATABASE_URL;
    expect(() => env()).toThrow('read environment: DATABASE_URL is not set');
  });
});
