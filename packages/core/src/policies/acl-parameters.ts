/** The parameter rules of policies, as hashicorp/vault:vault/acl.go compares them. */
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { foldName, policyName } from '@coffer/framework';

/** A value in a policy's list. `never` is equal to nothing. */
export type ParameterValue =
  | { readonly kind: 'scalar'; readonly value: string | boolean }
  | { readonly kind: 'list'; readonly values: readonly ParameterValue[] }
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, ParameterValue> }
  | { readonly kind: 'never' };

/** The values of one parameter. No values at all stand for every value. */
export interface ParameterValues {
  readonly any: boolean;
  readonly strings: ReadonlySet<string>;
  readonly globs: readonly string[];
  readonly others: readonly ParameterValue[];
}

export function compileParameter(values: readonly ParameterValue[]): ParameterValues {
  const strings = new Set<string>();
  const globs: string[] = [];
  const others: ParameterValue[] = [];
  for (const each of values) {
    if (each.kind !== 'scalar' || typeof each.value !== 'string') others.push(each);
    // A lone `*` is literal (hashicorp/go-secure-stdlib:strutil GlobbedStringsMatch).
    else if (each.value.length > 1 && (each.value.startsWith('*') || each.value.endsWith('*'))) globs.push(each.value);
    else strings.add(each.value);
  }
  return { any: values.length === 0, strings, globs, others };
}

/** The values of all of them together. One without values allows any, and absorbs the others. */
export function mergeParameterValues(all: readonly ParameterValues[]): ParameterValues {
  const any = all.find((each) => each.any);
  if (any !== undefined) return any;
  return {
    any: false,
    strings: new Set(all.flatMap(({ strings }) => [...strings])),
    globs: all.flatMap(({ globs }) => globs),
    others: all.flatMap(({ others }) => others),
  };
}

/**
 * Parameters that name policies, in every engine, each with its synonyms: a policy is the same however its name is spelled, and
 * whichever of them it is given in.
 */
const POLICY_PARAMETERS: ReadonlyMap<string, readonly string[]> = new Map(
  [
    ['policies', 'token_policies'],
    ['allowed_policies'],
    ['allowed_policies_glob'],
    ['disallowed_policies'],
    ['disallowed_policies_glob'],
  ].flatMap((same) => same.map((name) => [name, same] as const)),
);

/** Parameters by name in lower case. `*` stands for every parameter. */
export type ParameterRules = ReadonlyMap<string, ParameterValues>;

/** An empty map is no list at all. */
export interface ParameterLists {
  readonly allowedParameters: ParameterRules;
  readonly deniedParameters: ParameterRules;
  readonly requiredParameters: readonly string[];
}

/** Lists with what {@link compileDeniedItems} makes of them. */
export interface CompiledLists extends ParameterLists {
  readonly deniedItems: DeniedItems;
}

/** What the items of a parameter may not be, as the engine reads them, by the parameter's name. */
export type DeniedItems = ReadonlyMap<string, Pick<ParameterValues, 'strings' | 'globs'>>;

/** The name of a policy that is denied in one parameter is denied in its synonyms too. */
export function compileDeniedItems(denied: ParameterRules): DeniedItems {
  const names = new Set([...denied.keys()].flatMap((name) => POLICY_PARAMETERS.get(name) ?? [name]));
  return new Map(
    [...names].map((name) => {
      const values = (POLICY_PARAMETERS.get(name) ?? [name]).flatMap((each) => denied.get(each) ?? []);
      const strings = values.flatMap((each) => [...each.strings].map((text) => itemAsRead(name, text)));
      const globs = values.flatMap((each) => each.globs.map((text) => itemAsRead(name, text)));
      return [name, { strings: new Set(strings), globs }];
    }),
  );
}

/** Without surrounding blanks; the name of a policy in lower case. */
function itemAsRead(parameter: string, text: string): string {
  return POLICY_PARAMETERS.has(parameter) ? policyName(text) : text.trim();
}

/**
 * Whether the lists allow the parameters of a read or write. Each spelling of a name counts by itself.
 * @param split names of the parameters whose strings the engine splits at commas
 */
export function parametersAllowed(lists: CompiledLists, data: JsonObject, split: ReadonlySet<string>): boolean {
  // The names of a policy in any case, the parameter in lower case: how the engines know it.
  if (!lists.requiredParameters.every((name) => Object.hasOwn(data, foldName(name)))) return false;
  const given = Object.entries(data).map(([name, value]) => [foldName(name), value] as const);
  if (given.length === 0) return true;
  const { deniedParameters: denied, allowedParameters: allowed, deniedItems } = lists;
  if (denied.has('*')) return false;
  if (given.some(([name, value]) => isDenied(value, denied.get(name)))) return false;
  if (given.some(([name, value]) => split.has(name) && itemsDenied(name, value, deniedItems.get(name)))) return false;
  const others = allowed.has('*');
  if (allowed.size === 0 || (allowed.size === 1 && others)) return true;
  return given.every(([name, value]) => {
    const values = allowed.get(name);
    if (values === undefined) return others;
    return isAllowed(value, values) && (!split.has(name) || itemsAllowed(value, values));
  });
}

/** The value, or every item of a list or of a string with commas. */
function isAllowed(value: JsonValue, values: ParameterValues): boolean {
  if (values.any || contains(values, value)) return true;
  return itemsOf(value)?.every((item) => contains(values, item)) ?? false;
}

/** Whether no glob reaches past a comma: `app-*` allows no `app-1,admin`, which Vault lets pass. */
function itemsAllowed(value: JsonValue, values: ParameterValues): boolean {
  if (typeof value !== 'string' || values.any || values.strings.has(value)) return true;
  return value.split(',').every((item) => item.trim() === '' || contains(values, trimGoSpace(item)));
}

/** The value, or any item of a list or of a string with commas. */
function isDenied(value: JsonValue, values: ParameterValues | undefined): boolean {
  if (values === undefined) return false;
  if (values.any || contains(values, value)) return true;
  return itemsOf(value)?.some((item) => contains(values, item)) ?? false;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * Whether a denied item is among those that the engine reads: without surrounding blanks, a number or boolean as text, a policy in
 * any case and in any synonym. Vault lets these pass. What is allowed must be allowed as it was sent, so this only ever takes
 * away.
 */
function itemsDenied(
  name: string,
  value: JsonValue,
  denied: Pick<ParameterValues, 'strings' | 'globs'> | undefined,
): boolean {
  if (denied === undefined) return false;
  const given = isList(value) ? value.map(textOf) : textOf(value).split(',');
  return given
    .map((item) => itemAsRead(name, item))
    .some(
      (item) => item !== '' && (denied.strings.has(item) || denied.globs.some((glob) => outerGlobMatches(glob, item))),
    );
}

/** A number or boolean as the engines read it in a list of texts. */
function textOf(value: JsonValue): string {
  return typeof value === 'object' && !(value instanceof ExactNumber) ? '' : String(value);
}

const GO_SPACE = '[\\t\\n\\v\\f\\r \\x85\\xa0\\p{Zs}\\u2028\\u2029]';
const LEADING_SPACE = new RegExp(`^${GO_SPACE}+`, 'u');

function itemsOf(value: JsonValue): readonly JsonValue[] | undefined {
  if (isList(value)) return value;
  if (typeof value !== 'string') return undefined;
  return value === '' ? [] : value.split(',').map(trimGoSpace);
}

/** Go's `strings.TrimSpace`: without U+FEFF, with U+0085. Linear, which `\s+$` is not. */
function trimGoSpace(text: string): string {
  const start = LEADING_SPACE.exec(text)?.[0].length ?? 0;
  let end = text.length;
  while (end > start && LEADING_SPACE.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function contains({ strings, globs, others }: ParameterValues, value: JsonValue): boolean {
  if (typeof value === 'string') return strings.has(value) || globs.some((glob) => outerGlobMatches(glob, value));
  return others.some((other) => equals(other, value));
}

/** Here a `*` counts only at an end (hashicorp/vault:sdk/helper/strutil GlobbedStringsMatch), unlike in the framework's globs. */
function outerGlobMatches(glob: string, value: string): boolean {
  if (!glob.endsWith('*')) return value.endsWith(glob.slice(1));
  return glob.startsWith('*') ? value.includes(glob.slice(1, -1)) : value.startsWith(glob.slice(0, -1));
}

/** Within lists and objects, strings are compared as they are. */
function equals(expected: ParameterValue, value: JsonValue): boolean {
  switch (expected.kind) {
    case 'scalar':
      return expected.value === value;
    case 'list':
      return (
        isList(value) &&
        value.length === expected.values.length &&
        expected.values.every((each, index) => equals(each, value[index] ?? null))
      );
    case 'object': {
      if (!isJsonObject(value)) return false;
      const members = new Map(Object.entries(value));
      if (members.size !== expected.members.size) return false;
      return [...expected.members].every(([name, each]) => {
        const member = members.get(name);
        return member !== undefined && equals(each, member);
      });
    }
    case 'never':
      return false;
  }
}
