import { CofferError, errorText } from '@coffer/base';
import type { Part } from './blocks.ts';
import { FUNCTIONS } from './functions.ts';
import type { Node, Pipeline } from './parser.ts';
import { templateError } from './position.ts';
import { kindOf, type Value } from './printf.ts';
import { fitting, MAX_TEXT } from './size.ts';
import type { Arguments } from './template-function.ts';

/** The fields that a template is filled in with. */
export type Data = Readonly<Record<string, string>>;

export interface RenderOptions {
  /** Unix time in milliseconds for `unix_time` and its like; default: the current time. */
  readonly now?: number;
  /** Called with each text that `random` and `uuid` give. */
  readonly drawn?: (text: string) => void;
}

/** Of all that functions take and give in one rendering, in characters. */
const MAX_WORK = 1_048_576;
const TOO_LONG = `the result would be longer than ${MAX_TEXT} characters`;

/** Variables by name; a block sees those around it. */
class Scope {
  readonly #values = new Map<string, Value | Data>();
  readonly #around: Scope | undefined;

  constructor(around?: Scope) {
    this.#around = around;
  }

  get(name: string): Value | Data | undefined {
    return this.#values.has(name) ? this.#values.get(name) : this.#around?.get(name);
  }

  declare(name: string, value: Value | Data): void {
    this.#values.set(name, value);
  }

  /** False: nobody has declared it. */
  assign(name: string, value: Value | Data): boolean {
    if (!this.#values.has(name)) return this.#around?.assign(name, value) ?? false;
    this.#values.set(name, value);
    return true;
  }
}

/** One rendering of a template. */
export class Rendering {
  readonly #text: string;
  readonly #now: number;
  readonly #drawn: RenderOptions['drawn'];
  #spent = 0;

  constructor(text: string, { now = Date.now(), drawn }: RenderOptions) {
    this.#text = text;
    this.#now = now;
    this.#drawn = drawn;
  }

  /** @throws CofferError `invalid-request` with the position */
  render(parts: readonly Part[], data: Data): string {
    const scope = new Scope();
    scope.declare('', data);
    return this.#parts(parts, data, scope);
  }

  #parts(parts: readonly Part[], dot: Value | Data, scope: Scope): string {
    let text = '';
    for (const part of parts) {
      text += this.#part(part, dot, scope);
      if (text.length > MAX_TEXT) throw this.#error(part.kind === 'text' ? 0 : part.offset, TOO_LONG);
    }
    return text;
  }

  #part(part: Part, dot: Value | Data, scope: Scope): string {
    if (part.kind === 'text') return part.text;
    if (part.kind === 'action') {
      const value = this.#pipeline(part.pipeline, dot, scope);
      return part.pipeline.variable === undefined ? String(this.#plain(value, part.offset)) : '';
    }
    const inner = new Scope(scope);
    const value = this.#pipeline(part.test, dot, inner);
    if (!isTrue(value)) return this.#parts(part.no, dot, new Scope(inner));
    return this.#parts(part.yes, part.kind === 'with' ? value : dot, new Scope(inner));
  }

  #pipeline({ node, variable }: Pipeline, dot: Value | Data, scope: Scope): Value | Data {
    const value = this.#evaluate(node, dot, scope);
    if (variable?.declares === true) scope.declare(variable.name, value);
    else if (variable !== undefined && !scope.assign(variable.name, value)) {
      throw this.#undefinedVariable(variable);
    }
    return value;
  }

  #evaluate(node: Node, dot: Value | Data, scope: Scope): Value | Data {
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'dot':
        return dot;
      case 'variable':
        return this.#variable(node, scope);
      case 'field':
        return this.#field(node, this.#evaluate(node.of, dot, scope));
      case 'call':
        return this.#call(node, dot, scope);
    }
  }

  #variable(node: Node & { kind: 'variable' }, scope: Scope): Value | Data {
    const value = scope.get(node.name);
    if (value === undefined) throw this.#undefinedVariable(node);
    return value;
  }

  #undefinedVariable({ name, offset }: { readonly name: string; readonly offset: number }): Error {
    return this.#error(offset, `undefined variable "$${name}"`);
  }

  #field(node: Node & { kind: 'field' }, of: Value | Data): string {
    if (typeof of !== 'object') throw this.#error(node.offset, `there is no field .${node.name} in a ${kindOf(of)}`);
    const value = Object.hasOwn(of, node.name) ? of[node.name] : undefined;
    if (value !== undefined) return value;
    const known = Object.keys(of).map((name) => `.${name}`);
    throw this.#error(node.offset, `there is no field .${node.name}; known are ${known.join(', ')}`);
  }

  #plain(value: Value | Data, offset: number): Value {
    if (typeof value !== 'object') return value;
    throw this.#error(offset, 'the dot is not a string here; name a field, such as .RoleName');
  }

  #call(node: Node & { kind: 'call' }, dot: Value | Data, scope: Scope): Value {
    const value = (argument: Node): Value => this.#plain(this.#evaluate(argument, dot, scope), node.offset);
    if (node.name === 'and' || node.name === 'or') return this.#decide(node, value);
    return this.#apply(node, node.arguments.map(value));
  }

  /** As in Go, arguments after the deciding one are not evaluated; but what came through the pipe was before. */
  #decide(node: Node & { kind: 'call' }, value: (argument: Node) => Value): Value {
    const [final] = node.piped ? node.arguments.slice(-1).map(value) : [];
    const given = node.piped ? node.arguments.slice(0, -1) : node.arguments;
    let last: Value = '';
    for (const argument of given) {
      last = value(argument);
      if (isTrue(last) === (node.name === 'or')) return last;
    }
    return final ?? last;
  }

  #apply(node: Node & { kind: 'call' }, all: readonly Value[]): Value {
    const called = FUNCTIONS[node.name];
    const argument = (index: number, kind: 'string' | 'number'): Value => {
      const value = all[index];
      if (value !== undefined && kindOf(value) === kind) return value;
      const name = called?.parameters[index] ?? `argument ${index + 1}`;
      throw new CofferError('invalid-request', `${name} must be a ${kind}, not a ${kindOf(value)}`);
    };
    const args: Arguments = {
      now: this.#now,
      all,
      string: (index) => String(argument(index, 'string')),
      number: (index) => Number(argument(index, 'number')),
    };
    try {
      this.#spend(all);
      const value = called?.call(args) ?? '';
      if (typeof value === 'string') fitting(value.length);
      this.#spend([value]);
      if (called?.drawn === true) this.#drawn?.(String(value));
      return value;
    } catch (error) {
      throw this.#error(node.offset, `${node.name}: ${errorText(error)}`);
    }
  }

  /** What all functions take and give together: a text that is handed on again and again costs each time. */
  #spend(values: readonly Value[]): void {
    for (const value of values) this.#spent += typeof value === 'string' ? value.length : 8;
    if (this.#spent > MAX_WORK) throw new Error(`the template as a whole works on more than ${MAX_WORK} characters`);
  }

  #error(offset: number, message: string): Error {
    return templateError(this.#text, offset, message);
  }
}

/** Go's truth: what is empty or zero is false. */
function isTrue(value: Value | Data): boolean {
  return typeof value === 'object' || Boolean(value);
}
