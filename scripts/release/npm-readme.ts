import { VERSION } from '@coffer/base';

const TEXTS = {
  coffer: (node: number) => `# coffer

A secrets server and command line that speak HashiCorp Vault's HTTP API and command grammar, for short-lived YugabyteDB logins.
It needs Node.js ${node} or newer; there is also an executable that brings its own.

    npm install --global ./coffer-${VERSION}.tgz
    coffer version
    coffer server -dev

`,
  'ysql-plugin': (node: number) => `# ysql-plugin

The database secrets plugin for YugabyteDB (YSQL) of HashiCorp Vault, OpenBao and Coffer, as one script. It needs Node.js ${node} or
newer on the server's PATH, be it of glibc or of musl as in Alpine; there is also an executable for glibc that brings its own.

    npx ./ysql-plugin-${VERSION}.tgz -version

A server registers the file \`ysql-plugin.cjs\`, copied into its plugin directory, by the sha256 of the file.

`,
} as const;

/** What npm shows of a package. */
export function npmReadme(name: keyof typeof TEXTS, lowestNode: number): string {
  return `${TEXTS[name](lowestNode)}Apache License 2.0: see LICENSE. What others wrote: THIRD-PARTY-LICENSES.txt.\n`;
}
