/** Username templates against Vault's own template library: what we make of a template is what Vault makes of it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { parseTemplate } from '@coffer/text-template';
import fc from 'fast-check';
import { fuzz } from '../fuzz/fuzz-runs.ts';
import { buildGoPrograms } from './go-programs.ts';

const DATA = { DisplayName: 'token-é', RoleName: 'my-role' };
const GOOD = [
  '{{.RoleName}}-{{.DisplayName | truncate 3 | uppercase}}',
  '{{if .RoleName}}a{{else}}b{{end}}{{if ""}}a{{else}}b{{end}}{{if 0}}a{{end}}{{if false}}a{{end}}',
  '{{if eq .RoleName "x"}}1{{else if eq .RoleName "my-role" "y"}}2{{else}}3{{end}}',
  '{{if eq .RoleName "x"}}1{{else if eq .RoleName "y"}}2{{else}}3{{end}}4',
  '{{with .RoleName}}<{{.}}>{{else}}none{{end}}{{with ""}}x{{else}}none{{end}}',
  '{{with .RoleName}}{{$.DisplayName}}-{{. | uppercase}}{{end}}',
  '{{with $x := .RoleName}}{{$x}}{{.}}{{end}}',
  '{{with ""}}a{{else with .RoleName}}{{.}}{{end}}',
  '{{$x := "a"}}{{if true}}{{$x = "b"}}{{$x}}{{end}}{{$x}}',
  '{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}',
  '{{$d := .}}{{$d.RoleName}}{{$.RoleName}}',
  '{{$x := .RoleName | uppercase}}{{printf "%s_%d" $x (len $x)}}',
  '{{$x:=1}}{{$x}}',
  '{{- if and .RoleName (eq (len .RoleName) 7) -}} yes {{- end -}}',
  '{{if or "" 0 .RoleName}}a{{end}}{{or "" 0 "z"}}{{and 1 2 "q"}}',
  '{{and "" (uppercase 1)}}{{or "x" (uppercase 1)}}|{{not ""}}{{not 3}}',
  '{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt "b" "a"}}{{ge "a" "b"}}{{eq 1 2 1}}{{eq true true}}{{ne "é" "e"}}',
  '{{slice .RoleName 1 3}}{{slice .RoleName 3}}{{slice .RoleName}}{{len .DisplayName}}',
  '{{println "a" 1 "b"}}{{print "a" 1 2}}{{print true}}',
  '{{if .RoleName}}{{with .DisplayName}}{{if eq . "token-é"}}{{$.RoleName}}{{end}}{{end}}{{end}}',
  '{{.RoleName | eq "my-role"}}{{"x" | printf "%s-%s" "y"}}',
  '{{/* c */}}{{if true}} a {{- else}} b {{end -}} c',
  '{{truncate_sha256 12 .RoleName}}{{.RoleName | sha256 | truncate 8}}{{base64 .DisplayName}}{{replace "-" "_" .RoleName}}',
];
const BAD = [
  '{{if .RoleName}}a',
  '{{end}}',
  '{{else}}',
  '{{if}}a{{end}}',
  '{{if true}}a{{else}}b{{else}}c{{end}}',
  '{{if true}}a{{end x}}',
  '{{if true}}{{$x := 1}}{{end}}{{$x}}',
  '{{$y = 1}}',
  '{{$x}}',
  '{{$x.RoleName}}',
  '{{.Nope}}',
  '{{with .RoleName}}{{.RoleName}}{{end}}',
  '{{lt true false}}',
  '{{eq 1 "1"}}',
  '{{not}}',
  '{{slice .RoleName 3 99}}',
  '{{slice .RoleName 3 1}}',
  '{{and}}',
  '{{. := 1}}',
  '{{$x := }}',
  '{{"a" | "b"}}',
  '{{x | if true}}',
];

const piece = fc.constantFrom(
  ...[
    '{{if .RoleName}}',
    '{{if eq .RoleName "x"}}',
    '{{else}}',
    '{{else if true}}',
    '{{end}}',
    '{{with .DisplayName}}',
    '{{.}}',
  ],
  ...[
    '{{$x := .RoleName}}',
    '{{$x = "b"}}',
    '{{$x}}',
    '{{$.RoleName}}',
    '{{.RoleName}}',
    '{{if $x}}',
    'a',
    ' ',
    '{{- "t" -}}',
  ],
  ...[
    '{{with ""}}',
    '{{else with .RoleName}}',
    '{{len $x}}',
    '{{if and $x .RoleName}}',
    '{{/* c */}}',
    '{{not $x}}',
    '{{if not true}}',
  ],
);
const nested = fc.array(piece, { minLength: 1, maxLength: 10 }).map((pieces) => pieces.join(''));

/** Undefined: refused, with a position. */
function ours(text: string): string | undefined {
  try {
    return parseTemplate(text).render(DATA);
  } catch (error) {
    assert.ok(isCofferError(error, 'invalid-request'), String(error));
    assert.match(error.message, /^template: \d+:\d+: ./);
    return undefined;
  }
}

const programs = buildGoPrograms();
if ('missing' in programs) {
  it(programs.missing, { skip: true });
} else {
  const { template } = programs;
  const vaults = (texts: readonly string[]): readonly (string | undefined)[] => {
    const { stdout, stderr, status } = spawnSync(template, {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as { text: string; error?: string }[]).map(({ text, error }) =>
      error === undefined ? text : undefined,
    );
  };
  describe("a username template, by us and by Vault's library", () => {
    it('gives the same, or is refused by both', () => {
      const theirs = vaults([...GOOD, ...BAD]);
      for (const [at, text] of [...GOOD, ...BAD].entries()) {
        assert.equal(theirs[at] === undefined, at >= GOOD.length, text);
        assert.equal(ours(text), theirs[at], text);
      }
    });

    it('does so however blocks and variables are put together', () => {
      const texts = fc.sample(nested, fuzz(3_000));
      const theirs = vaults(texts);
      let rendered = 0;
      for (const [at, text] of texts.entries()) {
        const text_ = ours(text);
        if (text_ !== undefined) rendered++;
        // Printing the dot itself gives Go's form of a struct, which is no name.
        if (text_ === undefined && theirs[at]?.includes('{token-é my-role}') === true) continue;
        assert.equal(text_, theirs[at], text);
      }
      assert.ok(rendered > 50, `${rendered} of ${texts.length} are good`);
    });
  });
}
