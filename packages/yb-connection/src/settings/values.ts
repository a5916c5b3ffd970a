import { CofferError, type JsonObject, type JsonValue, parseDuration } from '@coffer/base';
import { FIELD_ALIASES, findConnectionField, type SettingField } from './connection-fields.ts';

/** Who is told what in a configuration does not count as it is written. */
export interface Findings {
  warn(message: string): void;
  /** `problem`: an error for whoever writes it. `stored`: what becomes of it where it is stored already, a warning. */
  refuse(problem: string, stored: string): void;
  /** A name in a URL is none of ours, and looks like one that is. Default: a warning, since it goes to the server. */
  mistyped?(name: string, meant: string): void;
  /** Of a host without one. Default: 5433, YSQL's. */
  readonly defaultPort?: number;
  /** Whether a name in a URL is that of a field which only stands beside the URL. Default: those of a connection do. */
  isField?(name: string): boolean;
}

/** For whoever reads what was looked at before. */
export const QUIET: Findings = { warn: () => undefined, refuse: () => undefined };

/** Null and the empty string mean "not given", as they do for Go's decoder. */
export function isGiven(value: JsonValue | undefined): boolean {
  return value != null && value !== '';
}

/** `byDefault` is to be given for a field that is none of a connection. */
export function readText(
  values: JsonObject,
  name: string,
  byDefault: SettingField['default'] = findConnectionField(name)?.default,
): string {
  const value = values[name];
  if (value == null || value === '') return String(byDefault ?? '');
  if (typeof value === 'object') {
    throw new CofferError('invalid-request', `field "${name}" must be a single value, not a list or a map`);
  }
  return String(value);
}

export const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'true'].map((text): [string, boolean] => [text, true]),
  ...['0', 'f', 'false'].map((text): [string, boolean] => [text, false]),
]);

export function readBoolean(values: JsonObject, name: string): boolean {
  const text = readText(values, name);
  const value = BOOLEANS.get(text.toLowerCase());
  if (value === undefined) throw notOneOf(name, text, ['true', 'false']);
  return value;
}

export function readInteger(values: JsonObject, name: string, findings: Findings): number {
  const text = readText(values, name);
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    throw new CofferError('invalid-request', `field "${name}": ${JSON.stringify(text)} is not a whole number`);
  }
  const value = Number(text);
  const field = findConnectionField(name);
  const [least, most] = field?.range ?? [-Infinity, Infinity];
  if (value >= least && value <= most) return value;
  const problem = `field "${name}": ${value} is not in ${least} to ${most}`;
  if (name === 'port') throw new CofferError('invalid-request', problem);
  // The drivers fall back to the default in this case, so a stored configuration may well contain such a value.
  findings.refuse(problem, `${problem}; using ${String(field?.default)}`);
  return Number(field?.default);
}

export function readChoice<C extends string>(
  values: JsonObject,
  name: string,
  choices: readonly C[],
  byDefault?: SettingField['default'],
): C {
  const text = readText(values, name, byDefault);
  const choice = choices.find((candidate) => candidate === text.toLowerCase());
  if (choice === undefined) throw notOneOf(name, text, choices);
  return choice;
}

export function notOneOf(name: string, value: string, choices: readonly string[]): CofferError {
  return new CofferError(
    'invalid-request',
    `field "${name}": ${JSON.stringify(value)} is not one of ${choices.join(', ')}`,
  );
}

/** One text for all ways to write a value. Of a value that is wrong, its own text. */
export function canonical(name: string, value: JsonValue | undefined): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const field = findConnectionField(name);
  if (name === 'host' || name === 'topology_keys') {
    return text
      .split(',')
      .map((entry) => entry.trim())
      .join(',');
  }
  if (name === 'load_balance') return boolean(text.toLowerCase() === 'any' ? 'true' : text);
  switch (field?.type) {
    case 'boolean':
      return boolean(text);
    case 'integer':
      return /^[+-]?\d+$/.test(text) ? String(Number(text)) : text;
    case 'duration':
      return seconds(text);
    default:
      return field?.choices === undefined ? text : text.toLowerCase();
  }
}

function boolean(text: string): string {
  return String(BOOLEANS.get(text.toLowerCase()) ?? text.toLowerCase());
}

function seconds(text: string): string {
  try {
    return String(parseDuration(text, ''));
  } catch {
    return text;
  }
}

/** The same configuration by our own names for the fields. A name and its alias must not differ. */
export function byOurNames(config: JsonObject, findings: Findings): JsonObject {
  const result: Record<string, JsonValue> = { ...config };
  for (const [alias, name] of FIELD_ALIASES) {
    if (!Object.hasOwn(config, alias)) continue;
    delete result[alias];
    const value = valueOfAlias(alias, config[alias] ?? null, findings);
    if (value === undefined) continue;
    if (!isGiven(config[name])) {
      if (isGiven(value) || !Object.hasOwn(config, name)) result[name] = value;
    } else if (isGiven(value) && canonical(name, value) !== canonical(name, config[name])) {
      findings.refuse(
        `field "${alias}" is another name for "${name}", and the two differ: remove one of them`,
        `"${name}" overrides "${alias}", its other name`,
      );
    }
  }
  return result;
}

/**
 * The value for the field that the alias stands for. psycopg's load_balance_hosts also has the two values of libpq's own
 * setting of that name. Undefined: it is wrong. It had no effect once, so what is stored may be anything.
 */
export function valueOfAlias<V extends JsonValue>(
  alias: string,
  value: V,
  findings: Findings,
): V | 'false' | undefined {
  const name = FIELD_ALIASES.get(alias);
  if (name === undefined || !isGiven(value)) return value;
  if (alias === 'load_balance_hosts' && (value === 'random' || value === 'disable')) {
    if (value === 'random')
      findings.warn('load_balance_hosts=random has no effect: hosts are tried in the order given');
    return 'false';
  }
  const text = canonical(name, value);
  const choices = findConnectionField(name)?.choices;
  if (choices === undefined ? /^\d+$/.test(text) : choices.includes(text)) return value;
  const { message } = notOneOf(alias, text, choices ?? ['0 to 60']);
  findings.refuse(message, `${message}, and has no effect`);
  return undefined;
}
