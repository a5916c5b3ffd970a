/** The pages of the site and where they are: the tree of the repository, with `.html` in place of `.md`. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { headingsOf, type Heading, type Target } from './markdown.ts';

export const ROOT = resolve(import.meta.dirname, '..', '..');
const AT_THE_ROOT = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
const DECISIONS = 'docs/decisions';
/** What is copied as it is, so that links to it lead to the file. */
export const COPIED = 'deploy';

export interface Page {
  /** From the root of the repository: `docs/auth.md`. */
  readonly source: string;
  /** From the root of the site: `docs/auth.html`. */
  readonly url: string;
  readonly text: string;
  readonly title: string;
  readonly headings: readonly Heading[];
}

export type Pages = ReadonlyMap<string, Page>;

/** By their source. @throws Error when one has no title */
export function readPages(): Pages {
  const docs = globSync('docs/**/*.md', { cwd: ROOT }).sort();
  const read = [...AT_THE_ROOT, ...docs].map((source) => makePage(source, readFileSync(join(ROOT, source), 'utf8')));
  const index = makePage(`${DECISIONS}/README.md`, listOf(read.filter(({ source }) => source.startsWith(DECISIONS))));
  return new Map([index, ...read].map((page) => [page.source, page]));
}

function makePage(source: string, text: string): Page {
  const headings = headingsOf(text);
  const title = headings.find(({ level }) => level === 1)?.text;
  if (title === undefined) throw new Error(`${source}: no title (a line that begins with "# ")`);
  const url = source.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html');
  return { source, url, text, title, headings };
}

function listOf(decisions: readonly Page[]): string {
  const lines = decisions.map(({ source, title }) => `- [${title}](${posix.basename(source)})`);
  return ['# Decisions', '', 'Choices that cost to undo, and why they were made.', '', ...lines, ''].join('\n');
}

/** The address of one page or file of the site, as a link on another page: relative, so that it holds wherever the site is put. */
export function relativeUrl(from: string, to: string): string {
  return posix.relative(posix.dirname(from), to);
}

/** @throws Error when a link leads to nothing, or out of the repository */
export function resolveLink(pages: Pages, source: string, href: string): Target {
  if (/^(?:https?|mailto):/.test(href)) return { href };
  const [path = '', anchor] = href.split('#');
  const target = path === '' ? source : posix.join(posix.dirname(source), path).replace(/\/$/, '');
  const page = pages.get(target) ?? pages.get(`${target}/README.md`);
  if (page !== undefined) {
    if (anchor !== undefined && !page.headings.some(({ id }) => id === anchor)) {
      throw new Error(`${source}: ${href}: no such heading in ${page.source}`);
    }
    if (path === '') return { href };
    const url = relativeUrl(pages.get(source)?.url ?? source, page.url);
    return { href: anchor === undefined ? url : `${url}#${anchor}` };
  }
  const found = statSync(join(ROOT, target), { throwIfNoEntry: false });
  if (found === undefined || target.startsWith('..')) throw new Error(`${source}: ${href}: no such file`);
  return found.isFile() && isCopied(target) ? { href } : { path: target };
}

/** Files below `docs/` that are no pages, such as images, and all below `deploy/`. */
export function copiedFiles(): string[] {
  const files = globSync([`${COPIED}/**/*`, 'docs/**/*'], { cwd: ROOT }).sort();
  return files.filter((file) => isCopied(file) && statSync(join(ROOT, file)).isFile());
}

function isCopied(file: string): boolean {
  return file.startsWith(`${COPIED}/`) || (dirname(file).split('/')[0] === 'docs' && !file.endsWith('.md'));
}
