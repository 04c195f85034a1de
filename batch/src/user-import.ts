import { runImportCommand } from "./importers/command.js";
import { userImporter } from "./importers/users/importer.js";

await runImportCommand(userImporter);
