import { CofferError, isCofferError, redact, Secret } from '@coffer/base';
import { type Client, createClient } from '@coffer/client';
import { readClientEnvironment } from '../../client-environment.ts';
import { defineCommand, type Invocation } from '../../command.ts';
import { CommandFailure, reporting, serverFailure, usageFailure } from '../../failure.ts';
import { readText } from '../../file.ts';
import { askHidden } from '../../stdin.ts';
import { MANY_LINES } from './carried-fields.ts';
import { foundAt } from './found.ts';
import { isLeft, type Item } from './item.ts';
import { Mover, type Result } from './mover.ts';
import { isComplete, quoted, resultLine, summary, whatIsLeft } from './report.ts';
import { GivenSecrets, readSecretsFile } from './secrets-file.ts';
import { Side } from './side.ts';

const FLAGS = {
  from: {
    type: 'string',
    env: 'VAULT_FROM_ADDR',
    usage: 'URL of the Vault or OpenBao server to read from.',
  },
  'from-token-file': {
    type: 'string',
    usage:
      'File with a token for that server. Default: the variable VAULT_FROM_TOKEN; without it, the command prompts on a terminal.',
  },
  'from-ca-cert': {
    type: 'string',
    env: 'VAULT_FROM_CACERT',
    usage: "PEM file of CA certificates to verify that server's certificate.",
  },
  'from-namespace': {
    type: 'string',
    env: 'VAULT_FROM_NAMESPACE',
    usage: 'Namespace to read from.',
  },
  secrets: {
    type: 'string',
    usage:
      'JSON file with the passwords that no server shows: {"database/config/NAME": {"password": "..."}}. Without it, the command prompts on a terminal.',
  },
  'plugin-name': {
    type: 'map',
    usage: 'A database plugin that has another name here, as THEIRS=HERE. Can be given several times.',
  },
  'dry-run': { type: 'boolean', usage: 'Write nothing. Show what would be written.' },
  overwrite: {
    type: 'boolean',
    usage: 'Overwrite existing objects that differ. Default: report them and leave them alone.',
  },
} as const;
type Run = Invocation<typeof FLAGS>;

export const migrateVault = defineCommand({
  name: 'vault',
  synopsis: 'Copy databases, policies and AppRoles from a Vault',
  usage: '[options] -from=ADDRESS',
  description: `
    Reads policies, database engines (connections, roles and static roles) and AppRoles from a running Vault or
    OpenBao, and writes what is missing to this server. It changes nothing on the source, and does not rotate
    passwords.

    Existing objects are left alone; -overwrite replaces those that differ. After an error, run the same command
    again. Exit code 2 means that you still have something to do; the output lists it.`,
  examples: [
    { caption: 'Show what would be written:', command: 'migrate vault -from=https://vault.example.com:8200 -dry-run' },
    {
      caption: 'With the passwords of connections from a file:',
      command: 'migrate vault -from=https://vault.example.com:8200 -secrets=passwords.json',
    },
  ],
  flags: FLAGS,
  arguments: { min: 0, max: 0 },
  async run(invocation) {
    const { flags, ui, program, connect } = invocation;
    if (flags.from === undefined) throw usageFailure('flag -from is missing: the URL of the server to read from');
    const secrets = flags.secrets === undefined ? new GivenSecrets() : await readSecretsFile(flags.secrets);
    const fromClient = await sourceClient(flags.from, invocation);
    const source = new Side('source', fromClient);
    const target = new Side('target', await connect());
    const { token } = fromClient.options;
    const known = token instanceof Secret ? [token] : [];
    const hidden = (): Secret[] => [...secrets.values, ...known];
    const say = (text: string): void => ui.output(redact(text, { secrets: hidden(), names: [] }));
    const results: Result[] = [];
    try {
      await checkApart(source, target);
      const options = { dryRun: flags['dry-run'], overwrite: flags.overwrite, ask: asking(invocation, secrets) };
      const mover = new Mover(target, options);
      const find = { secrets, pluginNames: flags['plugin-name'] ?? {}, namespace: flags['from-namespace'] };
      for await (const found of foundAt(source, target, find)) {
        known.push(...(isLeft(found) ? [] : Object.values(found.secrets ?? {})));
        const result = await mover.move(found);
        results.push(result);
        say(resultLine(result));
      }
    } catch (thrown) {
      throw cutOff(thrown, results, hidden());
    }
    say(`\n${flags['dry-run'] ? 'Nothing was written. ' : ''}${summary(results) || 'The source has nothing to move.'}`);
    for (const path of secrets.paths) {
      const unused = !results.some(({ found }) => found.path === path);
      if (unused) ui.warn(`-secrets names ${path}, which is no connection of the source`);
    }
    for (const line of whatIsLeft(results, atSource(flags.from, invocation), program)) say(line);
    return isComplete(results) || flags['dry-run'] ? 0 : 2;
  },
});

/** The variables by which a command goes to the source, as a shell takes them. The token is not among them. */
function atSource(address: string, { flags }: Run): string {
  const { 'from-namespace': namespace, 'from-token-file': file } = flags;
  const token = file === undefined ? '"$VAULT_FROM_TOKEN"' : `"$(cat ${quoted(file)})"`;
  const variables = {
    VAULT_ADDR: quoted(address),
    ...(namespace && { VAULT_NAMESPACE: quoted(namespace) }),
    VAULT_TOKEN: token,
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

async function sourceClient(address: string, { flags, http, io, stdin, ui }: Run): Promise<Client> {
  const certificate = flags['from-ca-cert'];
  const caCert = certificate === undefined ? undefined : await readText(certificate);
  const token = await sourceToken(flags['from-token-file'], io.env['VAULT_FROM_TOKEN'], () =>
    http['non-interactive'] === true ? undefined : askHidden(stdin, ui, `Token for ${address}`),
  );
  return createClient({
    address,
    token,
    ...(flags['from-namespace'] !== undefined && { namespace: flags['from-namespace'] }),
    ...(caCert !== undefined && { caCert: [caCert] }),
    ...readClientEnvironment(io.env),
  });
}

async function sourceToken(
  file: string | undefined,
  variable: string | undefined,
  ask: () => Promise<string> | undefined,
): Promise<Secret> {
  const how = 'give -from-token-file=FILE, or the variable VAULT_FROM_TOKEN';
  let token = variable ?? '';
  if (file !== undefined) token = (await readText(file)).trim();
  else if (token === '') {
    token = await Promise.resolve(ask() ?? '').catch(() => '');
  }
  if (token === '') throw usageFailure(`there is no token for the server to read from: ${how}`);
  return new Secret(token);
}

/** A server that is moved to itself finds everything the same, and its operator would believe that all is done. */
async function checkApart(source: Side, target: Side): Promise<void> {
  const [one, other] = [await source.read('sys/seal-status'), await target.read('sys/seal-status')];
  const id = one?.['cluster_id'];
  if (typeof id === 'string' && id !== '' && id === other?.['cluster_id']) {
    throw usageFailure(
      `${source.address} and ${target.address} are the same server: -from is the one to read from, -address the one to write to`,
    );
  }
}

/** Asks on a terminal for what the source does not show. In a dry run nobody is asked. */
function asking({ flags, http, io, stdin, ui }: Run, secrets: GivenSecrets) {
  return async ({ path, wanted }: Item, field: string): Promise<Secret | undefined> => {
    if (flags['dry-run'] || http['non-interactive'] === true || io.stdin.isTTY !== true) return undefined;
    const user = typeof wanted['username'] === 'string' ? ` of ${wanted['username']}` : '';
    // A key has many lines, of which a terminal takes one.
    const isKey = MANY_LINES.includes(field);
    const what = `${isKey ? `file with the ${field}` : field}${user} for ${path}, or nothing to leave it out`;
    const typed = await reporting('Error asking', askHidden(stdin, ui, what), 1);
    if (typed === '') return undefined;
    const value = isKey ? await readText(typed) : typed;
    secrets.add(path, { [field]: value });
    return new Secret(value);
  };
}

/** What stopped the move, and that going on is the same command. */
function cutOff(thrown: unknown, results: readonly Result[], secrets: readonly Secret[]): CommandFailure {
  if (thrown instanceof CommandFailure) return thrown;
  const { code, message } = CofferError.from(thrown);
  const said = redact(message, { secrets, names: [] });
  if (results.length === 0)
    return new CommandFailure(code, said, isCofferError(thrown, 'invalid-request') ? 1 : 2, thrown);
  return serverFailure(`${said}\nStopped after ${summary(results)}. Run the same command again to go on.`);
}
