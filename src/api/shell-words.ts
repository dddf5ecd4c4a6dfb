/**
 * Splits a command line into words as a POSIX shell does, and does nothing else a shell does: no variables, globs,
 * pipes or substitutions. Source: POSIX.1 Shell Command Language, 2.2 Quoting.
 */

/** Returns the words, or undefined when a quote or a backslash is left open. */
export function splitShellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word += char;
    } else if (char === "\\") {
      const next = line.charAt(++i);
      if (next === "") return undefined;
      word ??= "";
      // A backslash-newline continues the line; within double quotes only these four can be escaped.
      if (next === "\n") continue;
      word += quote === '"' && !'$`"\\'.includes(next) ? char + next : next;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== undefined) return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
