import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import type { Env } from "../../src/lib/env.js";

export const BATCH_FOLDER = fileURLToPath(new URL("../../", import.meta.url));

function readNodeOptions(): string {
  const dockerfile = readFileSync(path.join(BATCH_FOLDER, "DockerFile"), "utf8");
  const options = /NODE_OPTIONS=(\S+)/.exec(dockerfile)?.[1];
  if (options === undefined) throw new Error("DockerFile sets no NODE_OPTIONS");
  return options;
}

/** The image's: a command runs here as it does there. */
const NODE_OPTIONS = readNodeOptions();

export interface LogRecord {
  timestamp: string;
  level: string;
  logSource: string;
  message: string;
  data: Record<string, unknown>;
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Throws when stdout is not all JSON lines. */
  readonly records: LogRecord[];
}

export interface RunningCommand {
  process: ChildProcess;
  /** Resolves when a log record's message has the text. */
  logged(text: string): Promise<void>;
  result: Promise<CommandResult>;
}

function parseRecords(stdout: string): LogRecord[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LogRecord);
}

export function startCommand(script: string, args: string[], env: Env): RunningCommand {
  // Nothing is inherited but PATH: the caller's variables must not change a result.
  const child = spawn(process.execPath, [script, ...args], {
    cwd: BATCH_FOLDER,
    env: { PATH: process.env.PATH, NODE_OPTIONS, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  const result = new Promise<CommandResult>((resolve) => {
    child.on("close", (code) => {
      resolve({
        code,
        stdout,
        stderr,
        get records() {
          return parseRecords(stdout);
        },
      });
    });
  });
  const logged = (text: string) =>
    waitFor(`the log to say "${text}"`, () => Promise.resolve(stdout.includes(text)));
  return { process: child, logged, result };
}

export function runCommand(script: string, args: string[], env: Env): Promise<CommandResult> {
  return startCommand(script, args, env).result;
}

/** Polls until the condition holds, for at most ten seconds. */
export async function waitFor(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function messages(result: CommandResult): string {
  return result.records.map((record) => record.message).join("\n");
}
