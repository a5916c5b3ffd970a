/** The values of a policy's rule, decoded as hashicorp/hcl:decoder.go decodes into Go's strings, slices and maps. */
import { parseNanoseconds } from '@coffer/base';
import type { HclItem, HclObject, HclValue } from '@coffer/hcl';
import { compileParameter, mergeParameterValues, type ParameterRules, type ParameterValue } from './acl-parameters.ts';
import { foldName } from '@coffer/framework';

/** The items `name = …`. A key may come several times: as JSON, or as `a` and `"a"`. */
function items(body: HclObject, name: string): HclItem[] {
  const found = body.items.filter(({ keys }) => keys[0] === name);
  const labelled = found.find(({ keys }) => keys.length > 1);
  if (labelled !== undefined) throw body.error(`"${name}" takes no label; write ${name} = …`, labelled);
  return found;
}

/** A string; a whole number counts as its digits. The last one where there are several. */
export function text(body: HclObject, name: string): string | undefined {
  return items(body, name)
    .map(({ value }) => asText(value) ?? wrong(body, name, 'a string', value))
    .at(-1);
}

/** All lists of that name, one after the other. */
export function stringList(body: HclObject, name: string): readonly string[] {
  return items(body, name).flatMap(({ value }) => {
    const values = listOf(value) ?? wrong(body, name, 'a list of strings', value);
    return values.map((entry) => asText(entry) ?? wrong(body, name, 'a list of strings only', entry));
  });
}

function asText(value: HclValue): string | undefined {
  if (value.kind === 'string') return value.value;
  return value.kind === 'number' && !/[.eE]/.test(value.text.replace(/^-?0[xX].*/, '')) ? value.text : undefined;
}

/** `{}` is an empty list. */
function listOf(value: HclValue): readonly HclValue[] | undefined {
  if (value.kind === 'list') return value.values;
  return value.kind === 'object' && value.items.length === 0 ? [] : undefined;
}

function wrong(body: HclObject, name: string, wanted: string, at: HclValue): never {
  throw body.error(`"${name}" must be ${wanted}`, at);
}

/**
 * Nanoseconds, from a number of seconds or a string like "90m" or "1.5s"; 0 when absent.
 * @throws CofferError `invalid-request` with the line
 */
export function wrappingTtl(body: HclObject, name: 'min_wrapping_ttl' | 'max_wrapping_ttl'): bigint {
  const value = items(body, name).at(-1)?.value;
  if (value === undefined) return 0n;
  const text =
    value.kind === 'number' ? String(Math.trunc(value.value)) : value.kind === 'string' ? value.value : undefined;
  const parsed = text === undefined ? undefined : parseNanoseconds(text);
  return parsed ?? wrong(body, name, 'a duration: seconds, or a form like "90m", "1h30m", "7d"', value);
}

/**
 * Empty when there is no such key, and for `{}`, which means the same. The same name several times (in JSON) has all the
 * values. Of spellings that differ in case Vault takes one at random: here what either denies is denied, and among
 * allowed ones a list of values counts rather than none.
 */
export function parameterRules(body: HclObject, name: 'allowed_parameters' | 'denied_parameters'): ParameterRules {
  const found = body.items.filter(({ keys }) => keys[0] === name).flatMap((item) => parameterItems(body, name, item));
  const labelled = found.find(({ keys }) => keys.length > 1);
  if (labelled !== undefined) throw body.error(`"${name}": a parameter takes no label`, labelled);
  const bySpelling = [...Map.groupBy(found, ({ keys }) => keys[0])].map(([spelling, same]) => ({
    parameter: foldName(spelling),
    values: compileParameter(same.flatMap(({ value }) => parameterValues(body, name, value))),
  }));
  const byName = Map.groupBy(bySpelling, ({ parameter }) => parameter);
  return new Map(
    [...byName].map(([parameter, same]) => {
      const all = same.map(({ values }) => values);
      const listed = name === 'allowed_parameters' ? all.filter(({ any }) => !any) : all;
      return [parameter, mergeParameterValues(listed.length === 0 ? all : listed)];
    }),
  );
}

/** `allowed_parameters "x" { … }` is one for `x`, as HCL 1 reads it. */
function parameterItems(body: HclObject, name: string, item: HclItem): readonly HclItem[] {
  const [, label, ...more] = item.keys;
  if (label !== undefined) return [{ ...item, keys: [label, ...more] }];
  return item.value.kind === 'object' ? item.value.items : wrong(body, name, 'a block { … }', item.value);
}

function parameterValues(body: HclObject, name: string, value: HclValue): ParameterValue[] {
  if (value.kind === 'object') return [parameterValue(value)];
  if (value.kind !== 'list') return wrong(body, name, 'a block of lists, as in { ttl = ["1h"] }', value);
  return value.values.map(parameterValue);
}

/**
 * The value as it is compared with what a request holds. Numbers are equal to none, since those of a request have another
 * type in Vault (int and float64 against json.Number); nor is an object within an object (a slice there).
 */
function parameterValue(value: HclValue): ParameterValue {
  if (value.kind === 'number') return { kind: 'never' };
  if (value.kind === 'list') return { kind: 'list', values: value.values.map(parameterValue) };
  if (value.kind !== 'object') return { kind: 'scalar', value: value.value };
  const members = new Map<string, ParameterValue>();
  for (const { keys, value: member } of value.items) {
    const compared =
      keys.length > 1 || member.kind === 'object' ? ({ kind: 'never' } as const) : parameterValue(member);
    members.set(keys[0], compared);
  }
  return { kind: 'object', members };
}
