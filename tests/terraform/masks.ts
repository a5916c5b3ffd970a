/**
 * What differs from one run to the next is masked where exchanges are written down: `<id-1>` and so on for what was made by the server
 * and comes again, `<time>`, `<number>` and `<text>` for what does not matter, and names of their own for what the test gave.
 */
import { isJsonObject, type JsonValue } from '@coffer/base';
import type { Exchange } from './recorder.ts';

/** Values of this run by the names of their masks, the longest value first where one is a part of another. */
export type Given = Readonly<Record<string, string>>;

const IDS = /^(id|accessor|client_token|uuid|secret_id|secret_id_accessor|role_id|entity_id|cluster_id|migration_id)$/;
const TEXTS = /^(request_id|cluster_name|version|build_date|password)$/;
const NUMBERS = /^(creation_time|ttl|server_time_utc)$/;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/;
/** No name that a person chose is as long, so that none is taken for a part of another text. */
const SHORTEST_ID = 16;
const MASK = /<(?:id-\d+|given-\w+)>/g;

/** Of these exchanges, without what differs. */
export function masked(exchanges: readonly Exchange[], given: Given): Exchange[] {
  const names = new Map(Object.entries(given).map(([name, value]) => [value, `<given-${name}>`]));
  const known = (text: string): string => {
    for (const [value, name] of names) text = text.replaceAll(value, name);
    return text;
  };
  const learn = (value: JsonValue, key = ''): void => {
    if (typeof value === 'string') {
      if (IDS.test(key) && value.length >= SHORTEST_ID && !names.has(value)) {
        names.set(value, `<id-${names.size - Object.keys(given).length + 1}>`);
      }
    } else if (isList(value)) for (const item of value) learn(item, key);
    else if (isJsonObject(value)) for (const [name, item] of Object.entries(value)) learn(item, name);
  };
  return exchanges.map(({ method, path, body, status, answer }) => {
    if (answer !== undefined) learn(answer);
    return {
      method,
      path: known(path),
      ...(body !== undefined && { body: mapTexts(body, known) }),
      status,
      ...(answer !== undefined && { answer: mapTexts(withoutTimes(answer), known) }),
    };
  });
}

/** `Array.isArray` makes a list of anything of a list that cannot be written. */
function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function withoutTimes(value: JsonValue, key = ''): JsonValue {
  if (typeof value === 'string') {
    if (TEXTS.test(key)) return '<text>';
    return TIME.test(value) && !value.startsWith('0001-') ? '<time>' : value;
  }
  if (typeof value === 'number') return NUMBERS.test(key) ? '<number>' : value;
  if (isList(value)) return value.map((item) => withoutTimes(item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutTimes(item, name)]));
}

function mapTexts(value: JsonValue, change: (text: string) => string): JsonValue {
  if (typeof value === 'string') return change(value);
  if (isList(value)) return value.map((item) => mapTexts(item, change));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [change(name), mapTexts(item, change)]));
}

/** The masks of recorded exchanges and what stands for them in another run, as far as it is known. */
export class Unmasked {
  readonly #values: Map<string, string>;

  constructor(given: Given) {
    this.#values = new Map(Object.entries(given).map(([name, value]) => [`<given-${name}>`, value]));
  }

  text(recorded: string): string {
    return recorded.replaceAll(MASK, (mask) => this.#values.get(mask) ?? mask);
  }

  body(recorded: JsonValue): JsonValue {
    return mapTexts(recorded, (text) => this.text(text));
  }

  /** Learns what stands for masks. Returns where an answer differs from the recorded one, as in `data.ttl: 5, recorded: 6`. */
  differences(recorded: JsonValue | undefined, answer: JsonValue | undefined, at = ''): string[] {
    const differs = [`${at}: ${JSON.stringify(answer)}, recorded: ${JSON.stringify(recorded)}`];
    if (typeof recorded === 'string') return this.#stands(recorded, answer) ? [] : differs;
    if (isList(recorded) && isList(answer)) {
      if (recorded.length !== answer.length) return differs;
      return recorded.flatMap((item, index) => this.differences(item, answer[index], `${at}[${index}]`));
    }
    if (isJsonObject(recorded) && isJsonObject(answer)) {
      const wanted = Object.entries(recorded).map(([name, item]) => [this.text(name), item] as const);
      const names = new Set([...wanted.map(([name]) => name), ...Object.keys(answer)]);
      const byName = new Map(wanted);
      return [...names].flatMap((name) => this.differences(byName.get(name), answer[name], `${at}.${name}`));
    }
    return recorded === answer ? [] : differs;
  }

  #stands(recorded: string, answer: JsonValue | undefined): boolean {
    if (recorded === '<number>') return typeof answer === 'number';
    if (typeof answer !== 'string') return false;
    if (recorded === '<text>') return answer !== '';
    if (recorded === '<time>') return TIME.test(answer);
    if (/^<id-\d+>$/.test(recorded) && !this.#values.has(recorded)) {
      this.#values.set(recorded, answer);
      return answer.length >= SHORTEST_ID;
    }
    return this.text(recorded) === answer;
  }
}
