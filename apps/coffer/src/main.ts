import { isSea } from 'node:sea';
import { VERSION } from '@coffer/base';
import { run } from '@coffer/cli';
import { SERVER_COMMANDS } from './commands.ts';

const { stdin, stdout, stderr, env } = process;

run(
  process.argv.slice(2),
  { stdin, stdout, stderr, env },
  {
    ...SERVER_COMMANDS,
    program: 'coffer',
    version: VERSION,
    command: isSea() ? [process.execPath] : [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
  },
)
  .then((exitCode) => {
    process.exitCode = exitCode;
    // A shell waits for its completions: what may still be under way for them is not waited for.
    if (env['COMP_LINE'] !== undefined) process.exit();
  })
  // `run` reports every failure itself: what arrives here is a bug in it, and must not pass for success.
  .catch((error: unknown) => {
    stderr.write(`${String(error)}\n`);
    process.exitCode = 2;
  });
