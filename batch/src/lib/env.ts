import { UsageError } from "./exit.js";

export type Env = Readonly<Record<string, string | undefined>>;

export interface EnvProblem {
  variable: string;
  problem: string;
  example: string;
}

/** Reads environment variables and collects every problem, so that all are reported at once. */
export class EnvReader {
  readonly #env: Env;
  readonly #problems: EnvProblem[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  addProblem(variable: string, problem: string, example: string): void {
    this.#problems.push({ variable, problem, example });
  }

  /** The value, or undefined when it is unset or blank. */
  optional(variable: string): string | undefined {
    const value = this.#env[variable];
    return value === undefined || value.trim() === "" ? undefined : value;
  }

  required(variable: string, whatToSet: string, example: string): string {
    const value = this.optional(variable);
    if (value === undefined) this.addProblem(variable, `is missing; set ${whatToSet}`, example);
    return value ?? "";
  }

  choice<T extends string>(variable: string, choices: readonly T[], fallback: T): T {
    const value = this.optional(variable) ?? fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) {
      this.addProblem(variable, `is "${value}"; set one of ${choices.join(", ")}`, fallback);
    }
    return choice ?? fallback;
  }

  integer(variable: string, min: number, max: number, fallback: number): number {
    const value = this.optional(variable);
    if (value === undefined) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    this.addProblem(
      variable,
      `is "${value}"; set a whole number from ${min} to ${max}`,
      String(fallback),
    );
    return fallback;
  }

  /** Throws when anything was wrong. Call it after the last read. */
  check(): void {
    const problems = this.#problems;
    if (problems.length === 0) return;
    const list = problems.map((p) => `${p.variable} ${p.problem} (example: ${p.example})`);
    throw new UsageError(`wrong environment: ${list.join("; ")}`, { problems });
  }
}
