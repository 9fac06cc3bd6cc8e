// CSV without any cell that a spreadsheet runs as a formula, by the same rules as the gateway's export: such a text gets
// an apostrophe in front, null is an empty field without quotes, and the byte order mark says that it is UTF-8.

const WHITE_SPACE = ' \\t\\n\\v\\f\\r\\u00a0\\u3000';
const GUARDED = new RegExp(`^[${WHITE_SPACE}]*[=+\\-@'\uff1d\uff0b\uff0d\uff20]`);

export function csvOf(columns, rows) {
  const lines = rows.map((row) => columns.map((column) => cellOf(row[column])).join(','));
  return `\ufeff${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}

function cellOf(value) {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = value.replaceAll('\0', '\ufffd').replaceAll('"', '""');
  return `"${GUARDED.test(value) ? "'" : ''}${text}"`;
}
