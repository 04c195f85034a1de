import { runImportCommand } from "./importers/command.js";
import { testCaseImporter } from "./importers/test-cases/importer.js";

await runImportCommand(testCaseImporter);
