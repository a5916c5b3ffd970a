import type { Token } from './scanner.ts';
import { scanToken } from './scanner.ts';
import type { HclSource } from './source.ts';
import { MAX_DEPTH } from './source.ts';
import type { HclItem, HclValue } from './value.ts';
import { HclObject } from './value.ts';

/** Recursive descent over {@link scanToken}; grammar as in hashicorp/hcl:hcl/parser/parser.go. */
export class HclParser {
  readonly #source: HclSource;
  readonly #repeatedKeys: 'allow' | 'refuse';
  readonly #omissions: 'allow' | 'refuse';
  #token: Token;
  #depth = 0;

  constructor(source: HclSource, repeatedKeys: 'allow' | 'refuse', omissions: 'allow' | 'refuse') {
    this.#source = source;
    this.#repeatedKeys = repeatedKeys;
    this.#omissions = omissions;
    this.#token = scanToken(source, 0);
  }

  parseFile(): HclObject {
    return new HclObject(this.#items(), this.#source.begin, this.#source.report);
  }

  /** A call, so that the compiler does not take the token for unchanged after an advance. */
  #is(type: Token['type']): boolean {
    return this.#token.type === type;
  }

  #advance(): Token {
    const token = this.#token;
    this.#token = scanToken(this.#source, token.end);
    return token;
  }

  /** Up to the end of the text, or inside braces up to the closing one. */
  #items(openedAt?: number): HclItem[] {
    const items: HclItem[] = [];
    const seen = new Map<string, number>();
    while (!this.#is('end') && !(openedAt !== undefined && this.#is('}'))) {
      const item = this.#item(seen);
      // HCL 1 leaves out `name =` at the very end of a text.
      if (item === undefined) break;
      items.push(item);
      if (this.#is(',')) this.#advance();
    }
    if (openedAt !== undefined && this.#is('end')) throw this.#unexpected(`} to close the { on line ${openedAt}`);
    return items;
  }

  #item(seen: Map<string, number>): HclItem | undefined {
    const token = this.#token;
    const position = this.#source.position(token.start);
    const keys = this.#keys();
    if (this.#is('=')) {
      if (keys.length > 1) throw this.#unexpected(`{ after the labels of "${keys[0]}"`);
      this.#noteKey(token, keys[0], seen);
      this.#advance();
      if (this.#omissions === 'allow' && this.#is('end') && this.#depth === 0) return undefined;
    }
    return { keys, value: this.#value(), ...position };
  }

  /** Vault 1.21 refuses `a = 1 a = 2`; blocks may repeat, and so may `a` beside `"a"` (hcl v1.0.1-vault-7). */
  #noteKey(token: Token, key: string, seen: Map<string, number>): void {
    if (this.#repeatedKeys === 'allow') return;
    const written = token.type === 'string' ? token.text : key;
    const { line } = this.#source.position(token.start);
    const first = seen.get(written);
    if (first !== undefined) {
      throw this.#source.error(token.start, `"${key}" is set twice; the first is on line ${first}`);
    }
    seen.set(written, line);
  }

  /** One or more words or strings, up to `=` or `{`. */
  #keys(): [string, ...string[]] {
    const keys: string[] = [];
    while (this.#token.type === 'word' || this.#token.type === 'string') {
      keys.push(this.#token.value);
      this.#advance();
    }
    const [name, ...labels] = keys;
    if (name === undefined) throw this.#unexpected('a key');
    if (this.#token.type !== '=' && this.#token.type !== '{')
      throw this.#unexpected(`= or { after "${keys.at(-1) ?? ''}"`);
    return [name, ...labels];
  }

  #value(): HclValue {
    const token = this.#token;
    const position = this.#source.position(token.start);
    switch (token.type) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#list());
      case 'string':
      case 'heredoc':
        this.#advance();
        return { kind: 'string', value: token.value, ...position };
      case 'number':
        this.#advance();
        return { kind: 'number', value: token.value, text: token.text, ...position };
      case 'bool':
        this.#advance();
        return { kind: 'bool', value: token.value, ...position };
      case 'word':
        throw this.#unexpected('a value; put quotes around a string');
      default:
        throw this.#unexpected('a value');
    }
  }

  #nested<T>(parse: () => T): T {
    if (this.#depth >= MAX_DEPTH)
      throw this.#source.error(this.#token.start, `more than ${MAX_DEPTH} levels of nesting`);
    this.#depth++;
    const value = parse();
    this.#depth--;
    return value;
  }

  #object(): HclObject {
    const position = this.#source.position(this.#advance().start);
    const items = this.#items(position.line);
    this.#advance();
    return new HclObject(items, position, this.#source.report);
  }

  /** Commas may come first, last or doubled; only a list may follow a list without one. */
  #list(): HclValue {
    const position = this.#source.position(this.#advance().start);
    const values: HclValue[] = [];
    let needsComma = false;
    while (!this.#is(']')) {
      if (this.#is(',')) {
        this.#advance();
        needsComma = false;
        continue;
      }
      if (needsComma) throw this.#unexpected(`, or ] in the list that starts on line ${position.line}`);
      const value = this.#value();
      values.push(value);
      needsComma = value.kind !== 'list' || needsComma;
    }
    this.#advance();
    return { kind: 'list', values, ...position };
  }

  #unexpected(expected: string): Error {
    return this.#source.error(
      this.#token.start,
      `expected ${expected}; found ${TOKEN_NAMES.get(this.#token.type) ?? this.#token.type}`,
    );
  }
}

/** Values are not quoted: an unquoted password must not turn up in a log. */
const TOKEN_NAMES: ReadonlyMap<Token['type'], string> = new Map([
  ['word', 'a word'],
  ['string', 'a string'],
  ['heredoc', 'a heredoc'],
  ['number', 'a number'],
  ['bool', 'true or false'],
  ['end', 'the end of the text'],
]);
