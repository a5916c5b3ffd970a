import type { RunExtra } from '@coffer/cli';
import { operatorDiagnose } from './diagnose-command.ts';
import { migrateCommand } from './migrate-command.ts';
import { serverCommand } from './server-command.ts';
import { operatorValidate, operatorValidateConfig } from './validate-command.ts';

/** The commands that know how a server works, beside those of `@coffer/cli`. */
export const SERVER_COMMANDS = {
  server: serverCommand,
  operator: [migrateCommand, operatorDiagnose, operatorValidate, operatorValidateConfig],
} as const satisfies RunExtra;
