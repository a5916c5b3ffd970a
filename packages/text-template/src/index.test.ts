import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { isCofferError } from '@coffer/base';
import { parseTemplate } from './index.ts';

const NOW = Date.UTC(2026, 10, 4, 9, 5, 7, 120);
const data = { DisplayName: 'token-my-app', RoleName: 'my-first-role' };
const render = (text: string) => parseTemplate(text).render(data, { now: NOW });
const renders = (cases: Readonly<Record<string, string>>) => {
  for (const [text, expected] of Object.entries(cases)) assert.equal(render(text), expected, text);
};
const refuses = (cases: Readonly<Record<string, string | RegExp>>) => {
  for (const [text, message] of Object.entries(cases)) {
    assert.throws(() => render(text), { name: 'CofferError', code: 'invalid-request', message }, text);
  }
};
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('username templates', () => {
  it('render the default of ysql-plugin', () => {
    const text =
      '{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 8) (.RoleName | truncate 8) (random 20) (unix_time) | truncate 63 }}';
    const name = render(text);
    assert.match(name, /^v-token-my-my-first-[0-9A-Za-z]{20}-1793783107$/);
    assert.notEqual(name, render(text));
  });

  it('render the recorded custom one', () => {
    assert.match(
      render('{{.RoleName}}_{{random 8 | uppercase}}_{{unix_time}}'),
      /^my-first-role_[0-9A-Z]{8}_1793783107$/,
    );
  });

  it('use the current time by default', () => {
    const before = Math.floor(Date.now() / 1000);
    const seconds = Number(parseTemplate('{{unix_time}}').render({}));
    assert.ok(seconds >= before && seconds <= Date.now() / 1000);
  });
});

describe('functions', () => {
  it('of Vault', () => {
    renders({
      '{{.RoleName | uppercase}}': 'MY-FIRST-ROLE',
      '{{uppercase .RoleName | lowercase}}': 'my-first-role',
      '{{uppercase "straße ǆ"}}': 'STRAßE Ǆ',
      '{{.RoleName | replace "-" "_"}}': 'my_first_role',
      '{{replace "" "." "ab"}}': '.a.b.',
      '{{replace "$&" "$&" "a$&b"}}': 'a$&b',
      '{{.RoleName | sha256}}': sha256('my-first-role'),
      '{{base64 "é"}}': 'w6k=',
      '{{.RoleName | truncate 100}}': 'my-first-role',
      '{{truncate 3 "aéé"}}': 'aé',
      '{{truncate 2 "aéé"}}': 'a',
      '{{truncate_sha256 10 "abcdefghijk"}}': `ab${sha256('cdefghijk').slice(0, 8)}`,
      '{{truncate_sha256 11 "abcdefghijk"}}': 'abcdefghijk',
      '{{unix_time_millis}}': String(NOW),
      '{{random 0}}': '',
      '{{print "a" 1 2 "b" true}}': 'a1 2btrue',
    });
    assert.match(render('{{uuid}}'), /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    assert.match(render('{{random 1000}}'), /^[0-9A-Za-z]{1000}$/);
  });

  it('join puts the separator between its arguments', () => {
    renders({
      '{{join "-" "v" .DisplayName .RoleName}}': 'v-token-my-app-my-first-role',
      '{{.RoleName | join "-" "v" .DisplayName}}': 'v-token-my-app-my-first-role',
      '{{join "_" "a" 1 true | uppercase}}': 'A_1_TRUE',
      '{{join "" "a" "b"}}': 'ab',
      '{{join ", " "a" "" "b"}}': 'a, , b',
      '{{join "-" "alone"}}{{join "-"}}': 'alone',
      '{{join (print "<" ">") (.RoleName | truncate 2) (truncate 5 .DisplayName)}}': 'my<>token',
    });
    refuses({
      '{{ join }}': 'template: 1:4: join takes 2 (separator, …), not 0',
      '{{ join 1 "a" }}': 'template: 1:4: join: separator must be a string, not a number',
    });
  });

  it('timestamp takes Go layouts, in UTC', () => {
    renders({
      '{{timestamp "2006-01-02T15:04:05Z07:00"}}': '2026-11-04T09:05:07Z',
      '{{timestamp "20060102150405"}}': '20261104090507',
      '{{timestamp "Mon Monday Jan January _2 2 1 06"}}': 'Wed Wednesday Nov November  4 4 11 26',
      '{{timestamp "3:4:5 PM 03 pm MST -0700 -07:00 -07"}}': '9:5:7 AM 09 am UTC +0000 +00:00 +00',
      '{{timestamp "05.000 05.000000 05.999 05,99"}}': '07.120 07.120000 07.12 07,12',
      '{{timestamp "002 __2 _2006 Month Janus"}}': '308 308 _2026 Month Janus',
      '{{timestamp "03Z07:0000 -07000000"}}': '09Z00 +00000000',
      '{{timestamp "T.0x"}}': 'T.1x',
    });
    assert.equal(
      parseTemplate('{{timestamp "05.999|3PM|002"}}').render({}, { now: Date.UTC(2024, 0, 1, 12) }),
      '00|12PM|001',
    );
  });

  it('printf formats as Go does', () => {
    renders({
      '{{printf "%s|%5s|%-5s|%.2s|%05s" "abc" "ab" "ab" "abc" "ab"}}': 'abc|   ab|ab   |ab|000ab',
      '{{printf "%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c" 42 42 42 -42 42 255 255 8 5 65}}':
        '42|   42|42   |-0042|+42|ff|FF|10|101|A',
      '{{printf "%v %v %v %t" "a" 1 true false}}': 'a 1 true false',
      '{{printf "%q %x %X %% %#x" "a\\"b" "hi" "hi" 255}}': '"a\\"b" 6869 6869 % 0xff',
      '{{printf "%s" unix_time}}': '1793783107',
      '{{printf "%#05x|%#012.0d|%+05v|%5.0d|% d|%#o|%05c" -1 120 42 0 7 8 65}}':
        '-0x0001|         120|00042|     | 7|010|0000A',
      '{{printf "%q|% x|%#x|%.2x|%5q" "\\x00\\u200b\\n" "hi" "hi" "abc" "a"}}':
        '"\\x00\\u200b\\n"|68 69|0x6869|6162|  "a"',
      '{{"x" | printf "%s-%s" "y"}}': 'y-x',
      '{{printf "plain"}}': 'plain',
    });
  });
});

describe('syntax', () => {
  it('knows literals, parentheses, trimming and comments', () => {
    renders({
      '': '',
      'plain } text { {': 'plain } text { {',
      '{{"a\\n\\t\\"\\\\\\u00e9\\x41\\101"}}{{`raw\\n}}"`}}': 'a\n\t"\\éAAraw\\n}}"',
      "{{'a'}} {{'\\n'}} {{0x1F}} {{1_000}} {{-3}} {{0755}} {{true}}": '97 10 31 1000 -3 493 true',
      '{{((.RoleName))}}{{ ( "a" | print ) | print "b" }}': 'my-first-roleba',
      'a  {{- "b" -}}  c': 'abc',
      'a \n {{- .RoleName}} c': 'amy-first-role c',
      'a{{/* }} comment */}}b {{- /* x */ -}} c{{ "d" }}': 'abcd',
      '{{\n.RoleName\n|\nuppercase\n}}': 'MY-FIRST-ROLE',
      '{{-3}}': '-3',
      '{{"{{"}}': '{{',
    });
  });

  it('knows blocks and variables (as tests/interop/template.test.ts finds them in Vault)', () => {
    renders({
      '{{if eq .RoleName "x"}}1{{else if .RoleName}}2{{else}}3{{end}}4': '24',
      '{{with .RoleName | truncate 2}}{{.}}-{{$.DisplayName}}{{else}}none{{end}}': 'my-token-my-app',
      '{{with ""}}a{{else with "b"}}{{.}}{{end}}': 'b',
      '{{$x := "a"}}{{if true}}{{$x = "b"}}{{$y := $x}}{{$y}}{{end}}{{$x}}': 'bb',
      '{{$x := "a"}}{{if true}}{{$x := "b"}}{{$x}}{{end}}{{$x}}': 'ba',
      '{{$d := .}}{{slice $d.RoleName 3 8}}': 'first',
    });
  });

  it('refuses the rest with line and column', () => {
    refuses({
      '{{ .RoleName | foo }}': /^template: 1:16: function "foo" not defined; known are random, /,
      'a\n b{{ .Role }}': 'template: 2:6: there is no field .Role; known are .DisplayName, .RoleName',
      '{{ .constructor }}': /^template: 1:4: there is no field .constructor/,
      '{{ toString }}': /^template: 1:4: function "toString" not defined/,
      '{{range .X}}': 'template: 1:3: "range" is not supported: there are no lists or other templates',
      '{{ print (if) }}': 'template: 1:11: "if" must be the first word after {{',
      'a\n{{ if true }}b': 'template: 2:1: this block has no {{end}}',
      '{{if true}}{{else}}b': 'template: 1:1: this block has no {{end}}',
      '{{if true}}a{{else}}b{{else}}c{{end}}': 'template: 1:22: there is already an {{else}} before it',
      'a{{ end }}': 'template: 1:2: this {{end}} belongs to no {{if}} or {{with}}',
      '{{if true}}a{{end x}}': 'template: 1:13: nothing may follow "end" here',
      '{{ if }}a{{ end }}': 'template: 1:7: a value or a function is missing here',
      '{{ $x }}': 'template: 1:4: undefined variable "$x"',
      '{{if true}}{{$x := 1}}{{end}}{{$x}}': 'template: 1:32: undefined variable "$x"',
      '{{ $x = 1 }}': 'template: 1:4: undefined variable "$x"',
      '{{ . := 1 }}': 'template: 1:6: only a function can have arguments; put it first, or put a pipe between',
      '{{ $. }}': 'template: 1:6: a field must follow $.',
      '{{ . }}': 'template: 1:1: the dot is not a string here; name a field, such as .RoleName',
      '{{with .RoleName}}{{.RoleName}}{{end}}': 'template: 1:21: there is no field .RoleName in a string',
      '{{ .RoleName.Name }}': 'template: 1:13: .RoleName has no fields of its own',
      '{{ .RoleName | truncate }}': 'template: 1:16: truncate takes 2 (length, text), not 1',
      '{{ unix_time 3 }}': 'template: 1:4: unix_time takes no argument, not 1',
      '{{ random }}': 'template: 1:4: random takes 1 (length), not 0',
      '{{ printf }}': /printf takes 2 \(format, …\), not 0/,
      '{{ .RoleName 3 }}': /^template: 1:14: only a function can have arguments/,
      '{{ .RoleName | .DisplayName }}': 'template: 1:16: a function must follow the pipe',
      '{{}}': 'template: 1:3: a value or a function is missing here',
      '{{ .RoleName | }}': 'template: 1:16: a value or a function is missing here',
      '{{ (.RoleName }}': 'template: 1:4: this ( has no closing )',
      '{{ .RoleName) }}': 'template: 1:13: this ) has no opening (',
      'x {{ .RoleName': 'template: 1:3: this {{ has no closing }}',
      '{{ "a }}': 'template: 1:4: this quote is not closed',
      "{{ 'ab' }}": /^template: 1:4: /,
      '{{ "\\q" }}': 'template: 1:5: unknown escape \\q',
      '{{ 1.5 }}': /^template: 1:5: only whole numbers/,
      '{{ 99999999999999999999 }}': /^template: 1:4: this is not a whole number/,
      '{{ truncate 8"x" }}': /^template: 1:14: unexpected "\\""; put a space/,
      '{{/* a }}': 'template: 1:1: this comment must end in */}} or */ -}}',
      '{{ # }}': 'template: 1:4: unexpected "#"',
    });
    assert.throws(() => parseTemplate('{{if true}}'.repeat(5_000)), {
      code: 'invalid-request',
      message: /more than 100 nested blocks/,
    });
    assert.throws(() => parseTemplate(`{{if true}}${'{{else if true}}'.repeat(5_000)}`), {
      code: 'invalid-request',
      message: /more than 100 nested blocks/,
    });
    assert.throws(() => parseTemplate(`{{${'('.repeat(50_000)}}}`), {
      code: 'invalid-request',
      message: /more than 100 nested parentheses/,
    });
    assert.throws(() => render(`{{ .RoleName ${'| uppercase '.repeat(5_000)}}}`), {
      code: 'invalid-request',
      message: /more than 200 function calls/,
    });
  });

  it('refuses arguments of the wrong kind or size when it renders', () => {
    refuses({
      '{{ random "8" }}': 'template: 1:4: random: length must be a number, not a string',
      '{{ random 1001 }}': 'template: 1:4: random: the length must be from 0 to 1000, not 1001',
      '{{ uppercase 1 }}': 'template: 1:4: uppercase: text must be a string, not a number',
      '{{ .RoleName | truncate 0 }}': 'template: 1:16: truncate: the length must be greater than 0, not 0',
      '{{ .RoleName | truncate_sha256 8 }}':
        'template: 1:16: truncate_sha256: the length must be greater than 8, not 8',
      '{{ printf "%d" "a" }}': 'template: 1:4: printf: %d does not take a string',
      '{{ printf "%s" 1 }}': 'template: 1:4: printf: %s does not take a number',
      '{{ printf "%s" }}': 'template: 1:4: printf: there is no argument for %s',
      '{{ printf "a" "b" }}': 'template: 1:4: printf: 1 arguments for 0 verbs',
      '{{ printf "%" }}': /printf: the format ends inside a verb/,
      '{{ printf "%99999d" 1 }}': 'template: 1:4: printf: %99999d is wider than 1000',
      '{{ printf "%e" 1 }}': 'template: 1:4: printf: %e does not take a number',
      '{{ printf "%y" 1 }}': 'template: 1:4: printf: %y does not take a number',
    });
  });

  it('answers any input with text or a CofferError', () => {
    const pieces = [
      '{{',
      '}}',
      '{{-',
      '-}}',
      ' ',
      '|',
      '(',
      ')',
      '.RoleName',
      '.',
      'random',
      'truncate',
      'printf',
      '"%s"',
      '"',
      '`',
      "'",
      '{{if ',
      '{{else}}',
      '{{end}}',
      '$x',
      ':=',
      '8',
      '-',
      '/*',
      '*/',
      '\\',
      '\n',
      'a',
      '%',
      '$',
      '\ud800',
      '0x',
    ];
    let seed = 7;
    const next = (limit: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % limit;
    };
    let rendered = 0;
    for (let round = 0; round < 20_000; round++) {
      let text = round % 2 === 0 ? '{{ ' : '';
      for (let i = next(12); i >= 0; i--) text += pieces[next(pieces.length)] ?? '';
      try {
        render(text);
        rendered++;
      } catch (thrown) {
        assert.ok(
          isCofferError(thrown, 'invalid-request') && /^template: \d+:\d+: /.test(thrown.message),
          `${JSON.stringify(text)}: ${String(thrown)}`,
        );
      }
    }
    assert.ok(rendered > 100, `only ${rendered} inputs rendered`);
  });
});
