/**
 * Types, then lint, over one program: what the compiler has found out about the types, the lint rules need not find out
 * again, which is a third of their time. Prints what both found; exits 1 when either found something.
 */
import { resolve } from 'node:path';
import { ESLint } from 'eslint';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');

function parseProject(): ts.ParsedCommandLine {
  const host: ts.ParseConfigFileHost = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
    },
  };
  const project = ts.getParsedCommandLineOfConfigFile(resolve(root, 'tsconfig.json'), {}, host);
  if (project === undefined) throw new Error('tsconfig.json cannot be read');
  return project;
}

const { fileNames, options, errors } = parseProject();
const program = ts.createProgram(fileNames, options);
const diagnostics = [...errors, ...ts.getPreEmitDiagnostics(program)];
const host = { getCanonicalFileName: (name: string) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };
if (diagnostics.length > 0) console.log(ts.formatDiagnosticsWithColorAndContext(diagnostics, host));
const lint = new ESLint({
  cwd: root,
  overrideConfig: { languageOptions: { parserOptions: { programs: [program], project: null } } },
});
const results = await lint.lintFiles('.');
const formatter = await lint.loadFormatter('stylish');
const found = results.some(({ errorCount, warningCount }) => errorCount + warningCount > 0);
if (found) console.log(await formatter.format(results));
process.exitCode = diagnostics.length > 0 || found ? 1 : 0;
