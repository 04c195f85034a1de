/** The characters of CP932 (Windows-31J) with their bytes, but for NUL. */
const BYTES = new Map<string, Buffer>();

function add(bytes: Buffer): void {
  try {
    const text = new TextDecoder("shift_jis", { fatal: true }).decode(bytes);
    if (Array.from(text).length === 1 && !BYTES.has(text)) BYTES.set(text, bytes);
  } catch {
    // Not a character of it.
  }
}

for (let first = 1; first < 256; first += 1) {
  add(Buffer.of(first));
  if (first >= 0x81)
    for (let second = 0x40; second < 0xfd; second += 1) add(Buffer.of(first, second));
}

export const CP932_CHARACTERS: readonly string[] = [...BYTES.keys()];

export function encodeCp932(text: string): Buffer {
  return Buffer.concat(
    Array.from(text, (character) => {
      const bytes = BYTES.get(character);
      if (bytes === undefined) throw new Error(`CP932 has no ${character}`);
      return bytes;
    }),
  );
}
