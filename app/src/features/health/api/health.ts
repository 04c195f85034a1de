import { pool } from '@/lib/db';
import { errorData, logger } from '@/lib/logger';

function answer(status: 200 | 503, body: object): Response {
  return Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } });
}

async function deepHealth(): Promise<Response> {
  try {
    await pool().query('select 1');
    return answer(200, { status: 'ok', checks: { database: 'ok' } });
  } catch (error) {
    logger.error('DB health check failed', errorData(error));
    return answer(503, { status: 'degraded', checks: { database: 'down' } });
  }
}

/**
 * Says that the process serves requests. The database is asked only with ?deep=1: the load balancer must not
 * replace tasks that work because the database is stopped for the night.
 */
export async function health(request: Request): Promise<Response> {
  const deep = new URL(request.url).searchParams.get('deep') === '1';
  return deep ? deepHealth() : answer(200, { status: 'ok' });
}
