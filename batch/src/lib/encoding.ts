import { isAscii, isUtf8 } from "node:buffer";

export const ENCODINGS = ["utf-8", "cp932"] as const;
export type Encoding = (typeof ENCODINGS)[number];

export interface Codec {
  encoding: Encoding;
  /** The encoding's name for people. */
  label: string;
  isValid(bytes: Buffer): boolean;
  /** Each byte that is not of the encoding becomes U+FFFD. */
  decode(bytes: Buffer): string;
}

// "shift_jis" is Windows-31J (CP932) by the WHATWG Encoding Standard, as Excel writes it.
const strictCp932 = new TextDecoder("shift_jis", { fatal: true });
const lenientCp932 = new TextDecoder("shift_jis");

function isCp932(bytes: Buffer): boolean {
  if (isAscii(bytes)) return true;
  try {
    strictCp932.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

export const CODECS: Readonly<Record<Encoding, Codec>> = {
  "utf-8": {
    encoding: "utf-8",
    label: "UTF-8",
    isValid: isUtf8,
    decode: (bytes) => bytes.toString("utf8"),
  },
  cp932: {
    encoding: "cp932",
    label: "CP932 (Shift_JIS)",
    isValid: isCp932,
    decode: (bytes) => lenientCp932.decode(bytes),
  },
};

/**
 * Tells the encoding by the first record that is not ASCII, or undefined where all are.
 * Where that record is not UTF-8 but most others are, it is UTF-8 with a broken record: CP932
 * text is hardly ever valid UTF-8, while nearly any bytes are some CP932 text.
 */
export function detectEncoding(records: Iterable<Buffer>): Encoding | undefined {
  let first: Buffer | undefined;
  let balance = 0;
  for (const record of records) {
    if (isAscii(record)) continue;
    if (first === undefined && isUtf8(record)) return "utf-8";
    first ??= record;
    balance += isUtf8(record) ? 1 : -1;
  }
  if (first === undefined) return undefined;
  return balance > 0 || !isCp932(first) ? "utf-8" : "cp932";
}
