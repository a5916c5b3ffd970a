import { CofferError } from '@coffer/base';
import type { Client, PreparedRequest } from '@coffer/client';
import type { CommandDefinition, Invocation } from '../command.ts';
import { describeFailure } from '../failure.ts';
import type { HttpFlags } from '../global-flags.ts';
import { createPrinter } from '../output/printer.ts';
import type { Ui } from '../ui.ts';
import { curlCommand } from './curl.ts';
import { samplePolicy } from './policy.ts';

/** The request is shown, by -output-curl-string or -output-policy: nothing may be sent, not even to find out what to send. */
export function isShown(http: HttpFlags): boolean {
  return http['output-curl-string'] || http['output-policy'];
}

/**
 * Runs a command up to its first request, and prints that instead of sending it. The exit code is Vault's
 * (openbao/openbao:command/main.go generateCurlString): 0, the command's own when it fails before, 1 when it needs no request.
 */
export async function showRequest(command: CommandDefinition, invocation: Invocation): Promise<number> {
  const { http, printer, program, ui } = invocation;
  const { said, quiet } = quietUi(ui);
  let shown: PreparedRequest | undefined;
  const beforeSend = (request: PreparedRequest) => {
    shown ??= request;
    throw new CofferError('failed', 'the request is shown in place of being sent');
  };
  const showing = async (connecting: Promise<Client>) => (await connecting).with({ beforeSend });
  const ended = await outcome(command, {
    ...invocation,
    ui: quiet,
    printer: createPrinter(quiet, printer.format, printer.field),
    connect: () => showing(invocation.connect()),
    connectWithoutHelper: () => showing(invocation.connectWithoutHelper()),
  });
  const what = http['output-curl-string'] ? 'cURL command' : 'policy';
  if (shown === undefined) {
    for (const text of [...said, ...ended.complaint]) ui.error(text);
    const unable = `Unable to generate ${http['output-curl-string'] ? 'cURL string' : 'policy'} from command`;
    ui.error(ended.exitCode === 0 ? `Could not generate ${what}` : unable);
    return ended.exitCode || 1;
  }
  if (http['output-curl-string'] && shown.body === 'stream') {
    ui.error('The body of this request is a file that is sent as it is read: there is no cURL string for it.');
    return 2;
  }
  ui.output(http['output-curl-string'] ? curlCommand(shown, http, program) : samplePolicy(shown));
  return 0;
}

/** Asks what there is to ask. What the command says of itself is kept, what it prints is dropped. */
function quietUi(ui: Ui): { readonly said: readonly string[]; readonly quiet: Ui } {
  const said: string[] = [];
  const keep = (text: string) => void said.push(text);
  return { said, quiet: { ...ui, output: () => undefined, value: () => undefined, warn: keep, error: keep } };
}

async function outcome(command: CommandDefinition, invocation: Invocation) {
  try {
    return { exitCode: await command.run(invocation), complaint: [] };
  } catch (thrown) {
    const { exitCode, message } = describeFailure(thrown);
    return { exitCode, complaint: [message] };
  }
}
