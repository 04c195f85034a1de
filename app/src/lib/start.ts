import { env } from '@/config/env';
import { logger } from '@/lib/logger';
import { version } from '../../package.json';

const EXIT_CONFIGURATION = 2;

/** Logs the start, or ends the process: a server with a wrong configuration must not replace one that works. */
export function start(): void {
  try {
    const { LOG_LEVEL } = env();
    logger.info('server starting', { version, node: process.version, logLevel: LOG_LEVEL });
  } catch (error) {
    logger.fatal((error as Error).message, { version });
    process.exit(EXIT_CONFIGURATION);
  }
}
