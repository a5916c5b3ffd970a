import { CofferError, didYouMean, Secret } from '@coffer/base';
import type { Client, SecretResponse } from '@coffer/client';
import type { Invocation } from '../command.ts';
import { defineCommand } from '../command.ts';
import { readTextArguments } from '../data-arguments.ts';
import { CommandFailure, reporting, usageFailure } from '../failure.ts';
import { LOGIN_HANDLERS } from '../login-handlers.ts';
import { wrapText } from '../output/wrap.ts';
import { trimPath } from '../path.ts';
import { askHidden } from '../stdin.ts';
import { createTokenHelper } from '../token-helper.ts';
import { unwrapToken } from './unwrap.ts';

export const login = defineCommand({
  name: 'login',
  synopsis: 'Authenticate',
  usage: '[options] [AUTH K=V...]',
  description: `
    Authenticates, and stores the token for later commands. The default method, "token", takes an existing token and
    verifies it. The command prompts for missing values; the value "-" reads from stdin.

    With -wrap-ttl, the token is returned wrapped, and unwrapped before it is stored. With -no-store or -token-only,
    you get the wrapping token itself.`,
  examples: [
    { caption: 'Log in with a token:', command: 'login s.YIRyiLQ8UbQdcgw25tuIqcaY' },
    {
      caption: 'Log in with a user name; the command prompts for the password:',
      command: 'login -method=userpass username=ana',
    },
    { caption: 'Log in through an OIDC provider in the browser:', command: 'login -method=oidc role=engineering' },
  ],
  flags: {
    method: {
      type: 'string',
      default: 'token',
      usage: `The type of auth method: ${[...LOGIN_HANDLERS.keys()].join(', ')}.`,
    },
    path: { type: 'string', usage: 'The path of the auth method. Default: its type.' },
    'no-store': { type: 'boolean', usage: 'Print the token without storing it.' },
    'no-print': { type: 'boolean', usage: 'Store the token without printing it.' },
    'token-only': {
      type: 'boolean',
      usage: 'Print only the token, without storing it: short for -field=token -no-store.',
    },
  },
  output: ['field', 'format'],
  arguments: { min: 0 },
  async run(invocation) {
    const { flags, printer, program } = invocation;
    const tokenOnly = flags['token-only'];
    const noStore = flags['no-store'] || tokenOnly;
    if (noStore && flags['no-print']) throw usageFailure('-no-store and -no-print cannot be used together');
    const client = await invocation.connectWithoutHelper();
    const secret = await authenticate(client, flags.method, flags.path, invocation);
    // With a second factor there is no token yet.
    if (secret.auth?.mfaRequirement) {
      warn(invocation, MFA_PENDING);
      return printer.withField('').secret(secret);
    }
    if (secret.auth === null && noStore) return printer.withField(tokenOnly ? 'wrapping_token' : '').secret(secret);
    const issued = await reporting('Error extracting token', unwrapLogin(client, secret));
    if (noStore && !tokenOnly) warn(invocation, NOT_STORED);
    if (!noStore) await keep(issued, invocation);
    if (flags['no-print']) return 0;
    const shown = tokenOnly ? printer.withField('token') : printer;
    if (shown.field === '') shown.notice(`${wrapText(authenticated(program))}\n`);
    return shown.secret(issued);
  },
});

type Context = Pick<Invocation, 'program' | 'arguments' | 'http' | 'io' | 'printer' | 'stdin' | 'ui'>;

const NOT_STORED = `The token was not stored in token helper. Set the VAULT_TOKEN environment variable or pass the token below with
  each request to Vault.`;
const NOT_PERSISTED = `Authentication was successful, but the token was not persisted. The resulting token is shown below for
  your records.`;
const TOKEN_IN_ENVIRONMENT = `WARNING! The VAULT_TOKEN environment variable is set! The value of this variable will take
  precedence; if this is unwanted please unset VAULT_TOKEN or update its value accordingly.`;
const MFA_PENDING = `A login request was issued that is subject to MFA validation. Please make sure to validate the login by
  sending another request to sys/mfa/validate endpoint.`;

function authenticated(program: string): string {
  return `Success! You are now authenticated. The token information displayed below is already stored in the token helper. \
You do NOT need to run "${program} login" again. Future Vault requests will automatically use this token.`;
}

function unknownMethod(method: string, program: string): string {
  const text = `Unknown auth method: ${method}. Use "${program} auth list" to see the complete list of auth methods. \
Additionally, some auth methods are only available via the HTTP API.`;
  const meant = didYouMean(method, [...LOGIN_HANDLERS.keys()]);
  return wrapText(text) + (meant === undefined ? '' : `\n\n${meant}`);
}

function warn({ ui }: Context, text: string): void {
  ui.warn(`${wrapText(text.replace(/\s+/g, ' '))}\n`);
}

async function readDetails(method: string, { arguments: words, stdin }: Context): Promise<ReadonlyMap<string, string>> {
  const [first = '', ...rest] = words;
  const bare = method === 'token' && words.length > 0 && !first.includes('=');
  const pairs = bare ? [`token=${first}`, ...rest] : words;
  const details = await reporting('Error parsing configuration', readTextArguments(pairs, stdin), 1);
  return new Map(Object.entries(details).map(([key, values]) => [key, values.at(-1) ?? '']));
}

function askFor(name: string, question: string, { http, stdin, ui }: Context): Promise<string> {
  if (!http['non-interactive']) return askHidden(stdin, ui, question);
  throw new CofferError('invalid-request', `'${name}' not supplied and refusing to pull from stdin`);
}

async function authenticate(
  client: Client,
  type: string,
  path: string | undefined,
  context: Context,
): Promise<SecretResponse> {
  const method = trimPath(type) || 'token';
  const handler = LOGIN_HANDLERS.get(method);
  if (handler === undefined) throw usageFailure(unknownMethod(method, context.program));
  const details = await readDetails(method, context);
  // A token from the environment has no say in who logs in, and the server may refuse a request because of it.
  const anonymous = method === 'token' ? client : client.with({ token: undefined });
  const request = {
    details,
    mount: trimPath(details.get('mount') ?? (path || method)),
    ask: (name: string, question: string) => askFor(name, question, context),
    tell: (text: string) => context.ui.warn(text),
  };
  return reporting('Error authenticating', handler(anonymous, request));
}

/** The answer that holds the token, however many times it is wrapped. */
async function unwrapLogin(client: Client, secret: SecretResponse): Promise<SecretResponse> {
  if (secret.auth !== null) return secret;
  if (secret.wrapInfo === null) throw new CofferError('failed', 'no auth or wrapping info in response');
  const { token, wrappedAccessor } = secret.wrapInfo;
  if (wrappedAccessor === '') throw new CofferError('failed', 'wrapped response does not contain a token');
  const inner = await unwrapToken(client.with({ token: new Secret(token), wrapTtl: undefined }), '');
  if (inner === undefined) throw new CofferError('failed', 'empty response from auth helper');
  return unwrapLogin(client, inner);
}

async function keep(issued: SecretResponse, context: Context): Promise<void> {
  const { io, printer, ui } = context;
  try {
    await createTokenHelper(io.env).store(new Secret(issued.auth?.clientToken ?? ''));
  } catch (thrown) {
    ui.error(`Error storing token: ${CofferError.from(thrown).message}`);
    printer.withField('').secret(issued);
    throw new CommandFailure('failed', wrapText(NOT_PERSISTED.replace(/\s+/g, ' ')), 2, thrown);
  }
  if (io.env['VAULT_TOKEN']) warn(context, TOKEN_IN_ENVIRONMENT);
}
