/**
 * Vault's command line over its HTTP API: grammar, flags, output and exit codes of HashiCorp Vault
 * (hashicorp/vault:command, openbao/openbao:internal/command), in one file a command. The application adds `server`.
 */
export { defineCommand } from './command.ts';
export type { ArgumentRule, CliIo, CommandDefinition, CommandGroup, Example, Invocation } from './command.ts';
export { CommandFailure, usageFailure } from './failure.ts';
export type { Environment, FlagDefinition, FlagDefinitions, FlagValues } from './flags.ts';
export { run } from './run.ts';
export type { RunExtra } from './run.ts';
export type { InputStream } from './stdin.ts';
export { createTokenHelper, type TokenHelper } from './token-helper.ts';
export type { OutputStream, Ui } from './ui.ts';
