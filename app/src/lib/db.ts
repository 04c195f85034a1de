import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { env, type Env } from '@/config/env';
import { errorData, logger } from '@/lib/logger';

export type Database = NodePgDatabase;

const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 10_000;

/** Opens a pool that gives up in time for a page to say so, instead of waiting for the load balancer to. */
export function createPool({ DATABASE_URL, DB_POOL_MAX }: Pick<Env, 'DATABASE_URL' | 'DB_POOL_MAX'>): Pool {
  const pool = new Pool({
    ...DATABASE_URL,
    max: DB_POOL_MAX,
    application_name: 'prooflink-app',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    statement_timeout: QUERY_TIMEOUT_MS,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection that breaks (a failover, the nightly stop) would otherwise end the process.
  pool.on('error', (error) => logger.warn('DB idle connection lost', errorData(error)));
  return pool;
}

// Kept on globalThis, or every reload of `next dev` would open another pool.
const shared = globalThis as { prooflinkPool?: Pool };

export function pool(): Pool {
  shared.prooflinkPool ??= createPool(env());
  return shared.prooflinkPool;
}

export function database(): Database {
  return drizzle(pool());
}
