import { beforeEach, describe, expect, it, vi } from 'vitest';
import { logger } from '@/lib/logger';
import { record as entrypointRecord } from '../entrypoint.mjs';

let lines: string[];

beforeEach(() => {
  lines = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    lines.push(String(chunk));
    return true;
  });
});

function record(): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '');
}

describe('logger', () => {
  it('writes the common record as one line', () => {
    logger.error('DB connect\nfailed', { code: 'ETIMEDOUT' });
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    expect(record()).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'error',
      logSource: 'server',
      message: 'DB connect\nfailed',
      data: { code: 'ETIMEDOUT' },
    });
  });

  it('always has data, so that queries need not ask', () => {
    logger.info('server starting');
    expect(record().data).toEqual({});
  });

  it.each([
    ['warn', ['warn', 'error', 'fatal']],
    ['debug', ['debug', 'info', 'warn', 'error', 'fatal']],
    ['nonsense', ['info', 'warn', 'error', 'fatal']],
  ])('with LOG_LEVEL=%s writes %j', (level, written) => {
    vi.stubEnv('LOG_LEVEL', level);
    for (const write of Object.values(logger)) write('x');
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(written);
  });

  it('writes an error with its code, and a big integer', () => {
    const error = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    logger.warn('x', { error, big: 12n });
    expect(record().data).toMatchObject({ error: { error: 'refused', code: 'ECONNREFUSED' }, big: '12' });
  });

  it('survives data that has no JSON form', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    logger.warn('kept', circular);
    expect(record()).toMatchObject({ message: 'kept', data: { unserializable: expect.any(String) } });
  });

  it('has the shape that the entrypoint writes', () => {
    logger.fatal('x');
    expect(Object.keys(JSON.parse(entrypointRecord('fatal', 'x')))).toEqual(Object.keys(record()));
  });
});
