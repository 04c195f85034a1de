import { optional, required, type Importer } from "../importer.js";
import { choice, email, line } from "../kinds.js";

export const userImporter: Importer = {
  job: "user-import",
  noun: "users",
  table: "users",
  key: "email",
  columns: [
    required("email", email()),
    required("name", line(1, 200)),
    required("role", choice(["admin", "member", "viewer"])),
    optional("department", line(0, 200)),
  ],
  sample: `email,name,role,department
haruka.sato@prooflink.example,佐藤 遥,admin,品質保証部`,
};
