import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import type { RecordedCommand, RecordedExchange } from './recording.ts';

/** A place where we differ from the recording on purpose, applied to what was recorded before it is compared. */
export interface Difference {
  readonly name: string;
  readonly reason: string;
  readonly applies: (recorded: RecordedCommand) => boolean;
  readonly expected: (recorded: RecordedCommand) => RecordedCommand;
  /** The rows that differ change a table's column widths. */
  readonly otherColumns?: boolean;
  /** Other names change where running text is broken into lines. */
  readonly otherLines?: boolean;
}

const OPENBAO = /OpenBao|"bao |BAO_/;
/** A list of one error of the plugin, which has the host's words around it; line ends as in text and in JSON. */
const LIST_OF_ONE = /(?<=desc = unable to update user: )1 error occurred:(?:\n\t|\\n\\t)\* /;
const DRIVERS_WORDS = /(?<=error verifying connection: )failed to connect to [^"]*/;
const OUR_DRIVERS_WORDS =
  'failed to connect to host=127.0.0.1 port=1 user=yugabyte database=yugabyte: connection refused';
/** One error, twice; line ends as in text and in JSON. */
const SAID_TWICE =
  /invalid database version: 2 errors occurred:(?:\n\t|\\n\\t)\* ([^\\\n]*)(?:\n\t|\\n\\t)\* \1(?:\\n)*/;
/** What to do about each of these errors. */
const REMEDIES = new Map([
  [
    'checksums did not match',
    ': the file "ysql-plugin" in the plugin directory is not the registered one. If it is the one to run, ' +
      'register it again: "plugin register -sha256=SHA256 -command=ysql-plugin database bogus-plugin".',
  ],
  [
    'plugin not found in the catalog: nope-plugin',
    '. Database plugins here: ysql-plugin, postgresql-ysql-plugin, postgresql-database-plugin. To add one, put its file ' +
      'into the plugin directory and run "plugin register -sha256=SHA256 database nope-plugin".',
  ],
]);
const ABSENT_MOUNTS = ['secret/'];

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'the server is called Vault, the command coffer',
    reason:
      'The recorded server is OpenBao, a fork of Vault that renamed itself. We keep the words that users of Vault and ' +
      'their scripts know, and the name of the program that they run.',
    applies: ({ stdout, stderr }) => OPENBAO.test(stdout + stderr),
    otherLines: true,
    expected: (recorded) => ({ ...recorded, stdout: renamed(recorded.stdout), stderr: renamed(recorded.stderr) }),
  },
  {
    name: 'no kv mount',
    reason:
      'Coffer keeps database credentials. It has no key/value engine, and a mount that does nothing would mislead.',
    applies: isCommand('secrets', 'list'),
    otherColumns: true,
    expected: (recorded) => ({
      ...recorded,
      stdout: recorded.stdout.startsWith('{')
        ? JSON.stringify(withoutKeys(JSON.parse(recorded.stdout) as JsonObject, ABSENT_MOUNTS), null, 2)
        : withoutRows(recorded.stdout, ABSENT_MOUNTS),
      http: mapBodies(recorded, (body) => {
        const outer = withoutKeys(body, ABSENT_MOUNTS);
        return isJsonObject(body['data']) ? { ...outer, data: withoutKeys(body['data'], ABSENT_MOUNTS) } : outer;
      }),
    }),
  },
  {
    name: 'no plugins for other databases, auth methods and secrets',
    reason: 'Coffer is for YugabyteDB: the only plugin it knows is ysql-plugin, built in or registered.',
    applies: isCommand('plugin', 'list'),
    otherColumns: true,
    expected: (recorded) => ({
      ...recorded,
      stdout: recorded.stdout
        .split('\n')
        .filter((line) => !line.includes('+builtin.'))
        .join('\n'),
      http: mapBodies(recorded, (body) => ({
        ...body,
        data: {
          auth: [],
          secret: [],
          database: ['ysql-plugin'],
          detailed: ((body['data'] as JsonObject)['detailed'] as readonly JsonObject[]).filter(
            (entry) => entry['name'] === 'ysql-plugin',
          ),
        },
      })),
    }),
  },
  {
    name: 'a single error of the plugin is no list',
    reason:
      'The original plugin hands over a list even of one error, with blank lines after it. Ours says the same words ' +
      'in one line, as both do for a failed creation.',
    applies: ({ stderr }) => LIST_OF_ONE.test(stderr),
    expected: (recorded) =>
      mapText(recorded, (text) => text.replace(LIST_OF_ONE, '').replace(/(?:\\n){4}(?="\])/, '\\n\\n')),
  },
  {
    name: 'what is wrong with a plugin is said once, and what to do',
    reason:
      'The recorded server tries a plugin by two versions of its interface and says the same of each. Ours says it once, and ' +
      'how the plugin that is meant comes into the catalog.',
    applies: ({ stderr }) => SAID_TWICE.test(stderr),
    expected: (recorded) =>
      mapText(recorded, (text) =>
        text.replace(SAID_TWICE, (_twice, once: string) => {
          const told = once + (REMEDIES.get(once) ?? '');
          // In a body it stands in a string of JSON.
          return text.startsWith('{') ? JSON.stringify(told).slice(1, -1) : told;
        }),
      ),
  },
  {
    name: "the database driver's own words",
    reason:
      'Behind the words of the engine stand those of the driver, which is another one. Ours also show the user and the ' +
      'database, which are no secrets; the recorded server blanks them, since the password happens to be the same word.',
    applies: ({ stderr }) => DRIVERS_WORDS.test(stderr),
    expected: (recorded) => mapText(recorded, (text) => text.replace(DRIVERS_WORDS, OUR_DRIVERS_WORDS)),
  },
  {
    name: 'a second static role on the same login is refused',
    reason: 'Each of the two would undo the rotations of the other, and their users would be told passwords that fail.',
    applies: isCommand('write', 'db1/static-roles/st2'),
    expected: (recorded) =>
      refused(
        recorded,
        400,
        'field "username": "static_app" is the login of the static role "st1" already; ' +
          'a login can have one static role only',
      ),
  },
];

function isCommand(...words: string[]): Difference['applies'] {
  return ({ command }) => words.every((word, index) => command[index + 1] === word);
}

function renamed(text: string): string {
  return text.replaceAll('OpenBao', 'Vault').replaceAll('"bao ', '"coffer ').replaceAll('BAO_', 'VAULT_');
}

/** Changes a text wherever it stands, JSON's way to write it included. */
function mapText(recorded: RecordedCommand, change: (text: string) => string): RecordedCommand {
  return {
    ...recorded,
    stdout: change(recorded.stdout),
    stderr: change(recorded.stderr),
    http: mapBodies(recorded, (body) => JSON.parse(change(JSON.stringify(body))) as JsonValue),
  };
}

/** The command as it is when its only request, a write, is refused with this text. */
function refused(recorded: RecordedCommand, status: number, error: string): RecordedCommand {
  const { command, http } = recorded;
  const [exchange] = http as [RecordedExchange];
  const { request, response } = exchange;
  return {
    command,
    exit: 2,
    stdout: '',
    stderr:
      `Error writing data to ${command[2]}: Error making API request.\n\n` +
      `URL: ${request.method} http://127.0.0.1:8200${request.path}\nCode: ${status}. Errors:\n\n* ${error}`,
    http: [{ request, response: { ...response, status, body: { errors: [error] } } }],
  };
}

function withoutKeys(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !names.includes(key)));
}

function withoutRows(table: string, firstCells: readonly string[]): string {
  return table
    .split('\n')
    .filter((line) => !firstCells.some((cell) => line.startsWith(cell)))
    .join('\n');
}

function mapBodies(recorded: RecordedCommand, change: (body: JsonObject) => JsonValue): RecordedCommand['http'] {
  return recorded.http.map((exchange) => {
    const { body } = exchange.response;
    return isJsonObject(body) ? { ...exchange, response: { ...exchange.response, body: change(body) } } : exchange;
  });
}
