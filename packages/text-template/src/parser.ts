import { FUNCTIONS } from './functions.ts';
import type { Segment, Token } from './lexer.ts';
import type { Value } from './printf.ts';
import { templateError } from './position.ts';

export type Node =
  | { readonly kind: 'literal'; readonly value: Value }
  /** What `.` stands for here. */
  | { readonly kind: 'dot'; readonly offset: number }
  /** `$` is what the template was given, under the empty name. */
  | { readonly kind: 'variable'; readonly name: string; readonly offset: number }
  | { readonly kind: 'field'; readonly name: string; readonly of: Node; readonly offset: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly arguments: readonly Node[];
      /** The last argument came through a pipe. */
      readonly piped: boolean;
      readonly offset: number;
    };

/** A value that is given to a variable (`$x := ...`, `$x = ...`), or to nothing. */
export interface Pipeline {
  readonly node: Node;
  readonly variable?: { readonly name: string; readonly declares: boolean; readonly offset: number };
}

const KEYWORDS = [...['if', 'with', 'else', 'end', 'range', 'define', 'template', 'block', 'break', 'continue'], 'nil'];
const MAX_DEPTH = 100;
const MAX_CALLS = 200;

/**
 * One action's tokens into a tree. A pipe becomes the last argument of the call behind it
 * (golang/go:src/text/template/parse/parse.go).
 */
export class ActionParser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #end: number;
  readonly #variables: Pick<ReadonlySet<string>, 'has'>;
  #next = 0;
  #depth = 0;
  #calls = 0;

  /** `variables` are those that are known here. */
  constructor(text: string, action: Segment & { kind: 'action' }, variables: Pick<ReadonlySet<string>, 'has'>) {
    this.#text = text;
    this.#tokens = action.tokens;
    this.#end = action.end - 2;
    this.#variables = variables;
  }

  /** `skip`: how many words in front (`if`, `else if`) are read already. */
  parse(skip = 0): Pipeline {
    this.#next = skip;
    const variable = this.#assignment();
    const node = this.#pipeline();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw this.#error('this ) has no opening (', rest);
    return { node, ...(variable && { variable }) };
  }

  #assignment(): Pipeline['variable'] | undefined {
    const [target, sign] = this.#tokens.slice(this.#next, this.#next + 2);
    if (target?.kind !== 'variable' || (sign?.kind !== ':=' && sign?.kind !== '=')) return undefined;
    if (target.field !== undefined) throw this.#error('only a $name can be given a value', target);
    this.#next += 2;
    // Whether a variable that is assigned to was declared shows only at rendering, as in Go.
    return { name: target.text, declares: sign.kind === ':=', offset: target.offset };
  }

  #known(name: string, token: Token): void {
    if (!this.#variables.has(name)) throw this.#error(`undefined variable "$${name}"`, token);
  }

  #error(message: string, token: Token | undefined): Error {
    return templateError(this.#text, token?.offset ?? this.#end, message);
  }

  #pipeline(): Node {
    if (++this.#depth > MAX_DEPTH)
      throw this.#error(`more than ${MAX_DEPTH} nested parentheses`, this.#tokens[this.#next]);
    let node = this.#command(undefined);
    while (this.#tokens[this.#next]?.kind === '|') {
      this.#next++;
      node = this.#command(node);
    }
    this.#depth--;
    return node;
  }

  /** A function with its arguments, or (in front of any pipe) a value alone. */
  #command(piped: Node | undefined): Node {
    const head = this.#tokens[this.#next];
    if (head === undefined || head.kind === '|' || head.kind === ')')
      throw this.#error('a value or a function is missing here', head);
    if (head.kind === 'name' && head.text !== 'true' && head.text !== 'false') return this.#call(head, piped);
    if (piped !== undefined) throw this.#error('a function must follow the pipe', head);
    const node = this.#operand(head);
    const extra = this.#tokens[this.#next];
    if (extra !== undefined && extra.kind !== '|' && extra.kind !== ')') {
      throw this.#error('only a function can have arguments; put it first, or put a pipe between', extra);
    }
    return node;
  }

  #call(head: Token & { kind: 'field' | 'name' | 'string' }, piped: Node | undefined): Node {
    this.#next++;
    const args: Node[] = [];
    for (;;) {
      const token = this.#tokens[this.#next];
      if (token === undefined || token.kind === '|' || token.kind === ')') break;
      args.push(this.#operand(token));
    }
    if (piped !== undefined) args.push(piped);
    return this.#checked(head, args, piped !== undefined);
  }

  #operand(token: Token): Node {
    this.#next++;
    switch (token.kind) {
      case 'string':
        return { kind: 'literal', value: token.text };
      case 'number':
        return { kind: 'literal', value: token.value };
      case '.':
        return { kind: 'dot', offset: token.offset };
      case 'field':
        return { kind: 'field', name: token.text, of: { kind: 'dot', offset: token.offset }, offset: token.offset };
      case 'variable': {
        const { text: name, field, offset } = token;
        this.#known(name, token);
        const variable: Node = { kind: 'variable', name, offset };
        return field === undefined ? variable : { kind: 'field', name: field, of: variable, offset };
      }
      case 'name':
        if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true' };
        return this.#checked(token, [], false);
      case '(': {
        const node = this.#pipeline();
        if (this.#tokens[this.#next]?.kind !== ')') throw this.#error('this ( has no closing )', token);
        this.#next++;
        return node;
      }
      default:
        throw this.#error(`unexpected ${token.kind}`, token);
    }
  }

  /** A call of a function that exists, with as many arguments as it takes. */
  #checked(head: Token & { text: string }, args: readonly Node[], piped: boolean): Node {
    const name = head.text;
    if (++this.#calls > MAX_CALLS) throw this.#error(`more than ${MAX_CALLS} function calls in one action`, head);
    if (KEYWORDS.includes(name)) {
      const known = ['if', 'with', 'else', 'end'].includes(name);
      throw this.#error(
        known
          ? `"${name}" must be the first word after {{`
          : `"${name}" is not supported: there are no lists or other templates`,
        head,
      );
    }
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined)
      throw this.#error(
        `function "${name.slice(0, 100)}" not defined; known are ${Object.keys(FUNCTIONS).join(', ')}`,
        head,
      );
    const { parameters } = known;
    const open = parameters.at(-1) === '…';
    const least = open ? parameters.length - 1 : parameters.length;
    if (args.length < least || (!open && args.length > least)) {
      const wanted = parameters.length === 0 ? 'no argument' : `${parameters.length} (${parameters.join(', ')})`;
      throw this.#error(`${name} takes ${wanted}, not ${args.length}`, head);
    }
    return { kind: 'call', name, arguments: args, piped, offset: head.offset };
  }
}
