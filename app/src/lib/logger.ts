export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogData = Record<string, unknown>;

/** The level from which records are written. Tolerant, because it also has to report a bad LOG_LEVEL. */
function threshold(): number {
  const wanted = LOG_LEVELS.findIndex((level) => level === process.env.LOG_LEVEL);
  return wanted === -1 ? LOG_LEVELS.indexOf('info') : wanted;
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Error ? errorData(value) : value;
}

/** A log call must never throw, so data that JSON can't hold (a circular object) is left out. */
function toLine(record: LogData): string {
  try {
    return JSON.stringify(record, jsonValue);
  } catch (error) {
    return JSON.stringify({ ...record, data: { unserializable: String(error) } });
  }
}

function write(level: LogLevel, message: string, data: LogData = {}): void {
  if (LOG_LEVELS.indexOf(level) < threshold()) return;
  const timestamp = new Date().toISOString();
  process.stdout.write(`${toLine({ timestamp, level, logSource: 'server', message, data })}\n`);
}

/** Describes whatever was thrown, with its code and stack where it has them. */
export function errorData(error: unknown): LogData {
  if (!(error instanceof Error)) return { error: String(error) };
  const code = (error as NodeJS.ErrnoException).code;
  return { error: error.message || error.name, ...(code && { code }), stack: error.stack };
}

/** Writes one JSON object per line on stdout, the record that the log router and the saved queries read. */
export const logger = {
  debug: (message: string, data?: LogData) => write('debug', message, data),
  info: (message: string, data?: LogData) => write('info', message, data),
  warn: (message: string, data?: LogData) => write('warn', message, data),
  error: (message: string, data?: LogData) => write('error', message, data),
  fatal: (message: string, data?: LogData) => write('fatal', message, data),
};
