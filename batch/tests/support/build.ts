import { execFileSync } from "node:child_process";

/** The integration tests run the commands as they are shipped. */
export default function build(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
}
