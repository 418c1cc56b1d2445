/**
 * What ssh hands to the account's login shell on a host. That shell may be any: so there are only words that no shell
 * reads anything into, and no quoting to get wrong. Neither names of nodes nor anything else from a topology is among them.
 */
const plainWord = /^[A-Za-z0-9_./:=@%+,-]+$/;

/** Throws where a word is not plain: that is a mistake of ours, not of an operator. */
export function remoteWords(words: readonly string[]): readonly string[] {
  for (const word of words) {
    if (!plainWord.test(word))
      throw new Error(`not a plain word for a remote shell: ${JSON.stringify(word)}`);
  }
  return words;
}

/** A word as a POSIX shell here reads it back, for commands that a person may copy. */
export function shownWord(word: string): string {
  return plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
