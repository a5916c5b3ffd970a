import { once } from 'node:events';
import { LOG_FORMATS, LOG_LEVELS, parseLogFormat, parseLogLevel } from '@coffer/base';
import { defineCommand } from '../command.ts';
import { reporting, usageFailure } from '../failure.ts';

export const monitor = defineCommand({
  name: 'monitor',
  synopsis: 'Stream log messages from a server',
  usage: '[options]',
  description: `
    Shows the log of a server as it is written, until you interrupt it or the server seals or stops. It has its own
    level: with -log-level=debug, it shows debug lines even if the server logs at info.

    Lines that arrive faster than you read them are left out and counted.`,
  examples: [{ caption: 'Show lines of level debug and above:', command: 'monitor -log-level=debug' }],
  flags: {
    'log-level': {
      type: 'string',
      default: 'info',
      usage: `The log level to show: ${LOG_LEVELS.join(', ')}.`,
    },
    'log-format': { type: 'string', default: 'standard', usage: `The format: ${LOG_FORMATS.join(', ')}.` },
  },
  arguments: { min: 0, max: 0 },
  async run({ flags, connect, io }) {
    const level = parseLogLevel(flags['log-level']);
    if (level === undefined) {
      throw usageFailure(
        `${flags['log-level']} is an unknown log level. Valid log levels are: [${LOG_LEVELS.join(' ')}]`,
      );
    }
    const format = parseLogFormat(flags['log-format']);
    if (format === undefined) {
      throw usageFailure(
        `${flags['log-format']} is an unknown log format. Valid log formats are: [${LOG_FORMATS.join(' ')}]`,
      );
    }
    const client = await connect();
    const interrupted = new AbortController();
    const interrupt = (): void => interrupted.abort();
    for (const signal of SIGNALS) process.on(signal, interrupt);
    // Whoever reads our output may go first.
    io.stdout.on('error', interrupt);
    try {
      const query = { log_level: level, log_format: format };
      const lines = await reporting(
        'Error starting monitor',
        client.stream('sys/monitor', query, interrupted.signal),
        1,
      );
      for await (const chunk of lines) if (!io.stdout.write(chunk)) await taken(io.stdout, interrupted.signal);
      return 0;
    } finally {
      for (const signal of SIGNALS) process.off(signal, interrupt);
    }
  },
});

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

async function taken(stdout: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  await once(stdout, 'drain', { signal }).catch(() => undefined);
}
