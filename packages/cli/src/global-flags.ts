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
    usage: 'URL of a Vault Agent to talk to in place of the server.',
  },
  'ca-cert': {
    type: 'string',
    env: 'VAULT_CACERT',
    usage: "File with PEM certificates that the server's certificate must come from. Takes precedence over -ca-path.",
  },
  'ca-path': {
    type: 'string',
    env: 'VAULT_CAPATH',
    usage: "Directory of files with PEM certificates that the server's certificate must come from.",
  },
  'client-cert': {
    type: 'string',
    env: 'VAULT_CLIENT_CERT',
    usage: 'File with a PEM certificate to show to the server. Needs -client-key.',
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
    usage: "Name to ask for, and to expect in the server's certificate, in place of the address's host name.",
  },
  'tls-skip-verify': {
    type: 'boolean',
    env: 'VAULT_SKIP_VERIFY',
    usage: "Do not verify the server's certificate. Whoever sits between can then read everything: for tests only.",
  },
  'disable-redirects': {
    type: 'boolean',
    env: 'VAULT_DISABLE_REDIRECTS',
    usage: 'Do not follow the one redirect that a standby node answers with.',
  },
  'wrap-ttl': {
    type: 'duration',
    env: 'VAULT_WRAP_TTL',
    usage: 'Ask for the answer wrapped in a single-use token with this lifetime, such as "30s" or "5m", for "unwrap".',
  },
  mfa: {
    type: 'list',
    env: 'VAULT_MFA',
    usage: 'Credentials for multi-factor authentication, sent as X-Vault-MFA. Can be given several times.',
  },
  header: {
    type: 'map',
    usage: 'Further HTTP header as name=value. Names that start with X-Vault- are refused. Can be given several times.',
  },
  'non-interactive': {
    type: 'boolean',
    usage: 'Never ask for input, and read nothing from stdin.',
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
    usage: 'Print as "table", "json" or "yaml". "raw" prints the answer as it came, for "read" only.',
  },
  detailed: {
    type: 'boolean',
    env: 'VAULT_DETAILED',
    usage: 'Print more about each entry, where the server knows more.',
  },
} as const satisfies FlagDefinitions;

export type HttpFlags = FlagValues<typeof HTTP_FLAGS>;
export type OutputFlag = keyof typeof OUTPUT_FLAGS;
