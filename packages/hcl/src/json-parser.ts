import type { HclSource } from './source.ts';
import { MAX_DEPTH } from './source.ts';
import type { HclItem, HclValue } from './value.ts';
import { HclObject } from './value.ts';

const BLANK = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const KEYWORD = /true|false|null/y;

/** JSON (RFC 8259) into the same tree as HCL, with positions and repeated keys kept. A key whose value is null is left out. */
export class JsonParser {
  readonly #source: HclSource;
  #at = 0;
  #depth = 0;

  constructor(source: HclSource) {
    this.#source = source;
  }

  parseFile(): HclObject {
    this.#skipBlanks();
    const object = this.#object();
    this.#skipBlanks();
    if (this.#at < this.#source.text.length) throw this.#expected('the end of the text after the closing }');
    return object;
  }

  #skipBlanks(): void {
    this.#match(BLANK);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Consumes `character` after blanks, if it is next. */
  #take(character: string): boolean {
    this.#skipBlanks();
    if (this.#source.text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** A string if one is next: its end found by hand (a pattern over megabytes could overflow), its escapes left to JSON.parse. */
  #string(): string | undefined {
    const { text } = this.#source;
    const start = this.#at;
    if (text[start] !== '"') return undefined;
    let end = start + 1;
    while (end < text.length && text[end] !== '"' && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
    if (text[end] !== '"') throw this.#source.error(start, 'this string has no closing quote');
    this.#at = end + 1;
    try {
      return JSON.parse(text.slice(start, end + 1)) as string;
    } catch {
      throw this.#source.error(start, 'this string has a control character or an unknown escape in it');
    }
  }

  #expected(what: string): Error {
    return this.#source.error(this.#at, `expected ${what}`);
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw this.#source.error(this.#at, `more than ${MAX_DEPTH} levels of nesting`);
  }

  #object(): HclObject {
    const position = this.#source.position(this.#at);
    this.#enter();
    this.#at++;
    const items: HclItem[] = [];
    if (!this.#take('}')) {
      do this.#member(items);
      while (this.#take(','));
      if (!this.#take('}')) throw this.#expected(`, or } in the object that starts on line ${position.line}`);
    }
    this.#depth--;
    return new HclObject(items, position, this.#source.name);
  }

  #member(items: HclItem[]): void {
    this.#skipBlanks();
    const position = this.#source.position(this.#at);
    const key = this.#string();
    if (key === undefined) throw this.#expected('a key in double quotes');
    if (!this.#take(':')) throw this.#expected('a colon after the key');
    const value = this.#value();
    if (value !== undefined) items.push({ keys: [key], value, ...position });
  }

  #list(): HclValue {
    const position = this.#source.position(this.#at);
    this.#enter();
    this.#at++;
    const values: HclValue[] = [];
    if (!this.#take(']')) {
      do {
        const start = this.#at;
        const value = this.#value();
        if (value === undefined) throw this.#source.error(start, 'null is not allowed in a list');
        values.push(value);
      } while (this.#take(','));
      if (!this.#take(']')) throw this.#expected(`, or ] in the list that starts on line ${position.line}`);
    }
    this.#depth--;
    return { kind: 'list', values, ...position };
  }

  #value(): HclValue | undefined {
    this.#skipBlanks();
    const start = this.#at;
    const position = this.#source.position(start);
    const character = this.#source.text[this.#at];
    if (character === '{') return this.#object();
    if (character === '[') return this.#list();
    const text = this.#string();
    if (text !== undefined) return { kind: 'string', value: text, ...position };
    const number = this.#match(NUMBER);
    if (number !== undefined) {
      const value = Number(number);
      if (!Number.isFinite(value) || (/^-?\d+$/.test(number) && !Number.isSafeInteger(value)))
        throw this.#source.error(start, 'this number is too large');
      return { kind: 'number', value, ...position };
    }
    const keyword = this.#match(KEYWORD);
    if (keyword === 'null') return undefined;
    if (keyword !== undefined) return { kind: 'bool', value: keyword === 'true', ...position };
    throw this.#expected('a value');
  }
}
