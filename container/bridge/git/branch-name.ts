/** git-check-ref-format(1), so that a name is never taken for an option, a pattern or a refspec. */
export function isBranchName(name: string): boolean {
  if (name === '' || name === '@' || name.startsWith('-') || /\.\.|@\{|\/\/|\.$/.test(name)) return false
  return name.split('/').every(isPart)
}

function isPart(part: string): boolean {
  if (part === '' || part.startsWith('.') || part.endsWith('.lock')) return false
  return !/[\p{Cc} ~^:?*[\\]/u.test(part)
}
