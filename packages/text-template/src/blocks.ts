import type { Segment } from './lexer.ts';
import type { Pipeline } from './parser.ts';
import { ActionParser } from './parser.ts';
import { templateError } from './position.ts';

/** One part of a template. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline; readonly offset: number }
  /** `with` differs from `if` in that `.` stands for the tested value inside. */
  | {
      readonly kind: 'if' | 'with';
      readonly test: Pipeline;
      readonly offset: number;
      readonly yes: readonly Part[];
      readonly no: readonly Part[];
    };

/** The variables of a block; those around it are known in it too. */
class KnownNames {
  readonly #own = new Set<string>();
  readonly #around: KnownNames | undefined;

  constructor(around?: KnownNames) {
    this.#around = around;
  }

  add(name: string): this {
    this.#own.add(name);
    return this;
  }

  has(name: string): boolean {
    return this.#own.has(name) || this.#around?.has(name) === true;
  }
}

type Action = Segment & { kind: 'action' };
type Word = 'if' | 'with' | 'else' | 'end';

const MAX_DEPTH = 100;

/**
 * Assembles the segments of a template into nested parts (golang/go:src/text/template/parse/parse.go). A variable is
 * known from where it is declared to the end of that block.
 */
export class BlockParser {
  readonly #text: string;
  readonly #segments: readonly Segment[];
  #next = 0;
  #depth = 0;

  constructor(text: string, segments: readonly Segment[]) {
    this.#text = text;
    this.#segments = segments;
  }

  /** @throws CofferError `invalid-request` with the position */
  parse(): readonly Part[] {
    const { parts, stop } = this.#parts(new KnownNames().add(''));
    if (stop !== undefined) throw this.#error(`this {{${wordOf(stop) ?? ''}}} belongs to no {{if}} or {{with}}`, stop);
    return parts;
  }

  #error(message: string, action: Action): Error {
    return templateError(this.#text, action.offset, message);
  }

  /** Up to the end, or to an `else` or `end` of the block around. */
  #parts(variables: KnownNames): { parts: readonly Part[]; stop: Action | undefined } {
    const parts: Part[] = [];
    for (;;) {
      const segment = this.#segments[this.#next++];
      if (segment === undefined) return { parts, stop: undefined };
      if (segment.kind === 'text') {
        parts.push(segment);
        continue;
      }
      const word = wordOf(segment);
      if (word === 'else' || word === 'end') return { parts, stop: segment };
      if (word !== undefined) parts.push(this.#block(segment, word, 1, variables));
      else parts.push({ kind: 'action', pipeline: this.#pipeline(segment, 0, variables), offset: segment.offset });
    }
  }

  #pipeline(action: Action, skip: number, variables: KnownNames): Pipeline {
    const pipeline = new ActionParser(this.#text, action, variables).parse(skip);
    if (pipeline.variable !== undefined) variables.add(pipeline.variable.name);
    return pipeline;
  }

  /** `skip`: the words of its head, one more for an `else if`, which is ended by the `end` of the `if` before it. */
  #block(head: Action, kind: 'if' | 'with', skip: number, around: KnownNames): Part {
    if (++this.#depth > MAX_DEPTH) throw this.#error(`more than ${MAX_DEPTH} nested blocks`, head);
    const variables = new KnownNames(around);
    const test = this.#pipeline(head, skip, variables);
    const { parts: yes, stop } = this.#parts(new KnownNames(variables));
    const no = this.#otherwise(head, kind, stop, variables);
    this.#depth--;
    return { kind, test, offset: head.offset, yes, no };
  }

  #otherwise(head: Action, kind: 'if' | 'with', stop: Action | undefined, variables: KnownNames): readonly Part[] {
    if (stop === undefined) throw this.#error('this block has no {{end}}', head);
    if (wordOf(stop) === 'end') return this.#alone(stop, []);
    const [, second] = stop.tokens;
    if (second?.kind === 'name' && second.text === kind) return [this.#block(stop, kind, 2, variables)];
    const { parts, stop: last } = this.#parts(new KnownNames(variables));
    if (last === undefined) throw this.#error('this block has no {{end}}', head);
    if (wordOf(last) === 'else') throw this.#error('there is already an {{else}} before it', last);
    return this.#alone(stop, this.#alone(last, parts));
  }

  #alone<T>(action: Action, result: T): T {
    if (action.tokens.length > 1) throw this.#error(`nothing may follow "${wordOf(action) ?? ''}" here`, action);
    return result;
  }
}

function wordOf({ tokens: [first] }: Action): Word | undefined {
  if (first?.kind !== 'name') return undefined;
  const { text } = first;
  return text === 'if' || text === 'with' || text === 'else' || text === 'end' ? text : undefined;
}
