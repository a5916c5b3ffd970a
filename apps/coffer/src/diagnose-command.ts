import { type CommandDefinition, defineCommand, CommandFailure } from '@coffer/cli';
import type { Status } from './diagnose/check.ts';
import { SKIPPABLE } from './diagnose/diagnose.ts';

const EXIT_CODES: Readonly<Record<Status, number>> = { skipped: 0, ok: 0, fail: 1, warn: 2 };
/** For a command line that is wrong: 1 and 2 are findings. */
const USAGE = 3;

/** `coffer operator diagnose` */
export const operatorDiagnose: CommandDefinition = defineCommand({
  name: 'diagnose',
  synopsis: 'Troubleshoot problems starting a server',
  usage: '[options]',
  description: `
    Checks everything that a server needs to start: the configuration, system limits, disks, all files and
    permissions, the store with its schema and clock, the key of a static seal, certificates and their dates, and
    listen addresses. It changes nothing. Run it as the user of the server, with the same environment.

    The exit code is 0 if all checks pass, 1 if something would keep the server from starting, 2 for warnings, and 3
    for a wrong command line.`,
  examples: [
    { caption: 'Before a server is started:', command: 'operator diagnose -config=/etc/coffer/coffer.hcl' },
    { caption: 'While it runs:', command: 'operator diagnose -config=/etc/coffer/coffer.hcl -skip=listener' },
  ],
  http: false,
  output: ['format'],
  flags: {
    config: {
      type: 'list',
      env: 'VAULT_CONFIG_PATH',
      usage: 'A configuration file, or a directory of such files. Can be given several times.',
    },
    skip: { type: 'list', usage: `A check to skip: ${SKIPPABLE.join(', ')}. Can be given several times.` },
    debug: { type: 'boolean', usage: 'Has no effect: all details are always shown.' },
  },
  arguments: { min: 0, max: 0 },
  usageExitCode: USAGE,
  async run({ flags, io, ui, printer, version }) {
    if (flags.config.length === 0) throw usage('Must specify a configuration file using -config.');
    const skips = flags.skip.map((name) => {
      const known = SKIPPABLE.find((each) => each === name.toLowerCase());
      if (known === undefined) throw usage(`flag -skip: ${JSON.stringify(name)} is not one of ${SKIPPABLE.join(', ')}`);
      return known;
    });
    // Imported only here: it takes the whole of a server.
    const { diagnose } = await import('./diagnose/diagnose.ts');
    const result = await diagnose(flags.config, io.env, skips);
    if (printer.format === 'table') ui.output([`Coffer ${version}`, '', 'Results:', ...result.lines()].join('\n'));
    else printer.data(result.toJson());
    return EXIT_CODES[result.status];
  },
});

function usage(message: string): CommandFailure {
  return new CommandFailure('invalid-request', message, USAGE);
}
