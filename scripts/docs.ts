/** Writes the generated parts of `docs/`: runs the tests that make them, with leave to write. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const MAKERS = [
  'docs-coverage',
  'limits-docs',
  'ssl-modes',
  'reference',
  'cli-docs',
  'statement-counts',
  'username-template',
].map((name) => `tests/${name}.test.ts`);
const child = spawn(process.execPath, ['--test', ...MAKERS], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, UPDATE_DOCS: '1' },
});
child.on('close', (code) => (process.exitCode = code ?? 1));
