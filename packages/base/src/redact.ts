import type { LogFields, LogLevel, Logger } from './log.ts';
import type { Secret } from './secret.ts';

/** What a text that leaves must not show, and what it may. */
export interface Hidden {
  readonly secrets: readonly Secret[];
  /** What is no secret though a secret may read the same: the user's name, the database, the host. */
  readonly names: readonly string[];
}

/** Vault's (hashicorp/vault:sdk/database/dbplugin/v5/middleware.go). */
const LABEL = '[password]';

/**
 * `text` with `[password]` in the place of each secret. One pass: no label is ever looked through again.
 *
 * A secret that nobody writes by chance goes wherever it stands, also inside a word, and in every form in which it may come
 * back: percent-encoded, in a JSON string, with SQL's quotes and backslashes doubled, in lower case, cut to the 63 bytes of a
 * PostgreSQL name. So does every SCRAM verifier.
 *
 * A secret that may be an ordinary word (one word of letters, a number, a few characters) goes only where it stands as a value:
 * in quotes or brackets, behind the word "password" or in `password=value`, as the password of a URL, or as the whole of a message
 * (`ERROR: secret (SQLSTATE P0001)`). Were it taken out everywhere, the text would be of no use, and its gaps would spell
 * the secret: everybody knows what is missing in "[password] server does not support SSL". Left where it is, it is a word
 * among words, and nothing says which of them it is.
 *
 * A secret that is also one of `names` goes only behind the word "password" and from URLs: `role "postgres"` tells of a user.
 */
export function redact(text: string, { secrets, names }: Hidden): string {
  if (secrets.length === 0) return text;
  const spans: Span[] = [...text.matchAll(VERIFIER)].map(({ index, 0: found }) => [index, index + found.length]);
  for (const form of new Set(secrets.flatMap(formsOf))) {
    const place = placeOf(form, names);
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
      const end = at + form.length;
      if (standsIn(place, text, at, end) && !inLabel(text, at, end)) spans.push([at, end]);
    }
  }
  return spans.length === 0 ? text : withLabels(text, spans);
}

/** A logger whose lines show none of the secrets, which are asked for with each line. */
export function redactingLogger(logger: Logger, hidden: () => Hidden): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      const now = hidden();
      const clean = Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'string' ? redact(value, now) : value,
      ]);
      logger[level](redact(message, now), Object.fromEntries(clean) as LogFields);
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    named: (module) => redactingLogger(logger.named(module), hidden),
  };
}

/** `end` is the first position behind it. */
type Span = readonly [start: number, end: number];

/** What PostgreSQL stores of a password: whoever has it can try passwords at leisure. An error may cut it short. */
const VERIFIER = /SCRAM-SHA-256\$\d+:[\w+/=]*(?:\$[\w+/=:]*)?/g;

/** Every log line is searched for the same few passwords, so what they look like is worked out once. */
const FORMS = new WeakMap<Secret, readonly string[]>();

/** What a secret looks like wherever it may come back; none for an empty one. */
function formsOf(secret: Secret): readonly string[] {
  const known = FORMS.get(secret);
  if (known !== undefined) return known;
  const value = secret.reveal();
  // Names without quotes are in lower case.
  const forms = new Set([value, cutToName(value), value.toLowerCase()].flatMap(writings));
  forms.delete('');
  FORMS.set(secret, [...forms]);
  return [...forms];
}

/** Up to three characters, five letters and digits (a SQLSTATE), seven digits, or one word in lower case or in capitals. */
const ORDINARY = /^(?:.{1,3}|[\p{L}\p{N}]{4,5}|\d{6,7}|\p{L}[\p{Ll}\p{Lo}\p{M}]{3,14}|\p{Lu}{4,15})$/su;

function writings(value: string): readonly string[] {
  const encoded = encodeURIComponent(value.toWellFormed());
  // Go's net/url encodes these as well, and a space in a query as "+".
  const strict = encoded.replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  // SQL doubles quotes inside literals and identifiers, so a server's message may carry the value in these forms.
  const quotes = value.replaceAll("'", "''");
  return [
    value,
    encoded,
    strict,
    strict.replaceAll('%20', '+'),
    JSON.stringify(value).slice(1, -1),
    quotes,
    quotes.replaceAll('\\', '\\\\'),
    value.replaceAll('"', '""'),
  ];
}

/** A value that stands where a name is meant is cut to 63 bytes at a character, and an error repeats what is left. */
function cutToName(value: string): string {
  const bytes = Buffer.from(value);
  return bytes.length <= 63 ? value : new TextDecoder().decode(bytes.subarray(0, 63), { stream: true });
}

/** `quotes`: alone between two of the same. `password`, `value`: see {@link PASSWORD_PLACES}, {@link VALUE_PLACES}. */
type Place = 'anywhere' | 'value' | 'password' | 'quotes';

function placeOf(value: string, names: readonly string[]): Place {
  const ordinary = ORDINARY.test(value);
  // What looks like no name was put into the wrong field. What does is shown by a read of the configuration anyway.
  if (names.includes(value) && (ordinary || /^[\p{Ll}\p{N}_.$@-]+$/u.test(value))) return 'password';
  if (!ordinary) return 'anywhere';
  return /[\p{L}\p{N}]/u.test(value) ? 'value' : 'quotes';
}

/** How many characters before a match are looked at: more than the longest user name. */
const CONTEXT = 96;

function standsIn(place: Place, text: string, start: number, end: number): boolean {
  if (place === 'anywhere') return true;
  const before = text.slice(Math.max(0, start - CONTEXT), start);
  const after = text.slice(end, end + 2);
  if (place === 'quotes') return /["'`]$/.test(before) && before.at(-1) === after[0];
  const around = ([left, right]: Surroundings): boolean => left.test(before) && right.test(after);
  return PASSWORD_PLACES.some(around) || (place === 'value' && VALUE_PLACES.some(around));
}

/** What ends right before, and what begins right after. An empty text is the start or the end of all. */
type Surroundings = readonly [before: RegExp, after: RegExp];

const PASSWORD_PLACES: readonly Surroundings[] = [
  // `password=x y`, `api_token = "x"`
  [/(?:passw(?:or)?d|passphrase|pwd|secret|token|key)["'`]?\s?=\s?["'`$]?$/i, /^(?:$|[\s&#,;:.)\]}"'`$\\])/],
  // `PASSWORD 'x'`, `"password":"x"`, `no login with password x`; but not `password authentication failed`
  [/(?:passw(?:or)?d|passphrase|pwd)["'`]?(?:\s|\s?[:(]\s?)["'`$]?$/i, /^(?:$|\n|[,;:)\]}.?!"'`$\\]| \()/],
  // `?ssl%70assword=x`: nobody encodes a name but to hide it.
  [/[?&][^\s=&?]*%[0-9a-f]{2}[^\s=&?]*=$/i, /^(?:$|[\s&#,;:.)\]}"'`$\\])/],
  // `postgres://user:x@host`
  [/:\/\/[^\s/?#@:]*:$/, /^@/],
];

const VALUE_PLACES: readonly Surroundings[] = [
  // An apostrophe inside a word opens nothing: "the nodes' own". `{{name}}` is a placeholder.
  [/(?:["`([<]|(?<!\{)\{|(?<!\p{L}{2})')$/u, /^["'`)\]}>\\]/],
  [/\$$/, /^\$/],
  // The whole of a message, behind what others put before it and before what they put behind it.
  [/(?:^|: |\n)$/, /^(?:\.?$|\n| \()/],
];

/** A text that was looked through elsewhere may hold labels, and "password" is a password of its own. */
function inLabel(text: string, start: number, end: number): boolean {
  const from = Math.max(0, start - LABEL.length + 1);
  const at = text.slice(from, start + LABEL.length).indexOf(LABEL);
  return at >= 0 && from + at <= start && end <= from + at + LABEL.length;
}

/** What overlaps shares one label: the rest of one secret would be read beside the label of the other. */
function withLabels(text: string, spans: readonly Span[]): string {
  let result = '';
  let done = 0;
  for (const [start, end] of spans.toSorted((a, b) => a[0] - b[0])) {
    if (start >= done) result += text.slice(done, start) + LABEL;
    done = Math.max(done, end);
  }
  return result + text.slice(done);
}
