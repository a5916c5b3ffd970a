import type { FlagDefinitions, FlagValues } from './flags.ts';

/** The flags of every command that talks to a server (vault:command/base.go). */
export const HTTP_FLAGS = {
  address: {
    type: 'string',
    default: 'https://127.0.0.1:8200',
    env: 'VAULT_ADDR',
    usage: 'URL of the server.',
  },
  'agent-address': {
    type: 'string',
    env: 'VAULT_AGENT_ADDR',
    usage: 'URL of a Vault Agent to talk to instead of the server.',
  },
  'ca-cert': {
    type: 'string',
    env: 'VAULT_CACERT',
    usage: "File of PEM certificates of the authorities trusted to sign the server's. Takes precedence over -ca-path.",
  },
  'ca-path': {
    type: 'string',
    env: 'VAULT_CAPATH',
    usage: 'Directory of such files of PEM certificates.',
  },
  'client-cert': {
    type: 'string',
    env: 'VAULT_CLIENT_CERT',
    usage: 'File with the PEM certificate to present to the server. Requires -client-key.',
  },
  'client-key': {
    type: 'string',
    env: 'VAULT_CLIENT_KEY',
    usage: 'File with the PEM private key for -client-cert.',
  },
  namespace: {
    type: 'string',
    env: 'VAULT_NAMESPACE',
    aliases: ['ns'],
    usage: 'Namespace that the paths are relative to.',
  },
  'tls-server-name': {
    type: 'string',
    env: 'VAULT_TLS_SERVER_NAME',
    usage: "Name to ask for, and to expect in the server's certificate, instead of the host in the address.",
  },
  'tls-skip-verify': {
    type: 'boolean',
    env: 'VAULT_SKIP_VERIFY',
    usage: "Do not verify the server's certificate. Anybody in between can then read everything: for tests only.",
  },
  'disable-redirects': {
    type: 'boolean',
    env: 'VAULT_DISABLE_REDIRECTS',
    usage: 'Do not follow the one redirect that a standby node answers with.',
  },
  'wrap-ttl': {
    type: 'duration',
    env: 'VAULT_WRAP_TTL',
    usage: 'Wrap the response in a single-use token with this TTL, such as "30s" or "5m". See "unwrap".',
  },
  mfa: {
    type: 'list',
    env: 'VAULT_MFA',
    usage: 'Credentials for multi-factor authentication, sent as X-Vault-MFA. Can be given several times.',
  },
  header: {
    type: 'map',
    usage:
      'An additional HTTP header as name=value. Names that start with X-Vault- are refused. Can be given several times.',
  },
  'non-interactive': {
    type: 'boolean',
    usage: 'Never ask for input, and read nothing from stdin.',
  },
  'output-curl-string': {
    type: 'boolean',
    usage: 'Print the request as a cURL command in place of sending it. The token is not part of it.',
  },
  'output-policy': {
    type: 'boolean',
    usage: 'Print a policy that allows the request in place of sending it.',
  },
} as const satisfies FlagDefinitions;

/** The flags that shape the output; a command names the ones that it takes. */
export const OUTPUT_FLAGS = {
  field: {
    type: 'string',
    usage: 'Print only this field, without a newline when stdout is not a terminal. Takes precedence over -format.',
  },
  format: {
    type: 'string',
    default: 'table',
    env: 'VAULT_FORMAT',
    usage: 'Print as "table", "json" or "yaml". "raw" prints the response as it came; only "read" takes it.',
  },
  detailed: {
    type: 'boolean',
    env: 'VAULT_DETAILED',
    usage: 'Print more about each entry, if the server knows more.',
  },
} as const satisfies FlagDefinitions;

export type HttpFlags = FlagValues<typeof HTTP_FLAGS>;
export type OutputFlag = keyof typeof OUTPUT_FLAGS;
