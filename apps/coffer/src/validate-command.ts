import { type CommandDefinition, defineCommand, usageFailure } from '@coffer/cli';
import { examineConfig } from './config/server-config.ts';

/** `coffer operator validate` */
export const operatorValidate: CommandDefinition = validateCommand('validate');
/** The same by OpenBao's name. */
export const operatorValidateConfig: CommandDefinition = validateCommand('validate-config');

function validateCommand(name: string): CommandDefinition {
  return defineCommand({
    name,
    synopsis: 'Validate configuration files',
    usage: '[options]',
    description: `
      Reads the configuration as a server would, and shows every error and every key without effect, with file, line
      and column. It checks nothing else, so you can run it on another machine; "operator diagnose" checks the rest.

      The exit code is 0 if the configuration is valid, and 1 if not.`,
    examples: [{ caption: 'Validate a file:', command: `operator ${name} -config=/etc/coffer/coffer.hcl` }],
    http: false,
    output: ['format'],
    flags: {
      config: {
        type: 'list',
        env: 'VAULT_CONFIG_PATH',
        usage: 'A configuration file, or a directory of such files. Can be given several times.',
      },
    },
    arguments: { min: 0, max: 0 },
    async run({ flags, io, ui, printer }) {
      if (flags.config.length === 0) throw usageFailure('Must specify a configuration file using -config.');
      const { config, errors, warnings } = await examineConfig(flags.config, io.env);
      const isValid = config !== undefined;
      if (printer.format !== 'table') {
        printer.data({ valid: isValid, errors: errors.map(({ message }) => message), warnings: [...warnings] });
        return isValid ? 0 : 1;
      }
      for (const warning of warnings) ui.warn(`WARNING! ${warning}`);
      for (const { message } of errors) ui.error(message);
      if (isValid) ui.output('Success! The configuration is valid.');
      return isValid ? 0 : 1;
    },
  });
}
