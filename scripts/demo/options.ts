import { parseArgs } from 'node:util';

export const USAGE = `usage: npm start [-- --once | -- --database-only]

npm start                      starts a database and the server, shows the first credential, and serves until Ctrl-C
npm start -- --once            goes on to look up, renew and revoke its lease, and ends
npm start -- --database-only   starts the database for docs/getting-started.md, until Ctrl-C

With the environment variable YSQL_URL=postgres://user:password@host:5433/yugabyte, that database is used instead of a new one.`;

export interface StartOptions {
  /** Whether to show the usage and nothing else. */
  readonly help: boolean;
  /** Whether to go through the whole life of a credential, and end. */
  readonly once: boolean;
  /** Whether to start a database and nothing else. */
  readonly databaseOnly: boolean;
}

const USE = 'use --once, --database-only, or none, as in: npm start -- --once';

/** @throws Error that names the wrong argument, and says what to do */
export function readOptions(args: readonly string[], env: Readonly<NodeJS.ProcessEnv>): StartOptions {
  const names = ['once', 'database-only'] as const;
  for (const name of names) {
    // What stands before the "--" is npm's own, which passes it on in the environment at most.
    if ((env[`npm_config_${name.replace('-', '_')}`] ?? '') === '') continue;
    throw new Error(`npm keeps --${name} to itself: write npm start -- --${name}`);
  }
  const { tokens, values } = parseArgs({
    args: [...args],
    options: { once: { type: 'boolean', default: false }, 'database-only': { type: 'boolean', default: false } },
    strict: false,
    tokens: true,
  });
  const help = tokens.some((token) => token.kind === 'option' && ['--help', '-h'].includes(token.rawName));
  if (help) return { help, once: false, databaseOnly: false };
  for (const token of tokens) {
    if (token.kind === 'positional') throw new Error(`npm start takes no argument "${token.value}": ${USE}`);
    if (token.kind !== 'option') continue;
    const { rawName, name, value } = token;
    if (!names.some((each) => each === name)) throw new Error(`npm start has no option ${rawName}: ${USE}`);
    if (value !== undefined) throw new Error(`npm start: the option ${rawName} takes no value: write ${rawName} alone`);
  }
  const options = { help, once: values.once === true, databaseOnly: values['database-only'] === true };
  if (options.once && options.databaseOnly) {
    throw new Error('npm start: --database-only starts nothing that --once could show: leave one of the two out');
  }
  if (options.databaseOnly && (env['YSQL_URL'] ?? '') !== '') {
    throw new Error(
      'npm start: --database-only starts a database, and the environment variable YSQL_URL names one: unset YSQL_URL, or go on ' +
        'in docs/getting-started.md with the database that it names',
    );
  }
  return options;
}
