import { Cron } from 'croner';

/** No meaningful schedule is longer. */
const LONGEST = 1_000;
/** A time further away counts as never (robfig/cron:spec.go, Next). */
const MAX_YEARS = 5;
/** What Go's strings.Fields splits at. */
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

interface FieldBounds {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of the values from `min` on. */
  readonly names: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly FieldBounds[] = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'weekday', min: 0, max: 6, names: WEEKDAYS },
];

/** Vault's parser takes a time zone in front, which Vault then overrides with UTC (hashicorp/vault:builtin/logical/database/schedule). */
const ZONE = /^(?:CRON_)?TZ=(?<zone>\S*) +/;
const UTC = ['', 'UTC', 'Etc/UTC', 'GMT'];

/** The times of a schedule of five cron fields, in UTC, as Vault reads them. */
export class CronSchedule {
  readonly #cron: Cron | undefined;

  /** @throws Error that says which part cannot be read, fit for a user */
  constructor(text: string) {
    if (text.length > LONGEST) throw new Error(`it is longer than ${LONGEST} characters`);
    const fields = withoutZone(text)
      .split(SPACE)
      .filter((field) => field !== '');
    if (fields.length !== FIELDS.length) throw new Error(`expected ${FIELDS.length} fields, found ${fields.length}`);
    const [minute = '', hour = '', day = '', month = '', weekday = ''] = FIELDS.map((bounds, at) =>
      canonical(fields[at] ?? '', bounds),
    );
    const pattern = [minute, hour, ...daysOf(day, weekday, month)];
    // Never started: croner only computes.
    this.#cron = pattern.includes('')
      ? undefined
      : new Cron(pattern.join(' '), { mode: '5-part', timezone: 'UTC', paused: true });
  }

  /** The first time after `milliseconds` since 1970; undefined when none comes within five years. */
  next(milliseconds: number): number | undefined {
    const start = new Date(milliseconds);
    const next = this.#cron?.nextRun(start) ?? undefined;
    if (next === undefined || next.getUTCFullYear() > start.getUTCFullYear() + MAX_YEARS) return undefined;
    return next.getTime();
  }
}

/** @throws Error for a zone other than UTC: Vault takes any and ignores it, and the rotation comes hours early or late */
function withoutZone(text: string): string {
  const found = ZONE.exec(text);
  if (found === null) return text;
  const { zone = '' } = found.groups ?? {};
  if (!UTC.includes(zone)) throw new Error(`schedules are in UTC, not in the time zone ${JSON.stringify(zone)}`);
  return text.slice(found[0].length);
}

/**
 * Of a day and a weekday that are both given, one is enough; a field of commas alone names none, and leaves it to the other
 * one (robfig/cron:spec.go, dayMatches). An empty field of what is returned is a day that never comes.
 */
function daysOf(day: string, weekday: string, month: string): [day: string, month: string, weekday: string] {
  if (day === '*' || weekday === '*' || (day === '' && weekday === '')) return [day, month, weekday];
  return [day || '*', month, weekday || '*'];
}

/**
 * What a field means by the rules of robfig/cron (parser.go, getField), which Vault uses, as a list of plain numbers,
 * which every library reads the same way; `*` where one of its parts means every value.
 */
function canonical(field: string, bounds: FieldBounds): string {
  const values = new Set<number>();
  let every = false;
  for (const part of field.split(',')) {
    if (part === '') continue;
    const { start, end, step, star } = parsePart(part, bounds);
    every ||= star && step === 1;
    for (let value = start; value <= end; value += step) values.add(value);
  }
  return every ? '*' : [...values].sort((a, b) => a - b).join(',');
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly star: boolean;
}

function parsePart(part: string, bounds: FieldBounds): Range {
  const wrong = (why: string): Error => new Error(`${bounds.name} ${JSON.stringify(part.slice(0, 50))}: ${why}`);
  const [limits = '', stepText, ...rest] = part.split('/');
  if (rest.length > 0) throw wrong('too many slashes');
  const step = stepText === undefined ? 1 : valueOf(stepText, [], 0);
  const range = rangeOf(limits, bounds, stepText !== undefined);
  if (step === undefined || range === undefined) throw wrong('it is not a number, a name or a range of them');
  if (range.start < bounds.min || range.end > bounds.max) throw wrong(`it must be in ${bounds.min}-${bounds.max}`);
  if (range.start > range.end) throw wrong('the range starts after its end');
  if (step === 0) throw wrong('the step must be greater than 0');
  return { ...range, step };
}

/** `N/step` means from N on. */
function rangeOf(limits: string, bounds: FieldBounds, stepped: boolean): Omit<Range, 'step'> | undefined {
  const [low = '', high, ...rest] = limits.split('-');
  if (low === '*' || low === '?') return { start: bounds.min, end: bounds.max, star: true };
  if (rest.length > 0) return undefined;
  const start = valueOf(low, bounds.names, bounds.min);
  const alone = stepped ? bounds.max : start;
  const end = high === undefined ? alone : valueOf(high, bounds.names, bounds.min);
  return start === undefined || end === undefined ? undefined : { start, end, star: false };
}

/** A name, or what Go's strconv.Atoi takes without a minus; undefined for anything else. */
function valueOf(text: string, names: readonly string[], first: number): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + first;
  const digits = /^(?:\+?\d+|-0+)$/.test(text) ? BigInt(text.replace(/^[+-]/, '')) : undefined;
  return digits === undefined || digits > 2n ** 63n - 1n ? undefined : Number(digits);
}
