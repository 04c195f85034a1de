import { z } from "zod";

import type { Kind } from "./importer.js";

const MAX_EMAIL = 254;

/** Whether a value has so many characters at most; one of them may be two UTF-16 units. */
function isWithin(value: string, max: number): boolean {
  if (value.length <= max) return true;
  return value.length <= 2 * max && Array.from(value).length <= max;
}

const atMost = (max: number) =>
  [(value: string) => isWithin(value, max), `is longer than ${max} characters`] as const;

const trimmed = (max: number) =>
  z
    .string()
    .trim()
    .refine(...atMost(max))
    .regex(/^\P{Cc}*$/u, "has a control character, such as a line break");

/** Neither blank at an end, nor with a control character. */
const PLAIN_LINE = /^[^\s\p{Cc}](?:\P{Cc}*[^\s\p{Cc}])?$/u;

/** Text of one line, trimmed. */
export function line(min: 0 | 1, max: number): Kind {
  return {
    schema: min === 0 ? trimmed(max) : trimmed(max).min(1, "is empty"),
    isPlain: (value) => (value === "" ? min === 0 : value.length <= max && PLAIN_LINE.test(value)),
    description: `at most ${max} characters`,
  };
}

/** Any text, kept exactly; PostgreSQL has no NUL in text. */
export function prose(max: number): Kind {
  return {
    schema: z
      .string()
      .refine(...atMost(max))
      .refine((value) => !value.includes("\0"), "has a NUL character"),
    isPlain: (value) => value.length <= max && !value.includes("\0"),
    description: `any text of at most ${max} characters`,
  };
}

/** One of some words; a blank is the fallback, where there is one. */
export function choice<const T extends string>(choices: readonly T[], fallback?: T): Kind {
  const words = z.enum(choices, `is not one of ${choices.join(", ")}`);
  const plain = new Set<string>(choices);
  const filled = z.string().transform((value) => value.trim() || (fallback ?? ""));
  return {
    schema: filled.pipe(words),
    isPlain: (value) => plain.has(value),
    description: choices.join(", ") + (fallback === undefined ? "" : ` (blank: ${fallback})`),
  };
}

const PLAIN_EMAIL = /^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,}$/;

/** An email address in lower case, which identifies a person. */
export function email(): Kind {
  return {
    schema: trimmed(MAX_EMAIL)
      .toLowerCase()
      .min(1, { error: "is empty", abort: true })
      .pipe(z.email("is not an email address")),
    isPlain: (value) => value.length <= MAX_EMAIL && PLAIN_EMAIL.test(value),
    description: "an email address; capitals count as small letters",
  };
}
