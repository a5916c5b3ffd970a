import { CofferError, nearestName } from '@coffer/base';
import type { StatementPurpose } from '@coffer/database-plugin';
import { type Placeholder, PLACEHOLDERS } from './render.ts';
import { type Token, tokenize } from './tokenizer.ts';

const ALL = PLACEHOLDERS;
/** Which placeholders have a value, by what the statements are for. */
const KNOWN: Readonly<Record<StatementPurpose, readonly Placeholder[]>> = {
  creation: ALL,
  rollback: ALL,
  renew: ['name', 'username', 'expiration'],
  revocation: ['name', 'username'],
  rotation: ['name', 'username', 'password'],
};

/**
 * Neither quotes, commas nor backslashes: these are what arrays (`{{a,b}}`, `{{"a"}}`) and JSON are made of, and a quote may end
 * what the braces stand in.
 */
const IN_DOUBLE_BRACES = /\{\{([^{}'",\\]*)\}\}/g;
/** Begins as no number does: `{{-1}}` is an array. */
const IS_WORD = /^[+-]?[^\d+-]*[\p{L}_]/u;
/** A known one is all that stands in the quotes. */
const ALONE = /^(\{*)\s*(name|username|password|expiration)\s*(\}*)$/i;

/**
 * What stands in a statement as a placeholder, known or not, with its braces as they are written. Comments have none, since
 * nothing in them is replaced.
 *
 * @throws CofferError `invalid-request` for a quote or comment that is never closed
 */
export function placeholdersIn(template: string): readonly string[] {
  const tokens = tokenize(template).flatMap((token) => insideOut(token, 0));
  const code = tokens.map(({ kind, text }) => (kind === 'comment' ? ' ' : text)).join('');
  const even = [...code.matchAll(IN_DOUBLE_BRACES)].filter(([, inside = '']) => IS_WORD.test(inside.trim()));
  return [...even.map(([text]) => text), ...tokens.flatMap(miscountedIn)];
}

/** More dollar quotes than that are in one another in nobody's SQL. */
const DEEPEST = 8;

/** A dollar quote as the SQL in it, between quotes; as one text when it is no SQL. */
function insideOut(token: Token, depth: number): readonly Token[] {
  if (token.kind !== 'dollar') return [token];
  const tag = /^\$[^$]*\$/.exec(token.text)?.[0] ?? '$$';
  const body = token.text.slice(tag.length, -tag.length);
  const quote = { kind: 'other', text: "'" } as const;
  return [quote, ...tokensOf(body, depth), quote];
}

function tokensOf(body: string, depth: number): readonly Token[] {
  const asText: readonly Token[] = [{ kind: 'other', text: body }];
  if (depth === DEEPEST) return asText;
  try {
    return tokenize(body).flatMap((token) => insideOut(token, depth + 1));
  } catch {
    return asText;
  }
}

/**
 * A known placeholder with a brace too few or too many. `'{name}'` and `'{{{name}}}'` are arrays; no name begins with a brace, and
 * no array is made of the one password.
 */
function miscountedIn({ kind, text }: Token): readonly string[] {
  if (kind === 'comment') return [];
  const [, quote, quoted = ''] = /^[a-z&]{0,2}(["'])(.*)\1$/is.exec(text) ?? [];
  const [found, opening = '', word = '', closing = ''] = ALONE.exec(quoted.trim()) ?? [];
  if (found === undefined || opening + closing === '') return [];
  if (opening.length !== closing.length) return [found];
  const mayBeArray = quote === "'" && word.toLowerCase() !== 'password';
  return opening.length === 2 || mayBeArray ? [] : [found];
}

/** How much of a placeholder an error repeats, in characters. */
const SHOWN = 60;

/**
 * Vault leaves what it does not know as it is, so that a login would be made whose name is the placeholder, or whose password
 * is.
 *
 * @throws CofferError `invalid-request` for the first of `placeholders` that has no value in statements of this kind
 */
export function refuseUnknown(purpose: StatementPurpose, placeholders: readonly string[]): void {
  const known: readonly string[] = KNOWN[purpose].map(written);
  const unknown = placeholders.find((text) => !known.includes(text));
  if (unknown === undefined) return;
  const shown = unknown.length > SHOWN ? `${unknown.slice(0, SHOWN)}…` : unknown;
  const what = PLACEHOLDERS.map(written).includes(unknown)
    ? `${shown} has no value in ${purpose} statements`
    : `unknown placeholder ${shown}${suggestion(unknown, KNOWN[purpose])}`;
  throw new CofferError(
    'invalid-request',
    `${what}; the placeholders of ${purpose} statements are ${known.join(', ')}`,
  );
}

function written(name: Placeholder): string {
  return `{{${name}}}`;
}

function suggestion(unknown: string, known: readonly Placeholder[]): string {
  const word = unknown.replace(/[{}\s.$]/g, '').toLowerCase();
  const nearest = nearestName(word, known);
  return nearest === undefined ? '' : ` (did you mean ${written(nearest)}?)`;
}
