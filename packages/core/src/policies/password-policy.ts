import { CofferError, oncePerObject, randomIndex } from '@coffer/base';
import { type HclItem, type HclObject, parseHcl } from '@coffer/hcl';

export interface CharsetRule {
  /** Distinct characters; one may be outside of the basic plane. */
  readonly charset: readonly string[];
  /** How many characters of the charset the password must have at least. */
  readonly minChars: number;
}

export interface PasswordPolicy {
  /** In characters. */
  readonly length: number;
  readonly rules: readonly CharsetRule[];
  /** Keys that mean nothing here (`min_chars` for `min-chars`). Vault ignores them silently, so whoever wrote them should be told. */
  readonly ignored: readonly string[];
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';

/** Vault's built-in policy: 20 characters, at least one of each kind (hashicorp/vault:sdk/database/helper/credsutil). */
export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  length: 20,
  rules: [LOWER, LOWER.toUpperCase(), DIGITS, '-'].map((charset) => ({ charset: [...charset], minChars: 1 })),
  ignored: [],
};

/** As in Vault (hashicorp/vault:vault/logical_system.go). */
const MIN_LENGTH = 4;
const MAX_LENGTH = 100;
const MAX_POLICY_BYTES = 64 * 1024;

/** Go's `unicode.IsPrint`. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/**
 * Parses a password policy, HCL or JSON: `length = 20` and blocks `rule "charset" { charset = "abc" min-chars = 1 }`.
 * As in Vault, fractions are cut off and the last of several `length` counts.
 *
 * @throws CofferError `invalid-request` naming the line, also for a policy that no password can meet
 */
export function parsePasswordPolicy(text: string): PasswordPolicy {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_POLICY_BYTES) {
    throw new CofferError(
      'invalid-request',
      `the policy has ${bytes} bytes; a password policy may have ${MAX_POLICY_BYTES} at most`,
    );
  }
  const root = parseHcl(text, '', { repeatedKeys: 'allow', omissions: 'refuse' });
  const length = wholeNumber(root, 'length');
  if (length === undefined) throw root.error('"length" is missing: the number of characters of a password');
  if (length < MIN_LENGTH || length > MAX_LENGTH) {
    throw root.error(`"length" must be a whole number from ${MIN_LENGTH} to ${MAX_LENGTH}`);
  }
  const blocks = root.blocks('rule', 1);
  const rules = blocks.map(({ labels, body }) => parseRule(labels[0] ?? '', body));
  if (rules.length === 0) throw root.error('at least one rule "charset" { charset = "..." } is needed');
  const needed = rules.reduce((sum, rule) => sum + rule.minChars, 0);
  if (needed > length) throw root.error(`the rules ask for ${needed} characters, but "length" is ${length}`);
  const ignored = [
    ...unknownKeys(root, ['length', 'rule']),
    ...blocks.flatMap(({ body }) => unknownKeys(body, ['charset', 'min-chars'])),
  ];
  return { length, rules, ignored };
}

function unknownKeys({ items }: HclObject, known: readonly string[]): string[] {
  return items.map(({ keys }) => keys[0]).filter((key) => !known.includes(key.toLowerCase()));
}

function parseRule(type: string, body: HclObject): CharsetRule {
  if (type !== 'charset') throw body.error(`rule "${type}" is not known; use rule "charset"`);
  const charset = [...new Set(charsetText(body))];
  if (charset.length === 0) throw body.error('"charset" is missing or empty');
  if (!charset.every((character) => PRINTABLE.test(character))) {
    throw body.error('"charset" may contain printable characters only');
  }
  return { charset, minChars: Math.max(0, wholeNumber(body, 'min-chars') ?? 0) };
}

function charsetText(body: HclObject): string {
  const value = lastItem(body, 'charset')?.value;
  if (value === undefined || value.kind === 'string') return value?.value ?? '';
  throw body.error('"charset" must be a string', value);
}

function wholeNumber(body: HclObject, name: string): number | undefined {
  const value = lastItem(body, name)?.value;
  if (value === undefined || value.kind === 'number') return value && Math.trunc(value.value);
  throw body.error(`"${name}" must be a number`, value);
}

/** In any case, as mapstructure finds the fields of Go's structs. */
function lastItem({ items }: HclObject, name: string): HclItem | undefined {
  return items.findLast(({ keys }) => keys[0] === name) ?? items.findLast(({ keys }) => keys[0].toLowerCase() === name);
}

/** Enough for any policy of which one candidate in twenty passes. */
const CANDIDATES = 100;

/**
 * A password that meets the policy, every such password as likely as another: characters drawn from the union of all
 * charsets until the rules are met (hashicorp/vault:helper/random/string_generator.go). Where that would take for ever,
 * each rule's least number is drawn from its own charset, the rest from the union, and all are shuffled. Every draw is
 * unbiased.
 */
export function generatePassword(policy: PasswordPolicy): string {
  const { length } = policy;
  const { union, needed } = setsOf(policy);
  for (let i = 0; i < CANDIDATES; i++) {
    const candidate = draw(union, length);
    if (needed.every((rule) => isMet(rule, candidate))) {
      return candidate.join('');
    }
  }
  const characters = needed.flatMap(({ charset, minChars }) => draw(charset, minChars));
  characters.push(...draw(union, length - characters.length));
  return shuffle(characters).join('');
}

interface NeededRule extends CharsetRule {
  readonly set: ReadonlySet<string>;
}

interface PolicySets {
  readonly union: readonly string[];
  readonly needed: readonly NeededRule[];
}

const setsOf = oncePerObject(
  ({ rules }: PasswordPolicy): PolicySets => ({
    union: [...new Set(rules.flatMap(({ charset }) => charset))],
    needed: rules.filter(({ minChars }) => minChars > 0).map((rule) => ({ ...rule, set: new Set(rule.charset) })),
  }),
);

function isMet({ set, minChars }: NeededRule, candidate: readonly string[]): boolean {
  let found = 0;
  for (const each of candidate) if (set.has(each)) found++;
  return found >= minChars;
}

function draw(characters: readonly string[], count: number): string[] {
  return Array.from({ length: count }, () => characters[randomIndex(characters.length)] ?? '');
}

function shuffle(characters: string[]): string[] {
  for (let i = characters.length - 1; i > 0; i--) {
    const j = randomIndex(i + 1);
    const held = characters[i] ?? '';
    characters[i] = characters[j] ?? '';
    characters[j] = held;
  }
  return characters;
}

/** Refuses a name under which nothing is stored. */
export function missingPolicy(name: string): CofferError {
  return new CofferError(
    'invalid-request',
    `password policy ${JSON.stringify(name)} does not exist: write it to sys/policies/password/${name} first`,
  );
}
