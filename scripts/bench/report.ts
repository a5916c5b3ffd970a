/** What a bench says: printed as it comes, and written into the documentation with UPDATE_DOCS=1. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const DOCS = resolve(import.meta.dirname, '..', '..', 'docs');

export class Report {
  readonly #lines: string[] = [];

  say(line: string): void {
    console.log(line);
    this.#lines.push(line);
  }

  /** A row of a table. */
  row(...cells: readonly (string | number)[]): void {
    this.say(`| ${cells.join(' | ')} |`);
  }

  head(...cells: readonly string[]): void {
    this.row(...cells);
    this.row(...cells.map(() => '---'));
  }

  /** To the place of that name in docs/benchmarks.md. */
  async end(name: string): Promise<void> {
    if (process.env['UPDATE_DOCS'] === '1') await writeMeasured('benchmarks.md', name, this.#lines.join('\n'));
  }
}

/** What stands between `<!-- measured: NAME by ... -->` and `<!-- /measured -->`. */
export async function readMeasured(page: string, name: string): Promise<string> {
  const { place, text } = await findPlace(page, name);
  return place.exec(text)?.[2] ?? '';
}

/** Replaces it. */
export async function writeMeasured(page: string, name: string, text: string): Promise<void> {
  const { file, place, text: before } = await findPlace(page, name);
  await writeFile(
    file,
    before.replace(place, (_, open: string, _before: string, close: string) => `${open}\n${text}\n\n${close}`),
  );
}

async function findPlace(page: string, name: string) {
  const file = join(DOCS, page);
  const text = await readFile(file, 'utf8');
  const place = new RegExp(`(<!-- measured: ${name} [^>]*-->\\n)([\\s\\S]*?)(<!-- /measured -->)`);
  if (!place.test(text)) throw new Error(`docs/${page} has no place for ${name}`);
  return { file, place, text };
}
