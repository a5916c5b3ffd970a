import { CofferError, type Loggers, parseLogLevel, type LogLevel } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';

const LEVEL = {
  type: 'string',
  default: '',
  description: 'The least severe level to log: trace, debug, info, warn or error.',
} as const;
const NAME = {
  type: 'string',
  required: true,
  description: 'The name of a logger, as in the log: core.expiration.',
} as const;

/** `sys/loggers`, `sys/loggers/:name`: levels of this server, until it ends or its configuration is read again. */
export function loggersPaths(loggers: Loggers): Path[] {
  return [
    definePath({
      pattern: 'loggers',
      fields: { level: LEVEL },
      synopsis: 'The levels of all loggers of the server that answers.',
      read: async () => ({
        data: Object.fromEntries(loggers.names.map((name) => [name, loggers.levelOf(name) ?? null])),
      }),
      async write({ fields, data }) {
        loggers.setAll(requireLevel(fields.level, data['level']));
        return undefined;
      },
      async delete() {
        loggers.revertAll();
        return undefined;
      },
    }),
    definePath({
      pattern: 'loggers/:name*',
      fields: { name: NAME, level: LEVEL },
      synopsis: 'The level of one logger of the server that answers.',
      read: async ({ fields: { name } }) => {
        const level = loggers.levelOf(name);
        return { data: level === undefined ? {} : { [name]: level } };
      },
      async write({ fields: { name, level }, data }) {
        requireLogger(loggers.set(name, requireLevel(level, data['level'])), name);
        return undefined;
      },
      async delete({ fields: { name } }) {
        requireLogger(loggers.revert(name), name);
        return undefined;
      },
    }),
  ];
}

function requireLevel(text: string, given: unknown): LogLevel {
  if (given === undefined) throw new CofferError('invalid-request', 'level is required');
  if (text === '') throw new CofferError('invalid-request', 'level is empty');
  const level = parseLogLevel(text);
  if (level === undefined) {
    throw new CofferError('invalid-request', `invalid level provided: unknown log level: ${text.trim().toLowerCase()}`);
  }
  return level;
}

function requireLogger(isThere: boolean, name: string): void {
  if (!isThere) throw new CofferError('invalid-request', `logger ${JSON.stringify(name)} not found`);
}
