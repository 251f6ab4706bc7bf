/** A piece of a message: plain text, or an address to make a link of. */
export type Piece = { text: string; href?: string };

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`，。；：！？、（）《》「」]+/giu;
const TRAILING = /[.,;:!?)\]}]+$/u;

/** Cuts a text at the web addresses in it. Only `http` and `https`: anything else could run code or surprise. */
export function pieces(text: string): Piece[] {
  const result: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTrailing(match[0]);
    if (!isAddress(address)) {
      continue;
    }
    if (match.index > end) {
      result.push({ text: text.slice(end, match.index) });
    }
    result.push({ text: address, href: address });
    end = match.index + address.length;
  }
  if (end < text.length) {
    result.push({ text: text.slice(end) });
  }
  return result;
}

/** The full stop after an address belongs to the sentence; a bracket belongs to the address only if it opened there. */
function withoutTrailing(address: string): string {
  const trailing = TRAILING.exec(address);
  if (trailing === null) {
    return address;
  }
  const bare = address.slice(0, trailing.index);
  return trailing[0].startsWith(')') && bare.split('(').length > bare.split(')').length ? `${bare})` : bare;
}

function isAddress(text: string): boolean {
  try {
    return new URL(text).hostname.length > 0;
  } catch {
    return false;
  }
}
