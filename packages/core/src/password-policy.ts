import { randomInt } from 'node:crypto';
import { CofferError, randomFrom } from '@coffer/base';
import { type HclObject, parseHcl } from '@coffer/hcl';

export interface CharsetRule {
  /** Distinct characters. */
  readonly charset: string;
  /** How many of the charset the password must have at least. */
  readonly minChars: number;
}

export interface PasswordPolicy {
  readonly length: number;
  readonly rules: readonly CharsetRule[];
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';

/** Vault's built-in policy: 20 characters, at least one of each kind (hashicorp/vault:sdk/database/helper/credsutil). */
export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  length: 20,
  rules: [LOWER, LOWER.toUpperCase(), DIGITS, '-'].map((charset) => ({ charset, minChars: 1 })),
};

const MIN_LENGTH = 4;
const MAX_LENGTH = 1024;

/**
 * Parses a password policy, HCL or JSON: `length = 20` and blocks `rule "charset" { charset = "abc" min-chars = 1 }`.
 *
 * @throws CofferError `invalid-request` naming the line, also for a policy that no password can meet
 */
export function parsePasswordPolicy(text: string): PasswordPolicy {
  const root = parseHcl(text);
  root.allowOnly(['length', 'rule']);
  const length = root.number('length');
  if (length === undefined) throw root.error('"length" is missing: the number of characters of a password');
  if (!Number.isInteger(length) || length < MIN_LENGTH || length > MAX_LENGTH) {
    throw root.error(`"length" must be a whole number from ${MIN_LENGTH} to ${MAX_LENGTH}`);
  }
  const rules = root.blocks('rule', 1).map(({ labels, body }) => parseRule(labels[0] ?? '', body));
  if (rules.length === 0) throw root.error('at least one rule "charset" { charset = "..." } is needed');
  const needed = rules.reduce((sum, rule) => sum + rule.minChars, 0);
  if (needed > length) throw root.error(`the rules ask for ${needed} characters, but "length" is ${length}`);
  return { length, rules };
}

function parseRule(type: string, body: HclObject): CharsetRule {
  if (type !== 'charset') throw body.error(`rule "${type}" is not known; use rule "charset"`);
  body.allowOnly(['charset', 'min-chars']);
  const charset = [...new Set(body.string('charset') ?? '')].join('');
  if (charset === '') throw body.error('"charset" is missing or empty');
  if (/[^\x20-\x7e]/.test(charset)) throw body.error('"charset" may hold printable ASCII characters only');
  const minChars = body.number('min-chars') ?? 0;
  if (!Number.isInteger(minChars) || minChars < 0) throw body.error('"min-chars" must be a whole number, 0 or more');
  return { charset, minChars };
}

/**
 * A password that meets the policy. Each rule's least number is drawn from its own charset, the rest from the union,
 * then all are shuffled: every draw and the shuffle use node:crypto's unbiased randomInt.
 */
export function generatePassword(policy: PasswordPolicy): string {
  const characters = policy.rules.flatMap((rule) => [...randomFrom(rule.charset, rule.minChars)]);
  const union = [...new Set(policy.rules.map((rule) => rule.charset).join(''))].join('');
  characters.push(...randomFrom(union, policy.length - characters.length));
  for (let i = characters.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    const held = characters[i] ?? '';
    characters[i] = characters[j] ?? '';
    characters[j] = held;
  }
  return characters.join('');
}

/** Refuses a name under which nothing is stored. */
export function missingPolicy(name: string): CofferError {
  return new CofferError(
    'invalid-request',
    `password policy ${JSON.stringify(name)} does not exist: write it to sys/policies/password/${name} first`,
  );
}
