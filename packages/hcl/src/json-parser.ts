import { type JsonToken, scanJsonToken } from './json-scanner.ts';
import type { HclSource } from './source.ts';
import { MAX_DEPTH } from './source.ts';
import type { HclItem, HclValue } from './value.ts';
import { HclObject } from './value.ts';

/**
 * JSON into the same tree as HCL, as hashicorp/hcl:json/parser reads it: repeated keys are kept, null is an empty string,
 * commas may come last. HCL 1 also drops things silently: see {@link JsonParser.parseFile}.
 */
export class JsonParser {
  readonly #source: HclSource;
  readonly #omissions: 'allow' | 'refuse';
  #token: JsonToken;
  #depth = 0;

  constructor(source: HclSource, omissions: 'allow' | 'refuse') {
    this.#source = source;
    this.#omissions = omissions;
    this.#token = scanJsonToken(source, 0);
  }

  /**
   * With omissions refused, whatever HCL 1 would leave out is an error: what follows the object, or a missing comma,
   * bracket or value in it, and true, false and lists in a list. A typing error must not make a rule that denies vanish.
   */
  parseFile(): HclObject {
    const object = this.#object();
    if (this.#omissions === 'refuse') {
      const rest = this.#source.text.slice(this.#token.end).search(/[^ \t\r\n]/);
      if (rest !== -1)
        throw this.#source.error(this.#token.end + rest, 'expected the end of the text after the closing }');
    }
    return object.withItems(flatten(object.items));
  }

  #advance(): JsonToken {
    this.#token = scanJsonToken(this.#source, this.#token.end);
    return this.#token;
  }

  /** A call, so that the compiler does not take the token for unchanged after an advance. */
  #is(type: JsonToken['type']): boolean {
    return this.#token.type === type;
  }

  #expected(what: string): Error {
    return this.#source.error(this.#token.start, `expected ${what}`);
  }

  #omit(what: string): void {
    if (this.#omissions === 'refuse') throw this.#expected(what);
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH)
      throw this.#source.error(this.#token.start, `more than ${MAX_DEPTH} levels of nesting`);
  }

  /** At the opening brace; ends at the closing one, or (omitting the rest) at whatever stands in its place. */
  #object(): HclObject {
    const position = this.#source.position(this.#token.start);
    this.#enter();
    const items: HclItem[] = [];
    for (;;) {
      if (this.#advance().type === '}') break;
      const item = this.#member();
      if (item === undefined) break;
      items.push(item);
      if (this.#advance().type === ',') continue;
      if (!this.#is('}')) this.#omit(`, or } in the object that starts on line ${position.line}`);
      break;
    }
    this.#depth--;
    return new HclObject(items, position, this.#source.report);
  }

  /** At the key; ends at the last token of the value. `undefined` where HCL 1 ends the object without the member. */
  #member(): HclItem | undefined {
    const position = this.#source.position(this.#token.start);
    const keys: string[] = [];
    for (; this.#token.type === 'string'; this.#advance()) keys.push(this.#token.value);
    const [first, ...labels] = keys;
    const ends = this.#token.type === 'end' || this.#token.type === '}';
    if (this.#token.type !== ':' || first === undefined) {
      const what = first === undefined ? 'a key in double quotes' : 'a colon after the key';
      if (!ends) throw this.#expected(what);
      this.#omit(what);
      return undefined;
    }
    this.#advance();
    const value = this.#value();
    return value && { keys: [first, ...labels], value, ...position };
  }

  #value(): HclValue | undefined {
    const token = this.#token;
    const position = this.#source.position(token.start);
    switch (token.type) {
      case '{':
        return this.#object();
      case '[':
        return this.#list();
      case 'string':
        return { kind: 'string', value: token.value, ...position };
      case 'number':
        return { kind: 'number', value: token.value, text: token.text, ...position };
      case 'bool':
        return { kind: 'bool', value: token.value, ...position };
      case 'null':
        return { kind: 'string', value: '', ...position };
      case 'end':
      case '}':
        this.#omit('a value');
        return undefined;
      default:
        throw this.#expected('a value');
    }
  }

  /** Strings, numbers and objects; commas are ignored. */
  #list(): HclValue | undefined {
    const position = this.#source.position(this.#token.start);
    this.#enter();
    const values: HclValue[] = [];
    for (;;) {
      const { type } = this.#advance();
      if (type === ']') break;
      if (type === ',') continue;
      if (type === 'bool' || type === '[') {
        this.#omit('strings, numbers or objects: HCL 1 reads no other values in a list of JSON');
        continue;
      }
      if (type === '}') {
        this.#omit(`, or ] in the list that starts on line ${position.line}`);
        this.#depth--;
        return undefined;
      }
      if (type !== 'string' && type !== 'number' && type !== '{')
        throw this.#expected(`, or ] in the list that starts on line ${position.line}`);
      const value = this.#value();
      if (value !== undefined) values.push(value);
    }
    this.#depth--;
    return { kind: 'list', values, ...position };
  }
}

/**
 * Where HCL has blocks, JSON has objects of objects and lists of objects: `{"path": {"a": {…}, "b": {…}}}` becomes two
 * items `path "a"` and `path "b"` (hashicorp/hcl:json/parser/flatten.go).
 */
function flatten(items: readonly HclItem[]): HclItem[] {
  return items.flatMap((item): HclItem[] => {
    const { value, keys } = item;
    if (value.kind === 'list' && value.values.length > 0 && value.values.every((entry) => entry.kind === 'object')) {
      return flatten(value.values.map((entry) => ({ ...item, value: entry })));
    }
    if (
      value.kind === 'object' &&
      value.items.length > 0 &&
      value.items.every((each) => each.value.kind === 'object')
    ) {
      return flatten(value.items.map((inner) => ({ ...inner, keys: [...keys, ...inner.keys] })));
    }
    return [{ ...item, value: flattenValue(value) }];
  });
}

function flattenValue(value: HclValue): HclValue {
  if (value.kind === 'object') return value.withItems(flatten(value.items));
  if (value.kind === 'list') return { ...value, values: value.values.map(flattenValue) };
  return value;
}
