/** User names as Go's text/template with Vault's functions makes them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTemplate } from '@coffer/text-template';
import { vectorsOf } from './vectors.ts';

interface Vector {
  readonly template: string;
  readonly DisplayName: string;
  readonly RoleName: string;
  readonly now: number;
  /** UTF-8 of the name; absent for an empty one. */
  readonly hex?: string;
  readonly refused?: boolean;
}

/**
 * Where we differ on purpose, and why:
 *
 * - Half a character: Go cuts bytes, and half a character is no text that a database takes (or JSON can hold). `truncate`,
 *   `truncate_sha256` and `slice` never give one. None of these vectors ends a name in the middle of one.
 * - `%!d(string=x)` and its like: Go writes its complaint into the name; we refuse.
 * - The dot itself as text (`{{.}}`), `nil`, floats, `%[1]d`, `%*d`, `range`, `define`, `template`, `block`, `html`, `js`,
 *   `urlquery`, `index` and `call`: refused when the template is written. They make nothing that a name needs.
 * - A pipe that leads nowhere (`{{.RoleName |}}`), a field of something in parentheses, `$x` in its own declaration: refused.
 * - Names and numbers of arguments are looked at when a template is written, in Go when it comes to that call.
 */
function isDifference({ refused, hex = '' }: Vector): boolean {
  const name = Buffer.from(hex, 'hex');
  return refused !== true && (name.includes('%!') || !Buffer.from(name.toString()).equals(name));
}

describe('templates', () => {
  const vectors = vectorsOf<Vector>('templates');
  it(`give the reference's name, or refuse as it does (${vectors.length} times)`, () => {
    for (const vector of vectors.filter((each) => !isDifference(each))) {
      const { template, DisplayName, RoleName, now, hex = '', refused } = vector;
      const render = () => parseTemplate(template).render({ DisplayName, RoleName }, { now });
      if (refused === true) assert.throws(render, { name: 'CofferError', code: 'invalid-request' }, template);
      else assert.equal(render(), Buffer.from(hex, 'hex').toString(), template);
    }
  });
});
