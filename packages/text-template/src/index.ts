/**
 * The part of Go's text/template that username templates use: fields, pipes, calls of Vault's template functions and
 * of printf. Behaviour as in golang/go:src/text/template and hashicorp/vault:sdk/helper/template.
 */
import { CofferError, errorText } from '@coffer/base';
import type { Arguments, TemplateFunction } from './functions.ts';
import { FUNCTIONS } from './functions.ts';
import { lexTemplate } from './lexer.ts';
import type { Node } from './parser.ts';
import { ActionParser } from './parser.ts';
import { templateError } from './position.ts';
import type { Value } from './printf.ts';

/**
 * The functions of templates by name: their parameters (`…`: any number more; the value before a pipe comes last) and what
 * they give, for documentation.
 */
export const TEMPLATE_FUNCTIONS: Readonly<Record<string, Pick<TemplateFunction, 'parameters' | 'description'>>> =
  FUNCTIONS;

export interface Template {
  /**
   * Fills the template in. `data` maps a field to its value: `{ DisplayName: 'token' }` for `{{.DisplayName}}`. `now` is
   * Unix time in milliseconds for `unix_time` and its like (default: the current time; `timestamp` prints UTC). `drawn`
   * is called with each text that `random` and `uuid` give.
   *
   * @throws CofferError `invalid-request`, `template: LINE:COLUMN: message`, for a field that `data` lacks or an argument
   * that a function refuses. Render once with sample data to find these when a template is configured.
   */
  render(
    data: Readonly<Record<string, string>>,
    options?: { readonly now?: number; readonly drawn?: (text: string) => void },
  ): string;
}

/**
 * Parses a template. Syntax, names of functions and numbers of arguments are checked here.
 *
 * @throws CofferError `invalid-request`, `template: LINE:COLUMN: message` (both counted from 1)
 */
export function parseTemplate(text: string): Template {
  const parts = lexTemplate(text).map((segment): string | Node =>
    segment.kind === 'text' ? segment.text : new ActionParser(text, segment).parse(),
  );
  return {
    render(data, { now = Date.now(), drawn } = {}) {
      const evaluate = (node: Node): Value => {
        if (node.kind === 'literal') return node.value;
        if (node.kind === 'field') return fieldValue(text, data, node);
        const value = call(text, node, node.arguments.map(evaluate), now);
        if (FUNCTIONS[node.name]?.drawn === true) drawn?.(String(value));
        return value;
      };
      return parts.map((part) => (typeof part === 'string' ? part : String(evaluate(part)))).join('');
    },
  };
}

function fieldValue(text: string, data: Readonly<Record<string, string>>, node: Node & { kind: 'field' }): string {
  const value = Object.hasOwn(data, node.name) ? data[node.name] : undefined;
  if (value !== undefined) return value;
  const known = Object.keys(data).map((name) => `.${name}`);
  throw templateError(text, node.offset, `there is no field .${node.name}; known are ${known.join(', ')}`);
}

function call(text: string, node: Node & { kind: 'call' }, all: readonly Value[], now: number): Value {
  const called = FUNCTIONS[node.name];
  const argument = (index: number, kind: 'string' | 'number'): Value => {
    const value = all[index];
    if (typeof value === kind && value !== undefined) return value;
    const name = called?.parameters[index] ?? `argument ${index + 1}`;
    throw new CofferError('invalid-request', `${name} must be a ${kind}, not a ${typeof value}`);
  };
  const args: Arguments = {
    now,
    all,
    string: (index) => String(argument(index, 'string')),
    number: (index) => Number(argument(index, 'number')),
  };
  try {
    return called?.call(args) ?? '';
  } catch (error) {
    throw templateError(text, node.offset, `${node.name}: ${errorText(error)}`);
  }
}
