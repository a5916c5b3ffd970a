/** The regular expressions in the sources of what runs in the server and in the plugin. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve(import.meta.dirname, '..');
/** What runs at a user's own side, in tests, or was made by a program. */
const ELSEWHERE = /^packages\/(?:cli|client|testkit)\/|\.test\.ts$|-fixture\.ts$|\/gen\//;

export interface FoundExpression {
  readonly file: string;
  /** A literal as it stands; `new RegExp(…)` with its arguments. */
  readonly text: string;
  readonly literal: boolean;
}

export function serverExpressions(): FoundExpression[] {
  return ['packages', 'apps'].flatMap(sourcesBelow).flatMap(expressionsOf);
}

function sourcesBelow(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => join(directory, name))
    .filter((file) => !ELSEWHERE.test(file))
    .sort();
}

function expressionsOf(file: string): FoundExpression[] {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const found: FoundExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push({ file, text: node.getText(), literal: true });
    const isCall = ts.isNewExpression(node) || ts.isCallExpression(node);
    if (isCall && node.expression.getText() === 'RegExp') found.push({ file, text: node.getText(), literal: false });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The value of a literal. */
export function parseLiteral(text: string): RegExp {
  const end = text.lastIndexOf('/');
  return new RegExp(text.slice(1, end), text.slice(end + 1));
}
