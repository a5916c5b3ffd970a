/**
 * Go's text/template for user names: fields, variables, pipes, `if` and `with`, Go's own functions and those of Vault.
 * Left out is everything that needs lists or other templates (`range`, `template`, `define`, `block`). Behaviour as in
 * golang/go:src/text/template and hashicorp/vault:sdk/helper/template.
 */
import { CofferError } from '@coffer/base';
import { BlockParser } from './blocks.ts';
import { FUNCTIONS } from './functions.ts';
import { lexTemplate } from './lexer.ts';
import { type Data, Rendering, type RenderOptions } from './rendering.ts';
import type { TemplateFunction } from './template-function.ts';

/**
 * The functions of templates by name: their parameters (`…`: any number more; the value before a pipe comes last) and what
 * they give, for documentation.
 */
export const TEMPLATE_FUNCTIONS: Readonly<Record<string, Pick<TemplateFunction, 'parameters' | 'description'>>> =
  FUNCTIONS;

export interface Template {
  /**
   * Fills the template in. `data` maps a field to its value: `{ DisplayName: 'token' }` for `{{.DisplayName}}`.
   * `timestamp` prints UTC.
   *
   * @throws CofferError `invalid-request`, `template: LINE:COLUMN: message`, for a field that `data` lacks or an argument
   * that a function refuses. Render once with sample data to find these when a template is configured.
   */
  render(data: Data, options?: RenderOptions): string;
}

/** As in Vault (hashicorp/vault:sdk/helper/template/template.go), with its text. */
const MAX_TEMPLATE = 100_000;

/**
 * Parses a template. Syntax, names of functions and numbers of arguments are checked here.
 *
 * @throws CofferError `invalid-request`, `template: LINE:COLUMN: message` (both counted from 1)
 */
export function parseTemplate(text: string): Template {
  if (text.length >= MAX_TEMPLATE) {
    throw new CofferError('invalid-request', 'template too large, length of template must be less than 100,000');
  }
  const parts = new BlockParser(text, lexTemplate(text)).parse();
  return { render: (data, options = {}) => new Rendering(text, options).render(parts, data) };
}
