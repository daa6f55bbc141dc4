// The app's rule for cells of a CSV, read from its own file: two lines of TOML between single quotes.

import { readFileSync } from "node:fs";

const toml = readFileSync(new URL("../../gblm_viz/ui/components/csv_rule.toml", import.meta.url), "utf8");

/** @param {string} name */
const literal = (name) => {
  const found = toml.match(new RegExp(`^${name} = '(.*)'$`, "m"));
  if (!found) throw new Error("csv_rule.toml has no " + name);
  return found[1];
};

export const RULE = { formula: literal("formula"), number: literal("number") };
