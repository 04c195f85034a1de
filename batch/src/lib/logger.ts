export type Level = "debug" | "info" | "warn" | "error" | "fatal";
export type Data = Record<string, unknown>;

export interface Logger {
  info(message: string, data?: Data): void;
  warn(message: string, data?: Data): void;
  error(message: string, data?: Data): void;
}

/** One JSON object per line. No key may be named `time`: the log router would parse it as a date. */
export function formatRecord(level: Level, message: string, data: Data): string {
  const record = {
    timestamp: new Date().toISOString(),
    level,
    logSource: "batch",
    message,
    data,
  };
  return `${JSON.stringify(record)}\n`;
}

/** Creates a logger that adds `context` to the data of every record. */
export function createLogger(
  context: Data,
  write: (line: string) => void = (line) => void process.stdout.write(line),
): Logger {
  const at =
    (level: Level) =>
    (message: string, data: Data = {}) => {
      write(formatRecord(level, message, { ...context, ...data }));
    };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

/** What is safe and useful to log of an error: never its input, which may hold a password. */
export function describeError(error: unknown): Data {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, constraint, table } = error as Error & Record<string, unknown>;
  return { name: error.name, message: error.message, code, constraint, table };
}
