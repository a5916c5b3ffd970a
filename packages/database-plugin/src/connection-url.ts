/** One setting of a connection URL, at its place in the text. */
export interface UrlSetting {
  /** As the field is called that means the same: `username`, `password`, `host`, `db`, or the parameter's own name. */
  readonly name: string;
  /** Where the value is written, quotes included. */
  readonly start: number;
  readonly end: number;
  /** The value as written, and as the connecting driver may read it. */
  readonly values: readonly string[];
}

export interface ConnectionUrl {
  readonly settings: readonly UrlSetting[];
  /** False when it holds more than the settings: a secret may then be anywhere in it. */
  readonly readable: boolean;
}

/** The field that holds one. */
export const CONNECTION_URL = 'connection_url';

/**
 * Where the settings of a connection URL stand: of a URL (`postgres://user:password@host:port/db?name=value`) or of libpq's
 * keyword form (`host=h password='p'`). The one place that knows where a secret may be in it: what a read masks and what is
 * redacted from errors both follow from here.
 *
 * Where readers of URLs disagree, the wider reading counts: a "/", "?" or "#" that was not encoded is taken for a part of
 * the password before it.
 */
export function readConnectionUrl(written: string): ConnectionUrl {
  const text = written.trimEnd();
  const scheme = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(text);
  if (scheme !== null) return readUrl(text, scheme[0].length);
  return readKeywords(text);
}

/** Whether a setting is only a placeholder, or nothing: there is nothing in it to hide. */
export function isTemplate({ values: [written = ''] }: UrlSetting): boolean {
  return written === '' || written === '{{username}}' || written === '{{password}}';
}

/** Whether the URL holds the password itself, in place of the placeholder `{{password}}`. */
export function urlHoldsPassword(url: string): boolean {
  return readConnectionUrl(url).settings.some((setting) => setting.name === 'password' && !isTemplate(setting));
}

function readUrl(text: string, start: number): ConnectionUrl {
  const userEnd = endOfUser(text, start);
  const user = userEnd === undefined ? [] : readUser(text, start, userEnd);
  const rest = userEnd === undefined ? start : userEnd + 1;
  const query = indexFrom(text, /[?#]/, rest);
  const slash = indexFrom(text, /\//, rest, query);
  const settings = [
    ...user,
    ...readStrictQuery(text, start, rest),
    urlSetting(text, 'host', rest, slash),
    ...(slash < query ? [urlSetting(text, 'db', slash + 1, query)] : []),
    ...readQuery(text, query + 1),
  ];
  // Other drivers write settings into the path (`;password=x`) and networks around the host (`tcp(h)`).
  return { settings, readable: /^[^\s;=()]*$/.test(text.slice(rest, query)) };
}

/** Where the user part ends behind a "?" (`h1:5433,h2?password=p@ss`), that may have been the beginning of the query. */
function readStrictQuery(text: string, start: number, rest: number): readonly UrlSetting[] {
  const query = indexFrom(text, /[?#]/, start);
  return query < rest ? readQuery(text, query + 1) : [];
}

/** Where the user part ends: at its "@", undefined without one. RFC 3986, 3.2.1. */
function endOfUser(text: string, start: number): number | undefined {
  const query = indexFrom(text, /[?#]/, start);
  const inPlace = text.slice(start, query).lastIndexOf('@');
  if (inPlace >= 0) return start + inPlace;
  // `u:p?w@h`: what would be the port is none.
  const [, port = ''] = /^[^/]*:([^/:\]]*)/.exec(text.slice(start, query)) ?? [];
  const later = text.lastIndexOf('@');
  return /^\d*$/.test(port) || later < start ? undefined : later;
}

function readUser(text: string, start: number, end: number): readonly UrlSetting[] {
  const colon = indexFrom(text, /:/, start, end);
  const username = urlSetting(text, 'username', start, colon);
  if (colon === end) return [username];
  const password = urlSetting(text, 'password', colon + 1, end);
  // For a stricter reader the user part ends at an "@" before this one.
  const strict = text.slice(colon + 1, indexFrom(text, /[/?#]/, colon + 1, end));
  const at = strict.length < end - colon - 1 ? strict.lastIndexOf('@') : -1;
  return [username, at < 0 ? password : withReading(password, strict.slice(0, at))];
}

function readQuery(text: string, start: number): readonly UrlSetting[] {
  const settings: UrlSetting[] = [];
  for (let at = start; at < text.length; ) {
    const end = indexFrom(text, /&/, at);
    const first = indexFrom(text, /;/, at, end);
    const equals = Math.min(first, indexFrom(text, /=/, at, end));
    settings.push(readPair(text, at, equals, end), ...settingsWithin(text, at, equals, first));
    // Some drivers separate by ";" as well, so what follows one counts as a setting of its own too.
    for (let from = first + 1; from < end; ) {
      const to = indexFrom(text, /;/, from, end);
      const equals = indexFrom(text, /=/, from, to);
      settings.push(readPair(text, from, equals, to), ...settingsWithin(text, from, equals, to));
      from = to + 1;
    }
    at = end + 1;
  }
  return settings;
}

/** A "#" does not end the value: it was probably meant as a part of it and not encoded. */
function readPair(text: string, start: number, equals: number, end: number): UrlSetting {
  const name = fieldName(whollyDecoded(text.slice(start, equals)));
  const setting = urlSetting(text, name, Math.min(equals + 1, end), end);
  const fragment = indexFrom(text, /#/, setting.start, end);
  return fragment === end ? setting : withReading(setting, text.slice(setting.start, fragment));
}

/** The settings in the value of a pair, or in a pair whose "=" is encoded. */
function settingsWithin(text: string, start: number, equals: number, end: number): readonly UrlSetting[] {
  const from = equals < end ? equals + 1 : start;
  return settingsIn(text.slice(from, end), from, end);
}

/** What is a setting to a reader who decodes first and separates then, and to the server (`options=-c name=value`). */
function settingsIn(value: string, start: number, end: number): readonly UrlSetting[] {
  const pairs = whollyDecoded(value).matchAll(/(?:^|[\s&;?#])(?:-c|--)?([\w.-]+)\s*=\s*([^\s&;]*)/g);
  return [...pairs].map(([, name = '', inner = '']) => ({ name: fieldName(name), start, end, values: [inner] }));
}

/** libpq's `key = value` pairs; a value may stand in single quotes, with backslash escapes. */
function readKeywords(text: string): ConnectionUrl {
  const pattern = /\s*([\w-]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/dgsy;
  const settings: UrlSetting[] = [];
  let read = 0;
  let readable = true;
  for (const match of text.matchAll(pattern)) {
    const [key, quoted, bare] = match.slice(1);
    const written = quoted ?? bare ?? '';
    const [start, end] = match.indices?.[3] ?? widened(match.indices?.[2]);
    const value = written.replace(/\\(.)/gs, '$1');
    // Other drivers' separator: `server=h;password=x`.
    const semicolon = bare?.indexOf(';') ?? -1;
    readable &&= semicolon < 0 || !written.includes('=', semicolon);
    settings.push({ name: fieldName(key ?? ''), start, end, values: [value] }, ...settingsIn(value, start, end));
    read = match.index + match[0].length;
  }
  return { settings, readable: readable && text.slice(read).trim() === '' };
}

function widened([start, end]: readonly [number, number] = [0, 0]): readonly [number, number] {
  return [start - 1, end + 1];
}

/** Names by which libpq and URLs call what is a field of another name. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['user', 'username'],
  ['dbname', 'db'],
  ['database', 'db'],
]);

/** Each round makes an encoded "%" shorter, so there may be as many as there are characters. */
const MOST_ROUNDS = 16;

/** A text as the most patient reader has it, who decodes until nothing is left to decode. */
function whollyDecoded(written: string): string {
  let text = written;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const decoded = percentDecoded(text.replaceAll('+', ' '));
    if (decoded === text) break;
    text = decoded;
  }
  return text;
}

function fieldName(name: string): string {
  const plain = name.trim().toLowerCase();
  return OTHER_NAMES.get(plain) ?? plain;
}

/** What all spellings of a field's name have in common: `sslpassword`, `sslPassword`, `ssl-password`. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

function urlSetting(text: string, name: string, start: number, end: number): UrlSetting {
  return { name, start, end, values: readings(text.slice(start, end)) };
}

function withReading(setting: UrlSetting, written: string): UrlSetting {
  return { ...setting, values: [...new Set([...setting.values, ...readings(written)])] };
}

function readings(written: string): readonly string[] {
  return [...new Set([written, percentDecoded(written), percentDecoded(written.replaceAll('+', ' '))])];
}

export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The first match from `start` on, `end` when there is none before it. */
function indexFrom(text: string, wanted: RegExp, start: number, end: number = text.length): number {
  const at = text.slice(start, end).search(wanted);
  return at < 0 ? end : start + at;
}
