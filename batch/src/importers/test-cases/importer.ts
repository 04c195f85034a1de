import { optional, required, type Importer } from "../importer.js";
import { choice, line, prose } from "../kinds.js";

const MAX_PROSE = 20_000;

export const testCaseImporter: Importer = {
  job: "test-case-import",
  noun: "test cases",
  table: "test_cases",
  key: "case_id",
  columns: [
    required("case_id", line(1, 64)),
    required("title", line(1, 200)),
    optional("description", prose(MAX_PROSE)),
    optional("preconditions", prose(MAX_PROSE)),
    optional("steps", prose(MAX_PROSE)),
    optional("expected_result", prose(MAX_PROSE)),
    optional("priority", choice(["high", "medium", "low"], "medium")),
    optional("category", line(0, 100)),
  ],
  sample: `case_id,title,steps,priority
TC-001,Sign in,"1. Open the page
2. Enter the password",high`,
};
