import { trimEndOf } from '@coffer/base';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY_MS = 86_400_000;

/** The parts of a layout that stand for something, longest first (golang/go:src/time/format.go nextStdChunk). */
const PARTS =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|__2|_2(?!006)|[2345]|PM|pm|[-Z]07(?::00(?::00)?|00(?:00)?)?|[.,](?:0+|9+)(?!\d)/g;

/** Go's `Time.Format` in UTC, with millisecond precision: `20060102150405` gives `20261124185202`. */
export function formatGoTime(milliseconds: number, layout: string): string {
  const time = new Date(milliseconds);
  return layout.replace(PARTS, (part) => formatPart(time, part));
}

function formatPart(time: Date, part: string): string {
  if (part.startsWith('.') || part.startsWith(',')) return formatFraction(time, part);
  if (part.startsWith('Z')) return 'Z';
  if (part.startsWith('-')) return part.replace(/^-/, '+').replaceAll('7', '0');
  return PART_FORMATS[part]?.(time) ?? part;
}

function formatFraction(time: Date, part: string): string {
  const digits = String(time.getUTCMilliseconds())
    .padStart(3, '0')
    .padEnd(9, '0')
    .slice(0, part.length - 1);
  const kept = part.includes('9') ? trimEndOf(digits, '0') : digits;
  return kept === '' ? '' : part.charAt(0) + kept;
}

const two = (value: number): string => String(value).padStart(2, '0');
const hour12 = (time: Date): number => time.getUTCHours() % 12 || 12;
const dayOfYear = (time: Date): number =>
  Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;

const PART_FORMATS: Readonly<Record<string, (time: Date) => string>> = {
  '2006': (time) => String(time.getUTCFullYear()).padStart(4, '0'),
  '06': (time) => two(time.getUTCFullYear() % 100),
  January: (time) => MONTHS[time.getUTCMonth()] ?? '',
  Jan: (time) => MONTHS[time.getUTCMonth()]?.slice(0, 3) ?? '',
  '01': (time) => two(time.getUTCMonth() + 1),
  '1': (time) => String(time.getUTCMonth() + 1),
  Monday: (time) => DAYS[time.getUTCDay()] ?? '',
  Mon: (time) => DAYS[time.getUTCDay()]?.slice(0, 3) ?? '',
  '02': (time) => two(time.getUTCDate()),
  _2: (time) => String(time.getUTCDate()).padStart(2, ' '),
  '2': (time) => String(time.getUTCDate()),
  '002': (time) => String(dayOfYear(time)).padStart(3, '0'),
  __2: (time) => String(dayOfYear(time)).padStart(3, ' '),
  '15': (time) => two(time.getUTCHours()),
  '03': (time) => two(hour12(time)),
  '3': (time) => String(hour12(time)),
  '04': (time) => two(time.getUTCMinutes()),
  '4': (time) => String(time.getUTCMinutes()),
  '05': (time) => two(time.getUTCSeconds()),
  '5': (time) => String(time.getUTCSeconds()),
  PM: (time) => (time.getUTCHours() < 12 ? 'AM' : 'PM'),
  pm: (time) => (time.getUTCHours() < 12 ? 'am' : 'pm'),
  MST: () => 'UTC',
};
