import { CofferError, type OutcomeError } from '@coffer/base';

/**
 * A call on a plugin whose process has ended. The process can be started again.
 * `unavailable`, with Vault's text (hashicorp/vault:sdk/database/dbplugin/v5/grpc_client.go, ErrPluginShutdown).
 */
export class PluginGoneError extends CofferError implements OutcomeError {
  /** Whether the call had reached the process before it ended. When false it was never sent, and may be repeated. */
  readonly outcomeUnknown: boolean;
  /** Whether it was ended because it did not answer any more. */
  readonly hung: boolean;

  /** How it ended: `exit code 2`, `signal SIGKILL`. */
  readonly exit: string | undefined;

  constructor(outcomeUnknown: boolean, options?: { cause?: unknown; hung?: boolean; exit?: string | undefined }) {
    const ended = outcomeUnknown ? 'the plugin process ended during the call' : 'the plugin process has ended';
    const hung = options?.hung === true;
    const what = hung ? 'the plugin process stopped answering and was ended' : ended;
    const how = hung || options?.exit === undefined ? '' : ` (${options.exit})`;
    super('unavailable', `plugin shutdown: ${what}${how}`, options);
    this.exit = options?.exit;
    this.outcomeUnknown = outcomeUnknown;
    this.hung = hung;
  }
}

export function isPluginGone(error: unknown): error is PluginGoneError {
  return error instanceof PluginGoneError;
}
