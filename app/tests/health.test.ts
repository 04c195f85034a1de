import { beforeEach, describe, expect, it, vi } from 'vitest';
import { GET as getApiHealth } from '@/app/api/health/route';
import { GET as getHealth } from '@/app/health/route';

const { query, pool } = vi.hoisted(() => {
  const query = vi.fn();
  return { query, pool: vi.fn(() => ({ query })) };
});
vi.mock('@/lib/db', () => ({ pool }));

const url = 'http://localhost:3000/api/health';

beforeEach(() => {
  query.mockReset();
  pool.mockClear();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

describe.each([
  ['/api/health', getApiHealth],
  ['/health', getHealth],
])('GET %s', (_path, get) => {
  it('answers ok without asking the database', async () => {
    const response = await get(new Request(url));
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({ status: 'ok' });
    expect(pool).not.toHaveBeenCalled();
  });

  it('asks the database with ?deep=1', async () => {
    query.mockResolvedValue({});
    const response = await get(new Request(`${url}?deep=1`));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok', checks: { database: 'ok' } });
  });

  it('answers 503 with no detail, and logs the cause, when the database is down', async () => {
    query.mockRejectedValue(new Error('password authentication failed for user "app"'));
    const response = await get(new Request(`${url}?deep=1`));
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'degraded', checks: { database: 'down' } });
    expect(process.stdout.write).toHaveBeenCalledWith(expect.stringContaining('DB health check failed'));
  });
});
