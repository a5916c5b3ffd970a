/**
 * HCL 1 and JSON configuration, policies and password policies, with line numbers. Grammar and decoding as in
 * hashicorp/hcl v1 (`hcl/scanner`, `hcl/parser`, `hcl/token`, `hcl/strconv`).
 */
import { HclParser } from './parser.ts';
import { HclSource } from './source.ts';
import { JsonParser } from './json-parser.ts';
import type { HclObject } from './value.ts';

export type { HclPosition } from './source.ts';
export { HclObject, hclToJson } from './value.ts';
export type { HclBlock, HclBool, HclItem, HclList, HclNumber, HclString, HclValue } from './value.ts';

/**
 * Parses a whole text: JSON when it begins with `{`, HCL 1 otherwise. `name` (a file's path, a policy's name) goes in
 * front of the position in every error, also in those that the returned object's getters throw later.
 *
 * @throws CofferError `invalid-request`, `LINE:COLUMN: message` (both from 1) or `NAME:LINE:COLUMN: message`
 */
export function parseHcl(text: string, name = ''): HclObject {
  const source = new HclSource(name, text.replace(/^\uFEFF/, ''));
  return /^[ \t\r\n]*\{/.test(source.text) ? new JsonParser(source).parseFile() : new HclParser(source).parseFile();
}
