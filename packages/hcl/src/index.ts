/**
 * HCL 1 and JSON configuration, policies and password policies, with line numbers. Grammar and decoding as in
 * hashicorp/hcl v1 (`hcl/scanner`, `hcl/parser`, `hcl/token`, `hcl/strconv`).
 */
import { HclParser } from './parser.ts';
import { type HclReport, HclSource } from './source.ts';
import { JsonParser } from './json-parser.ts';
import type { HclObject } from './value.ts';

export { hclPlace } from './source.ts';
export type { HclPosition, HclReport } from './source.ts';
export { HclObject, hclToJson } from './value.ts';
export type { HclBlock, HclBool, HclItem, HclList, HclNumber, HclString, HclValue } from './value.ts';

export interface HclOptions {
  /** `key = …` twice in one object of an HCL text. Default: refuse, as Vault's policies and configuration do. */
  readonly repeatedKeys?: 'allow' | 'refuse';
  /** What HCL 1 silently drops: `name =` at the very end of a text, and what {@link JsonParser.parseFile} names. Default: allow. */
  readonly omissions?: 'allow' | 'refuse';
  /** Gets what the returned object's getters would throw. What is wrong with the text itself is thrown all the same. */
  readonly report?: HclReport;
}

/**
 * Parses a whole text: JSON when it begins with `{`, HCL 1 otherwise. `name` (a file's path, a policy's name) goes in
 * front of the position in every error, also in those that the returned object's getters throw later.
 *
 * @throws CofferError `invalid-request`, `LINE:COLUMN: message` (both from 1) or `NAME:LINE:COLUMN: message`
 */
export function parseHcl(
  text: string,
  name = '',
  { repeatedKeys = 'refuse', omissions = 'allow', report }: HclOptions = {},
): HclObject {
  const whole = text.replace(/^\uFEFF/, '').toWellFormed();
  if (/^[ \t\r\n]*\{/.test(whole)) return new JsonParser(new HclSource(name, whole, report), omissions).parseFile();
  const source = new HclSource(name, whole.replaceAll('\r\n', '\n'), report);
  const reserved = source.text.search(/[\0\ue123]/);
  if (reserved !== -1) throw source.error(reserved, 'the characters U+0000 and U+E123 are not allowed');
  return new HclParser(source, repeatedKeys, omissions).parseFile();
}
