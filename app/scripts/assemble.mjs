// Completes Next's standalone output with what Next leaves to the deployer: the browser's files, public/ and
// the entrypoint. The result is all that the image needs.
import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const output = path.join(root, '.next/standalone');

if (!existsSync(path.join(output, 'server.js'))) {
  console.error(`assemble: no server.js in ${output}: run "next build" first`);
  process.exit(1);
}
for (const item of ['.next/static', 'public', 'entrypoint.mjs']) {
  cpSync(path.join(root, item), path.join(output, item), { recursive: true });
}
