/**
 * `npm run docs:site`: the documentation as a site of plain files in `dist/site`, or in the folder that is given. Links are relative, so
 * that it is read from the disk or from any server of files, below any path. The same pages give the same bytes
 * (docs/decisions/0034-documentation-site.md).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import Eleventy, { type UserConfig } from '@11ty/eleventy';
import { siteMarkdown } from './site/markdown.ts';
import { navigationFor, sectionsOf } from './site/navigation.ts';
import { copiedFiles, readPages, relativeUrl, resolveLink, ROOT } from './site/pages.ts';

const INPUT = 'scripts/site';
const STYLE = `${INPUT}/style.css`;

function configure(config: UserConfig): void {
  const pages = readPages();
  const sections = sectionsOf(pages);
  config.setTemplateFormats(['md', 'njk']);
  // Of no use here, and it would keep output below dist/ out of reach.
  config.setUseGitIgnore(false);
  config.setLibrary(
    'md',
    siteMarkdown((source, href) => resolveLink(pages, source, href)),
  );
  // Eleventy takes indented code for text; GitHub does not.
  config.amendLibrary('md', (markdown) => markdown.enable('code'));
  // The examples are full of {{ }}, which is the databases' and not ours.
  config.addGlobalData('templateEngineOverride', 'md');
  // Within the page, since a server shows it below any path, from where no relative link would hold.
  config.addGlobalData('style', readFileSync(join(ROOT, STYLE), 'utf8'));
  config.addPassthroughCopy({ [STYLE]: 'style.css' });
  config.addPassthroughCopy(Object.fromEntries(copiedFiles().map((file) => [file, file])));
  for (const page of pages.values()) {
    config.addTemplate(page.source, page.text, {
      layout: 'page.njk',
      source: page.source,
      permalink: page.url,
      title: page.title,
      styleUrl: relativeUrl(page.url, 'style.css'),
      homeUrl: relativeUrl(page.url, 'index.html'),
      navigation: navigationFor(page, sections),
    });
  }
}

/** Only a folder of our own is emptied. */
async function makeRoom(given: string | undefined): Promise<string> {
  const output = resolve(given ?? join(ROOT, 'dist', 'site'));
  if (given === undefined) await rm(output, { recursive: true, force: true });
  else if (existsSync(output) && readdirSync(output).length > 0) {
    throw new Error(`${output}: not empty; give a folder that is empty or not there`);
  }
  return output;
}

try {
  const output = await makeRoom(process.argv[2]);
  await new Eleventy(INPUT, relative(ROOT, output), { quietMode: true, configPath: false, config: configure }).write();
  console.log(`The first page is ${join(output, 'index.html')}`);
} catch (error) {
  // Eleventy's own errors tell where; what went wrong is in the one that it caught.
  const { originalError = error } = error as { originalError?: unknown };
  console.error(originalError instanceof Error ? originalError.message : originalError);
  process.exitCode = 1;
}
