import { CofferError, isCofferError, type ErrorCode } from '@coffer/base';

/**
 * A command that cannot go on: its message is printed to stderr as it is, and the process ends with `exitCode`. 1 stands for
 * wrong input, 2 for a refusal of the server or no answer, as in Vault (vault:command/*.go).
 */
export class CommandFailure extends CofferError {
  readonly exitCode: number;

  constructor(code: ErrorCode, message: string, exitCode: number, cause?: unknown) {
    super(code, message, { cause });
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** The arguments are wrong: exit code 1. */
export function usageFailure(message: string): CommandFailure {
  return new CommandFailure('invalid-request', message, 1);
}

/** The server, or something else outside, said no: exit code 2. `cause` may know what to do. */
export function serverFailure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure('failed', message, 2, cause);
}

/**
 * Waits for `work`; when it fails, the command ends with `label: message`.
 *
 * @throws CommandFailure with `exitCode`, 2 unless told otherwise
 */
export async function reporting<T>(label: string, work: Promise<T>, exitCode = 2): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const { code, message } = CofferError.from(thrown);
    throw new CommandFailure(code, `${label}: ${message}`, exitCode, thrown);
  }
}

/** The text and the exit code for anything that a command throws. */
export function describeFailure(thrown: unknown): { message: string; exitCode: number } {
  if (thrown instanceof CommandFailure) return { message: thrown.message, exitCode: thrown.exitCode };
  return { message: CofferError.from(thrown).message, exitCode: isCofferError(thrown, 'invalid-request') ? 1 : 2 };
}
