import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import type { RecordedCommand } from './recording.ts';

/** A place where we differ from the recording on purpose, applied to what was recorded before it is compared. */
export interface Difference {
  readonly name: string;
  readonly reason: string;
  readonly applies: (command: readonly string[]) => boolean;
  readonly expected: (recorded: RecordedCommand) => RecordedCommand;
  /** The rows that differ change a table's column widths. */
  readonly otherColumns?: boolean;
}

const ABSENT_MOUNTS = ['cubbyhole/', 'identity/', 'secret/'];
const isCommand =
  (...words: string[]) =>
  (command: readonly string[]): boolean =>
    words.every((word, index) => command[index + 1] === word);

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'no cubbyhole, identity and kv mounts',
    reason:
      'Coffer keeps database credentials. It has no key/value, cubbyhole and identity engines, and a mount that does ' +
      'nothing would mislead.',
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
];

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
