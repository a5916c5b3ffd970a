import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '..', '..');

/** One program as CommonJS. */
export interface Bundle {
  readonly script: string;
  /** The files that it was made of, from the root of the repository. */
  readonly sources: readonly string[];
}

/**
 * OpenTelemetry's packages as ES modules, of which only what is used gets into the bundle: 120 kB, which every process holds as text
 * whether or not it traces. As CommonJS, which esbuild takes for Node.js, they are 520 kB.
 */
const openTelemetryModules: Plugin = {
  name: 'opentelemetry-modules',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^@opentelemetry\// }, ({ path, importer }) => ({
      path: createRequire(importer).resolve(path).replace('/build/src/', '/build/esm/'),
      sideEffects: false,
    }));
  },
};

async function bundle(entry: string, define: Record<string, string> = {}): Promise<Bundle> {
  const result = await build({
    entryPoints: [join(root, entry)],
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // A file without extension beside a package.json that says "module" would be loaded as ESM: CJS runs anywhere.
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: { 'import.meta.url': '"file:///"', ...define },
    // pg's native binding is optional and never used.
    external: ['pg-native'],
    plugins: [openTelemetryModules],
    write: false,
    metafile: true,
    logLevel: 'warning',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  return { script: ascii(result.outputFiles[0]?.text ?? ''), sources: usedSources(result.metafile) };
}

/** What esbuild looked at and left out altogether is in no program. */
function usedSources({ outputs }: { outputs: Readonly<Record<string, { inputs: object }>> }): readonly string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs as Record<string, { bytesInOutput: number }>)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([file]) => file),
  );
}

/** One other character, and V8 keeps the whole text with two bytes for each. esbuild leaves those in regular expressions. */
function ascii(script: string): string {
  return script.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The server. Its threads are bundled each on its own: their texts become constants of the server's bundle. */
export async function bundleCoffer(): Promise<Bundle> {
  const [store, hashing] = await Promise.all([
    bundle('packages/store/src/embedded-worker.ts'),
    bundle('packages/auth/userpass/src/hashing-worker.ts'),
  ]);
  const server = await bundle('apps/coffer/src/main.ts', {
    COFFER_EMBEDDED_WORKER: JSON.stringify(store.script),
    COFFER_HASHING_WORKER: JSON.stringify(hashing.script),
  });
  return { script: server.script, sources: [...server.sources, ...store.sources, ...hashing.sources] };
}

export function bundlePlugin(): Promise<Bundle> {
  return bundle('apps/ysql-plugin/src/main.ts');
}
