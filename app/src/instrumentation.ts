import type { Instrumentation } from 'next';

/** Runs once when the server starts. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { start } = await import('./lib/start');
  start();
}

/**
 * Records what Next itself caught while it answered a request, with the digest that the error page shows. The path
 * is logged without its query.
 */
export const onRequestError: Instrumentation.onRequestError = async (error, request) => {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { errorData, logger } = await import('./lib/logger');
  const path = request.path.split('?')[0];
  const { digest } = Object(error);
  logger.error('request failed', { method: request.method, path, digest, ...errorData(error) });
};
