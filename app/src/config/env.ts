import { z } from 'zod';
import { parseDatabaseUrl } from '@/lib/databaseUrl';
import { LOG_LEVELS } from '@/lib/logger';

const databaseUrl = z.string('is not set').transform((value, context) => {
  try {
    return parseDatabaseUrl(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const schema = z.object({
  DATABASE_URL: databaseUrl,
  DB_POOL_MAX: z.coerce
    .number('is not a number')
    .int('is not a whole number')
    .min(1, 'is below 1')
    .max(100, 'is above 100')
    .default(10),
  LOG_LEVEL: z.enum(LOG_LEVELS, `is none of ${LOG_LEVELS.join(', ')}`).default('info'),
});

export type Env = z.infer<typeof schema>;

/** Names every variable that is missing or wrong, and never the values: they hold passwords. */
export class EnvError extends Error {
  constructor(readonly problems: string[]) {
    super(`read environment: ${problems.join('; ')}`);
    this.name = 'EnvError';
  }
}

/** Reads and checks the variables of the given environment. */
export function parseEnv(source: Record<string, string | undefined>): Env {
  const set = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''));
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  throw new EnvError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
}

let cached: Env | undefined;

/** The environment, read on first use: the build runs without one. */
export function env(): Env {
  cached ??= parseEnv(process.env);
  return cached;
}
