/**
 * Rows as columns four spaces apart, the first row underlined. Cells are trimmed, and an empty one reads `n/a`. Cells of the
 * last column are not padded, and may hold newlines.
 */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const [header = [], ...rest] = rows;
  return renderColumns([header, header.map((title) => '-'.repeat(title.length)), ...rest]);
}

/** The same without a header. */
export function renderColumns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.trim() || 'n/a'));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, characters(cell));
  }
  return cells.map((row) => renderRow(row, widths)).join('\n');
}

function renderRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) =>
      column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - characters(cell)),
    )
    .join('    ');
}

function characters(text: string): number {
  return Array.from(text).length;
}
