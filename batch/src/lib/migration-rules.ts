import { splitStatements } from "./sql.js";

/** A statement, or one action of an ALTER TABLE with several; upper case, brackets emptied. */
interface Clause {
  line: number;
  text: string;
  statement: string;
  /** All statements of the file. */
  file: string;
}

interface Rule {
  what: string;
  breaks(clause: Clause): boolean;
}

const matches = (pattern: RegExp) => (clause: Clause) => pattern.test(clause.text);

/** What no migration may do: each runs in one transaction. */
const REFUSED: readonly Rule[] = [
  {
    what: "a file is one transaction already; leave out what begins or ends one",
    breaks: matches(
      /^(BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE TRANSACTION)\b/,
    ),
  },
  {
    what: "CONCURRENTLY cannot run in a transaction; before the release, build the index by hand (CREATE INDEX CONCURRENTLY) and see that it is valid, and have CREATE INDEX IF NOT EXISTS with the same name here",
    breaks: (clause) =>
      /\bCONCURRENTLY\b/.test(clause.text) && !clause.statement.startsWith("REFRESH "),
  },
  {
    what: "this cannot run in a transaction; run it by hand, outside of the migrations",
    breaks: matches(
      /^(VACUUM|ALTER SYSTEM|(CREATE|DROP) (DATABASE|TABLESPACE)|REINDEX (\(\) )?(DATABASE|SYSTEM))\b/,
    ),
  },
];

/** What breaks the release that still runs, and every roll-back to it. */
const CONTRACTS: readonly Rule[] = [
  {
    what: "DROP",
    breaks: matches(
      /^DROP (TABLE|SCHEMA|(MATERIALIZED )?VIEW|TYPE|DOMAIN|SEQUENCE|FUNCTION|PROCEDURE|ROUTINE|OWNED)\b/,
    ),
  },
  {
    what: "DROP COLUMN",
    breaks: (clause) =>
      /^ALTER (FOREIGN )?TABLE\b/.test(clause.statement) &&
      /\bDROP (?!CONSTRAINT|DEFAULT|NOT NULL|EXPRESSION|IDENTITY)/.test(clause.text),
  },
  { what: "DROP DEFAULT", breaks: matches(/\bDROP DEFAULT\b/) },
  {
    what: "RENAME",
    breaks: (clause) =>
      /\bRENAME (?!CONSTRAINT)|\bSET SCHEMA\b/.test(clause.text) &&
      !clause.statement.startsWith("ALTER INDEX "),
  },
  {
    what: "SET NOT NULL without a default",
    breaks: ({ text, file }) => {
      const column = /(\S+) SET NOT NULL\b/.exec(text)?.[1];
      return column !== undefined && !file.includes(` ${column} SET DEFAULT `);
    },
  },
  {
    what: "ADD COLUMN NOT NULL without a default",
    breaks: ({ text }) =>
      /\bADD (?!CONSTRAINT).* NOT NULL\b/.test(text) &&
      !/\b(DEFAULT|GENERATED|\w*SERIAL)\b/.test(text),
  },
  { what: "ALTER COLUMN TYPE", breaks: matches(/\bALTER (COLUMN )?\S+ (SET DATA )?TYPE\b/) },
  { what: "ALTER TYPE", breaks: matches(/^ALTER TYPE \S+ (?!ADD VALUE|OWNER TO)/) },
];

const CONTRACT_COMMENT = /^[ \t]*-- contract: *\S/m;
const CONTRACT_ADVICE =
  "breaks the release before this one, which runs until this one has taken over and again after a roll-back; leave it to a release after which nothing uses it, and say so in a comment: -- contract: <reason, and since which release nothing uses it> (migrations/README.md)";

function emptyBrackets(text: string): string {
  const emptied = text.replace(/\([^()]+\)/g, "()");
  return emptied === text ? text : emptyBrackets(emptied);
}

/** A quoted name has no blank, bracket or comma here, so that none is taken for SQL. */
function normalise(text: string): string {
  const plain = text.replace(/"((?:[^"]|"")*)"/g, (_, name: string) => name.replace(/\W/g, "_"));
  return emptyBrackets(plain.toUpperCase());
}

function readClauses(sql: string): Clause[] {
  const statements = splitStatements(sql).map(({ line, text }) => ({
    line,
    text: normalise(text),
  }));
  const file = statements.map(({ text }) => text).join("; ");
  return statements.flatMap(({ line, text: statement }) =>
    statement.split(",").map((text) => ({ line, text: text.trim(), statement, file })),
  );
}

/** Says what of a migration may not be applied as it is, one message for each statement. */
export function checkMigration(file: string, sql: string): string[] {
  const rules = [
    ...REFUSED,
    ...(CONTRACT_COMMENT.test(sql)
      ? []
      : CONTRACTS.map((rule) => ({ ...rule, what: `${rule.what} ${CONTRACT_ADVICE}` }))),
  ];
  return readClauses(sql).flatMap((clause) => {
    const broken = rules.find((rule) => rule.breaks(clause));
    return broken === undefined ? [] : [`${file}: line ${clause.line}: ${broken.what}`];
  });
}
