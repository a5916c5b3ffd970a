/** A program as one script, for hosts that have a Node.js. */
export interface ScriptOptions {
  /** As its messages call it. */
  readonly program: string;
  /** The lowest major version of Node.js on which it runs. */
  readonly lowestNode: number;
  /** What to do where there is only an older one. */
  readonly otherwise: string;
}

/**
 * What a script begins with: everything up to the program's text. ES5, since the oldest Node.js has to read it. To a host of plugins the
 * line is one of hclog's, at the level error: plain text it would log at the level debug, which nobody sees (hashicorp/go-plugin:client.go).
 */
const HEAD = `#!/usr/bin/env node
var major = Number(process.versions.node.split('.')[0]);
if (major < LOWEST) {
  var message = MESSAGE.replace('{version}', process.version);
  var time = new Date().toISOString().replace('Z', '000Z');
  var entry = { '@level': 'error', '@message': message, '@module': NAME, '@timestamp': time };
  process.stderr.write((process.env.VAULT_DATABASE_PLUGIN ? JSON.stringify(entry) : message) + '\\n');
  process.exit(1);
}
module._compile(require('fs').readFileSync(__filename, 'latin1').split('\\n//!')[1].replace(/\\n\\/\\//g, '\\n'), __filename);
`;

/**
 * The script says one line and ends with 1 where Node.js is too old. The program's text is a comment of it, which the script
 * compiles once it knows that it can: a Node.js that does not know the program's syntax would read nothing else of the file.
 */
export function asScript(program: string, { program: name, lowestNode, otherwise }: ScriptOptions): string {
  const message = `${name} needs Node.js ${lowestNode} or newer, and this is {version}: ${otherwise}`;
  const head = HEAD.replace('LOWEST', String(lowestNode))
    .replace('MESSAGE', JSON.stringify(message))
    .replace('NAME', JSON.stringify(name));
  return `${head}//!${program.trimEnd().replaceAll('\n', '\n//')}\n`;
}

export const PLUGIN_SCRIPT: ScriptOptions = {
  program: 'ysql-plugin.cjs',
  lowestNode: 22,
  otherwise: 'install a newer one, or use the executable ysql-plugin, which brings its own',
};

export const COFFER_SCRIPT: ScriptOptions = {
  program: 'coffer',
  lowestNode: 24,
  otherwise: 'install a newer one, or use the executable, which brings its own',
};
