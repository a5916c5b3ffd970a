import type { Token } from './scanner.ts';
import { scanToken } from './scanner.ts';
import type { HclSource } from './source.ts';
import { MAX_DEPTH } from './source.ts';
import type { HclItem, HclValue } from './value.ts';
import { HclObject } from './value.ts';

/** Recursive descent over {@link scanToken}; grammar as in hashicorp/hcl:hcl/parser/parser.go. */
export class HclParser {
  readonly #source: HclSource;
  #token: Token;
  #depth = 0;

  constructor(source: HclSource) {
    this.#source = source;
    this.#token = scanToken(source, 0);
  }

  parseFile(): HclObject {
    const items: HclItem[] = [];
    while (!this.#is('end')) items.push(this.#item());
    return new HclObject(items, { line: 1, column: 1 }, this.#source.name);
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

  #item(): HclItem {
    const position = this.#source.position(this.#token.start);
    const keys = this.#keys();
    if (this.#is('=')) {
      if (keys.length > 1) throw this.#unexpected(`{ after the labels of "${keys[0]}"`);
      this.#advance();
    }
    return { keys, value: this.#value(), ...position };
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
        return { kind: 'number', value: token.value, ...position };
      case 'word':
        if (token.value !== 'true' && token.value !== 'false')
          throw this.#unexpected('a value; put quotes around a string');
        this.#advance();
        return { kind: 'bool', value: token.value === 'true', ...position };
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
    const items: HclItem[] = [];
    while (!this.#is('}')) {
      if (this.#is('end')) throw this.#unexpected(`} to close the { on line ${position.line}`);
      items.push(this.#item());
      if (this.#is(',')) this.#advance();
    }
    this.#advance();
    return new HclObject(items, position, this.#source.name);
  }

  #list(): HclValue {
    const position = this.#source.position(this.#advance().start);
    const values: HclValue[] = [];
    while (!this.#is(']')) {
      values.push(this.#value());
      if (this.#is(',')) this.#advance();
      else if (!this.#is(']')) throw this.#unexpected(`, or ] in the list that starts on line ${position.line}`);
    }
    this.#advance();
    return { kind: 'list', values, ...position };
  }

  #unexpected(expected: string): Error {
    return this.#source.error(
      this.#token.start,
      `expected ${expected}; found ${TOKEN_NAMES[this.#token.type] ?? this.#token.type}`,
    );
  }
}

/** Values are not named: a password without quotes must not turn up in a log. */
const TOKEN_NAMES: Readonly<Record<string, string>> = {
  word: 'a word',
  string: 'a string',
  heredoc: 'a heredoc',
  number: 'a number',
  end: 'the end of the text',
};
