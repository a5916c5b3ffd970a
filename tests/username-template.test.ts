/** docs/database/username-template.md is made from the functions there are, and its examples are rendered. */
import { describe, it } from 'node:test';
import { parseTemplate, TEMPLATE_FUNCTIONS } from '@coffer/text-template';
import { checkGenerated } from './generated-docs.ts';

const PAGE = 'database/username-template.md';
const EXAMPLES = [
  '{{.RoleName}}_{{unix_time}}',
  '{{printf "v-%s-%d" (.DisplayName | truncate 5 | uppercase) 7}}',
  '{{join "." "v" (truncate 5 .DisplayName) .RoleName}}',
  '{{.RoleName | join "_" "app" (timestamp "20060102")}}',
  '{{.RoleName | replace "-" "_" | truncate_sha256 12}}',
  '{{with .RoleName}}{{.}}{{else}}unnamed{{end}}{{if eq .DisplayName "token"}}_t{{end}}',
];
const DATA = { DisplayName: 'token-my-app', RoleName: 'my-first-role' };

describe('the page on username templates', () => {
  it('names every function', async () => {
    const rows = Object.entries(TEMPLATE_FUNCTIONS).map(
      ([name, { parameters, description }]) => `| \`${[name, ...parameters].join(' ')}\` | ${description} |`,
    );
    await checkGenerated(PAGE, 'functions', ['| function | |', '| --- | --- |', ...rows].join('\n'));
  });

  it('shows what its examples give', async () => {
    const rows = EXAMPLES.map((template) => {
      const name = parseTemplate(template).render(DATA, { now: Date.UTC(2026, 10, 4, 9, 5, 7) });
      return `| \`${template.replaceAll('|', '\\|')}\` | \`${name}\` |`;
    });
    await checkGenerated(PAGE, 'examples', ['| template | name |', '| --- | --- |', ...rows].join('\n'));
  });
});
