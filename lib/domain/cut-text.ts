/** The beginning of a text, at most `maxChars` UTF-16 units of it; no pair of them that is one character is parted. */
export function cutText(text: string, maxChars: number): string {
  const beginning = text.slice(0, maxChars)
  return text.length > maxChars ? beginning.replace(/[\uD800-\uDBFF]$/, '') : beginning
}
