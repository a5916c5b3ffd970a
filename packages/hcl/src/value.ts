import { type CofferError, type JsonValue, nearestName, parseDuration, parseGoBoolean } from '@coffer/base';
import { type HclPosition, hclError, type HclReport } from './source.ts';

/** A string or heredoc (escapes resolved, `${…}` kept as it is written). */
export interface HclString extends HclPosition {
  readonly kind: 'string';
  readonly value: string;
}
export interface HclNumber extends HclPosition {
  readonly kind: 'number';
  readonly value: number;
  /** As written: `0x1f`, `1e3`. */
  readonly text: string;
}
export interface HclBool extends HclPosition {
  readonly kind: 'bool';
  readonly value: boolean;
}
export interface HclList extends HclPosition {
  readonly kind: 'list';
  readonly values: readonly HclValue[];
}
export type HclValue = HclString | HclNumber | HclBool | HclList | HclObject;

/** One `key = value` or one block. The position is that of the first key. */
export interface HclItem extends HclPosition {
  /** The key, then the block's labels: `path "a/*" { … }` has `['path', 'a/*']`. At least one. */
  readonly keys: readonly [string, ...string[]];
  readonly value: HclValue;
}

/** A block with as many labels as {@link HclObject.blocks} was asked for. */
export interface HclBlock extends HclPosition {
  readonly labels: readonly string[];
  readonly body: HclObject;
}

const KIND_NAMES = {
  string: 'a string',
  number: 'a number',
  bool: 'true or false',
  list: 'a list',
  object: 'a block',
} as const;

/**
 * The content of a file or of a pair of braces, in the order written. Keys may repeat: {@link HclObject.items} and
 * {@link HclObject.blocks} give all of them, the typed getters refuse a key that is set twice. The getters return
 * `undefined` for a key that is absent and throw CofferError `invalid-request` with the line for a wrong type; with a report,
 * that gets the error, and the key counts as absent. No message repeats a value: configuration files hold passwords.
 */
export class HclObject implements HclPosition {
  readonly kind = 'object';
  readonly items: readonly HclItem[];
  readonly line: number;
  readonly column: number;
  readonly file?: string;
  readonly #report: HclReport | undefined;

  constructor(items: readonly HclItem[], { line, column, file }: HclPosition, report?: HclReport) {
    this.items = items;
    this.line = line;
    this.column = column;
    if (file !== undefined) this.file = file;
    this.#report = report;
  }

  /** An object at the same place with other items. */
  withItems(items: readonly HclItem[]): HclObject {
    return new HclObject(items, this, this.#report);
  }

  /** An error at `at` (default: where this object begins), for the consumer to throw when something is wrong. */
  error(message: string, at: HclPosition = this): CofferError {
    return hclError(at, message);
  }

  /** The value of `key = value` (or of a block without labels). */
  attribute(name: string): HclValue | undefined {
    const [first, second] = this.items.filter((item) => item.keys[0] === name);
    if (second !== undefined && first !== undefined) {
      return this.#fail(`"${name}" is set twice; the first is on line ${first.line}`, second);
    }
    if (first !== undefined && first.keys.length > 1) {
      return this.#fail(`"${name}" is a block with a label here; write ${name} = …`, first);
    }
    return first?.value;
  }

  string(name: string): string | undefined {
    const value = this.attribute(name);
    if (value === undefined || value.kind === 'string') return value?.value;
    return this.#wrongType(name, 'string', value);
  }

  /** A number, or a string that holds one (JSON tools often quote them), as HCL 1 decodes. */
  number(name: string): number | undefined {
    const value = this.attribute(name);
    if (value === undefined || value.kind === 'number') return value?.value;
    if (value.kind === 'string' && /^-?\d+(\.\d+)?$/.test(value.value)) return Number(value.value);
    return this.#wrongType(name, 'number', value);
  }

  /** `true` or `false`, quoted or not, and what Go takes for them: `1`, `"f"`, `"TRUE"`. Vault takes `""` for false. */
  boolean(name: string): boolean | undefined {
    const value = this.attribute(name);
    if (value === undefined || value.kind === 'bool') return value?.value;
    const text = value.kind === 'string' ? value.value : value.kind === 'number' ? value.text : undefined;
    const meant = text === '' ? false : parseGoBoolean(text ?? '');
    return meant ?? this.#wrongType(name, 'bool', value);
  }

  /** Seconds, from a number of seconds or a string like `"1h30m"` (see parseDuration). */
  duration(name: string): number | undefined {
    const value = this.attribute(name);
    if (value === undefined) return undefined;
    if (value.kind !== 'string' && value.kind !== 'number') return this.#wrongType(name, 'string', value);
    try {
      return parseDuration(value.value, name);
    } catch {
      return this.#fail(`"${name}" must be a duration: seconds, or a form like "90m", "1h30m", "7d"`, value);
    }
  }

  /** A list of strings; a single string counts as a list of one. */
  strings(name: string): readonly string[] | undefined {
    const value = this.attribute(name);
    if (value === undefined) return undefined;
    if (value.kind === 'string') return [value.value];
    if (value.kind !== 'list')
      return this.#fail(`"${name}" must be a list of strings, not ${KIND_NAMES[value.kind]}`, value);
    const strings = value.values.filter((entry) => entry.kind === 'string');
    const other = value.values.find((entry) => entry.kind !== 'string');
    if (other !== undefined) {
      return this.#fail(`"${name}" must contain strings only, not ${KIND_NAMES[other.kind]}`, other);
    }
    return strings.map((entry) => entry.value);
  }

  /** The object of `name { … }` or `name = { … }`. */
  object(name: string): HclObject | undefined {
    const value = this.attribute(name);
    if (value === undefined || value.kind === 'object') return value;
    return this.#wrongType(name, 'object', value);
  }

  /**
   * Every block `name`, each with exactly `labelCount` labels. Forms that mean the same in HCL 1 and JSON give the same result:
   * `path "a" { … }`, `path = { "a" = { … } }`, `{"path": {"a": {…}}}` and `{"path": [{"a": {…}}]}`.
   */
  blocks(name: string, labelCount = 0): HclBlock[] {
    const blocks: HclBlock[] = [];
    const add = (labels: readonly string[], value: HclValue, at: HclPosition): void => {
      if (labels.length > labelCount) throw this.error(`"${name}" takes ${labelCountText(name, labelCount)}`, at);
      if (value.kind === 'list') {
        for (const entry of value.values) add(labels, entry, entry);
      } else if (value.kind !== 'object' && labels.length > 0) {
        // A key of the block itself was taken for a label.
        throw this.error(`"${name}" takes ${labelCountText(name, labelCount)}`, at);
      } else if (value.kind !== 'object') {
        throw this.error(`"${name}" must be a block, not ${KIND_NAMES[value.kind]}`, value);
      } else if (labels.length === labelCount) {
        const { line, column, file } = at;
        blocks.push({ labels, body: value, line, column, ...(file !== undefined && { file }) });
      } else if (value.items.length === 0) {
        throw this.error(`"${name}" takes ${labelCountText(name, labelCount)}`, at);
      } else {
        for (const item of value.items) add([...labels, ...item.keys], item.value, item);
      }
    };
    for (const item of this.items) if (item.keys[0] === name) add(item.keys.slice(1), item.value, item);
    return blocks;
  }

  /** Says an error at `at` the way the getters do: to the report, where there is one. */
  refuse(at: HclPosition, message: string): void {
    this.#fail(message, at);
  }

  /** Refuses keys that are not in `names`. */
  allowOnly(names: readonly string[]): void {
    for (const item of this.items) {
      const [key] = item.keys;
      if (names.includes(key)) continue;
      const nearest = nearestName(key, names);
      const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
      this.#fail(`"${key}" is not known here; known are ${names.join(', ')}${hint}`, item);
    }
  }

  #wrongType(name: string, wanted: keyof typeof KIND_NAMES, value: HclValue): undefined {
    const found = value.kind === 'string' && wanted !== 'string' ? 'this string' : KIND_NAMES[value.kind];
    return this.#fail(`"${name}" must be ${KIND_NAMES[wanted]}, not ${found}`, value);
  }

  #fail(message: string, at: HclPosition): undefined {
    const error = this.error(message, at);
    if (this.#report === undefined) throw error;
    this.#report(error);
    return undefined;
  }
}

function labelCountText(name: string, count: number): string {
  return count === 0 ? 'no label' : `${count} label${count === 1 ? '' : 's'}, as in ${name} "label" { … }`;
}

/** A value as JSON. Labels become nested objects. @throws CofferError `invalid-request` when a key is set twice */
export function hclToJson(value: HclValue): JsonValue {
  if (value.kind === 'list') return value.values.map(hclToJson);
  if (value.kind !== 'object') return value.value;
  const seen = new Set<string>();
  return Object.fromEntries(
    value.items.map((item): [string, JsonValue] => {
      const [name, ...labels] = item.keys;
      if (seen.has(name)) throw value.error(`"${name}" is set twice`, item);
      seen.add(name);
      return [
        name,
        labels.reduceRight((inner: JsonValue, label) => Object.fromEntries([[label, inner]]), hclToJson(item.value)),
      ];
    }),
  );
}
