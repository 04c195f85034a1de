import { once } from "node:events";
import { createWriteStream } from "node:fs";

const SURNAMES = [
  ["佐藤", "sato"],
  ["鈴木", "suzuki"],
  ["高橋", "takahashi"],
  ["田中", "tanaka"],
  ["伊藤", "ito"],
  ["渡邊", "watanabe"],
  ["山本", "yamamoto"],
  ["中村", "nakamura"],
  ["小林", "kobayashi"],
  ["加藤", "kato"],
  ["髙木", "takagi"],
  ["五十嵐", "igarashi"],
  ["O'Brien", "obrien"],
  ["Fernández", "fernandez"],
  ["陈", "chen"],
];
const GIVEN_NAMES = [
  ["遥", "haruka"],
  ["健司", "kenji"],
  ["結衣", "yui"],
  ["大輝", "daiki"],
  ["葵", "aoi"],
  ["颯太", "sota"],
  ["芽衣", "mei"],
  ["さくら", "sakura"],
  ["María", "maria"],
  ["Liam", "liam"],
];
const ROLES = ["member", "member", "member", "viewer", "admin"];
const DEPARTMENTS = [
  "品質保証部",
  "開発第一部",
  "開発第二部",
  "Research, Tokyo",
  "Internal Audit",
  "",
];
const SCREENS = ["ログイン", "検索", "一覧", "承認", "帳票出力", "設定", "権限管理", "監査ログ"];
const PRIORITIES = ["high", "medium", "low"];

/** Prime, so that its multiples visit every remainder once: keys come in no order. */
const STEP = 1_000_003;

const pick = (list, i) => list[i % list.length];
const cell = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

function user(i, n) {
  const [surname, surnameRomaji] = pick(SURNAMES, n);
  const [given, givenRomaji] = pick(GIVEN_NAMES, Math.floor(n / 7));
  const name = n % 20 === 0 ? `${given} "${surnameRomaji}" ${surname}` : `${surname} ${given}`;
  const email = `${givenRomaji}.${surnameRomaji}.${n}@prooflink.example`;
  return [email, name, pick(ROLES, n), pick(DEPARTMENTS, i)];
}

function testCase(i, n) {
  const screen = pick(SCREENS, n);
  const isLong = n % 4 === 0;
  const steps = Array.from(
    { length: isLong ? 6 : 1 },
    (_, step) => `${step + 1}. ${screen}画面で項目${(n + step) % 97}を入力し、「次へ」を押す。`,
  );
  return [
    `TC-${String(n).padStart(8, "0")}`,
    `${screen}画面: 入力値${n % 1000}の確認`,
    isLong ? `仕様書の"${screen}"の章を確認する。\n対象は版${n % 10}とする。` : `${screen}の確認`,
    "利用者が登録済みで、検証環境に接続できること",
    steps.join("\n"),
    `「完了しました」と表示され、監査ログに1件残る (${i % 5}秒以内)`,
    pick(PRIORITIES, n),
    pick(DEPARTMENTS, n),
  ];
}

/** What is imported, by job: its table, the columns of the file, and the values of a row. */
export const JOBS = {
  "user-import": { table: "users", columns: ["email", "name", "role", "department"], row: user },
  "test-case-import": {
    table: "test_cases",
    columns: [
      "case_id",
      "title",
      "description",
      "preconditions",
      "steps",
      "expected_result",
      "priority",
      "category",
    ],
    row: testCase,
  },
};

/** Writes so many rows, the same each time, with keys in no order; gives the bytes. */
export async function writeCsv(file, { columns, row }, rows) {
  const out = createWriteStream(file);
  let text = `${columns.join(",")}\n`;
  for (let i = 0; i < rows; i += 1) {
    // A multiple of the step, or the rows themselves where they are a multiple of it.
    const n = rows % STEP === 0 ? i : (i * STEP) % rows;
    text += `${row(i, n).map(cell).join(",")}\n`;
    if (text.length < 1 << 18) continue;
    if (!out.write(text)) await once(out, "drain");
    text = "";
  }
  out.end(text);
  await once(out, "close");
  return out.bytesWritten;
}
