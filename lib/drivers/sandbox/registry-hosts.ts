/** The hosts of package registries, as package managers print them. */

/** One URL or bare host name a line; answers host names, lower case, sorted, each once. Throws TypeError for what is neither. */
export function readHosts(lines: string[]): string[] {
  const hosts = lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => new URL(line.includes('://') ? line : `https://${line}`).hostname.toLowerCase())
  return [...new Set(hosts)].sort()
}
