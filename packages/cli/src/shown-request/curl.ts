import type { PreparedRequest } from '@coffer/client';
import type { HttpFlags } from '../global-flags.ts';

/** What stands for the token: whoever runs the line has it looked up then. */
const tokenOf = (program: string): string => `$(${program} print token)`;

/**
 * The request as a command line of curl, in the form and with the quotes that Vault gives it (openbao/openbao:api/output_string.go).
 * Unlike there a header or a path can hold nothing that the shell would run, and a Unix socket is named.
 */
export function curlCommand(request: PreparedRequest, http: HttpFlags, program: string): string {
  const { method, body } = request;
  const address = http['agent-address'] ?? http.address;
  return [
    'curl',
    ...(http['tls-skip-verify'] ? ['--insecure'] : []),
    ...(method === 'GET' ? [] : [`-X ${method}`]),
    ...(address.startsWith('unix://') ? [`--unix-socket ${singleQuoted(address.slice('unix://'.length))}`] : []),
    ...fileOptions(http),
    ...Object.entries(request.headers).map(([name, value]) => header(name, value, program)),
    ...(typeof body === 'object' ? [`-d ${singleQuoted(body.json)}`] : []),
    `"${shellSafeUrl(request.url)}"`,
  ].join(' ');
}

function fileOptions(http: HttpFlags): string[] {
  const options = [
    ['--cacert', http['ca-cert']],
    ['--capath', http['ca-cert'] === undefined ? http['ca-path'] : undefined],
    ['--cert', http['client-cert']],
    ['--key', http['client-key']],
  ] as const;
  return options.flatMap(([option, file]) => (file === undefined ? [] : [`${option} ${singleQuoted(file)}`]));
}

function header(name: string, value: string, program: string): string {
  // Names as Go writes them: X-Vault-Mfa.
  const canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
  const shown = canonical === 'X-Vault-Token' ? tokenOf(program) : value.replace(/[\\"$`]/g, String.raw`\$&`);
  return `-H "${canonical}: ${shown}"`;
}

function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

/** Percent-encodes what double quotes do not keep from the shell, and what Go encodes in a path. */
function shellSafeUrl(url: string): string {
  return url.replace(/[$!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
