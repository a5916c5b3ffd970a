import { parseArgs } from 'node:util';
import { type CofferError, didYouMean, parseDuration, parseGoBoolean } from '@coffer/base';
import { usageFailure } from './failure.ts';

interface FlagBase {
  /** One or more sentences for the help. */
  readonly usage: string;
  readonly aliases?: readonly string[];
  /** The environment variable that stands in for the flag. */
  readonly env?: string;
}

/** One flag. Durations are seconds; `system` is -1. A list repeats the flag, a map repeats it with `key=value`. */
export type FlagDefinition =
  | (FlagBase & { readonly type: 'boolean'; readonly default?: boolean })
  /** `bare`: what it is when it is given without a value. */
  | (FlagBase & { readonly type: 'string'; readonly default?: string; readonly bare?: string })
  | (FlagBase & { readonly type: 'duration' | 'integer' | 'list' | 'map' });
export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

type FlagValue = boolean | string | number | readonly string[] | Readonly<Record<string, string>> | undefined;

type ValueOf<D> = D extends { type: 'boolean' }
  ? boolean
  : D extends { type: 'string'; default: string }
    ? string
    : D extends { type: 'string' }
      ? string | undefined
      : D extends { type: 'duration' | 'integer' }
        ? number | undefined
        : D extends { type: 'list' }
          ? readonly string[]
          : Readonly<Record<string, string>> | undefined;

/** What a command gets for its flags: `undefined` for a value that was neither given nor has a default. */
export type FlagValues<F extends FlagDefinitions> = { readonly [K in keyof F]: ValueOf<F[K]> };

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ParsedArguments {
  readonly flags: Readonly<Record<string, FlagValue>>;
  readonly positionals: readonly string[];
}

/**
 * Parses arguments by the rules of Go's flag package: one or two dashes, `-name=value` or `-name value`, a boolean alone
 * or as `-name=false`, and no flags after the first argument that is not one. A flag takes precedence over its environment variable.
 *
 * @throws CommandFailure with Go's message for an unknown flag, a missing or a wrong value
 */
export function parseFlags(definitions: FlagDefinitions, args: readonly string[], env: Environment): ParsedArguments {
  const names = new Map<string, string>();
  for (const [name, { aliases = [] }] of Object.entries(definitions)) {
    for (const spelling of [name, ...aliases]) names.set(spelling, name);
  }
  const normal = normalise(definitions, names, args);
  const options = Object.fromEntries(
    Object.keys(definitions).map((name) => [name, { type: 'string', multiple: true } as const]),
  );
  const { values, positionals } = parseArgs({ args: normal, options, allowPositionals: true });
  const flags = Object.entries(definitions).map(([name, definition]) => [
    name,
    valueOf(name, definition, values[name] ?? [], env),
  ]);
  return { flags: Object.fromEntries(flags) as Record<string, FlagValue>, positionals };
}

/** Those of the flags that `definitions` define; undefined where a command has none of that name. */
export function flagsOf<F extends FlagDefinitions>(definitions: F, flags: ParsedArguments['flags']): FlagValues<F> {
  const own = Object.keys(definitions).map((name) => [name, flags[name]] as const);
  return Object.fromEntries(own) as FlagValues<F>;
}

/** Rewrites Go's spelling into `--name=value` for every flag, then `--` and the rest untouched. */
function normalise(
  definitions: FlagDefinitions,
  names: ReadonlyMap<string, string>,
  args: readonly string[],
): string[] {
  const normal: string[] = [];
  let index = 0;
  for (; index < args.length; index++) {
    const argument = args[index] ?? '';
    if (!argument.startsWith('-') || argument === '-') break;
    if (argument === '--') {
      index++;
      break;
    }
    const [, spelling = '', inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? [];
    if (spelling === '') throw usageFailure(`bad flag syntax: ${argument}`);
    const name = names.get(spelling);
    if (name === undefined) throw unknownFlag(spelling, names);
    let value = inline;
    value ??= bareValue(definitions[name]);
    if (value === undefined && index + 1 < args.length) value = args[++index];
    if (value === undefined) throw usageFailure(`flag needs an argument: -${spelling}`);
    normal.push(`--${name}=${value}`);
  }
  return [...normal, '--', ...args.slice(index)];
}

function unknownFlag(spelling: string, names: ReadonlyMap<string, string>): CofferError {
  const meant = didYouMean(spelling, [...names.keys(), 'help'], '-');
  return usageFailure(`flag provided but not defined: -${spelling}${meant === undefined ? '' : `\n${meant}`}`);
}

/** What a flag is that is given without a value; undefined when the next argument is its value. */
function bareValue(definition: FlagDefinition | undefined): string | undefined {
  if (definition?.type === 'boolean') return 'true';
  return definition?.type === 'string' ? definition.bare : undefined;
}

function valueOf(name: string, definition: FlagDefinition, given: readonly string[], env: Environment): FlagValue {
  const fromEnv = definition.env === undefined ? undefined : env[definition.env];
  if (given.length > 0)
    return convert(definition, given, (value) => `flag -${name}: invalid value ${JSON.stringify(value)}`);
  if (fromEnv !== undefined && fromEnv !== '') {
    return convert(
      definition,
      [fromEnv],
      (value) => `environment variable ${definition.env}: invalid value ${JSON.stringify(value)}`,
    );
  }
  switch (definition.type) {
    case 'boolean':
      return definition.default ?? false;
    case 'string':
      return definition.default;
    case 'list':
      return [];
    default:
      return undefined;
  }
}

function convert(
  definition: FlagDefinition,
  given: readonly string[],
  complaint: (value: string) => string,
): FlagValue {
  const last = given.at(-1) ?? '';
  const refuse = (value: string, reason: string) => usageFailure(`${complaint(value)}: ${reason}`);
  switch (definition.type) {
    case 'boolean': {
      const value = parseGoBoolean(last);
      if (value !== undefined) return value;
      throw refuse(last, 'use true or false');
    }
    case 'string':
      return last;
    case 'integer':
      if (/^[+-]?\d+$/.test(last) && Number.isSafeInteger(Number(last))) return Number(last);
      throw refuse(last, 'use a whole number');
    case 'duration':
      return duration(last, () => refuse(last, 'use seconds or a form like "90m", "1h30m", "7d"'));
    case 'list':
      return given.map((value) => value.trim());
    case 'map':
      return Object.fromEntries(
        given.map((pair) => {
          const at = pair.indexOf('=');
          if (at < 0) throw refuse(pair, 'use key=value');
          return [pair.slice(0, at), pair.slice(at + 1)];
        }),
      );
  }
}

function duration(text: string, refusal: () => CofferError): number {
  // "system" and negative values ask for the server's own default (vault:command/base_flags.go durationValue).
  if (text === 'system' || text === '-1') return -1;
  if (text === '') throw refusal();
  try {
    return parseDuration(text, 'duration');
  } catch {
    throw refusal();
  }
}
