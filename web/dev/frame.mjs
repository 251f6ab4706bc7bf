// @ts-check
/** Just enough of STOMP 1.2 for the mock: one frame a message, UTF-8 text. */

const ESCAPES = /** @type {Record<string, string>} */ ({ '\\n': '\n', '\\r': '\r', '\\c': ':', '\\\\': '\\' });

/** @typedef {{ command: string, headers: Record<string, string>, body: string }} Frame */

/**
 * @param {string} text
 * @returns {Frame | undefined} undefined for a heart-beat
 */
export function parse(text) {
  const trimmed = text.replace(/^[\r\n]+/, '');
  if (trimmed === '') {
    return undefined;
  }
  const split = trimmed.indexOf('\n\n');
  const [command = '', ...lines] = trimmed.slice(0, split).split('\n');
  const headers = /** @type {Record<string, string>} */ ({});
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[unescape(line.slice(0, colon))] ??= unescape(line.slice(colon + 1));
  }
  return { command, headers, body: trimmed.slice(split + 2, trimmed.lastIndexOf('\0')) };
}

/**
 * @param {string} command
 * @param {Record<string, string | number | undefined>} headers
 * @param {unknown} [body]
 */
export function write(command, headers, body) {
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}:${command === 'CONNECTED' ? value : escape(String(value))}\n`);
  return `${command}\n${lines.join('')}\n${text}\0`;
}

/** @param {string} value */
function unescape(value) {
  return value.replace(/\\./g, pair => ESCAPES[pair] ?? pair);
}

/** @param {string} value */
function escape(value) {
  return value.replace(/[\\\n\r:]/g, char => ({ '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' })[char] ?? char);
}
