import { constants } from "node:os";

import { describeError, type Logger } from "./logger.js";

export const EXIT = { done: 0, failed: 1, usage: 2, rejected: 3 } as const;

/** How long a signal waits for the rollback before the process ends anyway. */
const SHUTDOWN_GRACE_MS = 9_000;

/** A failure whose message tells the user everything: no stack needed. */
export class FatalError extends Error {
  override name = "FatalError";
}

/** Wrong arguments or configuration. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly details: Record<string, unknown>;

  constructor(message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.details = details;
  }
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}

interface Interruption {
  signal: AbortSignal;
  exitCode(): number | undefined;
}

function listenForSignals(log: Logger): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const stop = (name: "SIGTERM" | "SIGINT") => {
    if (exitCode !== undefined) return;
    const code = 128 + constants.signals[name];
    exitCode = code;
    log.warn(`${name} received: stopping, unfinished work is rolled back`);
    setTimeout(() => process.exit(code), SHUTDOWN_GRACE_MS).unref();
    controller.abort(new FatalError(`interrupted by ${name}`));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return { signal: controller.signal, exitCode: () => exitCode };
}

function report(error: unknown, log: Logger, usage: string): number {
  if (error instanceof UsageError) {
    log.error(error.message, error.details);
    process.stderr.write(usage);
    return EXIT.usage;
  }
  if (error instanceof FatalError) {
    log.error(
      error.message,
      error.cause === undefined ? {} : { cause: describeError(error.cause) },
    );
  } else {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error(errorMessage(error), { error: describeError(error), stack });
  }
  return EXIT.failed;
}

function finish(code: number): void {
  // Exit only when everything written has left: stdout may be a pipe.
  process.stdout.write("", () => process.exit(code));
}

function isKnown(argument: string, known: readonly string[]): boolean {
  return known.some((option) =>
    option.endsWith("=") ? argument.startsWith(option) : argument === option,
  );
}

function checkOptions(given: readonly string[], known: readonly string[]): ReadonlySet<string> {
  const unknown = given.filter((argument) => !isKnown(argument, known));
  if (unknown.length > 0) throw new UsageError(`unknown argument: ${unknown.join(" ")}`);
  return new Set(given);
}

export interface Command {
  usage: string;
  /** The options it knows besides --help; one that ends with = takes a value. */
  options: readonly string[];
  /** Gets the arguments as they were given, and gives the exit code. */
  run(options: ReadonlySet<string>, signal: AbortSignal): Promise<number>;
}

/** Runs a command: turns its errors and signals into log records and the exit code. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  log: Logger,
): Promise<void> {
  if (args.includes("--help")) {
    process.stdout.write(command.usage);
    return;
  }
  const interruption = listenForSignals(log);
  let code: number;
  try {
    code = await command.run(checkOptions(args, command.options), interruption.signal);
  } catch (error) {
    // Whatever an interruption breaks on its way out is a consequence, not a cause.
    code = interruption.exitCode() ?? report(error, log, command.usage);
  }
  log.info(`exit ${code}`, { exitCode: code });
  finish(code);
}
