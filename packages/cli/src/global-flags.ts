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
    usage: 'URL of a Vault Agent to use instead of the server.',
  },
  'ca-cert': {
    type: 'string',
    env: 'VAULT_CACERT',
    usage: "PEM file of CA certificates to verify the server's certificate. Takes precedence over -ca-path.",
  },
  'ca-path': {
    type: 'string',
    env: 'VAULT_CAPATH',
    usage: "Directory of PEM files of CA certificates to verify the server's certificate.",
  },
  'client-cert': {
    type: 'string',
    env: 'VAULT_CLIENT_CERT',
    usage: 'PEM file of the client certificate. Requires -client-key.',
  },
  'client-key': {
    type: 'string',
    env: 'VAULT_CLIENT_KEY',
    usage: 'PEM file of the private key for -client-cert.',
  },
  namespace: {
    type: 'string',
    env: 'VAULT_NAMESPACE',
    aliases: ['ns'],
    usage: 'Namespace of the request.',
  },
  'tls-server-name': {
    type: 'string',
    env: 'VAULT_TLS_SERVER_NAME',
    usage: 'Server name for TLS (SNI and certificate), instead of the host in the address.',
  },
  'tls-skip-verify': {
    type: 'boolean',
    env: 'VAULT_SKIP_VERIFY',
    usage:
      "Do not verify the server's certificate. Anyone on the network path can then read everything: for tests only.",
  },
  'disable-redirects': {
    type: 'boolean',
    env: 'VAULT_DISABLE_REDIRECTS',
    usage: 'Do not follow the redirect of a standby node.',
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
    usage: 'Never prompt, and never read from stdin.',
  },
  'output-curl-string': {
    type: 'boolean',
    usage: 'Print the request as a cURL command instead of sending it. The token is left out.',
  },
  'output-policy': {
    type: 'boolean',
    usage: 'Print a policy that allows the request instead of sending it.',
  },
} as const satisfies FlagDefinitions;

/** The flags that shape the output; a command names the ones that it takes. */
export const OUTPUT_FLAGS = {
  field: {
    type: 'string',
    usage: 'Print only this field, without a newline if stdout is not a terminal. Takes precedence over -format.',
  },
  format: {
    type: 'string',
    default: 'table',
    env: 'VAULT_FORMAT',
    usage: 'Output format: "table", "json" or "yaml". "raw" prints the unmodified response; only for "read".',
  },
  detailed: {
    type: 'boolean',
    env: 'VAULT_DETAILED',
    usage: 'Print details of each entry, if the server has any.',
  },
} as const satisfies FlagDefinitions;

export type HttpFlags = FlagValues<typeof HTTP_FLAGS>;
export type OutputFlag = keyof typeof OUTPUT_FLAGS;
