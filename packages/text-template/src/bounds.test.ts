/** Whatever a template says, its parts are bounded before they are worked on: a few characters must not make gigabytes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTemplate } from './index.ts';

const refused = (text: string, message: RegExp, RoleName = 'my-first-role') =>
  assert.throws(() => parseTemplate(text).render({ RoleName, DisplayName: 'token' }), {
    name: 'CofferError',
    code: 'invalid-request',
    message,
  });
const longer = (step: string) =>
  new RegExp(String.raw`^template: 1:\d+: ${step}: the result would be longer than 65536 characters$`);

describe('a template', () => {
  it('is refused at the step that makes too much of it', () => {
    const x50 = 'x'.repeat(50);
    refused(`{{ .RoleName ${`| replace "" "${x50}" `.repeat(8)}}}`, longer('replace'));
    refused(`{{ .RoleName ${`| replace "x" "${x50}" `.repeat(8)}}}`, longer('replace'), 'x'.repeat(60));
    refused(`{{ .RoleName ${'| base64 '.repeat(60)}}}`, longer('base64'));
    refused(`{{ .RoleName ${'| printf "%q" '.repeat(40)}}}`, longer('printf'), '"'.repeat(9));
    refused(`{{ printf "${'%1000d'.repeat(100)}" ${'1 '.repeat(100)}}}`, longer('printf'));
    refused(`{{ printf "${'%.1000d'.repeat(100)}" ${'1 '.repeat(100)}}}`, longer('printf'));
    refused(`{{ timestamp "${'x'.repeat(70_000)}" }}`, longer('timestamp'));
    refused(`{{ $x := random 1000 }}{{ join "" ${'$x '.repeat(70)} }}`, longer('join'));
    refused(`{{ $x := random 1000 }}{{ print ${'$x '.repeat(70)} }}`, longer('print'));
    refused(`{{ $x := random 1000 }}${'{{ $x }}'.repeat(70)}`, /the result would be longer than 65536 characters$/);
    for (const step of ['uppercase', 'sha256', 'truncate 60000', 'slice', 'not']) {
      const all = `{{ $x := .RoleName }}${`{{ $y := $x | ${step} }}`.repeat(20)}`;
      const [name = ''] = step.split(' ');
      refused(
        all,
        new RegExp(`${name}: the template as a whole works on more than 1048576 characters$`),
        'ß'.repeat(60_000),
      );
    }
  });

  it('is refused for what it asks for at once', () => {
    refused('{{ random 1000000000 }}', /random: the length must be from 0 to 1000, not 1000000000$/);
    refused('{{ random 9223372036854775807 }}', /random: the length must be from 0 to 1000, not 9\d+$/);
    refused('{{ printf "%1000000d" 1 }}', /printf: %1000000d is wider than 1000$/);
    refused(`{{ printf "%${'9'.repeat(90_000)}d" 1 }}`, /printf: %9{19} is wider than 1000$/);
    refused('x'.repeat(100_000), /^template too large, length of template must be less than 100,000$/);
    refused(`{{ ${'x'.repeat(90_000)} }}`, /^template: 1:4: function "x{100}" not defined/);
  });

  it('ends soon, however many parts it has', () => {
    const many = '{{$aa:=1}}'.repeat(4_000) + '{{if 1}}{{end}}'.repeat(3_900);
    assert.equal(parseTemplate(many).render({}), '');
    assert.equal(parseTemplate('{{1}}'.repeat(19_000)).render({}).length, 19_000);
    assert.equal(parseTemplate('{{- 1 -}}   '.repeat(8_000)).render({}).length, 8_000);
    refused('{{/* '.repeat(19_000), /this comment must end in/);
    refused('{{"'.repeat(30_000), /^template: 1:\d+: unexpected "\{"/);
  });

  it('may still be long', () => {
    const name = parseTemplate('{{ .RoleName | replace "" "-" | truncate_sha256 60000 }}').render({
      RoleName: 'x'.repeat(32_000),
    });
    assert.equal(name.length, 60_000);
  });
});
