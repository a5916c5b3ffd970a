import type { JsonValue } from '@coffer/base';
import { MANY_LINES } from './carried-fields.ts';
import { isLeft, type Item } from './item.ts';
import { INCOMPLETE, type Outcome, type Result } from './mover.ts';

const ORDER: readonly Outcome[] = [
  ...(['create', 'created', 'change', 'changed', 'same', 'differs', 'waits', 'refused', 'unread', 'stays'] as const),
];

/** One line for one thing. */
export function resultLine({ found, outcome, detail }: Result): string {
  const line = `${outcome.padEnd(8)} ${found.kind.padEnd(15)} ${found.path}`;
  return detail === '' ? line : `${line}: ${detail}`;
}

/** How many of each. */
export function summary(results: readonly Result[]): string {
  const counts = ORDER.map(
    (outcome) => [outcome, results.filter((result) => result.outcome === outcome).length] as const,
  );
  return counts.flatMap(([outcome, count]) => (count === 0 ? [] : [`${count} ${outcome}`])).join(', ');
}

export function isComplete(results: readonly Result[]): boolean {
  return !results.some(({ outcome }) => INCOMPLETE.includes(outcome));
}

/** What is left to be done by somebody, each with its commands. `atSource`: what stands before the program's name so that a command goes to the source. */
export function whatIsLeft(results: readonly Result[], atSource: string, program: string): string[] {
  return [
    ...connectionsLeft(results, program),
    ...staticRolesLeft(results, atSource, program),
    ...secretIdsLeft(results, program),
    ...leasesLeft(results),
  ];
}

function connectionsLeft(results: readonly Result[], program: string): string[] {
  const waiting = results
    .filter(({ outcome, found }) => outcome === 'waits' && !isLeft(found) && found.blocked === undefined)
    .flatMap(({ found }) => (isLeft(found) || (found.asks ?? []).length === 0 ? [] : [found]));
  if (waiting.length === 0) return [];
  const skeleton = Object.fromEntries(
    waiting.map(({ path, asks = [] }) => [path, Object.fromEntries(asks.map((name) => [name, '']))]),
  );
  return [
    '',
    'No server shows the passwords of connections. Fill them into a file, and run the same command again with -secrets=FILE',
    '(leave a connection with {} when it has none, and say "username" too when another user is to be used here):',
    '',
    ...JSON.stringify(skeleton, null, 2).split('\n'),
    '',
    'or write the connections by hand, and run the same command again for what needs them:',
    ...waiting.flatMap((item) => ['', ...writeCommand(item, program)]),
  ];
}

/**
 * The exact command that makes a connection, but for its secrets: one is asked for and goes by stdin, since every user of the machine
 * can read arguments, and a key comes from a file.
 */
function writeCommand({ path, wanted, asks = [] }: Item, program: string): string[] {
  const typed = asks.filter((name) => !MANY_LINES.includes(name));
  const fields = Object.entries(wanted).filter(([name]) => !asks.includes(name));
  const pairs = fields.flatMap(([name, value]) => pairsOf(name, value));
  const secrets = asks.map((name) => (typed.includes(name) ? `${name}=-` : `${name}=@${name}.pem`));
  const variable = typed[0]?.toUpperCase() ?? '';
  const before = variable === '' ? '' : `printf %s "$${variable}" | `;
  return [
    ...(variable === '' ? [] : [`read -rs ${variable}`]),
    [`${before}${program} write ${quoted(path)}`, ...pairs, ...secrets].join(' \\\n    '),
  ];
}

function pairsOf(name: string, value: JsonValue): string[] {
  const values: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  return values.map((each) => {
    const text = typeof each === 'object' ? JSON.stringify(each) : String(each);
    return quoted(`${name}=${text.startsWith('@') ? `\\${text}` : text}`);
  });
}

/** As one word of a shell. */
export function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function staticRolesLeft(results: readonly Result[], atSource: string, program: string): string[] {
  const here: readonly Outcome[] = ['create', 'created', 'same', 'changed', 'differs'];
  const paths = results
    .filter((r) => r.found.kind === 'static role' && here.includes(r.outcome))
    .map((r) => r.found.path);
  if (paths.length === 0) return [];
  return [
    '',
    'Both servers rotate the passwords of these static roles as long as both have them, and each then hands out passwords that the',
    'other one has replaced. Delete them at the source (that changes no password), or seal it, before the next rotation:',
    '',
    ...paths.map((path) => `${atSource} ${program} delete ${quoted(path)}`),
  ];
}

function secretIdsLeft(results: readonly Result[], program: string): string[] {
  const left = results.filter(({ found, outcome }) => found.kind === 'secret id' && outcome === 'stays');
  if (left.length === 0) return [];
  return [
    '',
    'Secret ids of approles are kept as hashes, and cannot be moved. Role ids are the same here; issue new secret ids:',
    '',
    ...left.map(({ found }) => `${program} write -force ${quoted(found.path)}`),
  ];
}

function leasesLeft(results: readonly Result[]): string[] {
  const left = results.filter(({ found, outcome }) => found.kind === 'lease' && outcome !== 'same');
  if (left.length === 0) return [];
  return [
    '',
    'Leases stay with the source, which alone ends their users. Keep it running, unsealed and with its connections, until the last',
    'one is over, or revoke them there once the applications have their credentials from here.',
  ];
}
