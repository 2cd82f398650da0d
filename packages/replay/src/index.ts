export { kinds } from "./rows.ts";
