import { run } from '@coffer/cli';
import { serverCommand } from './server-command.ts';

const { stdin, stdout, stderr, env } = process;
process.exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, env }, { server: serverCommand });
