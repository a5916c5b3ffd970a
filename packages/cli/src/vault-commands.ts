/** A command of Vault's or OpenBao's that is not here. */
export interface MissingCommand {
  /** All that begins with it is meant: `plugin runtime` stands for `plugin runtime list` too. */
  readonly command: string;
  /** A sentence that goes on behind "There is no ... here: ". */
  readonly reason: string;
  /** Sentences about what to do in its place. */
  readonly instead: string;
}

const AGENT = "Run Vault's or OpenBao's, and point it at this server.";
const NO_RAFT = 'there is no Raft: nodes share a store in YugabyteDB or PostgreSQL, and all are equal.';
const SHOW_NODES = 'Use "operator members" to see the nodes.';
const NO_IMAGES = 'plugins are files in the plugin directory, not images from a registry.';
const OTHER_ENGINE = 'Use Vault or OpenBao.';

/**
 * Every command of Vault and OpenBao that is missing, and why. What is not listed is an unknown command: nearest names are suggested.
 * docs/cli.md is made from this table.
 */
export const MISSING_COMMANDS: readonly MissingCommand[] = [
  { command: 'agent', reason: 'an agent runs beside the application, not in the server.', instead: AGENT },
  {
    command: 'auth help',
    reason: 'auth methods have no help of their own.',
    instead: 'Use "login -help", or "path-help auth/userpass/login/NAME" for the fields of a login.',
  },
  {
    command: 'debug',
    reason: 'Coffer does not create support archives.',
    instead:
      'Use "monitor" for the logs, "read sys/metrics" for metrics and "operator diagnose" for the configuration.',
  },
  {
    command: 'events',
    reason: 'the server does not publish events.',
    instead: 'Enable an audit device: it logs each request and each response.',
  },
  {
    command: 'hcp',
    reason: 'Coffer does not connect to the HashiCorp Cloud Platform.',
    instead: 'Set VAULT_ADDR to the address of your server.',
  },
  {
    command: 'kv',
    reason: 'there is no key-value engine.',
    instead: 'Coffer issues and rotates database credentials. Keep static secrets in Vault or OpenBao.',
  },
  { command: 'license', reason: 'no license is needed.', instead: 'There is nothing to do.' },
  {
    command: 'namespace',
    reason: 'there are no namespaces.',
    instead: 'Separate tenants with mounts and policies, or run a server for each.',
  },
  {
    command: 'operator import',
    reason: 'there is no engine to import into.',
    instead: OTHER_ENGINE,
  },
  { command: 'operator raft autopilot', reason: NO_RAFT, instead: SHOW_NODES },
  { command: 'operator raft demote', reason: NO_RAFT, instead: SHOW_NODES },
  {
    command: 'operator raft join',
    reason: NO_RAFT,
    instead: 'To join, start another server with the same storage.',
  },
  { command: 'operator raft list-peers', reason: NO_RAFT, instead: SHOW_NODES },
  { command: 'operator raft promote', reason: NO_RAFT, instead: SHOW_NODES },
  {
    command: 'operator raft remove-peer',
    reason: NO_RAFT,
    instead: 'To leave, stop the server.',
  },
  {
    command: 'operator rotate-keys',
    reason: 'this is two commands, as in Vault.',
    instead: 'Use "operator rekey" for the key shares and the root key, and "operator rotate" for the encryption key.',
  },
  {
    command: 'operator usage',
    reason: 'clients are not counted.',
    instead: 'Use "read sys/internal/counters/tokens", "entities" or "leases" for the current numbers.',
  },
  {
    command: 'operator utilization',
    reason: 'Coffer does not report to HashiCorp.',
    instead: 'Use "read sys/metrics".',
  },
  {
    command: 'patch',
    reason: 'no path supports PATCH.',
    instead: 'Use "write": connections and roles keep the settings that you leave out.',
  },
  { command: 'pki', reason: 'there is no PKI engine.', instead: OTHER_ENGINE },
  { command: 'plugin init', reason: NO_IMAGES, instead: 'Put the file there, then use "plugin register".' },
  {
    command: 'plugin prune',
    reason: NO_IMAGES,
    instead: 'Use "plugin deregister", then delete the file.',
  },
  {
    command: 'plugin runtime',
    reason: 'plugins run as child processes of the server, never in containers.',
    instead: 'Use "plugin register" with the SHA-256 of an executable in the plugin directory.',
  },
  {
    command: 'policy fmt',
    reason: 'policies are stored as written.',
    instead: 'Use any HCL formatter, such as "terraform fmt -".',
  },
  { command: 'proxy', reason: 'a proxy runs beside the application, not in the server.', instead: AGENT },
  {
    command: 'scan',
    reason: 'lists are not recursive.',
    instead: 'Use "list" on each level. To find leases, use "list sys/leases/lookup/PREFIX".',
  },
  { command: 'ssh', reason: 'there is no SSH engine.', instead: OTHER_ENGINE },
  { command: 'transform', reason: 'there is no transform engine.', instead: OTHER_ENGINE },
  {
    command: 'transit',
    reason: 'there is no transit engine.',
    instead: 'Use Vault or OpenBao. Their transit engine can unseal this server (seal "transit").',
  },
];

/** The commands of Vault 1.19 and OpenBao 2.7, without the groups that they are in. */
export const VAULT_COMMANDS: readonly string[] = [
  ...under('agent', ['', 'generate-config']),
  ...under('audit', ['disable', 'enable', 'list']),
  ...under('auth', ['disable', 'enable', 'help', 'list', 'move', 'tune']),
  'debug',
  'delete',
  'events subscribe',
  ...under('hcp', ['connect', 'disconnect']),
  ...under('kv', [
    'delete',
    'destroy',
    'enable-versioning',
    'get',
    'list',
    'patch',
    'put',
    'rollback',
    'scan',
    'undelete',
  ]),
  ...under('kv metadata', ['delete', 'get', 'patch', 'put']),
  ...under('lease', ['lookup', 'renew', 'revoke']),
  ...under('license', ['get', 'inspect']),
  'list',
  'login',
  'monitor',
  ...under('namespace', ['create', 'delete', 'list', 'lock', 'lookup', 'patch', 'unlock']),
  ...under('namespace', ['delete-sealed', 'scan', 'seal', 'seal-status', 'unseal']),
  ...under('operator', ['diagnose', 'generate-root', 'import', 'init', 'key-status', 'members', 'migrate']),
  ...under('operator', ['rekey', 'rotate', 'rotate-keys', 'seal', 'step-down', 'unseal', 'usage', 'utilization']),
  'operator validate-config',
  ...under('operator raft', ['demote', 'join', 'list-peers', 'promote', 'remove-peer']),
  ...under('operator raft autopilot', ['get-config', 'set-config', 'state']),
  ...under('operator raft snapshot', ['inspect', 'restore', 'save']),
  'patch',
  'path-help',
  ...under('pki', ['health-check', 'issue', 'list-intermediates', 'reissue', 'verify-sign']),
  ...under('plugin', ['deregister', 'info', 'init', 'list', 'prune', 'register', 'reload', 'reload-status']),
  ...under('plugin runtime', ['deregister', 'info', 'list', 'register']),
  ...under('policy', ['delete', 'fmt', 'list', 'read', 'write']),
  'print token',
  'proxy',
  'read',
  'scan',
  ...under('secrets', ['disable', 'enable', 'list', 'move', 'tune']),
  'server',
  'ssh',
  'status',
  ...under('token', ['capabilities', 'create', 'lookup', 'renew', 'revoke']),
  ...under('transform', ['import', 'import-version']),
  ...under('transit', ['import', 'import-version']),
  'unwrap',
  'version',
  'version-history',
  'write',
];

function under(group: string, names: readonly string[]): string[] {
  return names.map((name) => `${group} ${name}`.trimEnd());
}

/** The one that the words begin with, if any: of two, the longer. */
export function findMissingCommand(words: readonly string[]): MissingCommand | undefined {
  const line = `${words.join(' ')} `;
  return MISSING_COMMANDS.filter(({ command }) => line.startsWith(`${command} `)).sort(
    (a, b) => b.command.length - a.command.length,
  )[0];
}

/** What is said to whoever uses it. */
export function refusalOf(program: string, { command, reason, instead }: MissingCommand): string {
  return `There is no "${program} ${command}" here: ${reason}\n${instead}`;
}
