/** One statement of a SQL text. */
export interface Statement {
  /** The line its first word is on. */
  line: number;
  /** Without comments and string contents, in single blanks. */
  text: string;
}

/** Comments, the kinds of literals that may hold a semicolon, the semicolon, any other character. */
const PIECE =
  /(?<comment>--[^\n]*|\/\*.*?\*\/)|(?<literal>\be'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?<tag>\w*)\$.*?\$\k<tag>\$)|(?<end>;)|"(?:[^"]|"")*"|./gis;

function countLineBreaks(text: string): number {
  return text.split("\n").length - 1;
}

/**
 * Splits SQL at its semicolons, for messages and checks; what is executed is the text as it is.
 * The bodies of functions and of DO are literals, and BEGIN ATOMIC is not known.
 */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = [];
  let line = 1;
  let current: Statement = { line, text: "" };
  const finish = () => {
    const text = current.text.replace(/\s+/g, " ").trim();
    if (text !== "") statements.push({ line: current.line, text });
    current = { line, text: "" };
  };
  for (const { 0: piece, groups = {} } of sql.matchAll(PIECE)) {
    if (groups.end !== undefined) {
      finish();
    } else {
      if (current.text.trim() === "") current.line = line;
      if (groups.comment !== undefined) current.text += " ";
      else current.text += groups.literal === undefined ? piece : "''";
    }
    line += countLineBreaks(piece);
  }
  finish();
  return statements;
}
