import { ENCODINGS, type Encoding } from "../lib/encoding.js";
import { UsageError } from "../lib/exit.js";

export const OPTIONS = ["--dry-run", "--encoding=", "--max-rejected="] as const;

export interface ImportOptions {
  dryRun: boolean;
  /** Undefined: told by the file. */
  encoding: Encoding | undefined;
  maxRejected: number;
}

/** Reads the arguments, or throws one error with all that is wrong. */
export function readOptions(args: ReadonlySet<string>): ImportOptions {
  const problems: string[] = [];
  const valueOf = (option: string): string | undefined => {
    const values = [...args].filter((arg) => arg.startsWith(option));
    if (values.length > 1) problems.push(`${option} is given more than once`);
    return values[0]?.slice(option.length);
  };
  const name = valueOf("--encoding=") ?? "auto";
  const encoding = ENCODINGS.find((candidate) => candidate === name);
  if (encoding === undefined && name !== "auto") {
    problems.push(`--encoding is "${name}"; use one of auto, ${ENCODINGS.join(", ")}`);
  }
  const max = valueOf("--max-rejected=");
  if (max !== undefined && !/^\d{1,15}$/.test(max)) {
    problems.push(`--max-rejected is "${max}"; use a whole number, such as 0 to reject none`);
  }
  if (problems.length > 0) throw new UsageError(problems.join("; "));
  return {
    dryRun: args.has("--dry-run"),
    encoding,
    maxRejected: max === undefined ? Infinity : Number(max),
  };
}
