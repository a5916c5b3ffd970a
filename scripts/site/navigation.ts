/** Which page stands where in the list beside every page: the README's table, the order of docs/database, and a list of the rest. */
import { posix } from 'node:path';
import { linksOf } from './markdown.ts';
import { type Page, type Pages, relativeUrl } from './pages.ts';

/** What the README's table does not name, and what it names among other things. A new page gets its line here or there. */
const SECTIONS: readonly { readonly title: string; readonly pages: readonly string[] }[] = [
  {
    title: 'Running a server',
    pages: [
      'docs/production.md',
      'docs/configuration.md',
      'docs/listeners.md',
      'docs/seals.md',
      'docs/backup.md',
      'docs/security.md',
      'docs/audit.md',
      'docs/logs.md',
      'docs/observability.md',
      'docs/traces.md',
      'docs/scale.md',
    ],
  },
  {
    title: 'The project',
    pages: [
      'CHANGELOG.md',
      'SECURITY.md',
      'CONTRIBUTING.md',
      'docs/words.md',
      'docs/decisions/README.md',
      'docs/caches.md',
      'docs/dependencies.md',
      'docs/benchmarks.md',
    ],
  },
];
const DATABASE = 'docs/database/README.md';
const TABLE = /^## Where to read on$(?<table>[\s\S]*?)^## /m;

interface Section {
  readonly title: string;
  readonly pages: readonly Page[];
}

/** @throws Error when a page is in no list, or a list names one that is not there */
export function sectionsOf(pages: Pages): Section[] {
  const listed = new Set(SECTIONS.flatMap((section) => section.pages));
  const database = [DATABASE, ...linkedPages(pages, DATABASE)].filter((source) => source.startsWith('docs/database/'));
  const first = ['README.md', ...linkedPages(pages, 'README.md', TABLE)].filter(
    (source) => !listed.has(source) && !database.includes(source),
  );
  const sections = [{ title: 'Coffer', pages: first }, { title: 'The database engine', pages: database }, ...SECTIONS];
  refuseLostPages(pages, new Set(sections.flatMap((section) => section.pages)));
  return sections.map(({ title, pages: sources }) => ({
    title,
    pages: [...new Set(sources)].map((source) => {
      const page = pages.get(source);
      if (page === undefined) throw new Error(`scripts/site/navigation.ts: ${source}: no such page`);
      return page;
    }),
  }));
}

/** A decision is in the list of decisions, which is made of all of them. */
function refuseLostPages(pages: Pages, listed: ReadonlySet<string>): void {
  const lost = [...pages.keys()].filter((source) => !listed.has(source) && !/^docs\/decisions\/\d/.test(source));
  if (lost.length === 0) return;
  throw new Error(
    `${lost.join(', ')}: in no list of the site. Name it in the table "Where to read on" of README.md, ` +
      'in docs/database/README.md or in scripts/site/navigation.ts.',
  );
}

function linkedPages(pages: Pages, source: string, part = /(?<table>[\s\S]*)/): string[] {
  const table = part.exec(pages.get(source)?.text ?? '')?.groups?.['table'];
  if (table === undefined) throw new Error(`${source}: no ${String(part)}`);
  return linksOf(table).flatMap((href) => {
    const target = posix.join(posix.dirname(source), href.split('#')[0] ?? '');
    return [target, `${target}/README.md`].filter((each) => pages.has(each));
  });
}

/** The list as the layout shows it on one page, whose own sections are below its line. */
export function navigationFor(page: Page, sections: readonly Section[]): object[] {
  return sections.map((section) => ({
    title: section.title,
    links: section.pages.map((other) => ({
      text: other.title,
      href: relativeUrl(page.url, other.url),
      parts: other === page ? page.headings.filter(({ level }) => level === 2) : undefined,
    })),
  }));
}
