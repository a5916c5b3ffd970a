import { CofferError, type Loggers, parseLogFormat, parseLogLevel } from '@coffer/base';
import { definePath, type Path, type TokenStore } from '@coffer/framework';
import { LogStream } from './log-stream.ts';

/** Each holds lines in memory, and has every line of the log made for it. */
const MOST_READERS = 16;

/** `sys/monitor`: the log as it is written, at a level of its own. `sealed` is aborted when the seal closes. */
export function monitorPaths(loggers: Loggers, tokens: Pick<TokenStore, 'lookup'>, sealed: AbortSignal): Path[] {
  return [
    definePath({
      pattern: 'monitor',
      fields: {
        log_level: {
          type: 'string',
          default: 'info',
          description: 'The least severe level to show: trace, debug, info, warn or error.',
        },
        log_format: { type: 'string', default: 'standard', description: 'standard or json.' },
      },
      synopsis: 'Streams the log of the server that answers, for as long as the client stays connected.',
      async read({ fields, gone, clientToken }) {
        const level = parseLogLevel(fields.log_level === '' ? 'info' : fields.log_level);
        if (level === undefined) throw new CofferError('invalid-request', 'unknown log level');
        const format = parseLogFormat(fields.log_format);
        if (format === undefined) throw new CofferError('invalid-request', 'unknown log format');
        if (loggers.followers >= MOST_READERS) {
          throw new CofferError('too-many-requests', `the log is already streamed to ${MOST_READERS} clients`);
        }
        // With the store away it is not known, and the log is what tells why.
        const mayRead = async (): Promise<boolean> => {
          const asked = await tokens.lookup(clientToken).catch(() => true);
          return asked !== undefined;
        };
        const stream = new LogStream({ level, format, gone, sealed, mayRead });
        return { stream: { contentType: 'text/plain; charset=utf-8', chunks: stream.chunks(loggers) } };
      },
    }),
  ];
}
