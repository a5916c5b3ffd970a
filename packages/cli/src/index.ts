/**
 * Vault's command line over its HTTP API: grammar, flags, output and exit codes of HashiCorp Vault
 * (hashicorp/vault:command, openbao/openbao:internal/command), in one file a command. The application adds `server`.
 */
export { listCommands, type ListedCommand } from './command-list.ts';
export { defineCommand } from './command.ts';
export type { ArgumentRule, CliIo, CommandDefinition, CommandGroup, Example, Invocation } from './command.ts';
export { ARGUMENT_CANDIDATES, AUTH_TYPES, ENGINE_TYPES, FLAG_CANDIDATES } from './completion/candidates.ts';
export { CommandFailure, usageFailure } from './failure.ts';
export type { Environment, FlagDefinition, FlagDefinitions, FlagValues } from './flags.ts';
export { run } from './run.ts';
export type { RunExtra } from './run.ts';
export { wantsSudo } from './shown-request/policy.ts';
export type { InputStream } from './stdin.ts';
export { createTokenHelper, type TokenHelper } from './token-helper.ts';
export type { OutputStream, Ui } from './ui.ts';
export { MISSING_COMMANDS, type MissingCommand, VAULT_COMMANDS } from './vault-commands.ts';
