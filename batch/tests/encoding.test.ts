import { describe, expect, test } from "vitest";

import { CODECS, detectEncoding } from "../src/lib/encoding.js";

const SATO = Buffer.of(0x8d, 0xb2, 0x93, 0xa1);
const utf8 = (text: string) => Buffer.from(text);

describe("detectEncoding", () => {
  test("says nothing of ASCII", () => {
    expect(detectEncoding([utf8("abc"), utf8("")])).toBeUndefined();
  });

  test("takes the first record that is not ASCII", () => {
    expect(detectEncoding([utf8("abc"), utf8("佐藤"), SATO, SATO])).toBe("utf-8");
    expect(detectEncoding([utf8("abc"), SATO])).toBe("cp932");
    expect(detectEncoding([Buffer.of(0x83, 0x5c)])).toBe("cp932");
  });

  test("takes a broken first record of a UTF-8 file for what it is", () => {
    expect(detectEncoding([utf8("佐").subarray(0, 2), utf8("佐"), utf8("藤")])).toBe("utf-8");
    expect(detectEncoding([Buffer.of(0xff, 0xfe)])).toBe("utf-8");
  });
});

describe("CP932", () => {
  test.each([
    ["8160", "～"],
    ["817c", "－"],
    ["8740", "①"],
    ["fbfc", "髙"],
    ["b1", "ｱ"],
    ["5c7e", "\\~"],
  ])("reads %s as Windows does", (hex, text) => {
    const bytes = Buffer.from(hex, "hex");
    expect(CODECS.cp932.isValid(bytes)).toBe(true);
    expect(CODECS.cp932.decode(bytes)).toBe(text);
  });

  test("replaces what is not of it", () => {
    const bytes = Buffer.of(0x61, 0xff, 0x62);
    expect(CODECS.cp932.isValid(bytes)).toBe(false);
    expect(CODECS.cp932.decode(bytes)).toBe("a\uFFFDb");
  });
});
